"""Turns: a plan or an export that takes long leaves the threads and the connections to others, and nobody waits behind it."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from dedup_core.policy import default_policy
from handlers import planning
from handlers.publishing_export import delivered
from infra.store import Store
from infra.store.events import Wanted
from infra.store.published import ANY_TIME
from tests.handlers.calling import call
from tests.store.uploads import rows, run, save
from tests.unit.listings import listing

POLICY = default_policy()


@pytest.fixture
def deployed(deployed: Store) -> Store:
    """Give a store of one event."""
    save(deployed, [listing("tix:1", "Flohmarkt", "2026-06-07", city="Emmendingen")])
    run(deployed)
    return deployed


def a_plan(store: Store) -> object:
    return planning.plan(store, POLICY, POLICY, most_listings=planning.MOST_WHILE_WAITING)


def an_export(store: Store) -> object:
    return delivered(store, Wanted(), ANY_TIME, shares=None)


def asked_for_a_plan() -> dict[str, object]:
    body = {"policy": POLICY.model_dump(mode="json")}
    return call("/policy/plan", {"content-type": "application/json"}, method="POST", body=body, role="editor")


def asked_for_an_export() -> dict[str, object]:
    return call("/export")


@pytest.mark.parametrize(
    ("work", "ask"), [(a_plan, asked_for_a_plan), (an_export, asked_for_an_export)], ids=["plan", "export"]
)
def test_who_comes_while_another_one_is_made_is_asked_to_come_again(
    deployed: Store, work: Callable[[Store], object], ask: Callable[[], dict[str, object]]
) -> None:
    with ThreadPoolExecutor(2) as threads:
        with deployed.engine.begin() as holder:
            holder.execute(text("LOCK TABLE canonical_events, source_events IN ACCESS EXCLUSIVE MODE"))
            first = threads.submit(work, deployed)
            until_somebody_waits(deployed)
            meanwhile = threads.submit(ask).result(timeout=30)
        made = first.result(timeout=60)
    afterwards = ask()

    assert meanwhile["statusCode"] == 503
    assert "Retry-After" in str(meanwhile["headers"])
    assert made
    assert afterwards["statusCode"] == 200


def until_somebody_waits(store: Store) -> None:
    deadline = time.monotonic() + 30
    while not rows(store.engine, "SELECT 1 FROM pg_locks WHERE NOT granted"):
        assert time.monotonic() < deadline
        time.sleep(0.02)
