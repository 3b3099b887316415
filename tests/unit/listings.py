"""Listings for tests: short to write, whole as frames."""

from datetime import date
from typing import Any

import polars as pl

from dedup_core.events import EVENT_SCHEMA, LISTING_SCHEMA
from dedup_core.normalising import normalise


def occurrence(
    day: str, start: str | None = None, end: str | None = None, last: str | None = None
) -> dict[str, Any]:
    """Write one entry of event_dates."""
    return {
        "date": date.fromisoformat(day),
        "start_time": start,
        "end_time": end,
        "end_date": date.fromisoformat(last) if last else None,
    }


def listing(
    id: str, title: str, day: str = "2026-05-02", start: str | None = None, **fields: Any
) -> dict[str, Any]:
    """Write one listing; ``source:id`` as id."""
    source_code, _, listing_id = id.partition(":")
    row: dict[str, Any] = dict.fromkeys(LISTING_SCHEMA)
    row |= {
        "source_code": source_code,
        "id": listing_id,
        "title": title,
        "event_dates": [occurrence(day, start)],
    }
    return row | fields


def events(*rows: dict[str, Any]) -> pl.DataFrame:
    """Normalise listings; sorted by identity, as the stages expect."""
    return (
        normalise(pl.DataFrame(rows, schema=LISTING_SCHEMA)).select(*EVENT_SCHEMA).sort("source_code", "id")
    )
