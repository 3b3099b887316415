"""Events: canonical events looked for, sorted and read a page at a time; each page goes on where the last one ended.

A page is found by the value and the id that the last one ended with, not by a count: so the hundredth costs what the first does, and an
event that comes or goes meanwhile moves no other one out of sight.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cache, lru_cache
from math import asin, cos, degrees, pi, radians, sin
from typing import Any, Final, Literal

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Double,
    Integer,
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
    select,
    text,
    tuple_,
)
from sqlalchemy.types import TypeEngine

from infra.store.engine import UNREAD
from infra.store.tables import canonical_events, canonical_sources, source_events
from infra.store.versions import VERSION

Row = dict[str, Any]
Sorting = Literal[
    "first_day",
    "last_day",
    "title",
    "city",
    "status",
    "confidence",
    "needs_review",
    "n_sources",
    "created_at",
    "updated_at",
]

KM_PER_DEGREE: Final = 111.195
"""Of latitude, on a sphere of 6,371 km."""

SORTED_BY: Final[Mapping[Sorting, ColumnElement[Any]]] = {
    "first_day": canonical_events.c.first_day,
    "last_day": canonical_events.c.last_day,
    "title": canonical_events.c.title_key,
    "city": func.coalesce(canonical_events.c.city, ""),
    "status": canonical_events.c.status,
    "confidence": canonical_events.c.confidence,
    "needs_review": canonical_events.c.needs_review,
    "n_sources": canonical_events.c.n_sources,
    "created_at": canonical_events.c.created_at,
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
class Spot:
    """A place of the map: all whose coordinates are these, once they are rounded to SPOT_DIGITS."""

    latitude: float
    longitude: float


SPOT_DIGITS: Final = 3
"""Digits of a degree behind which two places are one on the map: a hundred metres."""


def rounded(degrees_: ColumnElement[Any]) -> ColumnElement[Any]:
    """Round coordinates to a place of the map: as whole thousandths of a degree, which equal each other to the bit."""
    return func.round(degrees_ * 10**SPOT_DIGITS)


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
    spot: Spot | None = None
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


def content_of(*, unread: bool) -> ColumnElement[Any]:
    """Choose the content of an event, read or as the bytes of its JSON: to hand a page on unread takes a tenth of the time."""
    content = canonical_events.c.content
    return cast(content, Text).label(UNREAD) if unread else content


def find_events(
    connection: Connection, wanted: Wanted, order: Order, *, limit: int, unread: bool = False
) -> list[Row]:
    """List events with their ``content``, which is ``unread`` if that is wanted, and, as ``place``, what the next page goes on from."""
    found = _found(connection, wanted, order, limit=limit, unread=unread)
    if found or wanted.words is None:
        return found
    rough = spelt(connection, wanted)
    return _found(connection, rough, order, limit=limit, unread=unread) if rough.roughly else found


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


def _found(connection: Connection, wanted: Wanted, order: Order, *, limit: int, unread: bool) -> list[Row]:
    values = places(wanted)
    asked = {**values, "most": limit}
    if order.behind is not None:
        asked |= {"behind": order.behind[0], "behind_id": order.behind[1]}
    page = _page(tuple(values), order.by, order.descending, order.backwards, order.behind is not None, unread)
    return [dict(zip(page.columns, row, strict=True)) for row in connection.execute(page.query, asked)]


@dataclass(frozen=True, slots=True)
class _Page:
    query: Select[Any]
    columns: tuple[str, ...]


# Statements are built once for all that ask alike: to put one together takes longer than to run it.
@lru_cache(1000)
def _page(
    names: tuple[str, ...], by: Sorting, descending: bool, backwards: bool, behind: bool, unread: bool
) -> _Page:
    """Build the statement of a page. names: the places that the filters have, see `places`."""
    value, identity = SORTED_BY[by], canonical_events.c.canonical_id
    # Places first, and then the content of those on the page: PostgreSQL would write the JSON of all that it sorts, thousands for a word.
    query = select(identity, value.label("place")).where(*_conditions(names))
    falling = descending != backwards
    if behind:
        here = tuple_(value, identity)
        last = tuple_(bindparam("behind", type_=value.type), bindparam("behind_id", type_=Text()))
        query = query.where(here < last if falling else here > last)
    directed = [column.desc() if falling else column.asc() for column in (value, identity)]
    placed = query.order_by(*directed).limit(bindparam("most", type_=Integer())).subquery()
    whole = (
        select(identity, content_of(unread=unread), canonical_events.c.updated_at, placed.c.place)
        .join(placed, placed.c.canonical_id == identity)
        .order_by(
            *(
                column.desc() if descending else column.asc()
                for column in (placed.c.place, placed.c.canonical_id)
            )
        )
    )
    return _Page(whole, tuple(column.name for column in whole.selected_columns))


def conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    """Say in SQL which events are wanted."""
    values = places(wanted)
    return _conditions(tuple(values), lambda name, of: bindparam(name, values[name], of, unique=True))


def places(wanted: Wanted) -> dict[str, Any]:
    """Give what is put into the places of the conditions; which names there are says which conditions hold."""
    plain = {name: getattr(wanted, name) for name in _PLAIN}
    values = {name: value for name, value in plain.items() if value is not None}
    if wanted.words is not None:
        values |= {"roughly": wanted.words} if wanted.roughly else _patterns(wanted.words)
    if wanted.needs_review is not None:
        values["open" if wanted.needs_review else "settled"] = True
    if wanted.near is not None:
        values |= _around(wanted.near)
    if wanted.box is not None:
        values |= {name: getattr(wanted.box, name) for name in Box.__slots__}
        values["across" if wanted.box.west > wanted.box.east else "between"] = True
    if wanted.spot is not None:
        values |= _around_spot(wanted.spot)
    return values


def _around_spot(spot: Spot) -> dict[str, Any]:
    """Give the thousandths, and for the index a band that holds all that is rounded to them."""
    band = 10**-SPOT_DIGITS
    return {
        "spot_latitude": round(spot.latitude * 10**SPOT_DIGITS),
        "spot_longitude": round(spot.longitude * 10**SPOT_DIGITS),
        "spot_from": spot.latitude - band,
        "spot_to": spot.latitude + band,
    }


_PLAIN: Final = (
    "city",
    "category",
    "source",
    "since",
    "until",
    "status",
    "least_confidence",
    "updated_since",
)
"""Fields of what is wanted that are put into a condition as they are."""

MOST_WORDS: Final = 20
"""Words that are looked for one by one; more of them are a text."""


def _patterns(words: str) -> dict[str, Any]:
    """Give each word as a pattern; of nothing but spaces, which every event has, there is none."""
    patterns = [re.sub(r"([\\%_])", r"\\\1", word) for word in words.split()[:MOST_WORDS]]
    return {f"word_{n}": f"%{pattern}%" for n, pattern in enumerate(patterns)} or {"nothing": True}


def _around(near: Near) -> dict[str, Any]:
    height = near.radius_km / KM_PER_DEGREE
    return {
        "near_latitude": near.latitude,
        "near_longitude": near.longitude,
        "near_cosine": cos(radians(near.latitude)),
        "near_from": near.latitude - height,
        "near_to": near.latitude + height,
        "near_km": near.radius_km,
        **_beside(near, radians(height)),
    }


def _beside(near: Near, angle: float) -> dict[str, float]:
    """Bound the longitudes of a circle; not of one that reaches a pole or the date line. angle: its radius, seen from the centre of the earth."""
    reach = sin(min(angle, pi / 2)) / max(cos(radians(near.latitude)), TINY)
    if reach >= 1:
        return {}
    width = degrees(asin(reach)) + TINY
    west, east = near.longitude - width, near.longitude + width
    return {"near_west": west, "near_east": east} if west >= -180 and east <= 180 else {}


TINY: Final = 1e-6
"""Degrees, a decimetre: what rounding may take from a bound."""


Place = Callable[[str, TypeEngine[Any] | None], BindParameter[Any]]
"""Makes a place for a value, by its name and its type; null: that of what it is compared with."""


def _empty(name: str, of: TypeEngine[Any] | None) -> BindParameter[Any]:
    """Make a place that is filled when the statement is run."""
    return bindparam(name, type_=of)


def _conditions(names: tuple[str, ...], place: Place = _empty) -> list[ColumnElement[bool]]:
    words = (_word(name, place) for name in names if name.startswith("word_"))
    others = (_CONDITIONS[name](place) for name in names if name in _CONDITIONS)
    return [~canonical_events.c.hidden, *others, *words]


def _word(name: str, place: Place) -> ColumnElement[bool]:
    return canonical_events.c.sought.like(func.lower(place(name, Text())))


def _roughly(place: Place) -> ColumnElement[bool]:
    return func.lower(place("roughly", Text())).op("<%%")(canonical_events.c.sought)


def _listed(place: Place) -> ColumnElement[bool]:
    return exists().where(
        canonical_sources.c.canonical_id == canonical_events.c.canonical_id,
        canonical_sources.c.source_code == place("source", None),
    )


def _high(place: Place) -> ColumnElement[bool]:
    return canonical_events.c.latitude.between(place("south", None), place("north", None))


def _between(place: Place) -> ColumnElement[bool]:
    return and_(_high(place), canonical_events.c.longitude.between(place("west", None), place("east", None)))


def _across(place: Place) -> ColumnElement[bool]:
    """A box over the date line has its west east of its east."""
    longitude = canonical_events.c.longitude
    return and_(_high(place), (longitude >= place("west", None)) | (longitude <= place("east", None)))


def _at_spot(place: Place) -> ColumnElement[bool]:
    latitude, longitude = canonical_events.c.latitude, canonical_events.c.longitude
    return and_(
        latitude.between(place("spot_from", None), place("spot_to", None)),
        rounded(latitude) == place("spot_latitude", Double()),
        rounded(longitude) == place("spot_longitude", Double()),
    )


def _within(place: Place) -> ColumnElement[bool]:
    """A band of latitudes first, which has an index, then the distance on the sphere (haversine)."""
    latitude, longitude = canonical_events.c.latitude, canonical_events.c.longitude
    here, there = place("near_latitude", Double()), place("near_longitude", Double())
    half = func.pow(func.sin(func.radians(latitude - here) / 2), 2) + place(
        "near_cosine", Double()
    ) * func.cos(func.radians(latitude)) * func.pow(func.sin(func.radians(longitude - there) / 2), 2)
    distance = 2 * 6371.0 * func.asin(func.sqrt(func.least(half, 1.0)))
    banded = latitude.between(place("near_from", None), place("near_to", None))
    # The distance is only asked where the band holds: PostgreSQL orders conditions by itself, a case it does not.
    return and_(banded, case((banded, distance <= place("near_km", Double())), else_=False))


_EVENTS: Final = canonical_events.c
_CONDITIONS: Final[Mapping[str, Callable[[Place], ColumnElement[bool]]]] = {
    "city": lambda place: _EVENTS.city == place("city", None),
    "category": lambda place: _EVENTS.categories.has_key(place("category", Text())),
    "source": _listed,
    "since": lambda place: _EVENTS.last_day >= place("since", None),
    "until": lambda place: _EVENTS.first_day <= place("until", None),
    "status": lambda place: _EVENTS.status == place("status", None),
    "least_confidence": lambda place: _EVENTS.confidence >= place("least_confidence", None),
    "updated_since": lambda place: _EVENTS.updated_at >= place("updated_since", None),
    "open": lambda _: _EVENTS.needs_review,
    "settled": lambda _: ~_EVENTS.needs_review,
    "between": _between,
    "across": _across,
    "spot_latitude": _at_spot,
    "near_km": _within,
    "near_west": lambda place: _EVENTS.longitude.between(place("near_west", None), place("near_east", None)),
    "roughly": _roughly,
    "nothing": lambda _: false(),
}
"""The conditions, by the name that says that they hold; each word has one besides."""


def living_event(connection: Connection, canonical_id: str, *, unread: bool = False) -> Row | None:
    """Read a living event's ``content``, which is ``unread`` if that is wanted, its times and its ``version``, see `infra.store.versions`."""
    found = connection.execute(_LIVING[unread], {"id": canonical_id}).mappings().first()
    return dict(found) if found else None


