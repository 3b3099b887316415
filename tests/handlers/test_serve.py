"""`event-dedup serve` as a process, and its application in this one for what a process would only slow down."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from handlers import serve, wiring
from handlers.commands.serving import serve as serve_command
from infra.store import Store, keys
from tests.handlers.conftest import forget_wiring
from tests.store.uploads import run, save
from tests.unit.listings import listing

CLIENTS = 20


@dataclass
class Serving:
    """A server, its store, and how to ask it."""

    process: subprocess.Popen[str]
    store: Store
    address: str
    key: str

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.address, headers={"X-Api-Key": self.key}, timeout=30)


@pytest.fixture
def serving(database: str, tmp_path: Path) -> Iterator[Serving]:
    """Give a server on a database of some events; it is ended if the test did not."""
    store = Store.at(database)
    save(store, [listing(f"bwb:{n}", f"Vortrag {n}", "2026-05-02", city="Waldkirch") for n in range(3)])
    run(store)
    process = subprocess.Popen(
        [sys.executable, "-m", "handlers.cli", "serve", "--port", "0"],
        env=os.environ | {"EVENT_DEDUP_DATABASE_URL": database, "EVENT_DEDUP_REQUESTS_PER_SECOND": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert process.stdout is not None
    told = ""
    while not (found := re.search(r"page: (http://\S+)/desk\nserving \1;", told)):
        assert process.poll() is None, told
        told += process.stderr.readline()
    given = Serving(process, store, found[1], process.stdout.readline().strip())
    with given.client() as client:  # it listens before it answers
        assert client.get("/health").status_code == 200
    yield given
    process.kill()
    process.communicate()
    store.engine.dispose()


def test_who_waits_for_the_database_holds_up_nobody_and_each_gets_his_own_answer(serving: Serving) -> None:
    def ask(number: int) -> tuple[int, bool]:
        asked = f"/events?limit=1&q=Vortrag&radius_km={number + 1}"
        with serving.client() as client:
            answer = client.get(asked)
        return answer.status_code, answer.headers["Link"].startswith(f"<{asked}&cursor=")

    with ThreadPoolExecutor(CLIENTS) as pool:
        with serving.store.engine.begin() as connection:
            connection.execute(text("LOCK TABLE changes IN ACCESS EXCLUSIVE MODE"))
            waiting = [pool.submit(lambda: serving.client().get("/changes")) for _ in range(2)]
            time.sleep(0.5)
            answers = list(pool.map(ask, range(CLIENTS)))
            undone = [each.done() for each in waiting]
        late = [each.result().status_code for each in waiting]

    assert answers == [(200, True)] * CLIENTS
    assert undone == [False, False]
    assert late == [200, 200]


def test_a_signal_lets_it_finish_what_is_being_answered(serving: Serving) -> None:
    with ThreadPoolExecutor(1) as pool:
        with serving.store.engine.begin() as connection:
            connection.execute(text("LOCK TABLE changes IN ACCESS EXCLUSIVE MODE"))
            waiting = pool.submit(lambda: serving.client().get("/changes"))
            time.sleep(0.5)
            serving.process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
        answer = waiting.result()

    assert answer.status_code == 200
    assert serving.process.wait(20) == 0


def test_what_a_person_says_is_matched_within_seconds(serving: Serving) -> None:
    serving.store.give_verdict("must_link", ("bwb", "0"), ("bwb", "1"), author="ada")

    deadline = time.monotonic() + 30
    with serving.client() as client:
        while len(client.get("/events").json()["events"]) != 2 and time.monotonic() < deadline:
            time.sleep(0.2)
        events = client.get("/events").json()["events"]

    assert sorted(len(event["sources"]) for event in events) == [1, 2]


@pytest.fixture
def application(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Give the ASGI application, which takes ten requests of anyone in ten seconds."""
    monkeypatch.setenv("EVENT_DEDUP_DATABASE_URL", database)
    monkeypatch.setenv("EVENT_DEDUP_REQUESTS_PER_SECOND", "1")
    forget_wiring()
    yield serve.application()
    wiring.store().engine.dispose()
    forget_wiring()


def asked(application: Any, *requests: tuple[str, str, dict[str, Any]]) -> list[httpx.Response]:
    """Ask, one after the other."""

    async def ask() -> list[httpx.Response]:
        transport = httpx.ASGITransport(application, raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return [await client.request(method, path, **more) for method, path, more in requests]

    return asyncio.run(ask())


def test_what_no_route_could_read_is_refused_before_it_is_read(application: Any) -> None:
    answers = asked(
        application,
        ("POST", "/events", {"content": b"x" * (serve.MOST_BYTES + 1)}),
        ("POST", "/events", {"content": b"\xff"}),
        ("GET", "/health", {"headers": {b"x-api-key": b"\xff\xfe"}}),
        ("HEAD", "/health", {}),
    )

    assert [answer.status_code for answer in answers] == [413, 400, 400, 200]
    assert {answer.headers["content-type"] for answer in answers[:3]} == {"application/problem+json"}


def test_an_answer_without_a_body_is_an_empty_one(application: Any) -> None:
    (answer,) = asked(application, ("GET", "/", {}))

    assert (answer.status_code, answer.content) == (303, b"")


def test_who_asks_too_much_is_told_when_to_come_back_and_others_are_not_kept_from_asking(
    application: Any,
) -> None:
    with wiring.store().engine.begin() as connection:
        ada, bob = (
            {"X-Api-Key": keys.add_key(connection, name=name, role="reader", author="test")}
            for name in ("ada", "bob")
        )

    answers = asked(application, *[("GET", "/changes", {"headers": ada})] * 11)
    of_bob, *_ = asked(application, ("GET", "/changes", {"headers": bob}))

    assert [answer.status_code for answer in answers] == [200] * 10 + [429]
    assert 1 <= int(answers[-1].headers["retry-after"]) <= serve.WINDOW_S
    assert of_bob.status_code == 200


def test_an_address_that_others_reach_has_to_be_meant() -> None:
    import typer  # noqa: PLC0415 - the command line's, as in the command

    for host in ("0.0.0.0", "::", "192.168.1.7", "example.org"):  # noqa: S104
        with pytest.raises(typer.BadParameter, match="--expose"):
            serve_command(host=host)
