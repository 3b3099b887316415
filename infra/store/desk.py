"""Desk: what the editor's page asks beyond the API: how many, which words to complete, where and when, and what is related.

Counts and words are asked once a generation and kept by the caller; a page of events never waits for them twice.
"""

from datetime import date
from typing import Any, Final

from sqlalchemy import Connection, Select, and_, column, func, or_, select, text

from infra.store.events import Wanted, conditions
from infra.store.tables import (
    audit,
    canonical_events,
    canonical_sources,
    decisions,
    flags,
    generations,
    links,
    source_events,
)

Row = dict[str, Any]

MOST_WORDS: Final = 5000
"""Towns, categories or sources that can be completed; the most frequent ones."""


def _rows(connection: Connection, query: Select[Any]) -> list[Row]:
    return [dict(row) for row in connection.execute(query).mappings()]


def matched_generation(connection: Connection) -> int:
    """Return the generation that the last run brought the events to."""
    return connection.scalar(select(generations.c.matched)) or 0


def ingested_generation(connection: Connection) -> int:
    """Return the generation of the data; while it is ahead of the matched one, a run is due."""
    return connection.scalar(select(generations.c.ingested)) or 0


def count_events(connection: Connection, wanted: Wanted, *, most: int | None) -> int:
    """Count the events that a list would show, up to so many; null: all of them."""
    shown = select(canonical_events.c.canonical_id).where(*conditions(wanted)).limit(most)
    return connection.scalar(select(func.count()).select_from(shown.subquery())) or 0


def frequencies(connection: Connection) -> dict[str, list[tuple[str, int]]]:
    """Count the events of each ``city``, ``category`` and ``source``, most first."""
    each = func.jsonb_array_elements_text(canonical_events.c.categories).table_valued("value")
    arrays = func.jsonb_typeof(canonical_events.c.categories) == "array"
    events = func.count(canonical_sources.c.canonical_id.distinct())
    queries = {
        "city": select(canonical_events.c.city, func.count()).where(canonical_events.c.city.is_not(None)),
        "category": select(each.c.value, func.count()).select_from(canonical_events).join(each, arrays),
        "source": select(canonical_sources.c.source_code, events),
    }
    return {name: _counted(connection, query) for name, query in queries.items()}


def _counted(connection: Connection, query: Select[Any]) -> list[tuple[str, int]]:
    counted = query.group_by(text("1")).order_by(text("2 DESC"), text("1")).limit(MOST_WORDS)
    return [(word, number) for word, number in connection.execute(counted)]


def points(connection: Connection, wanted: Wanted, *, digits: int, limit: int) -> list[Row]:
    """Gather events at their coordinates, rounded to so many digits: ``n`` of them, and id and title of one, most first."""
    latitude, longitude = (
        func.round(canonical_events.c[name] * 10**digits) / 10**digits for name in ("latitude", "longitude")
    )
    query = (
        select(
            latitude.label("latitude"),
            longitude.label("longitude"),
            func.count().label("n"),
            func.min(canonical_events.c.canonical_id).label("canonical_id"),
            func.min(canonical_events.c.title).label("title"),
            func.min(canonical_events.c.city).label("city"),
        )
        .where(canonical_events.c.latitude.is_not(None), *conditions(wanted))
        .group_by(text("1"), text("2"))
        .order_by(text("n DESC"), text("1"), text("2"))
    )
    return _rows(connection, query.limit(limit))


def days(connection: Connection, wanted: Wanted, first: date, last: date, *, each: int) -> list[Row]:
    """List the days from first to last on which events begin: ``n`` of them, and of so many the id, title and city."""
    number = func.row_number().over(
        partition_by=canonical_events.c.first_day,
        order_by=(canonical_events.c.n_sources.desc(), canonical_events.c.canonical_id),
    )
    total = func.count().over(partition_by=canonical_events.c.first_day)
    events = canonical_events.c
    begun = (
        select(
            events.first_day,
            events.canonical_id,
            events.title,
            events.city,
            events.status,
            events.needs_review,
            total.label("n"),
            number.label("number"),
        )
        .where(events.first_day.between(first, last), *conditions(wanted))
        .subquery()
    )
    query = select(begun).where(begun.c.number <= each).order_by(begun.c.first_day, begun.c.number)
    return _rows(connection, query)


