"""Browsing: what the API answers, in our own types. It reads one moment of the store and writes nothing.

A cursor is the place where a page ended, encoded; who makes one up gets an error or another page, never what he may not see.
"""

import base64
import binascii
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, get_args

import orjson
from sqlalchemy import Connection

from dedup_core.errors import EventDedupError
from handlers.filters import aware
from infra.store import Store, changes, events
from infra.store.deciding import current_version
from infra.store.events import Order, Sorting, Wanted

MOST_DECISIONS: Final = 200
"""Pairs of one event that are shown; an event of 21 listings has 210."""


class UnreadableCursor(EventDedupError):  # noqa: N818
    """A cursor that none of our pages gave for this order. Begin with the first page."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some of what there is. next: the cursor of what follows, or null at the end."""

    items: list[Any]
    next: str | None


@dataclass(frozen=True, slots=True)
class Gone:
    """An id that is gone. kind: ``merged``, ``split`` or ``withdrawn``; successors: the living ids that have its listings."""

    kind: str
    successors: list[str]


def browse_events(
    store: Store,
    wanted: Wanted,
    order: str,
    *,
    cursor: str | None,
    limit: int,
    as_text: bool = False,
) -> Page:
    """List events in the output format. order: what to sort by, with a minus in front for descending.

    as_text: to be written as JSON, and not to be looked into.

    Raises:
        UnreadableCursor: the cursor is not of this order.
    """
    chosen = order_of(order, cursor)
    with store.reading() as connection:
        found = events.find_events(connection, wanted, chosen, limit=limit + 1, as_text=as_text)
    shown = found[:limit]
    onward = cursor_of(order, shown[-1]) if len(found) > limit else None
    return Page([_stamped(row) for row in shown], onward)


def _stamped(row: dict[str, Any]) -> dict[str, Any] | orjson.Fragment:
    """Add to an event's content when it last changed."""
    stamp = {"updated_at": row["updated_at"]}
    content: dict[str, Any] | str = row["content"]
    return _behind(content, stamp) if isinstance(content, str) else {**content, **stamp}


def _behind(content: str, facts: dict[str, Any]) -> orjson.Fragment:
    """Write facts behind what stands in an event's JSON, unread."""
    return orjson.Fragment(content[:-1].encode() + b"," + orjson.dumps(facts)[1:])


def cursor_of(order: str, last: dict[str, Any]) -> str:
    """Say where a page ended. last: its last row, as from `infra.store.events.find_events`."""
    return base64.urlsafe_b64encode(orjson.dumps([order, last["place"], last["canonical_id"]])).decode()


def order_of(order: str, cursor: str | None) -> Order:
    """Read what to sort by, and where the page before ended; raises UnreadableCursor."""
    by: Sorting = next(name for name in get_args(Sorting) if name == order.removeprefix("-"))
    return Order(by, order.startswith("-"), None if cursor is None else _place(by, order, cursor))


def _place(by: Sorting, order: str, cursor: str) -> tuple[Any, str]:
    try:
        for_order, place, canonical_id = orjson.loads(base64.urlsafe_b64decode(cursor))
        if for_order != order or not isinstance(canonical_id, str) or "\0" in canonical_id:
            raise UnreadableCursor("the cursor belongs to another order; begin with the first page")
        return _typed(by, place), canonical_id
    except (binascii.Error, ValueError, TypeError, OverflowError) as error:
        raise UnreadableCursor("no page gave this cursor; begin with the first page") from error


def _typed(by: Sorting, place: Any) -> Any:
    """Read a place back from JSON. Raises ValueError or TypeError."""
    if by in ("first_day", "last_day"):
        return date.fromisoformat(place)
    if by == "updated_at":
        return aware(datetime.fromisoformat(place))
    if by in ("title", "city"):
        if "\0" in place:
            raise ValueError("not a text that a database holds")
        return str(place)
    number = float(place) if by == "confidence" else int(place)
    if abs(number) >= 2**31:
        raise ValueError("more than there can be")
    return number


def look_up(store: Store, canonical_id: str) -> dict[str, Any] | Gone | None:
    """Show an event in the output format, or how it went; null if the id never was."""
    with store.reading() as connection:
        living = events.living_event(connection, canonical_id)
        if living is None:
            return _fate(connection, canonical_id)
        return {**living["content"], **_facts(connection, living)}


def look_up_text(store: Store, canonical_id: str) -> orjson.Fragment | Gone | None:
    """Give the same as JSON, to be written and not looked into."""
    with store.reading() as connection:
        living = events.living_event(connection, canonical_id, as_text=True)
        if living is None:
            return _fate(connection, canonical_id)
        return _behind(living["content"], _facts(connection, living))


def _facts(connection: Connection, living: dict[str, Any]) -> dict[str, Any]:
    version = current_version(connection, living["canonical_id"])
    return {"updated_at": living["updated_at"], "created_at": living["created_at"], "version": version}


def _fate(connection: Connection, canonical_id: str) -> Gone | None:
    fate = changes.fate_of(connection, canonical_id)
    return None if fate is None else Gone(*fate)


def sources_of(store: Store, canonical_id: str) -> list[dict[str, Any]]:
    """List an event's source events, each as it came; empty if there is no such event."""
    with store.reading() as connection:
        return events.listings_of(connection, canonical_id)


def evidence_of(store: Store, canonical_id: str) -> list[dict[str, Any]]:
    """Say why an event's listings are together, a pair at a time, in words and bits that add up; heaviest first."""
    with store.reading() as connection:
        return [_in_words(row) for row in events.decisions_of(connection, canonical_id, limit=MOST_DECISIONS)]


def _in_words(row: dict[str, Any]) -> dict[str, Any]:
    # It brings all comparisons and SciPy along: 0.12 s of a cold start, for one of the API's questions.
    from dedup_core.explaining import explained  # noqa: PLC0415

    pair = {side: {"source_code": row[f"{side}_source_code"], "id": row[f"{side}_id"]} for side in ("a", "b")}
    return {**pair, "explanation": explained(row)}


def history_of(store: Store, canonical_id: str) -> dict[str, Any]:
    """Tell what became of an id, newest first, and which listings flowed from or to it."""
    with store.reading() as connection:
        return {
            "changes": changes.history_of(connection, canonical_id),
            "lineage": events.lineage_of(connection, canonical_id),
        }


def follow(store: Store, *, after: int, limit: int) -> dict[str, Any]:
    """List changes behind a number. ``last`` is what to ask with next; ``more`` tells whether something waits there."""
    with store.reading() as connection:
        found = changes.list_changes(connection, after=after, limit=limit + 1)
    shown = [
        {
            **{name: value for name, value in row.items() if name not in ("content", "updated_at")},
            "event": row["content"] and orjson.Fragment(row["content"]),
        }
        for row in found[:limit]
    ]
    return {"changes": shown, "last": shown[-1]["change_id"] if shown else after, "more": len(found) > limit}