def _living(content: str) -> TextClause:
    return text(
        f"SELECT e.canonical_id, {content}, e.created_at, e.updated_at, {VERSION} AS version "  # noqa: S608 - our own words
        "FROM canonical_events e WHERE e.canonical_id = :id AND NOT e.hidden"
    )


_LIVING: Final = {True: _living(f"CAST(e.content AS text) AS {UNREAD}"), False: _living("e.content")}


def listings_of(connection: Connection, canonical_id: str, *, unread: bool = False) -> list[Row]:
    """List an event's source events, each as it came: ``raw``, or ``unread`` as JSON; sorted by source and id, whatever the collation."""
    found = [dict(row) for row in connection.execute(_listings(unread), {"id": canonical_id}).mappings()]
    return sorted(found, key=lambda row: (row["source_code"], row["id"]))


@cache
def _listings(unread: bool) -> Select[Any]:
    listings, members = source_events.c, canonical_sources.c
    raw = cast(listings.raw, Text).label(UNREAD) if unread else listings.raw
    joined = and_(listings.source_code == members.source_code, listings.id == members.id)
    return (
        select(listings.source_code, listings.id, listings.title, raw, listings.file_id)
        .join(canonical_sources, joined)
        .where(members.canonical_id == bindparam("id"), shown())
    )


def shown() -> ColumnElement[bool]:
    """Say that readers see the event whose id is the parameter ``id``."""
    events = canonical_events.c
    return exists().where(events.canonical_id == bindparam("id"), ~events.hidden)
