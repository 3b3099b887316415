"""Deciding: shown before it is saved, visible at once, confirmed by the run, and never lost between two editors."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from random import Random
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from dedup_core.contradicting import Listing
from dedup_core.errors import UnknownEvent, WrongValue
from dedup_core.pinning import pinned_value
from handlers.arranging import CannotArrange, merging, moving, splitting
from handlers.deciding import (
    Answer,
    Contradicted,
    KeyReused,
    NothingToTakeBack,
    Outdated,
    Request,
    decide,
    preview,
)
from infra.match_queue import RememberingQueue
from infra.store import Store
from infra.store.events import Order, Wanted, find_events
from infra.store.verdicts import NewVerdict
from tests.conftest import created
from tests.store.uploads import POLICY, contents, rows, run, save
from tests.unit.listings import listing

TITLES = ("Wolfgang Muthspiel Trio", "Wolfgang Muthspiel", "Muthspiel Trio live", "Flohmarkt der Pfadfinder")
CONCERT = {"day": "2026-05-02", "start": "20:00", "city": "Waldkirch", "venue": "Kastelberghalle"}


@dataclass
class Desk:
    """A store, the queue that wakes its matcher, and short ways to decide."""

    store: Store
    queue: RememberingQueue = field(default_factory=RememberingQueue)

    def say(self, kind: str, a: str, b: str | None = None, **more: Any) -> Answer:
        author = more.pop("author", "ada")
        taking_back = more.pop("taking_back", ())
        verdict = NewVerdict(kind, named(a), None if b is None else named(b), **more)
        return self.ask(Request(author, [verdict], taking_back=taking_back))

    def ask(self, request: Request) -> Answer:
        return decide(request, store=self.store, queue=self.queue, policy=POLICY)

    def pin(self, a: str, name: str, value: object, **more: Any) -> Answer:
        return self.say("pin", a, field=name, value=pinned_value(name, value), **more)

    def preview(self, request: Request) -> Answer:
        return preview(request, store=self.store, policy=POLICY)

    def event_of(self, name: str) -> str:
        code, number = named(name)
        query = "SELECT canonical_id FROM canonical_sources WHERE source_code = :code AND id = :number"
        return str(rows(self.store.engine, query, code=code, number=number)[0][0])

    def stored(self) -> dict[str, Any]:
        return dict(rows(self.store.engine, "SELECT canonical_id, content FROM canonical_events"))

    def shown(self) -> set[str]:
        with self.store.reading() as connection:
            return {row["canonical_id"] for row in find_events(connection, Wanted(), Order(), limit=200)}

    def versions(self, *names: str) -> dict[str, str]:
        with self.store.looking() as work:
            return work.versions(names)


def named(name: str) -> Listing:
    code, _, number = name.partition(":")
    return code, number


def as_answered(answer: Answer) -> dict[str, Any]:
    return {one["event"]["id"]: one["event"] for one in answer["events"]}


def confirmed(desk: Desk, answer: Answer) -> None:
    """Let the matcher run, and hold what it stores to what was answered."""
    assert desk.queue.take() == answer["generation"]
    run(desk.store)
    stored = desk.stored()
    pending = as_answered(answer)
    assert {name: stored.get(name) for name in pending} == pending
    for gone in answer["gone"]:
        assert gone["id"] not in stored
        assert set(gone["successors"]) <= set(stored)
    assert desk.versions(*pending) == {one["event"]["id"]: one["version"] for one in answer["events"]}


@pytest.fixture
def desk(store: Store) -> Desk:
    """Give a store with a concert in three sources, a flea market in two, and a talk."""
    save(
        store,
        [
            listing("bwb:1", TITLES[0], **CONCERT),
            listing("bwb:2", TITLES[3], day="2026-05-09", city="Emmendingen", venue="Marktplatz"),
            listing("bwb:3", "Vortrag über Bienen", day="2026-06-01", city="Freiburg"),
        ],
    )
    save(store, [listing("rza:1", TITLES[0], **CONCERT)], key="rza_1.json")
    save(
        store,
        [
            listing("tix:1", TITLES[1], **CONCERT),
            listing("tix:2", TITLES[3], day="2026-05-09", city="Emmendingen", venue="Marktplatz"),
        ],
        key="tix_1.json",
    )
    run(store)
    return Desk(store)


def test_a_verdict_is_answered_with_what_the_run_then_stores(desk: Desk) -> None:
    before = desk.stored()

    answer = desk.say("must_link", "bwb:1", "bwb:3", reason="same stage")

    assert desk.stored() == before
    assert answer["pending"]
    assert desk.event_of("bwb:1") in as_answered(answer)
    confirmed(desk, answer)
    assert desk.event_of("bwb:1") == desk.event_of("bwb:3")


def test_taking_back_restores_what_was(desk: Desk) -> None:
    before = desk.stored()
    given_ = [
        desk.say("cannot_link", "bwb:1", "rza:1"),
        desk.say("not_an_event", "bwb:3"),
        desk.pin("bwb:2", "title", "Großer Flohmarkt"),
    ]
    run(desk.store)
    numbers = tuple(answer["verdicts"][0]["sequence"] for answer in given_)
    changed = desk.stored()
    desk.queue.take()

    answer = desk.ask(Request("bob", taking_back=numbers))

    assert changed != before
    assert answer["taken_back"] == list(numbers)
    confirmed(desk, answer)
    assert desk.stored() == before


def test_what_is_no_event_is_hidden_from_readers_keeps_its_id_and_comes_back(desk: Desk) -> None:
    hidden, before = desk.event_of("bwb:3"), desk.shown()

    answer = desk.say("not_an_event", "bwb:3")
    confirmed(desk, answer)
    without = desk.shown()
    changes = rows(desk.store.engine, "SELECT kind FROM changes ORDER BY change_id DESC LIMIT 1")
    confirmed(desk, desk.ask(Request("ada", taking_back=(answer["verdicts"][0]["sequence"],))))

    assert as_answered(answer)[hidden]["hidden"] is True
    assert before - without == {hidden}
    assert changes == [("withdrawn",)]
    assert desk.shown() == before
    assert rows(
        desk.store.engine, "SELECT canonical_id, kind FROM changes ORDER BY change_id DESC LIMIT 1"
    ) == [(hidden, "created")]


PINNED: dict[str, Any] = {
    "title": "Jazz in der Halle",
    "description": None,
    "categories": ["jazz", "konzert"],
    "event_dates": [{"date": "2026-05-03", "start_time": "19:30", "end_time": None, "end_date": None}],
    "location.name": "Elztalhalle",
    "location.geo": {"latitude": 48.09, "longitude": 7.96, "confidence": 1.0, "country": None},
    "admission_free": True,
    "status": "cancelled",
}


def test_a_pinned_field_has_its_value_and_says_by_whom(desk: Desk) -> None:
    wanted = {**PINNED, "location.geo": {"latitude": 48.09, "longitude": 7.96}}
    pins = [
        NewVerdict("pin", named("rza:1"), field=name, value=pinned_value(name, value))
        for name, value in wanted.items()
    ]

    answer = desk.ask(Request("eva", pins))

    confirmed(desk, answer)
    event = desk.stored()[desk.event_of("bwb:1")]
    numbers = {verdict["field"]: verdict["sequence"] for verdict in answer["verdicts"]}
    days = "SELECT first_day::text, last_day::text FROM canonical_events WHERE canonical_id = :name"
    assert rows(desk.store.engine, days, name=event["id"]) == [("2026-05-03", "2026-05-03")]
    for name, value in PINNED.items():
        shown, origin = event, event["provenance"][name]
        for part in name.split("."):
            shown = shown[part]
        assert shown == value
        assert (origin["source_code"], origin["pinned_by"], origin["verdict"]) == (
            "rza",
            "eva",
            numbers[name],
        )


def test_a_pin_survives_a_merge_and_goes_with_its_listing(desk: Desk) -> None:
    desk.pin("bwb:3", "title", "Bienen im Mai")
    run(desk.store)
    desk.queue.take()

    merged = desk.say("must_link", "bwb:1", "bwb:3")
    confirmed(desk, merged)
    joined = desk.stored()[desk.event_of("bwb:1")]["title"]
    confirmed(desk, desk.ask(Request("ada", taking_back=(merged["verdicts"][0]["sequence"],))))

    assert joined == "Bienen im Mai"
    assert desk.stored()[desk.event_of("bwb:3")]["title"] == "Bienen im Mai"
    assert desk.stored()[desk.event_of("bwb:1")]["title"] == TITLES[0]


def test_a_contradiction_is_shown_as_a_chain_and_saved_only_when_one_of_it_is_taken_back(desk: Desk) -> None:
    first = desk.say("must_link", "bwb:1", "bwb:3")["verdicts"][0]["sequence"]
    second = desk.say("must_link", "bwb:3", "bwb:2")["verdicts"][0]["sequence"]
    before = contents(desk.store.engine)
    wish = NewVerdict("cannot_link", named("bwb:1"), named("bwb:2"))

    with pytest.raises(Contradicted) as refused:
        desk.ask(Request("bob", [wish]))
    unchanged = contents(desk.store.engine)
    shown = desk.preview(Request("bob", [wish]))
    saved = desk.ask(Request("bob", [wish], taking_back=(second,)))

    (found,) = refused.value.found
    assert [said.sequence for said in found.chain] == [first, second]
    assert [one["sequence"] for one in shown["contradictions"][0]["contradicts"]] == [first, second]
    assert unchanged == before
    assert saved["taken_back"] == [second]
    confirmed(desk, saved)
    assert desk.event_of("bwb:1") == desk.event_of("bwb:3") != desk.event_of("bwb:2")


def test_two_pins_of_one_field_contradict_also_when_a_merge_brings_them_together(desk: Desk) -> None:
    first = desk.pin("bwb:1", "title", "Jazz")["verdicts"][0]["sequence"]
    with pytest.raises(Contradicted) as twice:
        desk.pin("tix:1", "title", "Rock", author="bob")
    other = desk.pin("bwb:3", "title", "Bienen")["verdicts"][0]["sequence"]

    with pytest.raises(Contradicted) as merged:
        desk.say("must_link", "bwb:1", "bwb:3")
    kept = desk.say("must_link", "bwb:1", "bwb:3", taking_back=(first,))

    assert [said.sequence for said in twice.value.found[0].chain] == [first]
    assert {merged.value.found[0].new.sequence, merged.value.found[0].chain[0].sequence} == {first, other}
    confirmed(desk, kept)


def test_a_text_that_many_share_is_known_for_a_template_though_the_many_are_far_from_the_verdict(
    desk: Desk,
) -> None:
    template = (
        "Kinderfilm im Scala, wie jeden Sonntag. Karten an der Kasse, Einlass eine halbe Stunde vorher."
    )
    titles = ("Checker Tobi", "Woodwalkers", "Paddington", "Die Schule der magischen Tiere", "Pettersson")
    films = [
        listing(f"kin:{number}", title, f"2026-0{number + 2}-08", city="Freiburg", description=template)
        for number, title in enumerate(titles)
    ]
    own = listing(
        "mag:1", "Ein Film für alle", "2026-02-08", city="Freiburg", description="Über Freundschaft."
    )
    save(desk.store, films, key="kin_1.json")
    save(desk.store, [own], key="mag_1.json")
    run(desk.store)

    answer = desk.say("must_link", "kin:0", "mag:1")

    assert [one["event"]["description"] for one in answer["events"]] == ["Über Freundschaft."]
    confirmed(desk, answer)


def test_a_merge_joins_all_listings_of_two_events(desk: Desk) -> None:
    concert, market = desk.event_of("bwb:1"), desk.event_of("bwb:2")
    request = Request("ada", merging([market, concert]), act="merge", about=[market, concert])

    seen = desk.preview(request)
    answer = desk.ask(request)

    assert as_answered(seen) == as_answered(answer)
    assert len(answer["verdicts"]) == 4
    confirmed(desk, answer)
    assert len({desk.event_of(name) for name in ("bwb:1", "rza:1", "tix:1", "bwb:2", "tix:2")}) == 1


def test_a_split_takes_listings_off_and_they_stay_off(desk: Desk) -> None:
    concert = desk.event_of("bwb:1")

    answer = desk.ask(Request("ada", splitting(concert, [named("tix:1")]), act="split"))

    confirmed(desk, answer)
    assert desk.event_of("bwb:1") == desk.event_of("rza:1") == concert != desk.event_of("tix:1")


def test_a_move_takes_a_listing_from_one_event_to_another(desk: Desk) -> None:
    concert, market = desk.event_of("bwb:1"), desk.event_of("bwb:2")

    answer = desk.ask(Request("ada", moving(concert, [named("tix:1")], market), act="move"))

    confirmed(desk, answer)
    assert desk.event_of("tix:1") == market
    assert desk.event_of("bwb:1") == desk.event_of("rza:1") == concert


def test_what_can_not_be_arranged_leaves_nothing(desk: Desk) -> None:
    concert, before = desk.event_of("bwb:1"), contents(desk.store.engine)
    plans = [
        (merging([concert]), CannotArrange),
        (merging([concert, "ev_nobody"]), UnknownEvent),
        (splitting(concert, [named("bwb:3")]), UnknownEvent),
        (splitting(concert, [named(name) for name in ("bwb:1", "rza:1", "tix:1")]), CannotArrange),
        (moving(concert, [named("bwb:1")], concert), CannotArrange),
    ]

    for plan, error in plans:
        with pytest.raises(error):
            desk.ask(Request("ada", plan, act="x"))

    assert contents(desk.store.engine) == before


def test_a_request_that_comes_again_with_its_key_does_nothing_and_gets_the_same_answer(desk: Desk) -> None:
    wish = NewVerdict("cannot_link", named("bwb:1"), named("rza:1"))
    request = Request("ada", [wish], key="4711")

    first = desk.ask(request)
    after = contents(desk.store.engine)
    again = desk.ask(request)

    assert orjson.dumps(again) == orjson.dumps(first)
    assert contents(desk.store.engine) == after
    with pytest.raises(KeyReused):
        desk.ask(Request("ada", [wish], key="4711", reason="another"))
    assert desk.ask(Request("bob", [], key="4711"))["verdicts"] == []


def test_of_two_editors_at_once_the_second_is_told_and_nothing_is_lost(desk: Desk) -> None:
    concert = desk.event_of("bwb:1")
    seen = desk.versions(concert)
    wishes = [
        NewVerdict("cannot_link", named("bwb:1"), named("tix:1")),
        NewVerdict("must_link", named("tix:1"), named("bwb:3")),
    ]

    def edit(number: int) -> Answer | Outdated:
        try:
            return desk.ask(Request(f"editor {number}", [wishes[number]], versions=seen))
        except Outdated as error:
            return error

    with ThreadPoolExecutor(2) as threads:
        outcomes = list(threads.map(edit, (0, 1)))

    saved = [outcome for outcome in outcomes if not isinstance(outcome, Outdated)]
    assert len(saved) == 1
    assert rows(desk.store.engine, "SELECT count(*) FROM verdicts") == [(1,)]
    follow_up = {one["event"]["id"]: one["version"] for one in saved[0]["events"]}
    assert desk.ask(
        Request("ada", [wishes[outcomes.index(saved[0]) ^ 1]], versions={concert: follow_up[concert]})
    )


def test_many_editors_at_once_wait_for_each_other_and_not_for_ever(desk: Desk) -> None:
    wishes = [
        NewVerdict("cannot_link", named("bwb:1"), named(other)) for other in ("bwb:2", "bwb:3", "tix:2")
    ] * 4

    with ThreadPoolExecutor(len(wishes)) as threads:
        answers = list(
            threads.map(
                lambda number: desk.ask(Request(f"editor {number}", [wishes[number]])), range(len(wishes))
            )
        )

    assert sorted(answer["generation"] for answer in answers) == list(range(4, 4 + len(wishes)))


def test_who_says_a_thing_twice_has_said_it_once_and_another_has_a_word_of_his_own(desk: Desk) -> None:
    first = desk.say("cannot_link", "bwb:1", "tix:1")

    again = desk.say("cannot_link", "tix:1", "bwb:1")
    other = desk.say("cannot_link", "tix:1", "bwb:1", author="bob")

    assert again["verdicts"] == first["verdicts"]
    assert again["generation"] == first["generation"]
    assert other["generation"] == first["generation"] + 1
    assert rows(desk.store.engine, "SELECT author FROM verdicts ORDER BY sequence") == [("ada",), ("bob",)]
    desk.ask(Request("ada", taking_back=(first["verdicts"][0]["sequence"],)))
    run(desk.store)
    assert desk.event_of("bwb:1") != desk.event_of("tix:1")


def test_while_a_file_waits_the_content_that_was_seen_counts_too_stored_or_answered(desk: Desk) -> None:
    concert, fair = desk.event_of("bwb:1"), desk.event_of("bwb:2")
    stale = desk.versions(concert)
    save(desk.store, [listing("rza:1", TITLES[0], **{**CONCERT, "start": "21:30"})], key="rza_2.json")
    run(desk.store)
    stored = desk.versions(concert)
    save(desk.store, [listing("new:1", "Ein Töpferkurs", day="2026-07-01", city="Elzach")], key="new_1.json")
    split = splitting(concert, [named("tix:1")])

    with pytest.raises(Outdated):
        desk.ask(Request("ada", split, versions=stale))
    answer = desk.ask(Request("ada", split, versions=stored))
    answered = {one["event"]["id"]: one["version"] for one in answer["events"]}
    again = desk.preview(
        Request("ada", moving(concert, [named("rza:1")], fair), versions={concert: answered[concert]})
    )
    save(desk.store, [listing("rza:1", TITLES[0], **{**CONCERT, "start": "22:30"})], key="rza_3.json")

    assert again["contradictions"] == []
    with pytest.raises(Outdated):
        desk.preview(Request("ada", [], versions={concert: answered[concert]}))
    assert desk.preview(Request("ada", [], versions=desk.versions(concert)))


@pytest.mark.parametrize("kind", ["must_link", "cannot_link"])
def test_a_listing_is_paired_with_another_one_or_with_none(desk: Desk, kind: str) -> None:
    itself = Request("ada", [NewVerdict(kind, named("bwb:1"), named("bwb:1"))])

    for attempt in (desk.ask, desk.preview):
        with pytest.raises(WrongValue):
            attempt(itself)

    assert rows(desk.store.engine, "SELECT count(*) FROM verdicts") == [(0,)]


def test_the_policy_is_asked_for_once_a_decision(desk: Desk) -> None:
    concert, wish = desk.event_of("bwb:1"), NewVerdict("cannot_link", named("bwb:1"), named("tix:1"))
    asked: list[str] = []

    def remember(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.extend([statement] if "FROM policies" in statement else [])

    event.listen(desk.store.engine, "before_cursor_execute", remember)
    desk.ask(Request("ada", [wish], versions=desk.versions(concert)))
    event.remove(desk.store.engine, "before_cursor_execute", remember)

    assert len(asked) == 1


def test_what_is_not_in_force_can_not_be_taken_back(desk: Desk) -> None:
    with pytest.raises(NothingToTakeBack, match="7"):
        desk.ask(Request("ada", taking_back=(7,)))


SWAPPING = Random(1)  # noqa: S311 - shuffles two the other way round
NAMES = ("a:1", "a:2", "b:1", "b:2", "c:1", "c:2")
PAIR = st.permutations(NAMES).map(lambda order: tuple(order[:2]))
PINS = st.sampled_from([("title", "A"), ("title", "B"), ("status", "cancelled")])
WISHES = st.lists(
    st.tuples(st.sampled_from(["must_link", "cannot_link"]), PAIR)
    | st.tuples(st.sampled_from(["not_an_event", "is_event"]), st.sampled_from(NAMES))
    | st.tuples(st.just("pin"), st.tuples(st.sampled_from(NAMES), PINS)),
    min_size=1,
    max_size=5,
)


@pytest.fixture(scope="module")
def lasting(postgres: str, template: str) -> Iterator[Store]:
    with created(postgres, template) as url:
        store = Store.at(url)
        save(
            store,
            [
                listing(name, title, **CONCERT)
                for name, title in zip(NAMES, [*TITLES[:3], *TITLES[:3]], strict=True)
            ],
            key="a_1.json",
        )
        run(store)
        yield store
        store.engine.dispose()


def wish_of(kind: str, what: Any) -> NewVerdict:
    if kind in ("not_an_event", "is_event"):
        return NewVerdict(kind, named(what))
    if kind == "pin":
        name, (field_name, value) = what
        return NewVerdict(kind, named(name), field=field_name, value=pinned_value(field_name, value))
    return NewVerdict(kind, named(what[0]), named(what[1]))


@settings(deadline=None, max_examples=4, suppress_health_check=list(HealthCheck))
@given(WISHES, st.randoms(use_true_random=False))
@example([("pin", ("a:1", ("title", "A"))), ("pin", ("a:2", ("title", "A")))], SWAPPING)
def test_any_verdicts_are_answered_as_the_run_stores_them_in_any_order_and_taking_all_back_restores(
    lasting: Store, wanted: list[tuple[str, Any]], order: Any
) -> None:
    desk = Desk(lasting)
    before = sorted(map(_content, desk.stored().values()))
    given_: list[NewVerdict] = []
    for kind, what in wanted:
        wish = wish_of(kind, what)
        try:
            answer = desk.ask(Request("ada", [wish]))
        except Contradicted:
            continue
        given_.append(wish)
        confirmed(desk, answer)
    together = sorted(map(_content, desk.stored().values()))
    _take_all_back(desk)
    restored = sorted(map(_content, desk.stored().values()))
    order.shuffle(given_)
    desk.ask(Request("ada", given_))
    run(lasting)
    again = sorted(map(_content, desk.stored().values()))
    desk.queue.take()
    _take_all_back(desk)

    assert restored == before
    assert again == together


def _content(event: dict[str, Any]) -> str:
    """Write an event without its id, in which history has a say, and without which pin holds: of equal ones the newest."""
    which = {"verdict": None, "source_code": None, "id": None}
    origins = {
        name: origin | which if "verdict" in origin else origin
        for name, origin in event["provenance"].items()
    }
    return orjson.dumps({**event, "id": None, "provenance": origins}, option=orjson.OPT_SORT_KEYS).decode()


def _take_all_back(desk: Desk) -> None:
    query = "SELECT sequence FROM verdicts WHERE sequence NOT IN (SELECT sequence FROM take_backs)"
    numbers = tuple(row[0] for row in rows(desk.store.engine, query))
    if numbers:
        confirmed(desk, desk.ask(Request("ada", taking_back=numbers)))
