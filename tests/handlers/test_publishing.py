"""Feeds: what other programs make of them, and what becomes of a subscriber's copy when events merge, split and change."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import feedparser
import ics
import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from icalendar import Calendar
from sqlalchemy import text

from dedup_core.events import EVENT_SCHEMA, VERDICT_SCHEMA, Previous
from dedup_core.normalising import normalise
from dedup_core.pipeline import resolve
from dedup_core.policy import default_policy
from dedup_core.rendering import contents
from handlers import api
from handlers.portions import MOST_BYTES, weight_of
from handlers.publishing import Address, Feed, Item, Span, feed_of, span_of, upcoming
from handlers.publishing_calendar import calendar
from handlers.publishing_linked import linked
from handlers.publishing_news import news
from infra.store import Store
from infra.store.events import Wanted
from infra.store.verdicts import NewVerdict, append, raise_generation
from tests.conftest import created
from tests.store.uploads import run, save
from tests.unit.listings import listing, occurrence
from tests.unit.test_validating import listings, simple, taken_in

BERLIN = ZoneInfo("Europe/Berlin")
ADDRESS = Address("https://events.example", "events.example")
THEN = datetime(2026, 2, 1, 12, tzinfo=UTC)
POLICY = default_policy()
NO_SHRINKING = [Phase.explicit, Phase.reuse, Phase.generate]
"""A step is a run: to make an example shorter would take minutes."""


def at(day: str, clock: str) -> datetime:
    return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("given", "span"),
    [
        (occurrence("2026-03-06"), Span(date(2026, 3, 6), date(2026, 3, 6))),
        (occurrence("2026-03-06", None, "18:00"), Span(date(2026, 3, 6), date(2026, 3, 6), "–18:00")),
        (occurrence("2026-03-06", "20:00"), Span(at("2026-03-06", "20:00"), None)),
        (occurrence("2026-03-06", "20:00", "22:30"), Span(at("2026-03-06", "20:00"), at("2026-03-06", "22:30"))),
        (occurrence("2026-03-06", "22:00", "02:00"), Span(at("2026-03-06", "22:00"), at("2026-03-07", "02:00"))),
        (occurrence("2026-03-06", "22:00", "26:00"), Span(at("2026-03-06", "22:00"), at("2026-03-07", "02:00"))),
        (occurrence("2026-03-06", "24:30"), Span(at("2026-03-07", "00:30"), None)),
        (occurrence("2026-03-06", "22:00", "04:00", "2026-03-07"), Span(at("2026-03-06", "22:00"), at("2026-03-07", "04:00"))),
        (occurrence("2026-03-06", "10:00", "17:00", "2026-03-07"), Span(date(2026, 3, 6), date(2026, 3, 7), "10:00–17:00")),
        (occurrence("2026-03-06", "10:00", None, "2026-04-30"), Span(date(2026, 3, 6), date(2026, 4, 30), "10:00")),
        # Clocks go forward in this night: it is an hour shorter, and ends by the clock on the wall.
        (occurrence("2026-03-28", "23:00", "05:00"), Span(at("2026-03-28", "23:00"), at("2026-03-29", "05:00"))),
    ],
)  # fmt: skip
def test_an_occurrence_has_moments_or_days_and_an_unknown_end_stays_open(
    given: dict[str, Any], span: Span
) -> None:
    entry = {name: value and str(value) for name, value in given.items()}

    assert span_of(entry, BERLIN) == span


def items_of(*given: dict[str, Any]) -> list[Item]:
    """Resolve raw listings, and give their canonical events as items of a feed."""
    events = normalise(taken_in(*given).listings).select(*EVENT_SCHEMA)
    resolution = resolve(events, pl.DataFrame(schema=VERDICT_SCHEMA), Previous.nothing(), POLICY)
    written = contents(resolution.canonical_events, resolution.events)
    return [Item(one["id"], one, THEN, THEN, 3, "behind") for one in map(json.loads, written)]


def parts_of(calendar_text: bytes) -> list[Any]:
    """Give the events of a calendar; what is in them is as varied as the standard, so nothing is said of it."""
    return list(Calendar.from_ical(calendar_text).walk("VEVENT"))


@pytest.mark.parametrize("clock", [None, "20:00"])
def test_a_calendar_ends_where_pythons_does_and_its_name_is_one_line(clock: str | None) -> None:
    (item,) = items_of(simple())
    last = replace(item, content={**item.content, "event_dates": [occurrence("9999-12-31", clock)]})

    text, _ = calendar(Feed([last], [], [], None), ADDRESS, BERLIN, title="All\nes")
    (part,) = parts_of(text)

    assert part.decoded("dtstart") == (date.max if clock is None else at("9999-12-31", clock))
    assert Calendar.from_ical(text)["x-wr-calname"] == "All es"


def expanded(text: bytes) -> dict[str, set[tuple[date, date | None]]]:
    """Expand a calendar as RFC 5545 says: uid -> (start, end) of each instance, exceptions in place of what they replace."""
    found: dict[str, dict[Any, tuple[date, date | None]]] = {}
    for part in parts_of(text):
        instances = found.setdefault(str(part["UID"]), {})
        start = part.decoded("DTSTART")
        end = part.decoded("DTEND") if "DTEND" in part else None
        if "RECURRENCE-ID" in part:
            place = part.decoded("RECURRENCE-ID")
            assert place in instances
            instances[place] = (start, end)
            continue
        given_dates = part.get("RDATE")
        lists = given_dates if isinstance(given_dates, list) else [given_dates] if given_dates else []
        for place in [start, *(each.dt for one in lists for each in one.dts)]:
            assert place not in instances
            instances[place] = (place, None if end is None else place + (end - start))
    return {uid: set(instances.values()) for uid, instances in found.items()}


def expected(item: Item) -> set[tuple[date, date | None]]:
    spans = [span_of(entry, BERLIN) for entry in item.content["event_dates"]]
    return {
        (span.start, span.end if span.timed else (span.end or span.start) + timedelta(days=1))
        for span in spans
    }


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(given=st.lists(listings, min_size=1, max_size=6, unique_by=lambda one: str(one["id"]).strip()))
def test_whoever_expands_a_calendar_finds_each_occurrence_when_it_is(given: list[dict[str, Any]]) -> None:
    items = items_of(*given)

    text, onward = calendar(Feed(items, [], [], None), ADDRESS, BERLIN, title="Alles")

    assert expanded(text) == {ADDRESS.uid(item.canonical_id): expected(item) for item in items}
    assert onward is None
    assert all(len(line) <= 75 for line in text.split(b"\r\n"))
    # A second parser, of other hands, reads it too, and sees the same beginnings.
    read = ics.Calendar(text.decode())
    firsts = {one.uid: one.begin.datetime for one in read.events}
    assert set(firsts) == {ADDRESS.uid(item.canonical_id) for item in items}
    for part in parts_of(text):
        start = part.decoded("DTSTART")
        if len(expanded(text)[part["UID"]]) == 1 and isinstance(start, datetime):
            assert firsts[part["UID"]] == start


KNOWN = {
    "Event": {"@id", "identifier", "url", "name", "startDate", "endDate", "eventStatus", "previousStartDate", "description", "keywords", "location", "isAccessibleForFree", "offers", "organizer", "superEvent", "subEvent"},
    "Place": {"name", "address", "geo"},
    "PostalAddress": {"streetAddress", "postalCode", "addressLocality", "addressCountry"},
    "GeoCoordinates": {"latitude", "longitude"},
    "Offer": {"price", "priceCurrency", "availability"},
    "Organization": {"contactPoint"},
    "ContactPoint": {"contactType", "email", "description"},
}  # fmt: skip
"""Properties of schema.org's types that we may use: https://schema.org/Event and the others, version 29."""
KNOWN["EventSeries"] = KNOWN["Event"]


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from nodes(inner)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(given=st.lists(listings, min_size=1, max_size=6, unique_by=lambda one: str(one["id"]).strip()))
def test_linked_data_and_news_say_only_what_their_readers_know(given: list[dict[str, Any]]) -> None:
    feed = Feed(items_of(*given), [], [], None)

    graph = json.loads(linked(feed, ADDRESS, BERLIN)[0])
    entries = feedparser.parse(
        news(feed, ADDRESS, BERLIN, title="Neu", own="https://events.example/events.rss")[0]
    )

    assert graph["@context"] == "https://schema.org"
    for node in nodes(graph["@graph"]):
        assert set(node) - {"@type"} <= KNOWN[node["@type"]]
        for moment in ("startDate", "endDate"):
            assert moment not in node or datetime.fromisoformat(node[moment])
    assert [one["name"] for one in graph["@graph"]] == [item.content["title"] for item in feed.items]
    assert not entries.bozo
    assert [entry.id for entry in entries.entries] == [ADDRESS.uid(item.canonical_id) for item in feed.items]
    assert [entry.title.split() for entry in entries.entries] == [
        item.content["title"].split() for item in feed.items
    ]


