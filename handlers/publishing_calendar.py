"""Calendars: a feed as iCalendar (RFC 5545), that calendar programs subscribe to.

An event keeps its UID as long as its canonical id lives, and its SEQUENCE rises with each change. One that is gone is cancelled under its
old UID; the event that took it in goes on under its own. Wrong here is what a program would show on a wrong day: unknown ends are
left open and unknown starts become whole days, never midnight.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event, Timezone

from handlers.publishing import (
    Address,
    Feed,
    Item,
    Span,
    described,
    fitting,
    newest,
    place_in_words,
    spans_of,
    standing,
    writable,
)

PRODUCT: Final = "-//event-dedup//feeds//EN"

REFRESH: Final = timedelta(hours=1)
"""How often a program is asked to look; a run takes in what came by then."""

A_DAY: Final = timedelta(days=1)
A_MINUTE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Written:
    """An event's components, written: one, and one more for each occurrence that differs. years: in which it takes place, if it has times of day."""

    text: bytes
    years: frozenset[int]


def calendar(feed: Feed, address: Address, zone: ZoneInfo, *, title: str) -> tuple[bytes, str | None]:
    """Write a feed as a calendar; gives it and the cursor of what had no room."""

    def written(item: Item) -> Written:
        return _written(item, address, zone)

    gone = standing(feed, written, lambda piece: piece.text)
    pieces, onward = fitting(feed, written, lambda piece: piece.text, gone=gone)
    pieces += gone
    years = frozenset[int]().union(*(piece.years for piece in pieces))
    head, tail = _frame(feed, zone, years, title).to_ical().split(b"END:VCALENDAR")
    return b"".join([head, *(piece.text for piece in pieces), b"END:VCALENDAR", tail]), onward


def _frame(feed: Feed, zone: ZoneInfo, years: frozenset[int], title: str) -> Calendar:
    frame = Calendar()
    frame.add("prodid", PRODUCT)
    frame.add("version", "2.0")
    for name in ("name", "x-wr-calname"):  # RFC 7986, and what programs read in its place
        frame.add(name, writable(title).replace("\n", " "))
    frame.add("x-wr-timezone", zone.key)
    frame.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    frame.add("x-published-ttl", "PT1H")
    if (changed := newest([*feed.items, *feed.tombstones])) is not None:
        frame.add("last-modified", changed.astimezone(UTC))
    if years:
        until = date(min(max(years) + 2, date.max.year), 1, 1)
        frame.add_component(Timezone.from_tzinfo(zone, first_date=date(min(years), 1, 1), last_date=until))
    return frame


def _written(item: Item, address: Address, zone: ZoneInfo) -> Written:
    spans = spans_of(item.content, zone)
    parts = list(_components(item, spans, address))
    return Written(
        b"".join(part.to_ical() for part in parts),
        frozenset(span.start.year for span in spans if span.timed),
    )


def _components(item: Item, spans: list[Span], address: Address) -> Iterator[Event]:
    """Write an event: its first occurrence, the others as further dates of it, and those that differ in more than the day as exceptions.

    Of what is gone the first stands for all: it has the name that they share, and takes it back. One with a time of day stands for all where there is one: a date with a time can carry one without, and not the other way round.
    """
    first = next((span for span in spans if span.timed), spans[0])
    others = {} if item.gone else _others(first, [span for span in spans if span is not first])
    main = _component(item, first, address)
    if others:
        kind = {} if first.timed else {"VALUE": "DATE"}
        main.add("rdate", list(others), parameters=kind)
    yield main
    for place, span in others.items():
        if place != span.start or _length(span) != _length(first) or span.hours != first.hours:
            differing = _component(item, span, address)
            differing.add("recurrence-id", place, parameters={} if first.timed else {"VALUE": "DATE"})
            yield differing


def _others(first: Span, others: list[Span]) -> dict[date, Span]:
    """Give each further occurrence a date of its own in the kind of the first: its start, or where that is of another kind or taken, one near it."""
    placed: dict[date, Span] = {}
    for span in others:
        place = span.start
        if isinstance(first.start, datetime) and not span.timed:
            place = datetime.combine(span.start, first.start.timetz())
        while place == first.start or place in placed:
            place += A_MINUTE if first.timed else A_DAY
        placed[place] = span
    return placed


def _length(span: Span) -> timedelta | None:
    if span.end is None:
        return None
    if isinstance(span.start, datetime) and isinstance(span.end, datetime):
        # As a recurrence repeats it: by the clock on the wall.
        return span.end.replace(tzinfo=None) - span.start.replace(tzinfo=None)
    return span.end - span.start


def _component(item: Item, span: Span, address: Address) -> Event:
    content, part = item.content, Event()
    part.add("uid", address.uid(item.canonical_id))
    part.add("sequence", item.sequence)
    part.add("dtstamp", item.updated_at.astimezone(UTC))
    part.add("last-modified", item.updated_at.astimezone(UTC))
    part.add("created", item.created_at.astimezone(UTC))
    part.add("summary", writable(content["title"]))
    part.add("status", _status(item))
    part.add("url", address.of(item.canonical_id))
    _add_time(part, span)
    for name, value in _details(content, span):
        part.add(name, value)
    return part


def _status(item: Item) -> str:
    return "CANCELLED" if item.gone or item.content["status"] == "cancelled" else "CONFIRMED"


def _add_time(part: Event, span: Span) -> None:
    part.add("dtstart", span.start)
    if not span.timed:
        last = span.end or span.start
        if last < date.max:  # behind which no calendar has a day
            part.add("dtend", last + A_DAY)  # the day on which it is over
    elif span.end is not None:
        part.add("dtend", span.end)


def _details(content: dict[str, Any], span: Span) -> Iterator[tuple[str, Any]]:
    """Give what is known beside, as names and values."""
    location = content["location"]
    if text := "\n\n".join(filter(None, (span.hours, described(content)))):
        yield "description", text
    if place := place_in_words(location):
        yield "location", place
    if content["categories"]:
        yield "categories", [writable(category) for category in content["categories"]]
    geo = location["geo"]
    if geo and geo["latitude"] is not None:
        yield "geo", (geo["latitude"], geo["longitude"])
