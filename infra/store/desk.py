"""Desk: what the editor's page asks beyond the API: how many, which words to complete, where and when, and what is related.

Counts and words are asked once a run and kept by the caller; a page of events never waits for them twice.
"""

from collections.abc import Collection
from datetime import date
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    CompoundSelect,
    Connection,
    Date,
    Select,
    and_,
    bindparam,
    cast,
    column,
    func,
    or_,
    select,
    text,
    true,
    tuple_,
)

from dedup_core.contradicting import Listing
from infra.store.events import SPOT_DIGITS, Wanted, conditions, rounded, spelt
from infra.store.tables import (
    audit,
    canonical_events,
    canonical_sources,
    decisions,
    files,
    generations,
    links,
    runs,
    source_events,
)

Row = dict[str, Any]

MOST_WORDS: Final = 5000
"""Towns, categories or sources that can be completed; the most frequent ones."""


def _rows(connection: Connection, query: Select[Any]) -> list[Row]:
    return [dict(row) for row in connection.execute(query).mappings()]


def last_run(connection: Connection) -> int:
    """Return the number of the last run, 0 before the first. It tells more than the generation, which stays where only the policy is another."""
    return connection.scalar(select(func.max(runs.c.run_id)).where(runs.c.status == "done")) or 0


def state_of_files(connection: Connection) -> tuple[tuple[str, int, int], ...]:
    """Tell of each status how many files have it, and the newest: another state whenever a file came or was settled, though no run has been."""
    query = select(files.c.status, func.count(), func.max(files.c.file_id)).group_by(files.c.status)
    return tuple(sorted((status, number, newest) for status, number, newest in connection.execute(query)))


def ingested_generation(connection: Connection) -> int:
    """Return the generation of the data; while it is ahead of the matched one, a run is due."""
    return connection.scalar(select(generations.c.ingested)) or 0


def count_events(connection: Connection, wanted: Wanted, *, most: int | None) -> int:
    """Count the events that a list would show, up to so many; null: all of them."""
    shown = select(canonical_events.c.canonical_id).where(*conditions(spelt(connection, wanted))).limit(most)
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


def points(connection: Connection, wanted: Wanted, *, limit: int) -> list[Row]:
    """Gather events at the places of the map, see `infra.store.events.Spot`: ``n`` of them, and id and title of one, most first."""
    places: list[ColumnElement[Any]] = [
        rounded(canonical_events.c[name]) / 10**SPOT_DIGITS for name in ("latitude", "longitude")
    ]
    latitude, longitude = places
    query = (
        select(
            latitude.label("latitude"),
            longitude.label("longitude"),
            func.count().label("n"),
            func.min(canonical_events.c.canonical_id).label("canonical_id"),
            func.min(canonical_events.c.title).label("title"),
            func.min(canonical_events.c.city).label("city"),
        )
        .where(canonical_events.c.latitude.is_not(None), *conditions(spelt(connection, wanted)))
        .group_by(text("1"), text("2"))
        .order_by(text("n DESC"), text("1"), text("2"))
    )
    return _rows(connection, query.limit(limit))


def days(connection: Connection, wanted: Wanted, first: date, last: date, *, each: int) -> list[Row]:
    """List the days from first to last on which a date of an event begins: ``n`` of them, and of so many ``day``, id, title, city and start time."""
    events, shown = canonical_events.c, conditions(spelt(connection, wanted))
    # Most events have one day, which an index holds; only the others' dates are read out of their contents.
    once = select(events.first_day.label("day"), events.canonical_id, events.n_sources).where(
        events.first_day == events.last_day, events.first_day.between(first, last), *shown
    )
    dates = func.jsonb_array_elements(events.content["event_dates"]).table_valued("value").lateral()
    day = cast(dates.c.value.op("->>")("date"), Date)
    often = (
        select(day.label("day"), events.canonical_id, events.n_sources)
        .select_from(canonical_events.join(dates, true()))
        .where(
            events.first_day < events.last_day,
            events.first_day <= last,
            events.last_day >= first,
            day.between(first, last),
            *shown,
        )
        .distinct()
    )
    begun = once.union_all(often).subquery().c
    ranked = select(
        begun.day,
        begun.canonical_id,
        func.count().over(partition_by=begun.day).label("n"),
        func.row_number()
        .over(partition_by=begun.day, order_by=(begun.n_sources.desc(), begun.canonical_id))
        .label("number"),
    ).subquery()
    few = ranked.c.number <= each
    chosen = _rows(connection, select(ranked).where(few).order_by(ranked.c.day, ranked.c.number))
    told = _told(connection, {row["canonical_id"] for row in chosen})
    return [_on_day(row, told[row["canonical_id"]]) for row in chosen if row["canonical_id"] in told]


