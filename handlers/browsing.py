"""Browsing: what the API answers, in our own types. It reads one moment of the store and writes nothing.

A cursor is the place where a page ended, encoded; who makes one up gets an error or another page, never what he may not see.
"""

import base64
import binascii
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final, get_args

import orjson
from sqlalchemy import Connection

from dedup_core.contradicting import Listing
from dedup_core.errors import EventDedupError
from handlers.filters import aware
from handlers.portions import portion, written
from infra.store import Store, changes, decided, events
from infra.store.engine import UNREAD
from infra.store.events import Order, Sorting, Wanted

MOST_DECISIONS: Final = 200
"""Pairs of one event that are shown; an event of 21 listings has 210."""


class UnreadableCursor(EventDedupError):  # noqa: N818
    """A cursor that none of our pages gave for this order. Begin with the first page."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some of what there is. next: the cursor of what follows, or null at the end; previous: that of what comes before, likewise."""

    items: list[Any]
    next: str | None
    previous: str | None = None


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
    unread: bool = False,
) -> Page:
    """List events in the output format. order: what to sort by, with a minus in front for descending.

    unread: each as the bytes of its JSON.

    Raises:
        UnreadableCursor: the cursor is not of this order.
    """
    chosen = order_of(order, cursor)
    with store.reading() as connection:
        found = events.find_events(connection, wanted, chosen, limit=limit + 1, unread=unread)
    return _paged(found, chosen, order, cursor=cursor, limit=limit, unread=unread)


def browse_in(
    connection: Connection, wanted: Wanted, order: str, *, cursor: str | None, limit: int, backwards: bool
) -> Page:
    """List the same by a look that is under way, each as the bytes of its JSON. backwards: what comes before the cursor of ``previous``.

    Raises:
        UnreadableCursor: the cursor is not of this order.
    """
    chosen = replace(order_of(order, cursor), backwards=backwards and cursor is not None)
    found = events.find_events(connection, wanted, chosen, limit=limit + 1, unread=True)
    return _paged(found, chosen, order, cursor=cursor, limit=limit, unread=True)


def _paged(
    found: list[dict[str, Any]], chosen: Order, order: str, *, cursor: str | None, limit: int, unread: bool
) -> Page:
    more = len(found) > limit
    if chosen.backwards:
        shown = found[-limit:]
        before, behind = more, True
    else:
        shown = found[:limit]
        before, behind = cursor is not None, more
    if unread:
        fits = portion(row[UNREAD] for row in shown)
        shown, behind = shown[:fits], behind or fits < len(shown)
    return Page(
        [_stamped(row) for row in shown],
        cursor_of(order, shown[-1]) if behind and shown else None,
        cursor_of(order, shown[0]) if before and shown else None,
    )


def _stamped(row: dict[str, Any]) -> dict[str, Any] | bytes:
    """Add to an event's content when it last changed."""
    stamp = {"updated_at": row["updated_at"]}
    return _behind(row[UNREAD], stamp) if UNREAD in row else {**row["content"], **stamp}


def _behind(content: bytes, facts: dict[str, Any]) -> bytes:
    """Write facts behind what stands in an event's JSON, unread."""
    return content[:-1] + b"," + orjson.dumps(facts)[1:]


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
    except (binascii.Error, ValueError, KeyError, TypeError, OverflowError) as error:
        raise UnreadableCursor("no page gave this cursor; begin with the first page") from error


def _typed(by: Sorting, place: Any) -> Any:
    """Read a place back from JSON. Raises ValueError, KeyError or TypeError."""
    if by in ("first_day", "last_day"):
        return date.fromisoformat(place)
    if by in ("created_at", "updated_at"):
        return aware(datetime.fromisoformat(place))
    if by in ("title", "city", "status"):
        if "\0" in place:
            raise ValueError("not a text that a database holds")
        return str(place)
    if by == "needs_review":
        return {True: True, False: False}[place]
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
        return {**living["content"], **_facts(living)}


def look_up_text(store: Store, canonical_id: str) -> orjson.Fragment | Gone | None:
    """Give the same as JSON, to be written and not looked into."""
    with store.reading() as connection:
        living = events.living_event(connection, canonical_id, unread=True)
        if living is None:
            return _fate(connection, canonical_id)
        return orjson.Fragment(_behind(living[UNREAD], _facts(living)))


def _facts(living: dict[str, Any]) -> dict[str, Any]:
    return {name: living[name] for name in ("updated_at", "created_at", "version")}


def _fate(connection: Connection, canonical_id: str) -> Gone | None:
    fate = changes.fate_of(connection, canonical_id)
    return None if fate is None else Gone(*fate)


@dataclass(frozen=True, slots=True)
class Whole:
    """All that is known of an event, of one look: itself, its listings, why they are together, and what became of it.

    connection: the look itself, for what else belongs to it.
    """

    event: dict[str, Any]
    listings: list[dict[str, Any]]
    evidence: list[dict[str, Any]]
    history: dict[str, Any]
    connection: Connection


