"""Any history of uploads, verdicts and runs: nothing is lost, ids last, and the tables say what the last run resolved,
and whoever follows the changes, from wherever, holds just that."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dedup_core.events import Resolution
from infra.store import Store
from infra.store.reading import show_event
from tests.conftest import created
from tests.store.followers import Followers
from tests.store.uploads import rows, run, save, written
from tests.unit.listings import listing

TITLES = ("Fasnetumzug Waldkirch", "Orgelkonzert im Münster", "Vortrag über Bienen")
SOURCES = ("bwb", "zrk")
IDENTITIES = [(source, str(number)) for source in SOURCES for number in range(3)]

UPLOADS = st.tuples(
    st.just("upload"),
    st.sampled_from(SOURCES),
    st.dictionaries(st.integers(0, 2), st.sampled_from(TITLES), min_size=1, max_size=3),
)
VERDICTS = st.tuples(
    st.just("verdict"),
    st.sampled_from(["must_link", "cannot_link"]),
    st.permutations(IDENTITIES).map(lambda order: tuple(order[:2])),
)
BACK = st.tuples(st.just("take back"), st.integers(1, 4), st.none())
RUNS = st.just(("run", None, None))
STEPS = st.lists(UPLOADS | VERDICTS | BACK | RUNS | RUNS, min_size=4, max_size=14)
NUMBERS = count(1)
TABLES = ("canonical_events", "canonical_sources", "decisions", "links", "flags", "redirects", "lineage")


@pytest.fixture(scope="module")
def lasting(postgres: str, template: str) -> Iterator[Store]:
    with created(postgres, template) as url:
        store = Store.at(url)
        yield store
        store.engine.dispose()


@dataclass
class Past:
    """What the world was told so far."""

    public: set[str] = field(default_factory=set)
    accepted: set[tuple[str, str]] = field(default_factory=set)
    followers: Followers = field(default_factory=Followers)


def emptied(store: Store) -> Store:
    with store.engine.begin() as connection:
        connection.exec_driver_sql(
            "TRUNCATE files, source_events, source_event_history, rejections, canonical_events, canonical_sources, decisions, "
            "links, flags, verdicts, take_backs, given_answers, runs, lineage, redirects, changes, audit RESTART IDENTITY"
        )
        connection.exec_driver_sql("UPDATE generations SET ingested = 0, matched = 0")
    return store


def take(store: Store, past: Past, step: tuple[str, Any, Any]) -> None:
    """Do one thing that people or sources do."""
    what, first, second = step
    if what == "upload":
        number = next(NUMBERS)
        listings = [
            listing(f"{first}:{n}", title, "2026-05-02", city="Waldkirch")
            for n, title in sorted(second.items())
        ]
        save(store, listings, key=f"{first}_{number}.json", sequencer=f"{number:x}", content=str(number))
        past.accepted |= {(first, str(n)) for n in second}
    elif what == "verdict" and set(second) <= past.accepted:
        store.give_verdict(first, *second, author="ada")
    elif what == "take back":
        store.take_back(first, author="bob")
    elif what == "run":
        check(store, past, run(store))


def check(store: Store, past: Past, resolution: Resolution) -> None:
    """Hold the tables to the resolution, and to what was public before."""
    members = rows(store.engine, "SELECT canonical_id, source_code, id FROM canonical_sources")
    living = rows(
        store.engine,
        "SELECT canonical_id, content_hash, n_sources FROM canonical_events WHERE content->>'id' = canonical_id",
    )
    redirects = dict(rows(store.engine, "SELECT from_id, to_id FROM redirects"))
    ids = {row[0] for row in living}

    assert sorted(members) == resolution.members.rows()
    assert {(source, number) for _, source, number in members} == past.accepted
    assert (
        sorted(living)
        == resolution.canonical_events.select("canonical_id", "content_hash", "n_sources").rows()
    )
    past.followers.read_on(store)
    past.public |= ids
    assert past.public == ids | redirects.keys()
    assert ids.isdisjoint(redirects)
    assert set(redirects.values()) <= ids
    for gone, heir in redirects.items():
        with store.reading() as connection:
            shown = show_event(connection, gone)
        assert shown is not None
        assert (shown["canonical_id"], shown["redirected_from"]) == (heir, gone)
    before = {table: written(store.engine, table) for table in TABLES}
    again = run(store)
    assert again.result_hash == resolution.result_hash
    assert {table: written(store.engine, table) for table in TABLES} == before


@settings(deadline=None, max_examples=8, suppress_health_check=list(HealthCheck))
@given(STEPS)
@example(
    [
        ("upload", "bwb", dict(enumerate(TITLES))),
        ("run", None, None),
        ("verdict", "must_link", (("bwb", "0"), ("bwb", "1"))),
        ("run", None, None),
        ("verdict", "must_link", (("bwb", "1"), ("bwb", "2"))),
        ("upload", "zrk", {0: TITLES[0]}),
        ("run", None, None),
        ("take back", 1, None),
    ]
)
def test_any_history_loses_nothing_and_keeps_every_id(
    lasting: Store, steps: list[tuple[str, Any, Any]]
) -> None:
    store, past = emptied(lasting), Past()

    for step in [*steps, ("run", None, None)]:
        take(store, past, step)

    assert store.generations()[0] == store.generations()[1]
