"""Observations: what a run keeps of its pairs is what each would be told alone, and keeping it changes no decision."""

from typing import Any

import orjson
import polars as pl
import pytest

from dedup_core import observations as module
from dedup_core.events import VERDICT_SCHEMA, Previous
from dedup_core.normalising import normalise
from dedup_core.observations import observed_alone
from dedup_core.pipeline import blocked, resolve
from dedup_core.policy import default_policy
from dedup_core.remarks import remarks, written
from infra.store.runs import as_kept
from tests.unit.listings import events, listing, occurrence
from tests.unit.test_samples import listings

POLICY = default_policy()


@pytest.mark.slow
def test_what_a_run_keeps_of_a_pair_is_what_it_is_told_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = normalise(listings("breisgau").unique(["source_code", "id"], keep="last")).sort(
        "source_code", "id"
    )
    nothing = pl.DataFrame(schema=VERDICT_SCHEMA), Previous.nothing(), POLICY
    plain = resolve(frame, *nothing)
    monkeypatch.setattr(module, "CHUNK", 7)

    run = resolve(frame, *nothing, observe=True)

    assert run.seen is not None
    assert run.result_hash == plain.result_hash
    assert run.decisions.equals(plain.decisions)
    assert plain.seen is None
    some = run.decisions.select("a", "b").with_columns(run.seen).gather_every(5)
    monkeypatch.undo()
    subjects, _ = blocked(frame, POLICY)
    alone = observed_alone(some, subjects, POLICY)
    # How a word is spelt is counted over the pairs that are told.
    assert [without_spelling(one) for one in alone] == [without_spelling(one) for one in some["seen"]]


def test_what_the_database_keeps_is_told_as_the_whole_is() -> None:
    frame = normalise(listings("breisgau").unique(["source_code", "id"], keep="last")).sort(
        "source_code", "id"
    )
    run = resolve(frame, pl.DataFrame(schema=VERDICT_SCHEMA), Previous.nothing(), POLICY, observe=True)
    assert run.seen is not None
    bits = {"title": 7.0, "city": -1.0, "venue": -1.0, "geo": -1.0, "date": 1.0, "time": 1.0}

    kept = run.seen.to_frame().select(as_kept(run.seen)).to_series()

    for written_down, whole in zip(kept, run.seen, strict=True):
        assert remarks(orjson.loads(written_down), ("a", "b"), bits, limited=False) == remarks(
            whole, ("a", "b"), bits, limited=False
        )
    assert sum(map(len, kept)) < 0.75 * sum(map(len, run.seen.struct.json_encode()))


def without_spelling(seen: dict[str, Any]) -> dict[str, Any]:
    return {**seen, **{name: len(seen[name]) for name in ("both", "only_a", "only_b")}}


def seen_of(a: dict[str, Any], b: dict[str, Any]) -> dict[str, Any]:
    frame = events(a, b)
    subjects, _ = blocked(frame, POLICY)
    pair = pl.DataFrame({"a": [0], "b": [1]}, schema={"a": pl.UInt32, "b": pl.UInt32})
    seen: dict[str, Any] = observed_alone(pair, subjects, POLICY)[0]
    return seen


def test_words_that_only_name_the_place_are_not_told_as_a_difference() -> None:
    seen = seen_of(
        listing("kal:0", "Vorlesestunde", city="Emmendingen"),
        listing("mag:1", "Vorlesestunde Grüffelo in Emmendingen", city="Emmendingen"),
    )

    assert (seen["both"], seen["only_a"], seen["only_b"]) == (["Vorlesestunde"], [], ["Grüffelo"])


def test_a_word_is_spelt_as_titles_have_it_and_of_two_titles_not_in_capitals() -> None:
    seen = seen_of(listing("kal:0", "SÜSSE GIGANTEN live"), listing("mag:1", "Süße Giganten"))

    assert set(seen["both"]) == {"Süße", "Giganten"}


def test_a_part_of_a_compound_is_spelt_as_the_title_has_it() -> None:
    seen = seen_of(listing("kal:0", "FRÜHLINGSFEST der Feuerwehr"), listing("mag:1", "Frühlingsfest"))

    assert set(seen["both"]) == {"Frühling", "Fest"}


def test_a_synonym_is_told_as_the_whole_word_that_it_is_read_as() -> None:
    seen = seen_of(listing("kal:0", "Preisskat im Rössle"), listing("mag:1", "PREISSKAT im Rössle"))

    assert seen["both"] == ["Rössle", "Skatturnier"]


def test_many_words_are_counted_where_they_are_not_listed() -> None:
    words = "Adorno Brentano Cordoba Dillinger Eschbach Fontane Grimm Holtei"

    seen = seen_of(listing("kal:0", words), listing("mag:1", words))

    title = remarks(seen, ("kal", "mag"), {"title": 16.0}, limited=False)["title"]
    assert len(seen["both"]) == module.MOST_WORDS
    assert "2 more." in written(title[0])


def test_days_are_counted_where_only_some_are_shared() -> None:
    week = [occurrence(f"2026-05-{day:02d}") for day in range(1, 5)]

    seen = seen_of(
        {**listing("kal:0", "Kinowoche"), "event_dates": week},
        {**listing("mag:1", "Kinowoche"), "event_dates": week[:1]},
    )

    (days,) = remarks(seen, ("kal", "mag"), {"date": -3.0}, limited=False)["date"]
    assert written(days) == "Days of each: 4 and 1; what they share counts as 25 % of all."