def test_a_cancelled_a_moved_and_a_sold_out_event_say_so_each_in_the_words_of_the_format() -> None:
    (item,) = items_of(
        {
            "id": "1",
            "title": "Konzert",
            "event_dates": [{"date": "2026-03-06", "start_time": "20:00"}],
            "admission_free": True,
            "location": {
                "name": "Jazz\u000bhaus",
                "city": "Freiburg",
                "geo": {"latitude": 48.0, "longitude": 7.85},
            },
        }
    )
    told = {}
    for status in ("scheduled", "cancelled", "moved", "sold_out"):
        content = {**item.content, "status": status, "previous_date": "2026-02-06"}
        feed = Feed([replace(item, content=content)], [], [], None)
        (node,) = json.loads(linked(feed, ADDRESS, BERLIN)[0])["@graph"]
        (part,) = parts_of(calendar(feed, ADDRESS, BERLIN, title="")[0])
        told[status] = (
            str(part["STATUS"]),
            node["eventStatus"],
            node.get("previousStartDate"),
            node["offers"]["availability"],
        )
    assert told == {
        "scheduled": ("CONFIRMED", "https://schema.org/EventScheduled", None, "https://schema.org/InStock"),
        "cancelled": ("CANCELLED", "https://schema.org/EventCancelled", None, "https://schema.org/InStock"),
        "moved": (
            "CONFIRMED",
            "https://schema.org/EventRescheduled",
            "2026-02-06",
            "https://schema.org/InStock",
        ),
        "sold_out": ("CONFIRMED", "https://schema.org/EventScheduled", None, "https://schema.org/SoldOut"),
    }
    assert node["location"]["name"] == "Jazzhaus"  # the control character is gone
    assert (part["GEO"].latitude, part["GEO"].longitude, str(part["LOCATION"])) == (
        48.0,
        7.85,
        "Jazzhaus, Freiburg",
    )


