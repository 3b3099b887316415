"""Publishing: the events of a filter as a feed: what stands now, and for a while what is gone, so that who subscribed loses it.

A feed is written by one of `handlers.publishing_calendar` (iCalendar), `handlers.publishing_linked` (schema.org) and
`handlers.publishing_news` (RSS); what they have in common stands here. They see one moment of the store, in which each event's
content and its sequence belong together: a calendar program that met a new content under an old sequence would keep the old one.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

from handlers.browsing import cursor_of, order_of
from handlers.portions import MOST_BYTES, portion, weight_of
from infra.store import Store, events, published
from infra.store.events import Wanted

TOMBSTONES_STAND: Final = timedelta(days=30)
"""How long a feed says that an event is gone; calendar programs that ask less often than that keep it."""

LOOKS_BACK: Final = timedelta(days=30)
"""How far a calendar begins in the past where nobody says from when: what is over long since is of no use in one."""

MOST_TEXT: Final = 2000
"""Characters of a description in a feed; the event itself has the rest."""

_UNWRITABLE: Final = re.compile(r"[^\t\n\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 can't hold, and iCalendar forbids; texts of sources may have it."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where this API is reached from outside (``https://host``, without a slash at its end), and the domain that its ids belong to."""

    base: str
    domain: str

    def of(self, canonical_id: str) -> str:
        """Give an event's address."""
        return f"{self.base}/events/{canonical_id}"

    def uid(self, canonical_id: str) -> str:
        """Give an event's id that is its own in the whole world. It may never change, so it does not hang on the address."""
        return f"{canonical_id}@{self.domain}"


@dataclass(frozen=True, slots=True)
class Item:
    """An event of a feed. content: in the output format; sequence: how often it changed; cursor: what begins behind it.

    gone: it is a tombstone: content is what it was at its end, and updated_at is when that came.
    """

    canonical_id: str
    content: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    sequence: int
    cursor: str | None = None
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Feed:
    """A page of a feed. next: the cursor of what follows, null at the end. relations: as from `infra.store.published.relations_of`."""

    items: list[Item]
    tombstones: list[Item]
    relations: list[dict[str, Any]]
    next: str | None


def feed_of(
    store: Store,
    wanted: Wanted,
    order: str = "first_day",
    *,
    now: datetime,
    limit: int,
    cursor: str | None = None,
) -> Feed:
    """Read a page of a feed, the first one with the tombstones.

    Raises:
        UnreadableCursor: the cursor is not of this order.
    """
    chosen = order_of(order, cursor)
    with store.moment() as moment:
        rows = events.find_events(moment, wanted, chosen, limit=limit + 1)
        known = published.known_of(moment, [row["canonical_id"] for row in rows])
        relations = published.relations_of(moment, known)
        since = now - TOMBSTONES_STAND
        gone = [] if cursor else published.tombstones_of(moment, wanted, since=since, limit=limit)
    items = [_item(row, known[row["canonical_id"]], cursor_of(order, row)) for row in rows[:limit]]
    return Feed(
        items,
        [_tombstone(row) for row in gone],
        relations,
        items[-1].cursor if len(rows) > limit else None,
    )


def _item(row: dict[str, Any], known: published.Known, cursor: str) -> Item:
    return Item(
        row["canonical_id"], row["content"], known.created_at, row["updated_at"], known.sequence, cursor
    )


def _tombstone(row: dict[str, Any]) -> Item:
    """Make a tombstone: what names the event that is gone, and its dates; what was told of it takes the room of those that are to come."""
    content = row["content"] | dict.fromkeys(TOLD)
    return Item(row["canonical_id"], content, row["created_at"], row["at"], row["sequence"], gone=True)


TOLD: Final = ("description", "short_description", "registration_contact", "categories")
"""What a tombstone leaves out."""


def upcoming(wanted: Wanted, today: date) -> Wanted:
    """Let a feed begin some days ago, where the filter does not say from when."""
    if (wanted.since, wanted.until, wanted.updated_since) != (None, None, None):
        return wanted
    return replace(wanted, since=today - LOOKS_BACK)


Piece = TypeVar("Piece")


