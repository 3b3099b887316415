"""Events: canonical events looked for, sorted and read a page at a time; each page goes on where the last one ended.

A page is found by the value and the id that the last one ended with, not by a count: so the hundredth costs what the first does, and an
event that comes or goes meanwhile moves no other one out of sight.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cache
from math import cos, radians
from typing import Any, Final, Literal

import orjson
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Text,
    TextClause,
    and_,
    bindparam,
    case,
    cast,
    exists,
    false,
    func,
    literal,
    select,
    text,
    true,
    tuple_,
)

from dedup_core.contradicting import Listing
from dedup_core.events import EVIDENCE
from infra.store.tables import canonical_events, canonical_sources, decisions, lineage, source_events

Row = dict[str, Any]
Sorting = Literal["first_day", "last_day", "title", "city", "confidence", "n_sources", "updated_at"]

KM_PER_DEGREE: Final = 111.195
"""Of latitude, on a sphere of 6,371 km."""

SORTED_BY: Final[Mapping[Sorting, ColumnElement[Any]]] = {
    "first_day": canonical_events.c.first_day,
    "last_day": canonical_events.c.last_day,
    "title": canonical_events.c.title_key,
    "city": func.coalesce(canonical_events.c.city, ""),
    "confidence": canonical_events.c.confidence,
    "n_sources": canonical_events.c.n_sources,
    "updated_at": canonical_events.c.updated_at,
}


@dataclass(frozen=True, slots=True)
class Near:
    """Around a point (degrees), not farther than a radius."""

    latitude: float
    longitude: float
    radius_km: float


@dataclass(frozen=True, slots=True)
class Box:
    """Between two longitudes and two latitudes (degrees)."""

    west: float
    south: float
    east: float
    north: float


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events: all that is not null must hold. since, until: days that the event touches.

    words: each stands somewhere in title, place or city; roughly: what is spelt much like them, see `spelt`.
    """

    words: str | None = None
    city: str | None = None
    category: str | None = None
    source: str | None = None
    since: date | None = None
    until: date | None = None
    near: Near | None = None
    box: Box | None = None
    status: str | None = None
    least_confidence: float | None = None
    needs_review: bool | None = None
    updated_since: datetime | None = None
    roughly: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """In which order, and behind which event: its value in that order and its id, or null for the first page.

    backwards: the page that ends before that event, and not the one that begins behind it; in the same order.
    """

    by: Sorting = "first_day"
    descending: bool = False
    behind: tuple[Any, str] | None = None
    backwards: bool = False


def content_of(*, as_text: bool) -> ColumnElement[Any]:
    """Choose the content of an event, read or as JSON text: to hand a page on unread takes a fifth of the time."""
    content = canonical_events.c.content
    return cast(content, Text).label("content") if as_text else content


def find_events(
    connection: Connection, wanted: Wanted, order: Order, *, limit: int, as_text: bool = False
) -> list[Row]:
    """List events with their ``content``, see `content_of`, and, as ``place``, what the next page goes on from."""
    found = _found(connection, wanted, order, limit=limit, as_text=as_text)
    if found or wanted.words is None:
        return found
    rough = spelt(connection, wanted)
    return _found(connection, rough, order, limit=limit, as_text=as_text) if rough.roughly else found


def spelt(connection: Connection, wanted: Wanted) -> Wanted:
    """Look for words as they are written where any wanted event has them, and for what is spelt much like them where none has.

    To compare spellings takes a thousand times as long as to look for a word; common words, which thousands of events have, took a second.
    """
    if wanted.words is None or wanted.roughly:
        return wanted
    events = canonical_events.c
    # In an order that has an index, so that a common word is found at once and a rare one by its letters.
    query = select(events.canonical_id).where(*conditions(wanted))
    known = connection.execute(query.order_by(events.first_day, events.canonical_id).limit(1)).first()
    return wanted if known else replace(wanted, roughly=True)


def _found(connection: Connection, wanted: Wanted, order: Order, *, limit: int, as_text: bool) -> list[Row]:
    value, identity = SORTED_BY[order.by], canonical_events.c.canonical_id
    # Places first, and then the content of those on the page: PostgreSQL would write the JSON of all that it sorts, thousands for a word.
    query = select(identity, value.label("place")).where(*conditions(wanted))
    falling = order.descending != order.backwards
    if order.behind is not None:
        here, last = tuple_(value, identity), tuple_(*map(literal, order.behind))
        query = query.where(here < last if falling else here > last)
    directed = [column.desc() if falling else column.asc() for column in (value, identity)]
    placed = query.order_by(*directed).limit(limit).subquery()
    whole = (
        select(identity, content_of(as_text=as_text), canonical_events.c.updated_at, placed.c.place)
        .join(placed, placed.c.canonical_id == identity)
        .order_by(
            *(
                column.desc() if order.descending else column.asc()
                for column in (placed.c.place, placed.c.canonical_id)
            )
        )
    )
    return [dict(row) for row in connection.execute(whole).mappings()]


def conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    """Say in SQL which events are wanted."""
    events = canonical_events.c
    asked: list[tuple[object, Any]] = [
        (wanted.words, lambda words: _like(words) if wanted.roughly else _with_each(words)),
        (wanted.city, lambda city: events.city == city),
        (wanted.category, events.categories.has_key),
        (wanted.source, _listed_by),
        (wanted.since, lambda day: events.last_day >= day),
        (wanted.until, lambda day: events.first_day <= day),
        (wanted.near, _within),
        (wanted.box, _inside),
        (wanted.status, lambda status: events.status == status),
        (wanted.least_confidence, lambda least: events.confidence >= least),
        (wanted.needs_review, lambda open_: events.needs_review if open_ else ~events.needs_review),
        (wanted.updated_since, lambda moment: events.updated_at >= moment),
    ]
    return [~events.hidden, *(condition(value) for value, condition in asked if value is not None)]


def _like(words: str) -> ColumnElement[bool]:
    return func.lower(words).op("<%%")(canonical_events.c.sought)


MOST_WORDS: Final = 20
"""Words that are looked for one by one; more of them are a text."""


def _with_each(words: str) -> ColumnElement[bool]:
    sought = canonical_events.c.sought
    patterns = [re.sub(r"([\\%_])", r"\\\1", word) for word in words.split()[:MOST_WORDS]]
    if not patterns:
        return false()  # nothing but spaces, which every event has
    return and_(true(), *(sought.like(func.lower(f"%{pattern}%")) for pattern in patterns))


def _listed_by(source_code: str) -> ColumnElement[bool]:
    return exists().where(
        canonical_sources.c.canonical_id == canonical_events.c.canonical_id,
        canonical_sources.c.source_code == source_code,
    )


def _inside(box: Box) -> ColumnElement[bool]:
    """A box over the date line has its west east of its east."""
    latitude, longitude = canonical_events.c.latitude, canonical_events.c.longitude
    across: ColumnElement[bool] = longitude.between(box.west, box.east)
    if box.west > box.east:
        across = (longitude >= box.west) | (longitude <= box.east)
    return and_(latitude.between(box.south, box.north), across)


def _within(near: Near) -> ColumnElement[bool]:
    """A band of latitudes first, which has an index, then the distance on the sphere (haversine)."""
    latitude, longitude = canonical_events.c.latitude, canonical_events.c.longitude
    height = near.radius_km / KM_PER_DEGREE
    half = func.pow(func.sin(func.radians(latitude - near.latitude) / 2), 2) + cos(
        radians(near.latitude)
    ) * func.cos(func.radians(latitude)) * func.pow(func.sin(func.radians(longitude - near.longitude) / 2), 2)
    distance = 2 * 6371.0 * func.asin(func.sqrt(func.least(half, 1.0)))
    banded = latitude.between(near.latitude - height, near.latitude + height)
    # The distance is only asked where the band holds: PostgreSQL orders conditions by itself, a case it does not.
    return and_(banded, case((banded, distance <= near.radius_km), else_=False))


def living_event(connection: Connection, canonical_id: str, *, as_text: bool = False) -> Row | None:
    """Read a living event's ``content``, see `content_of`, its times and its ``version``, see `infra.store.deciding.version_of`."""
    found = connection.execute(_LIVING[as_text], {"id": canonical_id}).mappings().first()
    return dict(found) if found else None


_VERSION: Final = """
left(e.content_hash, 16) || '.' || (
    SELECT coalesce(max(said.sequence), 0) || '.'
        || count((SELECT t.sequence FROM take_backs t WHERE t.sequence = said.sequence))
    FROM (
        SELECT v.sequence FROM canonical_sources m JOIN verdicts v ON v.a_source_code = m.source_code AND v.a_id = m.id
        WHERE m.canonical_id = e.canonical_id
        UNION SELECT v.sequence FROM canonical_sources m JOIN verdicts v ON v.b_source_code = m.source_code AND v.b_id = m.id
        WHERE m.canonical_id = e.canonical_id
    ) said)
"""


_VERSIONS: Final = text(
    f"SELECT e.canonical_id, {_VERSION} AS version FROM canonical_events e "  # noqa: S608 - our own words
    "WHERE e.canonical_id IN (SELECT jsonb_array_elements_text(CAST(:ids AS jsonb)))"
)


def versions_of(connection: Connection, canonical_ids: Collection[str]) -> dict[str, str]:
    """Name the versions of living events, as `living_event` does; one that is not there is left out."""
    rows = connection.execute(_VERSIONS, {"ids": orjson.dumps(sorted(canonical_ids)).decode()})
    return {row.canonical_id: row.version for row in rows}


def _living(content: str) -> TextClause:
    return text(
        f"SELECT e.canonical_id, {content} AS content, e.created_at, e.updated_at, {_VERSION} AS version "  # noqa: S608 - our own words
        "FROM canonical_events e WHERE e.canonical_id = :id AND NOT e.hidden"
    )


