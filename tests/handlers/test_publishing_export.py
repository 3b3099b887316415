"""Exports: what goes out comes in again, in files of 200, the same bytes for the same events."""

import hashlib
import json
import zipfile
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from dedup_core.events import EVENT_SCHEMA, VERDICT_SCHEMA, Previous
from dedup_core.normalising import normalise
from dedup_core.parsing import parse
from dedup_core.pipeline import resolve
from dedup_core.policy import default_policy
from dedup_core.rendering import contents
from dedup_core.validating import Validated, source_code_of, validate
from handlers.publishing_export import export_document, exported
from infra.store import Store
from infra.store.events import Wanted
from infra.store.published import ANY_TIME, Times
from tests.store.uploads import run, save
from tests.unit.listings import listing
from tests.unit.test_validating import as_row, listings, taken_in

POLICY = default_policy()
THEN = datetime(2026, 2, 1, 12, tzinfo=UTC)


def read_again(content: bytes, name: str = "canonical_00001.json") -> Validated:
    intake = POLICY.intake
    return validate(parse(content, intake=intake), file=name, source_code=source_code_of(name), intake=intake)


def canonical(validated: Validated) -> list[dict[str, Any]]:
    """Resolve listings, and give their canonical events in the output format."""
    events = normalise(validated.listings).select(*EVENT_SCHEMA)
    resolution = resolve(events, pl.DataFrame(schema=VERDICT_SCHEMA), Previous.nothing(), POLICY)
    return [json.loads(one) for one in contents(resolution.canonical_events, resolution.events)]


@settings(max_examples=15, deadline=None)
@given(given=st.lists(listings, min_size=1, max_size=4, unique_by=lambda one: str(one["id"]).strip()))
def test_every_exported_event_is_read_again_as_it_was(given: list[dict[str, Any]]) -> None:
    events = canonical(taken_in(*given))
    rows = [
        {"canonical_id": one["id"], "content": one, "created_at": THEN, "updated_at": THEN} for one in events
    ]

    again = read_again(export_document(rows))

    assert not again.rejections
    expected = [{**as_row(one), "source_code": "canonical"} for one in events]
    assert again.listings.to_dicts() == [
        {name: one[name] for name in again.listings.columns} for one in expected
    ]
    assert [json.loads(raw)["sources"] for raw in again.raw] == [one["sources"] for one in events]


def filled(store: Store, number: int) -> None:
    """Put that many events into the store, of two towns by turns; those of one came and changed a day later each."""
    towns = ("Freiburg", "Emmendingen")
    day = datetime(2026, 5, 1, tzinfo=UTC).date()
    rows = [
        listing(
            f"bwb:{n}",
            f"Abend {hashlib.sha256(str(n).encode()).hexdigest()[:12]}",
            str(day + timedelta(days=n)),
            city=towns[n % 2],
        )
        for n in range(number)
    ]
    save(store, rows)
    run(store)
    with store.engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE canonical_events SET created_at = timestamptz '2026-02-01 12:00Z' + (first_day - date '2026-05-01') * interval '1 day', "
                "updated_at = timestamptz '2026-03-01 12:00Z' + (first_day - date '2026-05-01') * interval '1 day'"
            )
        )


def files_of(store: Store, wanted: Wanted, times: Times = ANY_TIME) -> dict[str, list[Any]]:
    whole = BytesIO(b"".join(exported(store, wanted, times)))
    with zipfile.ZipFile(whole) as archive:
        assert archive.testzip() is None
        return {name: json.loads(archive.read(name))["events"] for name in archive.namelist()}


def test_events_leave_in_files_of_two_hundred_each_once_and_equal_events_in_equal_bytes(store: Store) -> None:
    filled(store, 405)

    pieces, again = list(exported(store, Wanted())), list(exported(store, Wanted()))
    files = files_of(store, Wanted())

    assert b"".join(pieces) == b"".join(again)
    assert {name: len(events) for name, events in files.items()} == {
        "canonical_00001.json": 200,
        "canonical_00002.json": 200,
        "canonical_00003.json": 5,
    }
    ids = [one["id"] for events in files.values() for one in events]
    assert ids == sorted(set(ids))
    assert len(ids) == 405
    # It is handed on a file at a time, not gathered.
    assert max(map(len, pieces)) < 0.6 * sum(map(len, pieces))


def test_filters_and_times_choose_what_is_exported_by_halfopen_intervals(store: Store) -> None:
    filled(store, 10)
    third = THEN + timedelta(days=2)

    town = files_of(store, Wanted(city="Freiburg"), Times(created_since=third))
    changed = files_of(
        store,
        Wanted(),
        Times(updated_since=third + timedelta(days=28), updated_before=third + timedelta(days=30)),
    )
    nothing = files_of(store, Wanted(city="Nirgends"))

    assert sorted(one["event_dates"][0]["date"] for one in town["canonical_00001.json"]) == [
        "2026-05-03",
        "2026-05-05",
        "2026-05-07",
        "2026-05-09",
    ]
    assert sorted(one["updated_at"] for one in changed["canonical_00001.json"]) == [
        "2026-03-03T12:00:00.000000Z",
        "2026-03-04T12:00:00.000000Z",
    ]
    assert nothing == {}
