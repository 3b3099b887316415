"""Explaining: what a reader is told is what the run decided, also where a third listing had its say."""

import re
from itertools import combinations
from typing import Any

import polars as pl
import pytest

from dedup_core.errors import UnknownEvent
from dedup_core.events import IDENTITY, VERDICT_SCHEMA, Previous
from dedup_core.explaining import Explanation, explain, explained
from dedup_core.pipeline import blocked, resolve
from dedup_core.policy import default_policy
from dedup_core.rivals import RIVALS, TORN
from tests.unit.listings import events, listing

POLICY = default_policy()
PLACE = {"city": "Waldkirch", "venue": "Stadthalle"}
LISTINGS = (
    listing("kal:0", "Vorlesestunde mit Philipzen", start="15:00", **PLACE),
    listing("kal:1", "Vorlesestunde mit Brentano", start="15:00", **PLACE),
    listing("mag:2", "Vorlesestunde", start="15:00", **PLACE),
    listing("tix:3", "Jazz im Stall", start="20:00", city="Lahrbach"),
    listing("mag:4", "Jazz im Stall: Trio Elf", start="20:00", city="Lahrbach"),
)


def told(one: tuple[str, str], two: tuple[str, str]) -> Explanation:
    frame = events(*LISTINGS)
    subjects, candidates = blocked(frame, POLICY)
    return explain(one, two, frame, subjects, candidates.pairs, POLICY)


@pytest.mark.slow
def test_every_pair_is_told_as_the_run_decided_it() -> None:
    frame = events(*LISTINGS)
    names = frame.select(*IDENTITY).rows()
    decided: dict[Any, dict[str, Any]] = {
        (row["a"], row["b"]): row
        for row in resolve(
            frame, pl.DataFrame(schema=VERDICT_SCHEMA), Previous.nothing(), POLICY
        ).decisions.iter_rows(named=True)
    }

    for (a, one), (b, two) in combinations(enumerate(names), 2):
        explanation = told(one, two)
        assert explanation == told(two, one)
        assert explanation.decision == decided.get((a, b), {"decision": "no_match"})["decision"]
        assert sum(part.bits or 0 for part in explanation.parts) == pytest.approx(
            explanation.weight, abs=0.001
        )
    assert len(decided) >= 3


def test_a_pair_that_has_a_rival_is_told_of_it() -> None:
    explanation = told(("kal", "0"), ("mag", "2"))

    assert RIVALS[TORN] in explanation.reasons
    assert explanation.decision == "ambiguous"


def test_a_pair_that_no_block_paired_is_scored_with_all_its_evidence() -> None:
    explanation = told(("kal", "0"), ("tix", "3"))

    assert explanation.decision == "no_match"
    assert {part.name for part in explanation.parts if part.bits is not None} >= {"title", "time", "city"}


def test_it_is_told_which_words_are_rare_how_far_apart_places_and_hours_are() -> None:
    town: dict[str, Any] = {"geo_confidence": 0.9, "longitude": 7.96, "city": "Waldkirch"}
    frame = events(
        listing("kal:0", "Konzert mit Philipzen", start="19:00", latitude=48.09, **town),
        listing("mag:1", "Konzert mit Brentano", start="20:30", latitude=48.18, **town),
    )
    subjects, candidates = blocked(frame, POLICY)

    explanation = explain(("mag", "1"), ("kal", "0"), frame, subjects, candidates.pairs, POLICY)

    seen = {part.name: part.seen for part in explanation.parts}
    assert seen["title"].startswith("Both titles: Konzert (1 in 91). Only kal: Philipzen (rare, 1 in 1,400).")
    assert "Only mag: Brentano (rare, 1 in 1,400)." in seen["title"]
    assert seen["geo"] == "10.0 km apart. The less sure of the two coordinates is 90 % sure."
    assert seen["date"] == "The same day."
    assert seen["time"] == "The starts are 1 h 30 min apart."
    assert not seen["street"]


def test_what_makes_up_a_title_adds_up_to_its_bits_and_a_veto_to_the_sum() -> None:
    spoken = 0
    for a, b in combinations(events(*LISTINGS).select(*IDENTITY).rows(), 2):
        explanation = told(a, b)
        parts = {part.name: part for part in explanation.parts}

        title, sums = parts["title"], parts["title"].seen.partition("In bits: ")[2]
        if sums:
            assert sum(map(float, numbers_in(sums))) == pytest.approx(title.bits, abs=0.006)
        if parts["cap"].bits and explanation.reasons:
            (before,) = numbers_in(parts["cap"].seen)
            assert float(before) + parts["cap"].bits == pytest.approx(explanation.weight, abs=0.006)
        spoken += bool(sums) + bool(parts["cap"].bits)
    assert spoken >= 6


def numbers_in(sentence: str) -> list[str]:
    return re.findall(r"[+-]\d+\.\d\d", sentence.replace("−", "-"))


def test_a_reason_of_an_older_version_stays_readable() -> None:
    row = {**dict.fromkeys(("prior", "title", "date", "time", "city", "geo", "venue", "street"))}
    rest = dict.fromkeys(("description", "categories", "source", "cap", "relation"))

    told_then = explained(
        {**row, **rest, "weight": 1.0, "score": 0.5, "decision": "ambiguous", "reasons": "gone_veto torn"},
        (("a", "1"), ("b", "1")),
    )

    assert told_then.reasons == ("gone_veto", RIVALS[TORN])


def test_who_is_not_there_is_named() -> None:
    with pytest.raises(UnknownEvent, match="kal:9"):
        told(("kal", "9"), ("mag", "2"))
