"""Any history of uploads, runs, decisions and take-backs: ids last, whoever follows the changes holds what there is, no verdict is broken.

What a decision was answered with is what the next run stores, unless listings came between.
"""

from collections.abc import Iterator
from itertools import count
from typing import Any, ClassVar

import orjson
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from dedup_core.contradicting import Listing
from dedup_core.errors import EventDedupError
from dedup_core.pinning import pinned_value
from handlers.arranging import merging, moving, splitting
from handlers.deciding import Answer, Request, decide, preview
from infra.match_queue import RememberingQueue
from infra.store import Store
from infra.store.verdicts import NewVerdict, Which, find_verdicts
from tests.conftest import created
from tests.store.followers import Followers
from tests.store.test_histories import emptied
from tests.store.uploads import POLICY, rows, run, save
from tests.unit.listings import listing

TITLES = ("Wolfgang Muthspiel Trio", "Wolfgang Muthspiel", "Muthspiel Trio live", "Orgelkonzert im Münster")
PLACE = {"start": "20:00", "city": "Waldkirch", "venue": "Kastelberghalle"}
NAMES: list[Listing] = [(source, str(number)) for source in ("bwb", "rza", "tix") for number in range(2)]
NUMBERS = count(1)

PAIRS = st.permutations(NAMES).map(lambda order: (order[0], order[1]))
ONE = st.sampled_from(NAMES)
PINS = st.sampled_from(
    [("title", "Jazz"), ("title", "Rock"), ("status", "cancelled"), ("location.city", "Gutach")]
)