def test_a_series_with_a_part_has_its_dates_and_the_part() -> None:
    (item,) = items_of(
        {"id": "1", "title": "Festival", "event_dates": [{"date": "2026-03-06"}, {"date": "2026-03-08"}]}
    )
    part = {"kind": "part_of", "from_id": "ev_part", "from_title": "Konzert", "to_id": item.canonical_id}
    feed = Feed([item], [], [{**part, "to_title": "Festival"}], None)

    (node,) = json.loads(linked(feed, ADDRESS, BERLIN)[0])["@graph"]

    assert [one.get("startDate", one["@id"]) for one in node["subEvent"]] == [
        "2026-03-06",
        "2026-03-08",
        "https://events.example/events/ev_part",
    ]


def test_of_a_series_that_is_gone_each_date_that_was_told_is_taken_back(store: Store) -> None:
    days = [occurrence("2026-05-02", "20:00"), occurrence("2026-05-09", "20:00")]
    save(store, [listing("bwb:1", "Sommertheater", "2026-05-02", city="Waldkirch") | {"event_dates": days}])
    run(store)
    now = datetime.now(UTC)

    def told() -> dict[str, str]:
        (node,) = json.loads(linked(feed_of(store, Wanted(), now=now, limit=9), ADDRESS, BERLIN)[0])["@graph"]
        return {one["@id"]: one["eventStatus"].rpartition("/")[2] for one in (node, *node["subEvent"])}

    living = told()
    take(store, 1, ("no event", "bwb", 1))
    gone = told()
    (part,) = parts_of(calendar(feed_of(store, Wanted(), now=now, limit=9), ADDRESS, BERLIN, title="")[0])

    assert [one.rpartition("#")[2] for one in living][1:] == ["1", "2"]
    assert set(living.values()) == {"EventScheduled"}
    assert gone == dict.fromkeys(living, "EventCancelled")
    assert (str(part["STATUS"]), "RDATE" in part) == ("CANCELLED", False)


def test_a_feed_that_is_too_long_says_where_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    (item,) = items_of(
        {"id": "1", "title": "Konzert", "description": "x" * 3000, "event_dates": [{"date": "2026-03-06"}]}
    )
    feed = Feed([replace(item, cursor=f"behind {n}") for n in range(5)], [], [], None)
    monkeypatch.setattr("handlers.publishing.MOST_BYTES", 6000)

    text, onward = calendar(feed, ADDRESS, BERLIN, title="")

    assert (text.count(b"BEGIN:VEVENT"), onward) == (2, "behind 1")


