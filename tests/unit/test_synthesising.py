"""Synthesising: the best of all listings, never less than one of them, each value with its origin."""

from datetime import date
from typing import Any

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup_core.policy import default_policy
from dedup_core.synthesising import FIELDS, UNIONS, synthesise
from tests.unit.listings import events, listing, occurrence

POLICY = default_policy().synthesis

text = st.none() | st.sampled_from(["kurz", "ein längerer Text", "EIN GANZ ANDERER, NOCH LÄNGERER TEXT"])
flag = st.none() | st.booleans()
some_listing = st.fixed_dictionaries(
    {
        "title": st.sampled_from(["Dorfhock", "DORFHOCK KOLLNAU", "Dorfhock abgesagt"]),
        "description": text,
        "short_description": text,
        "highlights": st.none() | st.lists(st.sampled_from(["Tanz", "tanz", "Wein"]), min_size=1, max_size=2),
        "categories": st.none() | st.lists(st.sampled_from(["fest", "musik"]), min_size=1, max_size=2),
        "is_family_event": flag,
        "admission_free": flag,
        "venue": st.none() | st.sampled_from(["Festhalle", "Marktplatz"]),
        "street": st.none() | st.sampled_from(["Hauptstraße"]),
        "city": st.none() | st.just("Waldkirch"),
        "source_type": st.none() | st.sampled_from(["artikel", "terminliste"]),
        "confidence_score": st.none() | st.floats(0, 1),
        "event_dates": st.lists(
            st.sampled_from(
                [
                    occurrence("2026-05-02"),
                    occurrence("2026-05-02", "19:00"),
                    occurrence("2026-05-03", "11:00"),
                ]
            ),
            min_size=1,
            max_size=2,
            unique_by=str,
        ),
    }
)


def one_event(*rows: dict[str, Any]) -> dict[str, Any]:
    """Synthesise all rows as one cluster."""
    frame = events(*(listing(f"s{number}:{number}", **row) for number, row in enumerate(rows)))
    return synthesise(frame, np.zeros(len(rows), np.uint32), policy=POLICY).row(0, named=True)


def filled(value: object) -> bool:
    return value is not None and value != []


@settings(max_examples=40)
@given(st.lists(some_listing, min_size=1, max_size=4), some_listing)
def test_another_source_never_makes_an_event_poorer(
    rows: list[dict[str, Any]], added: dict[str, Any]
) -> None:
    before, after = one_event(*rows), one_event(*rows, added)

    lost = [field for field in FIELDS if filled(before[field]) and not filled(after[field])]
    assert not lost
    for field in ("description", "short_description"):
        assert len(after[field] or "") >= len(before[field] or "")
    for field in ("highlights", "categories"):
        assert {v.lower() for v in before[field] or []} <= {v.lower() for v in after[field] or []}
    assert {o["date"] for o in before["event_dates"]} <= {o["date"] for o in after["event_dates"]}


@settings(max_examples=40)
@given(st.lists(some_listing, min_size=1, max_size=4))
def test_each_value_is_that_of_the_listing_that_it_names(rows: list[dict[str, Any]]) -> None:
    frame = events(*(listing(f"s{number}:{number}", **row) for number, row in enumerate(rows)))

    event = synthesise(frame, np.zeros(len(rows), np.uint32), policy=POLICY).row(0, named=True)

    for field in set(FIELDS) - set(UNIONS):
        origin = event[f"from_{field}"]
        assert (origin is None) == (event[field] is None), field
        assert origin is None or frame[field][origin] == event[field], field


@settings(max_examples=40)
@given(some_listing)
def test_a_cluster_of_one_is_its_listing(row: dict[str, Any]) -> None:
    frame = events(listing("s:1", **row))

    event = synthesise(frame, np.zeros(1, np.uint32), policy=POLICY)

    assert event.select(*FIELDS).rows() == frame.select(*FIELDS).rows()


def test_the_title_is_a_name_without_marker_not_a_headline_and_not_shouted() -> None:
    event = one_event(
        {"title": "Närrisches Treiben lockt Tausende an", "source_type": "artikel"},
        {"title": "FASNETUMZUG WALDKIRCH", "source_type": "anzeige"},
        {"title": "Fasnetumzug – abgesagt!", "source_type": "terminliste"},
        {"title": "Fasnetumzug", "source_type": "terminliste"},
    )

    assert event["title"] == "Fasnetumzug"
    assert event["status"] == "cancelled"


def test_both_starts_are_kept_and_a_known_start_beats_a_missing_one() -> None:
    day = "2026-05-02"
    event = one_event(
        {"title": "Karpaten Nacht", "event_dates": [occurrence(day, "18:15")]},
        {"title": "Karpaten Nacht", "event_dates": [occurrence(day, "21:00", "23:00")]},
        {"title": "Karpaten Nacht", "event_dates": [occurrence(day)]},
        {"title": "Karpaten Nacht", "event_dates": [occurrence(day, "00:00")]},
    )

    assert [(o["start_time"], o["end_time"]) for o in event["event_dates"]] == [
        ("18:15", None),
        ("21:00", "23:00"),
    ]


def test_a_moved_event_gives_up_its_day_and_remembers_it() -> None:
    event = one_event(
        {"title": "Jazz im Keller VERLEGT VOM 25.2.", "event_dates": [occurrence("2026-03-04", "20:00")]},
        {"title": "Jazz im Keller", "event_dates": [occurrence("2026-02-25", "20:00")]},
    )

    assert event["status"] == "moved"
    assert event["previous_date"] == date(2026, 2, 25)
    assert [o["date"] for o in event["event_dates"]] == [date(2026, 3, 4)]


def test_a_place_is_never_a_mixture_of_two_venues() -> None:
    event = one_event(
        {"title": "Lesung", "city": "Waldkirch", "venue": "Mediathek", "zipcode": "79183"},
        {
            "title": "Lesung",
            "city": "Waldkirch",
            "venue": "Festhalle",
            "street": "Hauptstraße",
            "street_no": "1",
        },
    )

    assert (event["venue"], event["street"], event["street_no"], event["zipcode"]) == (
        "Festhalle",
        "Hauptstraße",
        "1",
        None,
    )


def test_the_town_is_the_one_that_most_name() -> None:
    event = one_event(
        {"title": "Lesung", "city": "Emmendingen", "venue": "Mediathek", "street": "Weg", "zipcode": "79312"},
        {"title": "Lesung", "city": "Waldkirch"},
        {"title": "Lesung", "city": "Waldkirch", "venue": "Festhalle"},
    )

    assert (event["city"], event["venue"], event["street"]) == ("Waldkirch", "Festhalle", None)


def test_clusters_do_not_mix() -> None:
    frame = events(
        listing("a:1", "Chor", categories=["musik"]),
        listing("b:1", "Chor", categories=["kirche"]),
        listing("c:1", "Markt"),
    )

    both = synthesise(frame, np.array([0, 0, 2], np.uint32), policy=POLICY)

    assert both.select("title", "categories", "n_sources").rows() == [
        ("Chor", ["kirche", "musik"], 2),
        ("Markt", None, 1),
    ]
    assert both["members"].to_list() == [[0, 1], [2]]
    assert isinstance(both, pl.DataFrame)