@contextmanager
def whole_event(store: Store, canonical_id: str) -> Iterator[Whole | Gone | None]:
    """Show an event with all that the page says of it; or how it went, null if the id never was."""
    with store.moment() as connection:
        living = events.living_event(connection, canonical_id)
        if living is None:
            yield _fate(connection, canonical_id)
            return
        yield Whole(
            {**living["content"], **_facts(living)},
            events.listings_of(connection, canonical_id),
            _evidence(connection, canonical_id),
            _history(connection, canonical_id),
            connection,
        )


def sources_of(store: Store, canonical_id: str) -> list[dict[str, Any]]:
    """List an event's source events, each as it came; empty if there is no such event."""
    with store.reading() as connection:
        return events.listings_of(connection, canonical_id)


def page_of_sources(store: Store, canonical_id: str, cursor: str | None) -> Page | None:
    """List as many of them as an answer holds, each as JSON that is not looked into; null if there is no such event.

    Raises:
        UnreadableCursor: no page gave it.
    """
    behind = None if cursor is None else _texts_in(cursor, 2)
    with store.reading() as connection:
        found = events.listings_of(connection, canonical_id, unread=True)
    if not found:
        return None
    left = [row for row in found if behind is None or (row["source_code"], row["id"]) > behind]
    shown = left[: portion(row[UNREAD] for row in left)]
    onward = _cursor_at(shown[-1]["source_code"], shown[-1]["id"]) if len(shown) < len(left) else None
    return Page([_as_it_came(row) for row in shown], onward)


def _as_it_came(row: dict[str, Any]) -> dict[str, Any]:
    told = {name: row[name] for name in ("source_code", "id", "title")}
    return {**told, "raw": orjson.Fragment(row[UNREAD]), "file_id": row["file_id"]}


def _cursor_at(*texts: str) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(texts)).decode()


def _texts_in(cursor: str, number: int) -> tuple[str, ...]:
    try:
        texts = orjson.loads(base64.urlsafe_b64decode(cursor))
    except (binascii.Error, ValueError) as error:
        raise UnreadableCursor("no page gave this cursor; begin with the first page") from error
    known = isinstance(texts, list) and len(texts) == number and all(isinstance(each, str) for each in texts)
    if not known or "\0" in "".join(texts):
        raise UnreadableCursor("no page gave this cursor; begin with the first page")
    return tuple(texts)


def evidence_of(store: Store, canonical_id: str) -> list[dict[str, Any]]:
    """Say why an event's listings are together, a pair at a time, in words and bits that add up; heaviest first."""
    with store.reading() as connection:
        return _evidence(connection, canonical_id)


def _evidence(connection: Connection, canonical_id: str) -> list[dict[str, Any]]:
    return [_in_words(row) for row in decided.decisions_of(connection, canonical_id, limit=MOST_DECISIONS)]


def browse_decisions(
    store: Store, *, decision: str | None, listing: Listing | None, cursor: str | None, limit: int
) -> Page:
    """List decided pairs by their listings' names: those that reached the floor of scores. listing: only those of this one.

    Raises:
        UnreadableCursor: no page gave it.
    """
    behind = None if cursor is None else _texts_in(cursor, 4)
    with store.reading() as connection:
        found = decided.find_decisions(
            connection, decision=decision, listing=listing, behind=behind, limit=limit + 1
        )
    items = [{**_in_words(row), "events": [row["a_event"], row["b_event"]]} for row in found[:limit]]
    shown = items[: portion(map(written, items))]
    onward = None
    if len(shown) < len(found):
        onward = _cursor_at(*(shown[-1][side][name] for side in "ab" for name in ("source_code", "id")))
    return Page(shown, onward)


def _in_words(row: dict[str, Any]) -> dict[str, Any]:
    # It brings all comparisons and SciPy along: 0.12 s of a cold start, for one of the API's questions.
    from dedup_core.explaining import explained  # noqa: PLC0415

    pair = {side: {"source_code": row[f"{side}_source_code"], "id": row[f"{side}_id"]} for side in ("a", "b")}
    a, b = ((each["source_code"], each["id"]) for each in pair.values())
    return {**pair, "explanation": explained(row, (a, b))}


def history_of(store: Store, canonical_id: str) -> dict[str, Any]:
    """Tell what became of an id, newest first, and which listings flowed from or to it."""
    with store.reading() as connection:
        return _history(connection, canonical_id)


def _history(connection: Connection, canonical_id: str) -> dict[str, Any]:
    return {
        "changes": changes.history_of(connection, canonical_id),
        "lineage": decided.lineage_of(connection, canonical_id),
    }


def follow(store: Store, *, after: int, limit: int) -> dict[str, Any]:
    """List changes behind a number. ``last`` is what to ask with next; ``more`` tells whether something waits there."""
    with store.reading() as connection:
        found = changes.list_changes(connection, after=after, limit=limit + 1)
    shown = found[: portion(written for _, written in found[:limit])]
    return {
        "changes": [orjson.Fragment(written) for _, written in shown],
        "last": shown[-1][0] if shown else after,
        "more": len(found) > len(shown),
    }