def relations_of(connection: Connection, canonical_id: str, *, limit: int) -> list[Row]:
    """List the events that one is linked to: ``kind``, ``outward`` (it is the part or the date), and the other's id, title and days."""
    events = canonical_events.c
    outward = links.c.from_id == canonical_id
    other = or_(
        and_(outward, events.canonical_id == links.c.to_id),
        and_(links.c.to_id == canonical_id, events.canonical_id == links.c.from_id),
    )
    query = (
        select(
            links.c.kind,
            outward.label("outward"),
            events.canonical_id,
            events.title,
            events.first_day,
            events.last_day,
        )
        .join(canonical_events, other)
        .where(or_(outward, links.c.to_id == canonical_id))
        .order_by(events.first_day, events.canonical_id)
    )
    return _rows(connection, query.limit(limit))


def flags_of(connection: Connection, canonical_id: str) -> list[Row]:
    """List why a person should look at an event."""
    return _rows(connection, select(flags.c.flag, flags.c.detail).where(flags.c.canonical_id == canonical_id))


def rivals_of(connection: Connection, canonical_id: str, *, limit: int) -> list[Row]:
    """List the events with which this one has an ambiguous pair, most likely first: id, title, first day and the pair."""
    mine, other = canonical_sources.alias("mine"), canonical_sources.alias("other")
    pairs, queries = decisions.c, []
    for near, far in (("a", "b"), ("b", "a")):
        joined = select(
            canonical_events.c.canonical_id,
            canonical_events.c.title,
            canonical_events.c.first_day,
            *(pairs[f"{side}_{name}"] for side in "ab" for name in ("source_code", "id")),
            pairs.score,
            pairs.weight,
        ).select_from(mine)
        joined = joined.join(
            decisions,
            and_(pairs[f"{near}_source_code"] == mine.c.source_code, pairs[f"{near}_id"] == mine.c.id),
        ).join(
            other,
            and_(pairs[f"{far}_source_code"] == other.c.source_code, pairs[f"{far}_id"] == other.c.id),
        )
        joined = joined.join(canonical_events, canonical_events.c.canonical_id == other.c.canonical_id)
        queries.append(
            joined.where(
                mine.c.canonical_id == canonical_id,
                other.c.canonical_id != canonical_id,
                pairs.decision == "ambiguous",
            )
        )
    both = queries[0].union_all(queries[1]).order_by(column("weight").desc(), column("canonical_id"))
    return [dict(row) for row in connection.execute(both.limit(limit)).mappings()]


def events_of_file(connection: Connection, file_id: int, *, limit: int) -> list[Row]:
    """List the living events that hold a listing as this file gave it: id, title, first day, ``needs_review``, and the listing's id."""
    listings, members, events = source_events.c, canonical_sources.c, canonical_events.c
    query = (
        select(
            listings.id.label("listing_id"),
            events.canonical_id,
            events.title,
            events.first_day,
            events.needs_review,
            events.n_sources,
        )
        .join(canonical_sources, and_(listings.source_code == members.source_code, listings.id == members.id))
        .join(canonical_events, events.canonical_id == members.canonical_id)
        .where(listings.file_id == file_id)
        .order_by(listings.id)
    )
    return _rows(connection, query.limit(limit))


def list_audit(
    connection: Connection, *, before: int | None, limit: int, after: int | None = None
) -> list[Row]:
    """List the audit trail, newest first. before: only lines of a lower number; after: of those of a higher number the lowest."""
    query = select(audit)
    if after is not None:
        return _rows(
            connection, query.where(audit.c.audit_id > after).order_by(audit.c.audit_id).limit(limit)
        )[::-1]
    if before is not None:
        query = query.where(audit.c.audit_id < before)
    return _rows(connection, query.order_by(audit.c.audit_id.desc()).limit(limit))


def event_around(connection: Connection, source_code: str, listing_id: str) -> Row | None:
    """Find the living event of a listing: id, title, first day and number of listings."""
    events, members = canonical_events.c, canonical_sources.c
    query = (
        select(events.canonical_id, events.title, events.first_day, events.n_sources)
        .join(canonical_sources, members.canonical_id == events.canonical_id)
        .where(members.source_code == source_code, members.id == listing_id)
    )
    found = connection.execute(query).mappings().first()
    return dict(found) if found else None