def _told(connection: Connection, ids: Collection[str]) -> dict[str, Row]:
    """Read of few events what a calendar shows. By themselves: joined to what was ranked, the planner reads all contents for them."""
    events = canonical_events.c
    query = select(
        events.canonical_id,
        events.title,
        events.city,
        events.status,
        events.needs_review,
        events.content["event_dates"].label("dates"),
    ).where(events.canonical_id.in_(sorted(ids)))
    return {row["canonical_id"]: row for row in _rows(connection, query)} if ids else {}


def _on_day(chosen: Row, told: Row) -> Row:
    """Put an event on a day, with its first start on it."""
    day = chosen["day"]
    starts = [each.get("start_time") for each in told["dates"] if each["date"] == day.isoformat()]
    start = min(filter(None, starts), default=None)
    shown = {name: told[name] for name in ("canonical_id", "title", "city", "status", "needs_review")}
    return {**shown, "day": day, "start_time": start, "n": chosen["n"]}


def titles_of(connection: Connection, listings: Collection[Listing]) -> dict[Listing, str]:
    """Look up what listings are titled; those that are not there are left out."""
    rows = source_events.c
    query = select(rows.source_code, rows.id, rows.title).where(
        tuple_(rows.source_code, rows.id).in_(sorted(listings))
    )
    return {(code, name): title for code, name, title in connection.execute(query)} if listings else {}


def relations_of(connection: Connection, canonical_id: str, *, limit: int) -> list[Row]:
    """List the events that one is linked to: ``kind``, ``outward`` (it is the part or the date), and the other's id, title and days."""
    asked = {"id": canonical_id, "most": limit}
    return [dict(row) for row in connection.execute(_relations(), asked).mappings()]


# Statements are built once: to put one together takes longer than to run it.
@cache
def _relations() -> Select[Any]:
    events = canonical_events.c
    one: BindParameter[Any] = bindparam("id")
    outward = links.c.from_id == one
    other = or_(
        and_(outward, events.canonical_id == links.c.to_id),
        and_(links.c.to_id == one, events.canonical_id == links.c.from_id),
    )
    return (
        select(
            links.c.kind,
            outward.label("outward"),
            events.canonical_id,
            events.title,
            events.first_day,
            events.last_day,
        )
        .join(canonical_events, other)
        .where(or_(outward, links.c.to_id == one))
        .order_by(events.first_day, events.canonical_id)
        .limit(bindparam("most"))
    )


def flags_of(connection: Connection, canonical_id: str) -> list[Row]:
    """List why a person should look at an event."""
    return [dict(row) for row in connection.execute(_FLAGS, {"id": canonical_id}).mappings()]


_FLAGS: Final = text("SELECT flag, detail FROM flags WHERE canonical_id = :id ORDER BY flag, detail")


def rivals_of(connection: Connection, canonical_id: str, *, limit: int) -> list[Row]:
    """List the events with which this one has an ambiguous pair, most likely first: id, title, first day and the pair."""
    asked = {"id": canonical_id, "most": limit}
    return [dict(row) for row in connection.execute(_rivals(), asked).mappings()]


@cache
def _rivals() -> Select[Any] | CompoundSelect[Any]:
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
                mine.c.canonical_id == bindparam("id"),
                other.c.canonical_id != bindparam("id"),
                pairs.decision == "ambiguous",
            )
        )
    both = queries[0].union_all(queries[1]).order_by(column("weight").desc(), column("canonical_id"))
    return both.limit(bindparam("most"))


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


_PAIR: Final = text(
    """
SELECT la.raw AS a_raw, lb.raw AS b_raw, d.*,
    ea.canonical_id AS a_event, ea.title AS a_title, ea.first_day AS a_first_day, ea.n_sources AS a_n_sources,
    eb.canonical_id AS b_event, eb.title AS b_title, eb.first_day AS b_first_day, eb.n_sources AS b_n_sources
FROM source_events la
JOIN source_events lb ON lb.source_code = :b_code AND lb.id = :b_id
JOIN canonical_sources ca ON ca.source_code = la.source_code AND ca.id = la.id
JOIN canonical_sources cb ON cb.source_code = lb.source_code AND cb.id = lb.id
JOIN canonical_events ea ON ea.canonical_id = ca.canonical_id
JOIN canonical_events eb ON eb.canonical_id = cb.canonical_id
LEFT JOIN decisions d ON (d.a_source_code, d.a_id, d.b_source_code, d.b_id) = (la.source_code, la.id, lb.source_code, lb.id)
WHERE la.source_code = :a_code AND la.id = :a_id
"""
)


def pair_of(connection: Connection, a: Listing, b: Listing) -> Row | None:
    """Read two listings as they came (``a_raw``, ``b_raw``), what was decided of them, null where nothing was, and the events that they are in.

    a, b: the lower one first.
    """
    ends = {"a_code": a[0], "a_id": a[1], "b_code": b[0], "b_id": b[1]}
    found = connection.execute(_PAIR, ends).mappings().first()
    return dict(found) if found else None
