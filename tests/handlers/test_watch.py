import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Any

import pytest
from sqlalchemy import text

from handlers import watch
from handlers.ingest import IngestReport
from handlers.match import RunReport
from handlers.watch import Tally, Watcher
from infra.object_store import FolderObjects
from infra.store import Store
from tests.faults.poison import file_of, listing
from tests.handlers.conftest import Lines
from tests.handlers.worlds import AFTER, BEFORE, POLICY, lay, state
from tests.store.test_restart import Server

WHOLE = file_of(listing("a"), listing("b"))
PATIENCE_S = 60
"""For how long a test waits for what is certain to come."""


@dataclass
class Watched:
    """A folder that is watched, and what was said of its files and runs."""

    folder: Path
    store: Store
    files: list[tuple[str, IngestReport]] = field(default_factory=list)
    runs: list[RunReport] = field(default_factory=list)

    def watcher(self, stop: Event | None = None) -> Watcher:
        """Build a watcher as a new process would."""
        objects = FolderObjects(self.folder / "var")
        return Watcher(
            self.folder,
            self.store,
            POLICY,
            objects,
            stop or Event(),
            told=lambda key, report: self.files.append((key, report)),
            ran=self.runs.append,
        )

    def statuses(self) -> list[tuple[str, str]]:
        """Give what became of each file, in order."""
        return [(key, report.status) for key, report in self.files]


@pytest.fixture
def watched(store: Store, tmp_path: Path) -> Watched:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return Watched(folder, store)


@pytest.fixture
def running(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Event, Future[Tally]]]:
    """Watch for ever, in a thread, until the test is over; looks again twice a second."""
    monkeypatch.setattr(watch, "LOOK_AGAIN_S", 0.5)
    with watching(watched) as running:
        yield running


@contextmanager
def watching(watched: Watched) -> Iterator[tuple[Event, Future[Tally]]]:
    """Watch in a thread while a block runs."""
    stop = Event()
    with ThreadPoolExecutor(1) as threads:
        try:
            yield stop, threads.submit(watched.watcher(stop).forever)
        finally:
            stop.set()


