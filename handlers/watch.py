"""Watch: a folder instead of a bucket. The same ingest and match, on files that lie there and on those that come.

What lies in the folder is the truth, a change that the system tells of is only a hint: after each hint, and now and then
without one, the folder is read again and what is new or changed is ingested. So no hint can be lost, and the first look at
the folder is no special case. Files that come together are ingested one by one and matched once.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event
from typing import Final

from watchfiles import Change, watch

from dedup_core.pipeline import Progress
from dedup_core.policy import Policy
from handlers.failures import described
from handlers.ingest import Announcement, IngestReport, ingest, log_file, logger
from handlers.match import RunReport, log_run, match
from infra.match_queue import RememberingQueue
from infra.object_store import FolderObjects, is_input
from infra.outages import passes
from infra.store import Store, reading

GATHER_MS: Final = 800
"""Milliseconds in which hints are gathered before the folder is read."""

QUIET_S: Final = 0.5
"""Seconds for which a file that looks whole must not have changed: a copy in progress is not a bad file."""

PATIENCE_S: Final = 5.0
"""Seconds of quiet after which a file that does not look whole is taken as it is, and goes to quarantine if it is torn."""

GATHER_AT_MOST_S: Final = 30.0
"""Seconds for which files that still come may hold up the run for those that came."""

LOOK_AGAIN_S: Final = 10.0
"""Seconds after which the folder is read without a hint: for hints that got lost, and for what failed."""

TICK_MS: Final = 500
"""Milliseconds until a wish to stop, or a file that was not yet quiet, is looked at again."""

QUARANTINE: Final = "quarantine/"

Mark = tuple[int, int]
"""What tells a changed file from an unchanged one: its modification time in ns, its size in bytes."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What was done since the start: files taken in, those that could not even be opened, runs."""

    files: int = 0
    failed: int = 0
    runs: int = 0


@dataclass(slots=True)
class Watcher:
    """A folder, and what its files are ingested and matched with.

    objects: of the folder.   stop: set by whoever wants the watcher to end.
    told, ran: called with each file's key and report, and with each run's.   insist: the policy holds, whatever was applied.
    """

    folder: Path
    store: Store
    policy: Policy
    objects: FolderObjects
    stop: Event
    told: Callable[[str, IngestReport], None] = lambda key, report: None
    ran: Callable[[RunReport], None] = lambda report: None
    progress: Progress | None = None
    insist: bool = False
    tally: Tally = field(default_factory=Tally)
    _seen: dict[str, Mark] = field(default_factory=dict)
    _waiting: bool = False
    _in_force: str | None = None

    def once(self) -> Tally:
        """Ingest the files that lie there, and match if anything is new or an earlier run was missed.

        A second run changes nothing. A crash, or a wish to stop, leaves the files that are left to the next run.
        """
        self._work()
        return self.tally

    def forever(self) -> Tally:
        """Ingest and match until told to stop: between two files or after a run, so that no work in hand is torn.

        While the database can't be reached, everything waits and is tried again.
        """
        due = 0.0
        for hints in self._hints():
            if hints or time.monotonic() >= due:
                self._try_to_work()
                due = time.monotonic() + LOOK_AGAIN_S
        return self.tally

    def _try_to_work(self) -> None:
        try:
            self._work()
            self._waiting = False
        except Exception as error:
            if not passes(error):
                raise
            if not self._waiting:  # one line an outage, not one a try
                logger.error("waiting_for_database", extra={"errors": 1, **described(error)})
            self._waiting = True

    def _hints(self) -> Iterator[set[tuple[Change, str]]]:
        return watch(
            self.folder,
            watch_filter=lambda _, path: is_input(Path(path).relative_to(self.folder).as_posix()),
            debounce=GATHER_MS,
            step=100,
            stop_event=self.stop,
            rust_timeout=TICK_MS,
            yield_on_timeout=True,
            raise_interrupt=False,
        )

    def _work(self) -> None:
        """Take in what is new, wait a little for what is still being written, and match once."""
        deadline = time.monotonic() + GATHER_AT_MOST_S
        while self._take_in() and time.monotonic() < deadline and not self.stop.is_set():
            self.stop.wait(TICK_MS / 1000)
        self._catch_up()

    def _take_in(self) -> bool:
        """Ingest the files that are new or changed, one by one; true if some are still being written."""
        unfinished = False
        for item in self.objects.list(str(self.folder)):
            path = self.folder / item.key
            mark = _mark(path)
            if self.stop.is_set():
                return False
            if mark is None or self._seen.get(item.key) == mark:
                continue
            try:
                if _is_quiet(path, mark):
                    self._ingest(item.key, mark)
                else:
                    unfinished = True
            except (PermissionError, UnicodeEncodeError) as error:
                self._leave_out(item.key, mark, error)
        return unfinished

    def _ingest(self, key: str, mark: Mark) -> None:
        key.encode()  # a name that is no text can't be written down anywhere
        announced = Announcement(str(self.folder), key, sequencer=f"{mark[0]:x}")
        report = ingest(
            announced,
            objects=self.objects,
            store=self.store,
            queue=RememberingQueue(),
            policy=self._rules(),
            quarantine=QUARANTINE,
        )
        self._seen[key] = mark
        self.tally = replace(self.tally, files=self.tally.files + 1)
        log_file(announced, report)
        self.told(key, report)

    def _leave_out(self, key: str, mark: Mark, error: Exception) -> None:
        """Go on without a file that can't be opened or named; it is tried again when it changes."""
        self._seen[key] = mark
        self.tally = replace(self.tally, failed=self.tally.failed + 1)
        logger.error("file_failed", extra={"key": ascii(key), "errors": 1, **described(error)})

    def _catch_up(self) -> None:
        """Match if the data is ahead of the last run, whoever brought it there; with another policy, match in any case."""
        ingested, matched = self.store.generations()
        rules = self._rules()
        current = ingested == matched and (matched == 0 or self._last_policy() == rules.hash)
        if current or self.stop.is_set():
            return
        report = match(store=self.store, policy=self.policy, progress=self.progress, insist=self.insist)
        self._in_force = rules.hash
        self.tally = replace(self.tally, runs=self.tally.runs + 1)
        log_run(report)
        self.ran(report)

    def _rules(self) -> Policy:
        """Give the policy that holds: the one that was applied last, or the watcher's own."""
        return self.policy if self.insist else self.store.policy_in_force() or self.policy

    def _last_policy(self) -> str | None:
        if self._in_force is None:
            with self.store.reading() as connection:
                runs = reading.list_runs(connection, limit=100)
            self._in_force = next((run["policy_hash"] for run in runs if run["status"] == "done"), None)
        return self._in_force


def _mark(path: Path) -> Mark | None:
    try:
        info = path.stat()
    except FileNotFoundError:
        return None
    return info.st_mtime_ns, info.st_size


def _is_quiet(path: Path, mark: Mark) -> bool:
    """Tell whether a file has not changed for long enough to be read."""
    age = time.time() - mark[0] / 1e9
    # A time in the future is a clock's fault, not a write in progress.
    return not 0 <= age < PATIENCE_S or (age >= QUIET_S and _looks_whole(path, mark[1]))


def _looks_whole(path: Path, size: int) -> bool:
    """Tell whether a file ends as JSON does; what is compressed can't be told."""
    with path.open("rb") as file:
        file.seek(max(0, size - 64))
        return path.suffix == ".gz" or file.read().rstrip().endswith((b"}", b"]"))