@pytest.mark.parametrize("write", ["calendar", "linked", "news"])
def test_a_feed_of_long_texts_beyond_ascii_fits_an_answer_with_what_is_gone(write: str) -> None:
    long = {"title": "Концерт", "description": "Симфонический оркестр\n" * 100}
    (item,) = items_of({"id": "1", **long, "event_dates": [{"date": "2026-03-06"}]})
    items = [replace(item, cursor=f"behind {n}") for n in range(600)]
    gone = [replace(item, gone=True)] * 150

    feed = Feed(items, gone, [], None)
    text, onward = {
        "calendar": lambda: calendar(feed, ADDRESS, BERLIN, title=""),
        "linked": lambda: linked(feed, ADDRESS, BERLIN),
        "news": lambda: news(feed, ADDRESS, BERLIN, title="", own=""),
    }[write]()

    assert onward is not None
    assert 4_500_000 < len(json.dumps(text.decode())) < api.MOST_BYTES


class Subscriber:
    """A calendar program that merges what it fetches by UID, as RFC 5546 says: a lower sequence never overwrites."""

    def __init__(self) -> None:
        self.known: dict[str, tuple[int, str, bytes]] = {}

    def fetch(self, store: Store, wanted: Wanted, now: datetime) -> list[str]:
        """Take a feed in; gives the UIDs that are cancelled in it."""
        content, onward = calendar(feed_of(store, wanted, now=now, limit=500), ADDRESS, BERLIN, title="")
        assert onward is None
        cancelled = []
        for part in parts_of(content):
            uid, sequence, status = str(part["UID"]), int(part["SEQUENCE"]), str(part["STATUS"])
            before = self.known.get(uid)
            if before is not None:
                assert sequence >= before[0]
                # What differs in anything has risen, so that no program thinks it knows it already.
                assert sequence > before[0] or part.to_ical() == before[2]
            self.known[uid] = (sequence, status, part.to_ical())
            cancelled += [uid] if status == "CANCELLED" else []
        return cancelled

    def living(self) -> set[str]:
        return {uid for uid, (_, status, _) in self.known.items() if status != "CANCELLED"}


TITLES = (
    "Jazzkonzert mit dem Bregtal Quintett",
    "Vortrag über Moorkunde im Wandel",
    "Flohmarkt am Kastelberg",
)
steps = st.one_of(
    st.tuples(st.just("list"), st.sampled_from("abc"), st.integers(1, 3), st.sampled_from(TITLES), st.integers(1, 2)),
    st.tuples(st.sampled_from(["must_link", "cannot_link"]), st.tuples(st.sampled_from("abc"), st.integers(1, 3)), st.tuples(st.sampled_from("abc"), st.integers(1, 3))),
    st.tuples(st.just("no event"), st.sampled_from("abc"), st.integers(1, 3)),
    st.tuples(st.just("take back"), st.integers(1, 4)),
)  # fmt: skip


def take(store: Store, number: int, step: tuple[Any, ...]) -> None:
    """Do a step as far as it can be done, and run."""
    known = {tuple(row) for row in _rows(store, "SELECT source_code, id FROM source_events")}
    match step:
        case ("list", source, listing_id, title, day):
            row = listing(
                f"{source}:{listing_id}",
                title,
                f"2026-05-0{day}",
                "20:00",
                city="Waldkirch",
                venue="Stadthalle",
            )
            save(
                store,
                [row],
                key=f"{source}_{number}.json",
                processed_at=f"2026-02-01T00:00:{number:02}Z",
                content=f"{number}{row}",
            )
        case (kind, (a, one), (b, other)) if (a, one) != (b, other) and {
            (a, str(one)),
            (b, str(other)),
        } <= known:
            store.give_verdict(kind, (a, str(one)), (b, str(other)), author="ada")
        case ("no event", source, listing_id) if (source, str(listing_id)) in known:
            with store.engine.begin() as connection:
                append(connection, [NewVerdict("not_an_event", (source, str(listing_id)))], author="ada")
                raise_generation(connection)
        case ("take back", sequence):
            store.take_back(sequence, author="ada")
    run(store)


def _rows(store: Store, query: str) -> list[Any]:
    with store.reading() as connection:
        return list(connection.execute(text(query)))


@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck), phases=NO_SHRINKING)
@given(plan=st.lists(steps, min_size=2, max_size=9))
def test_a_subscriber_who_merges_by_uid_always_ends_with_the_events_there_are(
    postgres: str, template: str, plan: list[tuple[Any, ...]]
) -> None:
    with created(postgres, template) as url:
        store, subscriber = Store.at(url), Subscriber()
        try:
            for number, step in enumerate(plan):
                take(store, number, step)
                subscriber.fetch(store, Wanted(), datetime.now(UTC))

                living = {
                    ADDRESS.uid(row[0])
                    for row in _rows(store, "SELECT canonical_id FROM canonical_events WHERE NOT hidden")
                }
                assert subscriber.living() == living
        finally:
            store.engine.dispose()