def until(happened: Callable[[], bool]) -> None:
    """Wait for something."""
    deadline = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def counted(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> list[str]:
    """Note every call of a function from now on."""
    calls, function = list[str](), getattr(owner, name)

    def noted(*arguments: Any) -> Any:
        calls.append(name)
        return function(*arguments)

    monkeypatch.setattr(owner, name, noted)
    return calls


def aged(path: Path) -> None:
    """Make a file look as if it had lain there for a minute."""
    os.utime(path, (time.time() - 60,) * 2)


def test_files_that_lie_there_are_matched_once_and_a_second_time_nothing_happens(watched: Watched) -> None:
    lay(watched.folder, BEFORE | AFTER)

    tally = watched.watcher().once()
    before = state(watched.store)
    again = watched.watcher().once()

    assert (tally.files, tally.runs) == (5, 1)
    assert (again.files, again.runs) == (5, 0)
    assert [status for _, status in watched.statuses()[5:]] == ["already_known"] * 5
    assert state(watched.store) == before
    assert (watched.folder / "bad_1.json").exists()


def test_nothing_that_we_wrote_ourselves_is_taken_for_a_file_that_came(watched: Watched) -> None:
    (watched.folder / "bad_1.json").write_bytes(b"{torn")

    for _ in range(3):
        watched.watcher().once()

    kept = sorted(path.name for path in (watched.folder / "var").rglob("*.json"))
    assert kept == ["bad_1.json", "bad_1.json.reason.json"]
    assert {key for key, _ in watched.files} == {"bad_1.json"}


def test_a_run_that_was_missed_is_made_up_for(watched: Watched) -> None:
    lay(watched.folder, BEFORE)
    watched.watcher().once()
    with watched.store.engine.begin() as connection:
        connection.execute(text("UPDATE generations SET matched = 0"))

    tally = watched.watcher().once()

    assert tally.runs == 1
    assert watched.store.generations() == (2, 2)


def test_another_policy_is_a_reason_for_a_run(watched: Watched) -> None:
    lay(watched.folder, BEFORE)
    watched.watcher().once()
    other = watched.watcher()
    other.policy = POLICY.model_copy(update={"version": "another"})

    assert other.once().runs == 1
    assert watched.watcher().once().runs == 1


def test_a_copy_in_progress_is_waited_for(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "PATIENCE_S", 60.0)
    looks = counted(monkeypatch, watch, "_is_quiet")
    path = watched.folder / "bwb_1.json"
    path.write_bytes(WHOLE[: len(WHOLE) // 2])

    with ThreadPoolExecutor(1) as threads:
        done = threads.submit(watched.watcher().once)
        until(lambda: len(looks) > 2)
        path.write_bytes(WHOLE)
        tally = done.result(PATIENCE_S)

    assert watched.statuses() == [("bwb_1.json", "stored")]
    assert tally.runs == 1


def test_a_file_that_stays_torn_goes_to_quarantine_and_when_it_is_mended_in(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "PATIENCE_S", 0.2)
    path = watched.folder / "bwb_1.json"
    path.write_bytes(WHOLE[: len(WHOLE) // 2])
    watcher = watched.watcher()

    watcher.once()
    path.write_bytes(WHOLE)
    watcher.once()

    assert watched.statuses() == [("bwb_1.json", "quarantined"), ("bwb_1.json", "stored")]


def test_a_file_from_the_future_is_read(watched: Watched) -> None:
    path = watched.folder / "bwb_1.json"
    path.write_bytes(WHOLE)
    os.utime(path, (time.time() + 86_400,) * 2)

    watched.watcher().once()

    assert watched.statuses() == [("bwb_1.json", "stored")]


def test_a_name_that_is_no_text_stops_no_other_file(watched: Watched, logged: Lines) -> None:
    for name in (b"bwb_\xff.json", b"bwb_1.json"):
        path = Path(os.fsdecode(bytes(watched.folder) + b"/" + name))
        path.write_bytes(WHOLE)
        aged(path)

    tally = watched.watcher().once()

    assert (tally.files, tally.failed, tally.runs) == (1, 1, 1)
    assert len(logged.named("file_failed")) == 1


def test_who_wants_to_stop_gets_whole_files_and_the_next_one_does_the_rest(watched: Watched) -> None:
    lay(watched.folder, BEFORE | AFTER)
    stop = Event()
    stopping = watched.watcher(stop)
    stopping.told = lambda key, report: stop.set()

    stopped = stopping.once()
    after_stop = watched.store.generations()
    watched.watcher().once()

    assert (stopped.files, stopped.runs) == (1, 0)
    assert after_stop[1] == 0
    assert watched.store.generations() == (4, 4)


def test_what_comes_is_taken_in_and_several_at_once_are_matched_once(
    watched: Watched, running: tuple[Event, Future[Tally]]
) -> None:
    stop, done = running
    lay(watched.folder, BEFORE)
    until(lambda: len(watched.runs) == 1)
    lay(watched.folder, {f"bwb_{n}.json": file_of(listing(f"x{n}")) for n in range(10, 15)})
    until(lambda: watched.store.generations() == (7, 7))

    stop.set()
    tally = done.result(PATIENCE_S)

    assert (tally.files, tally.runs) == (7, 2)


def test_a_file_that_comes_while_the_watcher_works_is_not_missed(
    watched: Watched, running: tuple[Event, Future[Tally]]
) -> None:
    for number in range(4):
        path = watched.folder / f"bwb_{number}.json"
        path.write_bytes(file_of(listing(f"x{number}")))
        aged(path)
        until(lambda expected=number + 1: len(watched.files) == expected)  # type: ignore[misc]

    until(lambda: watched.store.generations() == (4, 4))

    assert [status for _, status in watched.statuses()] == ["stored"] * 4


def test_a_database_that_stops_and_starts_is_waited_for_and_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, logged: Lines
) -> None:
    monkeypatch.setattr(watch, "LOOK_AGAIN_S", 0.5)
    with ExitStack() as stack:
        server = Server(Path(stack.enter_context(TemporaryDirectory(prefix="event-dedup-"))) / "postgres")
        stack.callback(server.stop)
        store = Store.at(server.url)
        stack.callback(store.engine.dispose)
        store.upgrade()
        watched = Watched(tmp_path / "inbox", store)
        lay(watched.folder, {"bwb_1.json": file_of(listing("a"))})
        stack.enter_context(watching(watched))
        until(lambda: len(watched.runs) == 1)

        server.stop()
        lay(watched.folder, {"bwb_2.json": file_of(listing("b"))})
        until(lambda: bool(logged.named("waiting_for_database")))
        tries = counted(monkeypatch, Watcher, "_try_to_work")
        until(lambda: len(tries) > 2)
        told = len(logged.named("waiting_for_database"))
        server.start()
        until(lambda: len(watched.runs) == 2)

        assert told == 1
        assert watched.statuses() == [("bwb_1.json", "stored"), ("bwb_2.json", "stored")]
        assert store.generations() == (2, 2)


def test_another_matcher_at_work_is_waited_for(
    watched: Watched, running: tuple[Event, Future[Tally]], logged: Lines
) -> None:
    with watched.store.matching():
        lay(watched.folder, BEFORE)
        until(lambda: bool(logged.named("waiting_for_database")))

    until(lambda: len(watched.runs) == 1)

    assert watched.store.generations() == (2, 2)
