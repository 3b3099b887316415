"""Questioning: the review queue, a page at a time, and what was said so far. Nothing here writes: `handlers.deciding` does.

To skip a question needs no storage: the next page goes on behind it, and another day it stands where it stood.
"""

import base64
import binascii
from bisect import bisect_right
from collections.abc import Collection
from dataclasses import astuple, dataclass
from datetime import date
from typing import Any, Final

import orjson

from dedup_core.contradicting import Listing
from handlers.browsing import Page, UnreadableCursor
from handlers.portions import portion, written
from infra.store import Store, verdicts
from infra.store.deciding import DecisionWork
from infra.store.questions import (
    LONG_AGO,
    Flagged,
    Moment,
    Place,
    Waiting,
    asked,
    evidence_in,
    shown_flagged,
    waiting,
)
from infra.store.verdicts import Which, find_verdicts
from infra.store.versions import versions_of

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Questions:
    """A page of the queue. next: the cursor of what follows, or null at the end; open: how many there are in all.

    written: the items as JSON.

    previous: the cursor that gave the page before; null where that is the first one, or none. first: how many stand before this page.
    flagged: how many events wait besides, see `flagged_next`.
    """

    items: list[Row]
    next: str | None
    open: int
    previous: str | None = None
    first: int = 0
    flagged: int = 0
    written: tuple[bytes, ...] = ()


def ask_next(store: Store, *, today: date, cursor: str | None, limit: int) -> Questions:
    """List open questions, those of most use first: two listings side by side, their events, and what speaks for and against.

    Raises:
        UnreadableCursor: no page of questions gave the cursor.
    """
    behind = None if cursor is None else _place(cursor)
    with store.looking() as work:
        now = _waiting(work, today)
        places = now.pairs
        first = 0 if behind is None else bisect_right(places, behind)
        told = _told_questions(work, now.moment, places[first : first + limit])
    told = told[: portion(one.written for one in told)]
    after = first + len(told)
    onward = _cursor(places[after - 1]) if after < len(places) else None
    before = _cursor(places[first - limit - 1]) if first > limit else None
    items, texts = [one.question for one in told], tuple(one.written for one in told)
    return Questions(items, onward, len(places), before, first, len(now.flagged), texts)


@dataclass(frozen=True, slots=True)
class Turn:
    """Which pair is asked next, and no more of it. pair: null at the end; next, open, flagged: as of `Questions`."""

    pair: tuple[Listing, Listing] | None
    next: str | None
    open: int
    flagged: int


def turn(store: Store, *, today: date, cursor: str | None) -> Turn:
    """Tell which pair is asked next.

    Raises:
        UnreadableCursor: no page of questions gave the cursor.
    """
    behind = None if cursor is None else _place(cursor)
    with store.looking() as work:
        now = _waiting(work, today)
    first = 0 if behind is None else bisect_right(now.pairs, behind)
    place = now.pairs[first] if first < len(now.pairs) else None
    onward = _cursor(place) if place is not None and first + 1 < len(now.pairs) else None
    pair = None if place is None else (place.a, place.b)
    return Turn(pair, onward, len(now.pairs), len(now.flagged))


def flagged_next(store: Store, *, today: date, cursor: str | None, limit: int) -> Questions:
    """List events that were flagged though no pair of them is open, the soonest first: why, and the version that was seen.

    Raises:
        UnreadableCursor: no page of them gave the cursor.
    """
    behind = None if cursor is None else _flagged_place(cursor)
    with store.looking() as work:
        places = _waiting(work, today).flagged
        first = 0 if behind is None else bisect_right(places, behind)
        shown = places[first : first + limit]
        versions = versions_of(work.moment, {place.canonical_id for place in shown})
        rows = shown_flagged(work.moment, shown)
    items = [{**row, "version": versions.get(row["id"])} for row in rows]
    onward = _cursor(shown[-1]) if first + limit < len(places) else None
    before = _cursor(places[first - limit - 1]) if first > limit else None
    return Questions(items, onward, len(places), before, first)


_KEPT: Final[dict[str, Waiting]] = {}
"""What waits, by database: of it only what came since is read anew."""


def _waiting(work: DecisionWork, today: date) -> Waiting:
    database = str(work.moment.engine.url)
    found = _KEPT[database] = waiting(work.moment, today=today, known=_KEPT.get(database))
    return found


@dataclass(frozen=True, slots=True)
class Told:
    """A question as it is shown, and the same as JSON."""

    question: Row
    written: bytes


MOST_TOLD: Final = 4_000_000
"""Bytes of the questions that are kept, as JSON; then they begin anew. A thousand of some 4 kB; one with the longest texts has half a million bytes."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What was told: of one moment, as anything that happens may change a question. size: bytes of their JSON."""

    moment: Moment
    known: dict[Place, Told]
    size: int = 0

    def with_more(self, anew: dict[Place, Told]) -> "Kept":
        """Keep more, in a dictionary of its own, as others may be reading this one; where it would be too much, nothing but that, or nothing."""
        size = sum(len(one.written) for one in anew.values())
        if self.size + size <= MOST_TOLD:
            return Kept(self.moment, self.known | anew, self.size + size)
        return Kept(self.moment, anew, size) if size <= MOST_TOLD else Kept(self.moment, {})