_LIVING: Final = {True: _living("CAST(e.content AS text)"), False: _living("e.content")}


def listings_of(connection: Connection, canonical_id: str, *, as_text: bool = False) -> list[Row]:
    """List an event's source events, each as it came (``raw``), read or as JSON text; sorted by source and id, whatever the collation."""
    found = [dict(row) for row in connection.execute(_listings(as_text), {"id": canonical_id}).mappings()]
    return sorted(found, key=lambda row: (row["source_code"], row["id"]))


# Statements are built once: to put one together takes longer than to run it.
@cache
def _listings(as_text: bool) -> Select[Any]:
    listings, members = source_events.c, canonical_sources.c
    raw = cast(listings.raw, Text).label("raw") if as_text else listings.raw
    joined = and_(listings.source_code == members.source_code, listings.id == members.id)
    return (
        select(listings.source_code, listings.id, listings.title, raw, listings.file_id)
        .join(canonical_sources, joined)
        .where(members.canonical_id == bindparam("id"), _shown())
    )


def _shown() -> ColumnElement[bool]:
    events = canonical_events.c
    return exists().where(events.canonical_id == bindparam("id"), ~events.hidden)


def decisions_of(connection: Connection, canonical_id: str, *, limit: int) -> list[Row]:
    """List what was decided of pairs within an event, heaviest first: the parts of the evidence in bits, and their sum."""
    asked = {"id": canonical_id, "most": limit}
    return [dict(row) for row in connection.execute(_decided_within(), asked).mappings()]


@cache
def _decided_within() -> Select[Any]:
    mine, other = canonical_sources.alias("mine"), canonical_sources.alias("other")
    pairs = decisions.c
    return (
        select(
            *(pairs[f"{side}_{name}"] for side in "ab" for name in ("source_code", "id")),
            *(pairs[name] for name in (*EVIDENCE, "weight", "score", "decision", "reasons", "relation")),
        )
        .select_from(mine)
        .join(decisions, and_(pairs.a_source_code == mine.c.source_code, pairs.a_id == mine.c.id))
        .join(other, and_(pairs.b_source_code == other.c.source_code, pairs.b_id == other.c.id))
        .where(mine.c.canonical_id == bindparam("id"), other.c.canonical_id == bindparam("id"), _shown())
        .order_by(pairs.weight.desc(), pairs.a_source_code, pairs.a_id, pairs.b_source_code, pairs.b_id)
        .limit(bindparam("most"))
    )


def find_decisions(
    connection: Connection,
    *,
    decision: str | None,
    listing: Listing | None,
    behind: tuple[str, ...] | None,
    limit: int,
) -> list[Row]:
    """List decided pairs, in the order of their key: the evidence, and both events (``a_event``, ``b_event``), null where one is hidden.

    behind: the four parts of the key after which to go on.
    """
    pairs = decisions.c
    key = [pairs[f"{side}_{name}"] for side in "ab" for name in ("source_code", "id")]
    sides = {side: (_member_of(side), canonical_events.alias(f"{side}_event")) for side in "ab"}
    query = select(
        *key,
        *(pairs[name] for name in (*EVIDENCE, "weight", "score", "decision", "reasons", "relation")),
        *(event.c.canonical_id.label(f"{side}_event") for side, (_, event) in sides.items()),
    ).select_from(decisions)
    for member, event in sides.values():
        query = query.outerjoin(*member).outerjoin(
            event, and_(event.c.canonical_id == member[0].c.canonical_id, ~event.c.hidden)
        )
    if decision is not None:
        query = query.where(pairs.decision == decision)
    if behind is not None:
        query = query.where(tuple_(*key) > tuple_(*map(literal, behind)))
    if listing is not None:
        ends = [
            and_(pairs[f"{side}_source_code"] == listing[0], pairs[f"{side}_id"] == listing[1])
            for side in "ab"
        ]
        query = query.where(ends[0] | ends[1])
    return [dict(row) for row in connection.execute(query.order_by(*key).limit(limit)).mappings()]


def _member_of(side: str) -> tuple[Any, ColumnElement[bool]]:
    member, pairs = canonical_sources.alias(f"{side}_member"), decisions.c
    joined = and_(pairs[f"{side}_source_code"] == member.c.source_code, pairs[f"{side}_id"] == member.c.id)
    return member, joined


def lineage_of(connection: Connection, canonical_id: str, *, limit: int = 200) -> list[Row]:
    """List the flows of listings from and to an id, newest first."""
    asked = {"id": canonical_id, "most": limit}
    return [dict(row) for row in connection.execute(_flows(), asked).mappings()]


@cache
def _flows() -> Select[Any]:
    flows = lineage.c
    return (
        select(flows.generation, flows.parent_id, flows.child_id, flows.kind)
        .where((flows.parent_id == bindparam("id")) | (flows.child_id == bindparam("id")))
        .order_by(flows.lineage_id.desc())
        .limit(bindparam("most"))
    )
