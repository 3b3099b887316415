"""Scoring's laws: symmetric, additive, neutral where nothing is known, equal in any order."""

from datetime import date, timedelta
from itertools import combinations
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup_core.events import EVIDENCE, IDENTITY
from dedup_core.pipeline import subjects_and_words
from dedup_core.policy import default_policy
from dedup_core.scoring import score
from tests.unit.listings import events, listing, occurrence

POLICY = default_policy()
TITLES = (
    "Jazz im Stall",
    "Jazz im Stall: Trio Elf",
    "Weihnachtsmarkt",
    "Trio Elf",
    "Führung im Museum",
    "VIP-Upgrade Trio Elf",
)
VENUES = (None, "Stall", "Museum am Tor", "Rathausplatz")
TOWNS = (None, "Waldkirch", "Lahrbach")
STARTS = (None, "15:00", "20:00", "20:30")
TEXTS = (None, "Das Trio Elf spielt Jazz im Stall, Einlass ist um 20 Uhr.")


@st.composite
def some_listings(draw: st.DrawFn) -> list[dict[str, Any]]:
    def one(number: int) -> dict[str, Any]:
        day = date(2026, 5, 2) + timedelta(days=draw(st.integers(0, 2)))
        last = (
            (day + timedelta(days=draw(st.sampled_from([1, 20])))).isoformat()
            if draw(st.booleans())
            else None
        )
        return listing(
            f"{draw(st.sampled_from(['kal', 'amt']))}:{number}",
            draw(st.sampled_from(TITLES)),
            event_dates=[occurrence(day.isoformat(), draw(st.sampled_from(STARTS)), last=last)],
            venue=draw(st.sampled_from(VENUES)),
            city=draw(st.sampled_from(TOWNS)),
            description=draw(st.sampled_from(TEXTS)),
        )

    return [one(number) for number in range(draw(st.integers(2, 5)))]


def decisions(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Score all pairs, the two sides named by what they are, not by their rows."""
    frame = events(*rows)
    subjects, _ = subjects_and_words(frame, POLICY)
    pairs = pl.DataFrame(
        list(combinations(range(frame.height), 2)), schema={"a": pl.UInt32, "b": pl.UInt32}, orient="row"
    )
    scored = score(pairs, subjects, POLICY, keep_all=True).decisions
    names = frame.select(pl.concat_str(*IDENTITY, separator=":").alias("name"))["name"]
    return scored.with_columns(names.gather(scored["a"]).alias("a"), names.gather(scored["b"]).alias("b"))


@settings(max_examples=12, deadline=None)
@given(some_listings())
def test_the_parts_of_the_evidence_sum_to_the_weight(rows: list[dict[str, Any]]) -> None:
    scored = decisions(rows)

    sums = scored.select(pl.sum_horizontal(pl.col(*EVIDENCE).fill_null(0.0)))

    assert sums.to_series().to_list() == pytest.approx(scored["weight"].to_list(), abs=0.001)


@settings(max_examples=12, deadline=None)
@given(some_listings())
def test_no_side_of_a_pair_comes_first(rows: list[dict[str, Any]]) -> None:
    turned = [{**row, "source_code": {"kal": "amt", "amt": "kal"}[row["source_code"]]} for row in rows]
    other_name = {
        f"{row['source_code']}:{row['id']}": f"{old['source_code']}:{old['id']}"
        for row, old in zip(turned, rows, strict=True)
    }

    before = {frozenset((a, b)): w for a, b, w in decisions(rows).select("a", "b", "weight").rows()}
    after = {
        frozenset((other_name[a], other_name[b])): w
        for a, b, w in decisions(turned).select("a", "b", "weight").rows()
    }

    assert {pair: round(w, 3) for pair, w in before.items()} == {
        pair: round(w, 3) for pair, w in after.items()
    }


@settings(max_examples=8, deadline=None)
@given(some_listings(), st.randoms(use_true_random=False))
def test_the_order_of_the_input_changes_no_weight(rows: list[dict[str, Any]], chance: Any) -> None:
    shuffled = chance.sample(rows, len(rows))

    assert decisions(shuffled).equals(decisions(rows))


def test_what_is_missing_says_nothing() -> None:
    rows = [
        listing("kal:1", "Jazz im Stall", venue="Stall", city="Waldkirch"),
        listing("amt:2", "Jazz im Stall"),
    ]

    (pair,) = decisions(rows).to_dicts()

    assert [
        part for part in ("time", "city", "geo", "venue", "street", "description") if pair[part] is not None
    ] == []


def test_a_word_that_only_the_others_text_has_counts_for_one_event() -> None:
    silent = [
        listing("kal:1", "Trio Elf", city="Waldkirch"),
        listing("bwb:2", "Ein Abend im Stall", city="Waldkirch"),
    ]
    told = [silent[0], {**silent[1], "description": "Das Trio Elf gastiert am Samstag."}]

    without, with_text = (decisions(rows)["title"][0] for rows in (silent, told))

    assert with_text > without + 5
