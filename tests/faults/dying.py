"""Processes that die in the middle of their work, as by ``kill -9``, a machine that is switched off, or Lambda's timeout.

A child takes in a file, or matches, and counts its steps: every statement that it sends to PostgreSQL, every commit, every access
to an object, every announcement. Before the step that it was told it kills itself, or stops for ever, its transaction open.
"""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final

import pg8000.legacy

from dedup_core.policy import default_policy
from handlers.ingest import Announcement, IngestReport, ingest
from handlers.match import RunReport, match
from infra.object_store import FolderObjects
from infra.store import Store

POLICY: Final = default_policy()
WAIT_S: Final = 60
UNCOUNTED: Final = (";", "SET ")
"""How the pool tries a connection, and settings of a transaction: between them nothing has happened."""

# Children are forked by a process that has everything imported and has never used it: fast, and no thread is copied.
PROCESSES: Final = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload([__name__, "pytest"])


@dataclass(frozen=True, slots=True)
class Death:
    """When a child ends: before the step of this number, or the first of this name, by this signal. SIGSTOP leaves it hanging."""

    step: int | str
    by: int = signal.SIGKILL


class Steps:
    """Counts what a child does, and ends it."""

    def __init__(self, death: Death | None) -> None:
        self.names: list[str] = []
        self._death = death

    def __call__(self, name: str) -> None:
        self.names.append(name)
        if self._death and self._death.step in (len(self.names) - 1, name):
            os.kill(os.getpid(), self._death.by)

    def around(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """Count a step before a call and one after it."""

        def stepped(*arguments: Any, **named: Any) -> Any:
            self(f"before {name}")
            result = call(*arguments, **named)
            self(f"after {name}")
            return result

        return stepped

    def watch_database(self) -> None:
        """Count the statements and commits of every connection of this process."""
        execute, commit = pg8000.legacy.Cursor.execute, pg8000.legacy.Connection.commit

        def counted(cursor: Any, operation: str, *arguments: Any, **named: Any) -> Any:
            if not operation.startswith(UNCOUNTED):
                self(" ".join(operation.split())[:60])
            return execute(cursor, operation, *arguments, **named)

        pg8000.legacy.Cursor.execute = counted
        pg8000.legacy.Connection.commit = self.around("commit", commit)


class SteppedObjects(FolderObjects):
    """A folder whose every access is a step."""

    def __init__(self, aside: Path, steps: Steps) -> None:
        super().__init__(aside)
        for name in ("read", "set_aside", "write"):
            setattr(self, name, steps.around(name, getattr(super(), name)))


class SteppedQueue:
    """A queue that forgets; each announcement is a step."""

    def __init__(self, steps: Steps) -> None:
        self.announce = steps.around("announcing", lambda generation, *, again="": None)


def take_in(store: Store, file: Path, steps: Steps) -> IngestReport:
    """Ingest a file, as new as the number in its name; what is set aside goes into a folder beside its own."""
    return ingest(
        Announcement(str(file.parent), file.name, sequencer=file.stem.rpartition("_")[2]),
        objects=SteppedObjects(file.parent.with_name("aside"), steps),
        store=store,
        queue=SteppedQueue(steps),
        policy=POLICY,
        quarantine="quarantine/",
    )


def run(store: Store) -> RunReport:
    """Match what is stored."""
    return match(store=store, policy=POLICY)


def _live(url: str, file: Path | None, death: Death | None, out: Connection) -> None:
    store, steps = Store.at(url), Steps(death)
    store.generations()  # what a first connection asks is no step of ours
    steps.watch_database()
    if file is None:
        run(store)
    else:
        take_in(store, file, steps)
    out.send(steps.names)


def begin(url: str, file: Path | None, death: Death | None) -> tuple[BaseProcess, Connection]:
    """Start a child that ingests a file, or, without one, matches, and ends as told. Returns it, and where its steps come out."""
    inlet, outlet = PROCESSES.Pipe(duplex=False)
    child = PROCESSES.Process(target=_live, args=(url, file, death, outlet))
    child.start()
    outlet.close()
    return child, inlet


def steps_of(url: str, file: Path | None) -> list[str]:
    """Let a child do its work undisturbed; returns the names of its steps."""
    child, inlet = begin(url, file, None)
    names: list[str] = inlet.recv()
    child.join(WAIT_S)
    return names


def die(url: str, file: Path | None, step: int | str) -> None:
    """Let a child kill itself before a step, and wait until the server has cleared up behind it."""
    child, _ = begin(url, file, Death(step))
    child.join(WAIT_S)
    assert child.exitcode == -signal.SIGKILL, f"step {step}: ended with {child.exitcode}"
    forgotten(url)


def forgotten(url: str) -> None:
    """Wait until no connection but ours is left at a database."""
    store = Store.at(url)
    others = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'"
    wait_for(store, f"SELECT NOT EXISTS ({others})")
    store.engine.dispose()


def wait_for(store: Store, query: str) -> None:
    """Ask a question until the answer is yes."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        with store.reading() as connection:
            if connection.exec_driver_sql(query).scalar_one():
                return
        time.sleep(0.01)
    raise TimeoutError(query)
