"""Pinning: a value is checked before it is stored, and holds in the event of its listing, whatever else is in it."""

import json
import math
from typing import Any

import polars as pl
import pytest

from dedup_core.errors import WrongValue
from dedup_core.events import VERDICT_SCHEMA, Previous
from dedup_core.pinning import PINNABLE, pinned_value
from dedup_core.pipeline import resolve
from dedup_core.policy import default_policy
from dedup_core.rendering import NAMES, contents
from tests.unit.listings import events, listing

POLICY = default_policy()
CONCERT: dict[str, Any] = {"start": "20:00", "city": "Waldkirch", "venue": "Halle", "categories": ["jazz"]}


def pin(sequence: int, name: str, field: str, value: object) -> tuple[object, ...]:
    code, _, number = name.partition(":")
    return "pin", code, number, None, None, sequence, field, pinned_value(field, value), "eva"


def made(*verdicts: tuple[object, ...]) -> dict[str, Any]:
    """Resolve two listings of one concert with verdicts; give the event."""
    frame = events(
        listing("a:1", "Wolfgang Muthspiel Trio", **CONCERT),
        listing("b:1", "Wolfgang Muthspiel Trio", **CONCERT),
    )
    said = pl.DataFrame(list(verdicts), schema=VERDICT_SCHEMA, orient="row")
    found = resolve(frame, said, Previous.nothing(), POLICY)
    (content,) = contents(found.canonical_events, found.events)
    event: dict[str, Any] = json.loads(content)
    return event


def test_each_field_that_can_be_pinned_is_one_of_the_output() -> None:
    columns = {column for column, _ in PINNABLE.values()}

    assert {NAMES[column] for column in columns} == set(PINNABLE)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "x"),
        ("title", ""),
        ("title", "  "),
        ("title", None),
        ("title", "a\0b"),
        ("title", "\ud800"),
        ("title", 7),
        ("description", "x" * 20_001),
        ("event_dates", []),
        ("event_dates", [{"date": "2026-02-30"}]),
        ("event_dates", [{"date": "9999-12-31", "start_time": "20:00"}]),
        ("event_dates", [{"date": "0001-01-01"}]),
        ("event_dates", [{"date": "2026-02-03", "end_date": "2101-01-01"}]),
        ("event_dates", [{"date": "2026-02-03", "start_time": "30:00"}]),
        ("event_dates", [{"date": "2026-02-03", "end_date": "2026-02-02"}]),
        ("location.geo", {"latitude": 91, "longitude": 0}),
        ("location.geo", {"latitude": math.nan, "longitude": 0}),
        ("status", "perhaps"),
        ("admission_free", "yes"),
        ("categories", ["jazz", ""]),
    ],
)
def test_a_value_that_no_field_may_have_is_refused(field: str, value: object) -> None:
    with pytest.raises(WrongValue):
        pinned_value(field, value)


def test_equal_values_are_equal_texts() -> None:
    one = pinned_value("location.geo", {"latitude": 48, "longitude": 7.5})
    other = pinned_value("location.geo", {"longitude": 7.5, "latitude": 48.0})

    assert one == other


def test_of_two_pins_of_a_field_the_newer_holds_and_the_event_is_flagged() -> None:
    event = made(pin(2, "a:1", "title", "Jazz"), pin(1, "b:1", "title", "Rock"))

    assert event["title"] == "Jazz"
    assert event["provenance"]["title"] == {"source_code": "a", "id": "1", "pinned_by": "eva", "verdict": 2}
    assert event["flags"] == ["contradicting_verdicts"]
    assert event["needs_review"]


def test_other_fields_keep_their_origin_and_the_pinned_list_has_no_other_contributor() -> None:
    free = made()
    event = made(pin(1, "b:1", "categories", ["konzert"]))

    assert "also" in free["provenance"]["categories"]
    assert event["provenance"]["categories"] == {
        "source_code": "b",
        "id": "1",
        "pinned_by": "eva",
        "verdict": 1,
    }
    assert event["categories"] == ["konzert"]
    unpinned = {name: value for name, value in event.items() if name not in ("categories", "provenance")}
    assert unpinned == {name: free[name] for name in unpinned}


def test_pinned_dates_are_sorted_and_the_confidence_of_pinned_coordinates_is_full() -> None:
    dates = [{"date": "2026-05-09", "start_time": "25:00"}, {"date": "2026-05-02"}]

    event = made(
        pin(1, "a:1", "event_dates", dates), pin(2, "a:1", "location.geo", {"latitude": 48, "longitude": 7})
    )

    assert [each["date"] for each in event["event_dates"]] == ["2026-05-02", "2026-05-09"]
    assert event["location"]["geo"] == {
        "latitude": 48.0,
        "longitude": 7.0,
        "confidence": 1.0,
        "country": None,
    }
