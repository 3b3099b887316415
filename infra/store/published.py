"""Published: events as feeds and exports read them, with what their readers have to know beside: how often each changed, what is gone.

A reader of a feed keeps what he has until he is told otherwise. What is missing here is therefore never taken back; `tombstones` is
how he is told, and a run that forgot to write one would leave an event in his calendar for good.
"""

from collections.abc import Collection
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Connection, false, func, or_, select, text
from sqlalchemy.sql.visitors import replacement_traverse

from infra.store.events import Row, Wanted, conditions, spelt
from infra.store.tables import canonical_events, changes, links, tombstones


@dataclass(frozen=True, slots=True)
class Times:
    """When an event came or last changed: from the first moment of a pair on, and before the second; null: whenever."""

    created_since: datetime | None = None
    created_before: datetime | None = None
    updated_since: datetime | None = None
    updated_before: datetime | None = None


ANY_TIME: Final = Times()


def _timely(times: Times) -> list[ColumnElement[bool]]:
    conditions_on: list[ColumnElement[bool]] = []
    for field in fields(times):
        moment = getattr(times, field.name)
        column = canonical_events.c["created_at" if field.name.startswith("created") else "updated_at"]
        if moment is not None:
            conditions_on.append(column >= moment if field.name.endswith("since") else column < moment)
    return conditions_on


def events_by_id(
    connection: Connection, wanted: Wanted, times: Times, *, behind: str, limit: int
) -> list[Row]:
    """List events in the order of their ids: ``canonical_id``, ``content``, ``created_at``, ``updated_at``. behind: the last id that was read."""
    events = canonical_events.c
    query = (
        select(events.canonical_id, events.content, events.created_at, events.updated_at)
        .where(events.canonical_id > behind, *conditions(spelt(connection, wanted)), *_timely(times))
        .order_by(events.canonical_id)
    )
    return [dict(row) for row in connection.execute(query.limit(limit)).mappings()]


def count_up_to(connection: Connection, wanted: Wanted, times: Times, *, most: int) -> int:
    """Count events, and stop counting behind ``most``: ``most + 1`` says that there are more."""
    asked = conditions(spelt(connection, wanted))
    some = select(canonical_events.c.canonical_id).where(*asked, *_timely(times)).limit(most + 1)
    return connection.scalar(select(func.count()).select_from(some.subquery())) or 0


@dataclass(frozen=True, slots=True)
class Known:
    """When an event came, and how often it changed since: from 0, never falling."""

    created_at: datetime
    sequence: int


def known_of(connection: Connection, canonical_ids: Collection[str]) -> dict[str, Known]:
    """Look up when each of some events came and how often it changed."""
    events = canonical_events.c
    times = select(func.count()).where(changes.c.canonical_id == events.canonical_id).scalar_subquery()
    query = select(events.canonical_id, events.created_at, times.label("times"))
    found = connection.execute(query.where(events.canonical_id.in_(list(canonical_ids))))
    return {row.canonical_id: Known(row.created_at, max(row.times - 1, 0)) for row in found}


def relations_of(connection: Connection, canonical_ids: Collection[str]) -> list[dict[str, Any]]:
    """List the links from or to some events: ``kind``, ``from_id``, ``from_title``, ``to_id``, ``to_title``."""
    mine = list(canonical_ids)
    parts = links.alias("part")
    upper, lower = canonical_events.alias("upper"), canonical_events.alias("lower")
    query = (
        select(
            parts.c.kind,
            parts.c.from_id,
            parts.c.to_id,
            lower.c.title.label("from_title"),
            upper.c.title.label("to_title"),
        )
        .join(lower, lower.c.canonical_id == parts.c.from_id)
        .join(upper, upper.c.canonical_id == parts.c.to_id)
        .where(or_(parts.c.from_id.in_(mine), parts.c.to_id.in_(mine)), ~lower.c.hidden, ~upper.c.hidden)
        .order_by(parts.c.kind, parts.c.from_id, parts.c.to_id)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


KEPT_DAYS: Final = 90
"""For which it is known what an event was that is gone; longer than feeds show it."""

_WAS: Final = (
    *("canonical_id", "title", "city", "first_day", "last_day", "status", "confidence", "needs_review"),
    *("content", "created_at", "updated_at"),
)
_COLUMNS: Final = ", ".join(_WAS)
_AGAIN: Final = ", ".join(f"{name} = excluded.{name}" for name in (*_WAS[1:], "at"))


_BACK: Final = """
DELETE FROM tombstones t USING canonical_events e WHERE e.canonical_id = t.canonical_id AND NOT e.hidden
"""
"""Forget that events are gone that are back."""


def bury(connection: Connection, hidden_before: Collection[str]) -> None:
    """Note what the events are that no reader sees any more, and forget those of long ago.

    These are the ones about to be deleted, whose ids the table ``gone`` has (``from_id``), and those that are hidden and were not before.
    """
    buried = f"""
    INSERT INTO tombstones ({_COLUMNS}) SELECT {_COLUMNS} FROM canonical_events
    WHERE canonical_id IN (SELECT from_id FROM gone) OR hidden AND canonical_id <> ALL (:hidden_before)
    ON CONFLICT (canonical_id) DO UPDATE SET {_AGAIN}
    """  # noqa: S608 - our own names
    connection.execute(text(_BACK))
    connection.execute(text(buried), {"hidden_before": list(hidden_before)})
    connection.execute(text(f"DELETE FROM tombstones WHERE at < now() - interval '{KEPT_DAYS} days'"))  # noqa: S608


def tombstones_of(connection: Connection, wanted: Wanted, *, since: datetime, limit: int) -> list[Row]:
    """List events that no reader sees any more since a moment, newest first, and that were wanted as they were at their end.

    Each with ``canonical_id``, ``content``, ``created_at``, ``at`` and ``sequence``.
    """
    gone = tombstones.c
    times = select(func.greatest(func.count(changes.c.change_id) - 1, 0))
    # Its listings may have gone to others; which ones it had stands in its content.
    source = [{"source_code": wanted.source}]
    listed = [] if wanted.source is None else [gone.content["sources"].contains(source)]
    query = (
        select(
            *(gone[name] for name in ("canonical_id", "content", "created_at", "at")),
            times.where(changes.c.canonical_id == gone.canonical_id).scalar_subquery().label("sequence"),
        )
        .where(gone.at >= since, *listed, *_of_tombstones(replace(spelt(connection, wanted), source=None)))
        .order_by(gone.at.desc(), gone.canonical_id.desc())
    )
    return [dict(row) for row in connection.execute(query.limit(limit)).mappings()]


def _of_tombstones(wanted: Wanted) -> list[ColumnElement[bool]]:
    """Ask of tombstones what is asked of events; among them, none is hidden."""

    def there(element: Any, **_: Any) -> Any:
        if not isinstance(element, Column) or element.table is not canonical_events:
            return None
        return false() if element.name == "hidden" else tombstones.c[element.name]

    return [replacement_traverse(one, {}, there) for one in conditions(wanted)]
