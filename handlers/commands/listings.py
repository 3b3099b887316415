"""Listings: what a person tells one from another by, wherever a command shows some side by side."""
# ruff: noqa: PLC0415 - heavy imports stand inside, so that --help and completion answer at once

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from handlers.commands.options import found

if TYPE_CHECKING:
    from sqlalchemy import Connection

Row = Mapping[str, Any]

LISTING_COLUMNS = {
    "score": "score",
    "listing": "listing",
    "title": "title",
    "when": "when",
    "city": "city",
    "venue": "venue",
}

DATES_SHOWN = 3
"""Occurrences of a listing that a table shows; a weekly series has fifty."""


def listings_of(connection: "Connection", event: Row) -> list[dict[str, Any]]:
    """Read the listings of a canonical event, for LISTING_COLUMNS."""
    return [in_short(connection, (s["source_code"], s["id"])) for s in event["content"]["sources"]]


def in_short(connection: "Connection", listing: tuple[str, str]) -> dict[str, Any]:
    """Read what a person tells a listing by, for LISTING_COLUMNS."""
    from infra.store import reading

    row = found(reading.show_listing(connection, *listing), f"source event {listing[0]}:{listing[1]}")
    return told_apart(row)


def told_apart(row: Row) -> dict[str, Any]:
    """Say in short what a person tells a listing by. row: of source events, as from the database or from a frame."""
    first = [occurrence_in_words(occurrence) for occurrence in row["event_dates"][:DATES_SHOWN]]
    more = len(row["event_dates"]) - len(first)
    when = ", ".join(first) + (f" and {more} more" if more else "")
    listing = f"{row['source_code']}:{row['id']}"
    return {"listing": listing, "when": when, **{name: row[name] for name in ("title", "city", "venue")}}


SIDE_COLUMNS = {"name": "", "first": "1", "second": "2"}


def beside_each_other(first: Row, second: Row) -> list[dict[str, Any]]:
    """Lay two listings out for SIDE_COLUMNS, a line each of what they are told apart by: a narrow terminal has room for all of it."""
    names = [name for name in LISTING_COLUMNS if first.get(name) or second.get(name)]
    return [{"name": name, "first": first.get(name), "second": second.get(name)} for name in names]


def side_by_side(connection: "Connection", questions: Sequence[Row]) -> list[dict[str, Any]]:
    """Lay pairs out for LISTING_COLUMNS: two rows each, the first with the score."""
    rows = []
    for question in questions:
        for side, score in (("a", f"{question['score']:.2f}"), ("b", None)):
            listing = in_short(connection, (question[f"{side}_source_code"], question[f"{side}_id"]))
            rows.append({**listing, "score": score})
    return rows


def occurrence_in_words(occurrence: Row) -> str:
    """Say when an occurrence begins, and when it ends if that is known."""
    start, end = (
        " ".join(str(part) for part in (occurrence[day], occurrence[time]) if part)
        for day, time in (("date", "start_time"), ("end_date", "end_time"))
    )
    return f"{start} to {end}" if end else start