def fitting(
    feed: Feed,
    written: Callable[[Item], Piece],
    text_of: Callable[[Piece], str | bytes],
    *,
    gone: Iterable[Piece] = (),
) -> tuple[list[Piece], str | None]:
    """Write a page's events until it is full; gives them and the cursor of what follows. At least one is written, whatever its size.

    gone: what the page says of its tombstones, which have their room first, as no other page has them.
    """
    pieces: list[Piece] = []
    room = MOST_BYTES - sum(weight_of(text_of(piece)) for piece in gone)
    for number, item in enumerate(feed.items):
        piece = written(item)
        room -= weight_of(text_of(piece))
        if room < 0 and pieces:
            return pieces, feed.items[number - 1].cursor
        pieces.append(piece)
    return pieces, feed.next


def standing(
    feed: Feed, written: Callable[[Item], Piece], text_of: Callable[[Piece], str | bytes]
) -> list[Piece]:
    """Write a page's tombstones, the newest first, as many as half a page holds.

    Without the oldest, a program that subscribes finds their events gone all the same: no page holds them.
    """
    pieces = [written(item) for item in feed.tombstones]
    return pieces[: portion((text_of(piece) for piece in pieces), most=MOST_BYTES // 2)]


def writable(text: str) -> str:
    """Drop the characters that neither XML nor iCalendar can hold; ends of lines become one character."""
    return _UNWRITABLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def shortened(text: str) -> str:
    """Cut a long text, and say so."""
    return text if len(text) <= MOST_TEXT else f"{text[: MOST_TEXT - 1].rstrip()}…"


def described(content: dict[str, Any]) -> str:
    """Give the text of an event, the long one if there is one; may be empty."""
    return shortened(writable(content["description"] or content["short_description"] or ""))


def place_in_words(location: dict[str, Any]) -> str:
    """Write a place on one line: ``Stadthalle, Marktplatz 1, 79183 Waldkirch``; may be empty."""
    street = _spaced(location["street"], location["street_no"])
    town = _spaced(location["zipcode"], location["city"])
    return writable(", ".join(part for part in (location["name"], street, town) if part))


def _spaced(*parts: str | None) -> str:
    return " ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class Span:
    """When an occurrence is. start, end: both days, or both moments with a zone. end: of days the last one; of a moment null if it is not known.

    hours: the times of day of a span of days, ``10:00–17:00``; null if none are known.
    """

    start: date
    end: date | None
    hours: str | None = None

    @property
    def timed(self) -> bool:
        """Whether it has moments, not days."""
        return isinstance(self.start, datetime)


def span_of(occurrence: dict[str, str | None], zone: ZoneInfo) -> Span:
    """Read an entry of event_dates.

    Without a start it is a day, or days. Times of an occurrence of several days are those of each day, as of an exhibition, so it stays
    days; but for a night, that begins on one day and ends on the next before it began. Hours from 24 on are of the next morning.
    """
    first = date.fromisoformat(str(occurrence["date"]))
    last = date.fromisoformat(occurrence["end_date"]) if occurrence["end_date"] else first
    start, end = _minutes(occurrence["start_time"]), _minutes(occurrence["end_time"])
    night = start is not None and end is not None and last - first == timedelta(days=1) and end < start
    if start is None or (last > first and not night):
        return Span(first, last, _hours(occurrence))
    if end is not None and end <= start:
        end += 24 * 60
    return Span(_moment(first, start, zone), None if end is None else _moment(first, end, zone))


def _minutes(clock: str | None) -> int | None:
    return None if clock is None else int(clock[:2]) * 60 + int(clock[3:])


def _hours(occurrence: dict[str, str | None]) -> str | None:
    times = (occurrence["start_time"], occurrence["end_time"])
    if times == (None, None):
        return None
    return "–".join(time or "" for time in times).removesuffix("–")


def _moment(day: date, minutes: int, zone: ZoneInfo) -> datetime:
    """Give the moment of a clock on the wall: the zone is put on last, so that a night in which clocks change has its hours."""
    midnight = datetime(day.year, day.month, day.day)
    return (midnight + timedelta(minutes=minutes)).replace(tzinfo=zone)


def spans_of(content: dict[str, Any], zone: ZoneInfo) -> list[Span]:
    """Read all occurrences of an event, at least one, as they stand: by day and start."""
    return [span_of(occurrence, zone) for occurrence in content["event_dates"]]


def newest(items: Iterable[Item]) -> datetime | None:
    """Tell when something of a feed changed last; null if it is empty."""
    return max((item.updated_at for item in items), default=None)