_TOLD: Final[dict[str, Kept]] = {}
"""What was told, by database."""


def _told_questions(work: DecisionWork, now: Moment, places: list[Place]) -> list[Told]:
    database = str(work.moment.engine.url)
    kept = _TOLD.get(database, Kept(now, {}))
    if kept.moment != now:
        kept = Kept(now, {})
    missing = [place for place in places if place not in kept.known]
    anew = _told_anew(work, missing) if missing else {}
    if missing:
        _TOLD[database] = kept.with_more(anew)
    return [kept.known.get(place) or anew[place] for place in places]


def _told_anew(work: DecisionWork, places: list[Place]) -> dict[Place, Told]:
    from dedup_core.explaining import explained  # noqa: PLC0415 - brings SciPy along

    rows = asked(work.moment, places)
    versions = versions_of(work.moment, {row[f"{side}_event"] for row in rows for side in "ab"})
    questions = [
        {
            "a": row["a"],
            "b": row["b"],
            "events": [
                {"id": row[f"{side}_event"], "version": versions.get(row[f"{side}_event"])} for side in "ab"
            ],
            "days_until": place.wait if place.wait < LONG_AGO else LONG_AGO - place.wait,
            "score": row["score"],
            "explanation": explained(evidence_in(row), (place.a, place.b)),
        }
        for place, row in zip(places, rows, strict=True)
    ]
    return {
        place: Told(question, written(question)) for place, question in zip(places, questions, strict=True)
    }


def _cursor(place: Place | Flagged) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(astuple(place))).decode()


def _place(cursor: str) -> Place:
    try:
        wait, doubt, sources, a, b = orjson.loads(base64.urlsafe_b64decode(cursor))
        (a0, a1), (b0, b1) = a, b
        place = Place(int(wait), float(doubt), int(sources), (str(a0), str(a1)), (str(b0), str(b1)))
    except (binascii.Error, ValueError, TypeError, OverflowError) as error:
        raise UnreadableCursor("no page gave this cursor; begin with the first page") from error
    if max(abs(place.wait), abs(place.sources)) >= 2**31 or "\0" in "".join((*place.a, *place.b)):
        raise UnreadableCursor("no page gave this cursor; begin with the first page")
    return place


def _flagged_place(cursor: str) -> Flagged:
    try:
        wait, canonical_id = orjson.loads(base64.urlsafe_b64decode(cursor))
        return Flagged(int(wait), str(canonical_id))
    except (binascii.Error, ValueError, TypeError, OverflowError) as error:
        raise UnreadableCursor("no page gave this cursor; begin with the first page") from error


def list_verdicts(
    store: Store,
    which: Which,
    *,
    taken_back: bool = False,
    before: int | None = None,
    after: int | None = None,
    limit: int,
) -> Page:
    """List verdicts, newest first. before: the number behind which to go on; the next page's stands in ``next``.

    after: the number before which a page is to end; the page before this one has it in ``previous``.
    """
    with store.reading() as connection:
        asked: Row = {"taken_back": taken_back, "before": before, "after": after}
        found = find_verdicts(connection, which, **asked, limit=limit + 1)
    if after is not None:
        shown = [_told(row) for row in found[-limit:]]
        numbers = [str(each["sequence"]) for each in shown]
        newer = numbers[0] if len(found) > limit else None
        return Page(shown, numbers[-1] if numbers else None, newer)
    items = [_told(row) for row in found[:limit]]
    shown = items[: portion(map(written, items))]
    newer = str(shown[0]["sequence"]) if before is not None and shown else None
    return Page(shown, str(shown[-1]["sequence"]) if len(found) > len(shown) else None, newer)


def sizes_of_acts(store: Store, shown: Collection[Row]) -> dict[int, int]:
    """Count, of the acts of some verdicts, the verdicts in force."""
    with store.reading() as connection:
        return verdicts.sizes_of_acts(connection, {row["given_with"] for row in shown if row["given_with"]})


def in_force(store: Store, which: Which) -> tuple[int, ...]:
    """Name the verdicts in force that are meant, newest first."""
    with store.reading() as connection:
        return tuple(row["sequence"] for row in find_verdicts(connection, which, limit=None))


def _told(row: Row) -> Row:
    sides: Row = {
        side: None
        if row[f"{side}_id"] is None
        else {"source_code": row[f"{side}_source_code"], "id": row[f"{side}_id"]}
        for side in "ab"
    }
    pin = {} if row["field"] is None else {"field": row["field"], "value": orjson.loads(row["value"])}
    kept = ("act", "given_with", "author", "reason", "given_at", "taken_back_at", "taken_back_by")
    return {
        "sequence": row["sequence"],
        "kind": row["kind"],
        **sides,
        **pin,
        **{name: row[name] for name in kept},
    }
