"""Watch: a folder instead of a bucket. The same ingest and match, on files that lie there and on those that come.

Files that come together are ingested one by one and matched once. A signal to stop is obeyed between two files and after a
run: the work in hand is finished, what is left is found at the next start.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Final

from watchfiles import watch as watch_changes

from dedup_core.pipeline import Progress
from dedup_core.policy import Policy
from handlers.ingest import Announcement, IngestReport, ingest, log_file
from handlers.match import RunReport, log_run, match
from infra.match_queue import RememberingQueue
from infra.object_store import FolderObjects, Objects, is_input
from infra.store import Store

SETTLED_S: Final = 0.5
"""Seconds for which a file must not have changed before it is read: a copy in progress is not a bad file."""

GATHER_MS: Final = 800
"""Milliseconds in which changes are gathered into one batch, and so into one run."""


@dataclass(slots=True)
class WatchReport:
    """What was done since the start."""

    files: list[tuple[str, IngestReport]] = field(default_factory=list)
    runs: list[RunReport] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Watcher:
    """A folder, and what its files are ingested and matched with. told: called with each file's key and report."""

    folder: Path
    store: Store
    policy: Policy
    objects: Objects
    stop: Event
    told: Callable[[str, IngestReport], None] = lambda key, report: None
    progress: Progress | None = None

    def once(self) -> WatchReport:
        """Ingest the files that lie there, and match if anything is new or an earlier run was missed."""
        report = WatchReport()
        self._take([item.key for item in self.objects.list(str(self.folder))], report)
        return report

    def forever(self) -> WatchReport:
        """Ingest and match until told to stop; returns what was done."""
        report = self.once()
        changes = watch_changes(
            self.folder,
            stop_event=self.stop,
            debounce=GATHER_MS,
            rust_timeout=1000,
            yield_on_timeout=False,
            raise_interrupt=False,
        )
        for batch in changes:
            keys = {Path(path).relative_to(self.folder).as_posix() for _, path in batch}
            self._take(sorted(key for key in keys if is_input(key)), report)
        return report

    def _take(self, keys: Iterable[str], report: WatchReport) -> None:
        queue = RememberingQueue()
        for key in keys:
            if self.stop.is_set():
                return
            if (done := self._ingest(key, queue)) is not None:
                report.files.append((key, done))
                self.told(key, done)
        ingested, matched = self.store.generations()
        if ingested > matched and not self.stop.is_set():
            run = match(store=self.store, policy=self.policy, wanted=ingested, progress=self.progress)
            log_run(run)
            report.runs.append(run)

    def _ingest(self, key: str, queue: RememberingQueue) -> IngestReport | None:
        path = self.folder / key
        if not _settle(path, self.stop):
            return None
        announced = Announcement(str(self.folder), key, sequencer=f"{path.stat().st_mtime_ns:x}")
        done = ingest(
            announced,
            objects=self.objects,
            store=self.store,
            queue=queue,
            policy=self.policy,
            quarantine="quarantine/",
        )
        log_file(announced, done)
        return done


def _settle(path: Path, stop: Event) -> bool:
    """Wait until a file has not changed for SETTLED_S; false if it is gone or the watcher stops."""
    while not stop.is_set():
        try:
            age = time.time() - path.stat().st_mtime
        except FileNotFoundError:
            return False
        # A time in the future is a clock's fault, not a write in progress.
        if not 0 <= age < SETTLED_S:
            return True
        stop.wait(SETTLED_S - age)
    return False


def watcher(
    folder: Path,
    store: Store,
    policy: Policy,
    *,
    data_folder: Path,
    stop: Event,
    told: Callable[[str, IngestReport], None] = lambda key, report: None,
    progress: Progress | None = None,
) -> Watcher:
    """Set a folder up to be watched. data_folder: where bad files are copied, below ``quarantine/``."""
    return Watcher(folder.resolve(), store, policy, FolderObjects(data_folder), stop, told, progress)