class History(RuleBasedStateMachine):
    """What people and sources do, in any order."""

    store: ClassVar[Store]

    def __init__(self) -> None:
        super().__init__()
        emptied(self.store)
        self.queue = RememberingQueue()
        self.accepted: set[Listing] = set()
        self.public: set[str] = set()
        self.followers = Followers()
        self.pending: list[Answer] = []
        self.unmatched = False

    @initialize(titles=st.lists(st.sampled_from(TITLES), min_size=len(NAMES), max_size=len(NAMES)))
    def begin(self, titles: list[str]) -> None:
        self.upload(dict(zip(NAMES, titles, strict=True)))
        self.match()

    @rule(names=st.dictionaries(ONE, st.sampled_from(TITLES), min_size=1, max_size=4))
    def upload(self, names: dict[Listing, str]) -> None:
        for source in {source for source, _ in names}:
            number = next(NUMBERS)
            listings = [
                listing(f"{code}:{name}", title, **PLACE)
                for (code, name), title in sorted(names.items())
                if code == source
            ]
            save(
                self.store,
                listings,
                key=f"{source}_{number}.json",
                sequencer=f"{number:x}",
                content=str(number),
            )
        self.accepted |= set(names)
        self.pending, self.unmatched = [], True

    @rule(kind=st.sampled_from(["must_link", "cannot_link"]), pair=PAIRS)
    def say(self, kind: str, pair: tuple[Listing, Listing]) -> None:
        if set(pair) <= self.accepted:
            self._decide(Request("ada", [NewVerdict(kind, *pair)]))

    @rule(name=ONE)
    def call_no_event(self, name: Listing) -> None:
        if name in self.accepted:
            self._decide(Request("bob", [NewVerdict("not_an_event", name)]))

    @rule(name=ONE, pin=PINS)
    def pin(self, name: Listing, pin: tuple[str, Any]) -> None:
        if name in self.accepted:
            field, value = pin
            verdict = NewVerdict("pin", name, field=field, value=pinned_value(field, value))
            self._decide(Request("eva", [verdict]))

    @precondition(lambda self: self.public)
    @rule(pair=PAIRS, act=st.sampled_from(["merge", "split", "move"]))
    def arrange(self, pair: tuple[Listing, Listing], act: str) -> None:
        one, other = (self._event_of(name) for name in pair)
        if one is None or other is None:
            return
        plans = {
            "merge": lambda: merging([one, other]),
            "split": lambda: splitting(one, [pair[0]]),
            "move": lambda: moving(one, [pair[0]], other),
        }
        self._decide(Request("ada", plans[act](), act=act))

    @rule(which=st.sampled_from([Which(author="ada"), Which(kind="pin"), Which(kind="not_an_event")]))
    def take_back_many(self, which: Which) -> None:
        self._decide(Request("zoe", taking_back=which))

    @rule(place=st.integers(0, 5))
    def take_back(self, place: int) -> None:
        numbers = [row["sequence"] for row in self._in_force()]
        if numbers:
            self._decide(Request("zoe", taking_back=(numbers[place % len(numbers)],)))

    @rule()
    def match(self) -> None:
        run(self.store)
        self._hold_what_was_answered()
        self._ids_last()
        self.followers.read_on(self.store)
        self._verdicts_hold()

    def teardown(self) -> None:
        self.match()

    def _decide(self, request: Request) -> None:
        """Decide; what contradicts or can't be arranged leaves nothing."""
        before = rows(self.store.engine, "SELECT count(*) FROM verdicts")
        try:
            seen = preview(request, store=self.store, policy=POLICY)
            answer = decide(request, store=self.store, queue=self.queue, policy=POLICY)
        except EventDedupError:
            assert rows(self.store.engine, "SELECT count(*) FROM verdicts") == before
            return
        assert not seen["contradictions"]
        assert {one["event"]["id"] for one in seen["events"]} == {
            one["event"]["id"] for one in answer["events"]
        }
        if not self.unmatched:
            self.pending.append(answer)

    def _in_force(self) -> list[dict[str, Any]]:
        with self.store.reading() as connection:
            return find_verdicts(connection, limit=None)

    def _event_of(self, name: Listing) -> str | None:
        query = "SELECT canonical_id FROM canonical_sources WHERE source_code = :code AND id = :number"
        found = rows(self.store.engine, query, code=name[0], number=name[1])
        return found[0][0] if found else None

    def _hold_what_was_answered(self) -> None:
        """Of each listing the last answer holds: an earlier one knew nothing of it."""
        last: dict[Listing, dict[str, Any]] = {}
        for answer in self.pending:
            for one in answer["events"]:
                members = [(each["source_code"], each["id"]) for each in one["event"]["sources"]]
                last |= dict.fromkeys(members, one["event"])
        stored = dict(rows(self.store.engine, "SELECT canonical_id, content FROM canonical_events"))
        for name, event in last.items():
            assert stored[self._event_of(name) or ""] == event | {"id": self._event_of(name)}
        if len(self.pending) == 1:
            assert all(event["id"] in stored for event in last.values())
        self.pending, self.unmatched = [], False

    def _ids_last(self) -> None:
        engine = self.store.engine
        members = rows(engine, "SELECT source_code, id FROM canonical_sources")
        living = {row[0] for row in rows(engine, "SELECT canonical_id FROM canonical_events")}
        redirects = dict(rows(engine, "SELECT from_id, to_id FROM redirects"))
        flows = rows(engine, "SELECT parent_id, child_id, kind FROM lineage")
        self.public |= living

        assert sorted(members) == sorted(self.accepted)
        assert self.public == living | redirects.keys()
        assert living.isdisjoint(redirects)
        assert set(redirects.values()) <= living
        assert {end for parent, child, _ in flows for end in (parent, child)} <= self.public
        assert redirects.keys() <= {parent for parent, _, kind in flows if kind == "merged"}

    def _verdicts_hold(self) -> None:
        pins: dict[tuple[str, str], str] = {}
        for verdict in self._in_force():  # newest first
            event = self._event_of((verdict["a_source_code"], verdict["a_id"])) or ""
            content, hidden = rows(
                self.store.engine,
                "SELECT content, hidden FROM canonical_events WHERE canonical_id = :e",
                e=event,
            )[0]
            if verdict["kind"] == "not_an_event":
                assert hidden
                assert content["hidden"]
            elif verdict["kind"] == "pin":
                field = verdict["field"]
                value = pins.setdefault((event, field), verdict["value"])
                assert _at(content, field) == orjson.loads(value)
                assert content["provenance"][field]["pinned_by"] == "eva"
            else:
                other = self._event_of((verdict["b_source_code"], verdict["b_id"]))
                assert (event == other) == (verdict["kind"] == "must_link")


def _at(content: dict[str, Any], field: str) -> Any:
    for part in field.split("."):
        content = content[part]
    return content


@pytest.fixture(scope="module")
def lasting(postgres: str, template: str) -> Iterator[Store]:
    with created(postgres, template) as url:
        store = Store.at(url)
        yield store
        store.engine.dispose()


def test_no_history_breaks_a_verdict_loses_an_id_or_misleads_a_follower(lasting: Store) -> None:
    machine = type("Bound", (History,), {"store": lasting})

    run_state_machine_as_test(
        machine,
        settings=settings(
            deadline=None, max_examples=4, stateful_step_count=16, suppress_health_check=list(HealthCheck)
        ),
    )
