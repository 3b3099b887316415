from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from dedup_core.errors import UnknownEvent
from infra.store import Store
from infra.store.engine import HonestDriver
from infra.store.reading import event_of
from infra.store.verdicts import NewVerdict, append, list_verdicts, withdraw
from tests.store.uploads import rows, run, save
from tests.unit.listings import listing

PARADE, CONCERT = ("bwb", "1"), ("bwb", "2")


@pytest.fixture
def three(store: Store) -> Store:
    save(
        store,
        [
            listing("bwb:1", "Fasnetumzug Waldkirch", "2026-02-12", city="Waldkirch"),
            listing("bwb:2", "Orgelkonzert", "2026-03-01", city="Freiburg"),
            listing("bwb:3", "Vortrag über Bienen", "2026-04-02", city="Emmendingen"),
        ],
    )
    run(store)
    return store


def event(store: Store, identity: tuple[str, str]) -> str | None:
    with store.reading() as connection:
        return event_of(connection, *identity)


def test_a_verdict_is_in_force_from_the_next_run_until_it_is_taken_back(three: Store) -> None:
    number = three.give_verdict("must_link", PARADE, CONCERT, author="ada", reason="same stage")
    run(three)
    joined = event(three, PARADE) == event(three, CONCERT)

    assert three.take_back(number, author="bob")
    run(three)

    assert joined
    assert event(three, PARADE) != event(three, CONCERT)


def test_each_verdict_and_each_taking_back_raises_the_generation(three: Store) -> None:
    before, _ = three.generations()

    number = three.give_verdict("cannot_link", PARADE, CONCERT, author="ada")
    three.take_back(number, author="ada")

    assert three.generations() == (before + 2, before)


def test_a_verdict_can_be_taken_back_once(three: Store) -> None:
    number = three.give_verdict("must_link", PARADE, CONCERT, author="ada")

    outcomes = [three.take_back(number, author="bob") for _ in range(2)]

    assert outcomes == [True, False]
    assert not three.take_back(number + 1, author="bob")
    assert three.generations()[0] == 3


def test_many_verdicts_cost_a_few_statements_and_not_one_each(
    three: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    asking = HonestDriver.execute_unnamed

    def counted(driver: HonestDriver, statement: str, *arguments: Any, **options: Any) -> Any:
        sent.append(statement)
        return asking(driver, statement, *arguments, **options)

    monkeypatch.setattr(HonestDriver, "execute_unnamed", counted)
    wishes = [NewVerdict("pin", PARADE, field="title", value=f'"{number}"') for number in range(1200)]

    with three.engine.begin() as connection:
        numbers = [said.sequence for said in append(connection, wishes, author="ada")]
        back = withdraw(connection, [*numbers, *range(10**6, 10**6 + 70_000)], author="bob", reason="all")
    statements = len(sent)

    assert back == numbers
    assert statements < 20
    audited = "SELECT who, action, count(DISTINCT subject) FROM audit GROUP BY who, action ORDER BY who"
    assert rows(three.engine, audited) == [("ada", "pin", 1200), ("bob", "take_back", 1200)]


def test_a_verdict_taken_back_stays_on_record_with_who_did_what(three: Store) -> None:
    number = three.give_verdict("must_link", PARADE, CONCERT, author="ada", reason="same stage")
    three.take_back(number, author="bob")

    assert rows(
        three.engine, "SELECT v.author, v.reason, t.author FROM verdicts v JOIN take_backs t USING (sequence)"
    ) == [("ada", "same stage", "bob")]
    assert rows(
        three.engine, "SELECT who, action, subject, detail->>'reason' FROM audit ORDER BY audit_id"
    ) == [
        ("ada", "must_link", f"verdict {number}", "same stage"),
        ("bob", "take_back", f"verdict {number}", None),
    ]


def test_of_two_verdicts_that_contradict_the_later_one_holds(three: Store) -> None:
    three.give_verdict("must_link", PARADE, CONCERT, author="ada")
    three.give_verdict("cannot_link", CONCERT, PARADE, author="bob")
    run(three)
    apart = event(three, PARADE) != event(three, CONCERT)
    three.give_verdict("must_link", PARADE, CONCERT, author="ada")
    run(three)

    assert apart
    assert event(three, PARADE) == event(three, CONCERT)


def test_a_verdict_on_a_listing_that_is_not_there_leaves_nothing(three: Store) -> None:
    with pytest.raises(UnknownEvent, match="bwb:404"):
        three.give_verdict("must_link", PARADE, ("bwb", "404"), author="ada")

    assert rows(three.engine, "SELECT count(*) FROM verdicts") == [(0,)]
    assert three.generations() == (1, 1)


@pytest.mark.parametrize(("kind", "a", "b"), [("perhaps", PARADE, CONCERT), ("must_link", PARADE, PARADE)])
def test_the_database_refuses_what_is_no_verdict(
    three: Store, kind: str, a: tuple[str, str], b: tuple[str, str]
) -> None:
    with pytest.raises(DBAPIError, match="check constraint"):
        three.give_verdict(kind, a, b, author="ada")

    assert rows(three.engine, "SELECT count(*) FROM audit") == [(0,)]


def test_verdicts_are_listed_newest_first_whichever_way_round_their_pair_is_named(three: Store) -> None:
    first = three.give_verdict("must_link", PARADE, CONCERT, author="ada")
    second = three.give_verdict("cannot_link", CONCERT, PARADE, author="bob", reason="two stages")
    elsewhere = three.give_verdict("cannot_link", PARADE, ("bwb", "3"), author="ada")
    three.take_back(first, author="ada")

    with three.reading() as connection:
        found = {
            "in force": list_verdicts(connection),
            "all": list_verdicts(connection, taken_back=True),
            "of the pair": list_verdicts(connection, pair=(PARADE, CONCERT), taken_back=True),
            "the one that holds": list_verdicts(connection, pair=(PARADE, CONCERT), limit=1),
        }

    assert {name: [row["sequence"] for row in rows] for name, rows in found.items()} == {
        "in force": [elsewhere, second],
        "all": [elsewhere, second, first],
        "of the pair": [second, first],
        "the one that holds": [second],
    }
