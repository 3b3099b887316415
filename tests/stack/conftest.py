"""One LocalStack for all tests here, with the template deployed, on a port and a Postgres of its own.

LocalStack is installed once, into var/localstack-venv. What is deployed is what is deployed elsewhere. A file's key begins with the name of its
test's source, so that no test looks at another's files.
"""

import json
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import psutil  # type: ignore[import-untyped]
import pytest
from localstack_client.session import Session
from sqlalchemy import text

from infra.local import guardian
from infra.local.stack import Stack, Up
from infra.local.stack_process import PROJECT
from infra.store import Store

VENV = PROJECT / "var" / "localstack-venv"
REGION = "eu-central-1"

Found = TypeVar("Found")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def eventually(look: Callable[[], Found], what: str, *, within_s: float = 60) -> Found:
    """Look again and again until there is something, and give it; a test that waits in vain fails and says for what."""
    until = time.monotonic() + within_s
    while not (found := look()):
        if time.monotonic() > until:
            pytest.fail(f"within {within_s} s: {what}")
        time.sleep(0.1)
    return found


@contextmanager
def a_folder() -> Iterator[Path]:
    """Give a folder whose parents a system user may pass: pytest's own are closed."""
    folder = Path(tempfile.mkdtemp(prefix="event-dedup-stack-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def left(folder: Path) -> list[str]:
    """List all processes of this machine that have to do with a folder, whoever their parent is by now: LocalStack, functions, Postgres, its guardian."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            words = [*process.cmdline(), process.cwd(), process.environ().get("TMPDIR", "")]
            if process.status() != psutil.STATUS_ZOMBIE and any(
                str(folder.resolve()) in word for word in words
            ):
                found.append(" ".join(process.cmdline()))
    return found


def listing(identity: str, title: str, **changes: Any) -> dict[str, Any]:
    day = {"date": "2026-03-28", "start_time": "11:00"}
    place = {"name": "Marktplatz", "city": "Waldkirch"}
    return {"id": identity, "title": title, "event_dates": [day], "location": place, **changes}


def file_of(*listings: dict[str, Any]) -> bytes:
    return json.dumps({"events": listings}).encode()


@dataclass(frozen=True)
class World:
    """A stack that runs, and what a test does with it."""

    stack: Stack
    up: Up
    session: Session
    store: Store
    clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """Give a client; those of one service are one."""
        return self.clients.setdefault(service, self.session.client(service))

    @property
    def uploads(self) -> str:
        return self.up.deployed.outputs["UploadsBucket"]

    @property
    def results(self) -> str:
        return self.up.deployed.outputs["ResultsBucket"]

    def output(self, name: str) -> str:
        return self.up.deployed.outputs[name]

    def put(self, key: str, content: bytes) -> None:
        self.client("s3").put_object(Bucket=self.uploads, Key=key, Body=content)

    def rows(self, statement: str, **values: Any) -> list[Any]:
        with self.store.engine.connect() as connection:
            return list(connection.execute(text(statement), values))

    def file(self, key: str) -> Any:
        """Give what became of the last upload of a key, or null."""
        found = self.rows("SELECT * FROM files WHERE key = :key ORDER BY file_id DESC LIMIT 1", key=key)
        return found[0] if found else None

    def caught_up(self) -> bool:
        """Whether the matcher has run on all that was ingested."""
        ingested, matched = self.store.generations()
        return ingested == matched

    def events_of(self, source: str) -> list[Any]:
        """Give the canonical events that have listings of a source: id, title, and all listings."""
        return self.rows(
            "SELECT canonical_id, title, (SELECT array_agg(s.source_code || ':' || s.id ORDER BY s.source_code, s.id) FROM canonical_sources s "
            "WHERE s.canonical_id = e.canonical_id) AS listings FROM canonical_events e WHERE canonical_id IN "
            "(SELECT canonical_id FROM canonical_sources WHERE source_code = :source) ORDER BY title",
            source=source,
        )

    def runs(self) -> int:
        """Count the runs that were finished."""
        return int(self.rows("SELECT count(*) FROM runs WHERE status = 'done'")[0][0])

    def waiting(self, queue: str) -> int:
        """Count the messages in a queue, also those that a function has in hand or that are delayed. queue: an output's name."""
        names = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible", "Delayed")]
        found = self.client("sqs").get_queue_attributes(QueueUrl=self.output(queue), AttributeNames=names)
        return sum(map(int, found["Attributes"].values()))

    def idle(self) -> bool:
        """Whether nothing is under way."""
        return self.caught_up() and not any(self.messages().values())

    def messages(self) -> dict[str, int]:
        """Count the messages of each queue."""
        return {queue: self.waiting(queue) for queue in ("UploadQueueUrl", "MatchQueueUrl")}

    def rest(self, *, within_s: float) -> None:
        """Wait until nothing is under way; a test that waits in vain says what still is."""
        until = time.monotonic() + within_s
        while not self.idle():
            if time.monotonic() > until:
                ingested, matched = self.store.generations()
                pytest.fail(
                    f"after {within_s} s {self.messages()} wait, {ingested} ingested, {matched} matched"
                )
            time.sleep(0.1)

    def process_of(self, function: str) -> Any:
        """Give the process that runs a function, or null."""
        running = self.stack.found()
        processes = running.processes() if running else []
        return next((p for p in processes if f"handlers.{function}.lambda_handler" in p.cmdline()), None)

    def lines(self, function: str) -> list[str]:
        """Give what a function wrote to CloudWatch Logs."""
        group = f"/aws/lambda/{self.up.deployed.functions[function]}"
        pages = self.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
        return [event["message"] for page in pages for event in page["events"] if event["message"].strip()]

    @contextmanager
    def unheard(self, function: str) -> Iterator[None]:
        """Keep what lies in a function's queue from it."""
        functions, name = self.client("lambda"), self.up.deployed.functions[function]
        (mapping,) = functions.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]

        def switch(*, on: bool) -> None:
            wanted = "Enabled" if on else "Disabled"
            functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=on)
            eventually(
                lambda: functions.get_event_source_mapping(UUID=mapping["UUID"])["State"] == wanted, wanted
            )

        switch(on=False)
        try:
            yield
        finally:
            switch(on=True)

    @contextmanager
    def locked(self, table: str) -> Iterator[Callable[[], bool]]:
        """Keep everybody out of a table, when nothing is under way; gives a look whether somebody waits for it.

        Else who waits might be who still has to do with what came before: match writes receipts when its events are long there.
        """
        self.rest(within_s=60)
        with self.store.engine.connect() as connection:
            connection.execute(text(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))
            waiters = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = CAST(:name AS regclass)"
            yield lambda: bool(self.rows(waiters, name=table)[0][0])
            connection.rollback()

    def stop_postgres(self) -> None:
        """Stop the database under everybody's hands."""
        guardian.stop((self.stack.folder / "postgres").resolve())


@pytest.fixture(scope="package")
def running() -> Iterator[World]:
    """Give the stack, up."""
    if not sys.platform.startswith("linux"):
        pytest.skip("awslambdaric comes ready-made for Linux only")
    with a_folder() as folder:
        stack = Stack(folder, VENV, free_port())
        try:
            up = stack.up(lambda _: None)
            session = Session(region_name=REGION, localstack_host=up.url.removeprefix("http://"))
            secret = session.client("secretsmanager").get_secret_value(SecretId="event-dedup-local/database")
            world = World(stack, up, session, Store.at(secret["SecretString"]))
            yield world
            world.store.engine.dispose()
        finally:
            stack.down(lambda _: None)
            assert left(folder) == []


@pytest.fixture
def world(running: World) -> World:
    """Give the stack when nothing is under way."""
    running.rest(within_s=120)
    return running