def test_of_two_events_that_merge_one_goes_on_and_the_other_is_cancelled_until_a_month_is_over(
    store: Store,
) -> None:
    now = datetime.now(UTC)
    save(
        store,
        [
            listing("bwb:1", TITLES[0], "2026-05-02", "20:00", city="Waldkirch"),
            listing("bwb:2", TITLES[2], "2026-06-02", city="Emmendingen"),
        ],
    )
    save(store, [listing("rza:1", TITLES[1], "2026-05-02", "20:00", city="Waldkirch")], key="rza_1.json")
    run(store)
    subscriber = Subscriber()
    subscriber.fetch(store, Wanted(), now)
    both = subscriber.living()

    store.give_verdict("must_link", ("bwb", "1"), ("rza", "1"), author="ada")
    run(store)
    told = subscriber.fetch(store, Wanted(), now)
    again = subscriber.fetch(store, Wanted(), now)

    assert len(both) == 3
    assert len(told) == 1
    assert subscriber.living() == both - set(told)
    assert again == told  # the sequence of a tombstone rises once
    (tombstone,) = feed_of(
        store, Wanted(city="Waldkirch", since=date(2026, 5, 2)), now=now, limit=9
    ).tombstones
    (listed,) = tombstone.content["sources"]
    others = {"bwb": "rza", "rza": "bwb"}[listed["source_code"]]
    assert ADDRESS.uid(tombstone.canonical_id) == told[0]
    assert len(feed_of(store, Wanted(source=listed["source_code"]), now=now, limit=9).tombstones) == 1
    assert feed_of(store, Wanted(source=others), now=now, limit=9).tombstones == []
    assert feed_of(store, Wanted(city="Emmendingen"), now=now, limit=9).tombstones == []
    assert feed_of(store, Wanted(), now=now + timedelta(days=31), limit=9).tombstones == []


def test_tombstones_leave_room_for_what_is_to_come_however_much_was_told_of_them(store: Store) -> None:
    now = datetime.now(UTC)
    save(store, [listing("bwb:1", TITLES[0], "2026-05-02", "20:00", city="Waldkirch")])
    run(store)
    bury = """INSERT INTO tombstones (canonical_id, title, first_day, last_day, status, confidence, needs_review, content, created_at, at)
        SELECT 'ev_' || translate(n::text, '0189', 'abcd'), title, first_day, last_day, status, confidence, needs_review,
            content || jsonb_build_object('title', repeat('Ж', :letters), 'description', repeat('Ж', 3000)), now(), now()
        FROM canonical_events, generate_series(1, 1000) AS n"""
    weights, numbers = [], []
    for letters in (10, 800):
        with store.engine.begin() as connection:
            connection.execute(text("DELETE FROM tombstones"))
            connection.execute(text(bury), {"letters": letters})
        feed = feed_of(store, Wanted(), now=now, limit=1000)

        written, _ = calendar(feed, ADDRESS, BERLIN, title="all")
        graph, _ = linked(feed, ADDRESS, BERLIN)

        weights += [weight_of(written), weight_of(graph)]
        numbers += [written.count(b"STATUS:CANCELLED"), graph.count(b"EventCancelled")]
        assert b"STATUS:CONFIRMED" in written

    assert max(weights) <= MOST_BYTES
    assert numbers[:2] == [1000, 1000]
    assert 0 < min(numbers[2:]) < 1000


def test_a_calendar_begins_a_month_back_only_where_nobody_says_from_when() -> None:
    today = date(2026, 3, 31)

    assert upcoming(Wanted(city="Freiburg"), today) == Wanted(city="Freiburg", since=date(2026, 3, 1))
    assert upcoming(Wanted(until=date(2025, 1, 1)), today) == Wanted(until=date(2025, 1, 1))


def test_what_a_person_calls_no_event_is_cancelled_and_comes_back_when_that_is_taken_back(
    store: Store,
) -> None:
    save(store, [listing("bwb:1", TITLES[0], "2026-05-02", "20:00", city="Waldkirch")])
    run(store)
    subscriber = Subscriber()
    subscriber.fetch(store, Wanted(), datetime.now(UTC))
    (uid,) = subscriber.living()

    take(store, 1, ("no event", "bwb", 1))
    hidden = subscriber.fetch(store, Wanted(city="Waldkirch", source="bwb"), datetime.now(UTC))
    run(store)
    still = subscriber.fetch(store, Wanted(), datetime.now(UTC))
    take(store, 2, ("take back", 1))
    subscriber.fetch(store, Wanted(), datetime.now(UTC))

    assert hidden == still == [uid]
    assert subscriber.living() == {uid}
