"""Commands that take files in: watch, demo, and match for a run that nothing called for."""
# ruff: noqa: PLC0415 - heavy imports stand inside, so that --help and completion answer at once

import logging
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated, Any

import typer

from handlers.commands.listings import LISTING_COLUMNS, listings_of, side_by_side
from handlers.commands.options import (
    A_FILE_WAS_REFUSED,
    AsJson,
    PolicyFile,
    chosen_policy,
    data_folder,
    database,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from handlers.ingest import IngestReport
    from handlers.match import RunReport
    from handlers.watch import Watcher
    from infra.store import Store

Folder = Annotated[Path, typer.Argument(help="The folder.", exists=True, file_okay=False)]


def watch(
    folder: Folder,
    once: Annotated[bool, typer.Option("--once", help="Process what lies there, then end.")] = False,
    policy: PolicyFile = None,
    as_json: AsJson = False,
) -> None:
    """Ingest and match the files of a folder, and those that come.

    Uses EVENT_DEDUP_DATABASE_URL, or else a Postgres of its own below EVENT_DEDUP_DATA_FOLDER (./var). Ctrl-C and SIGTERM finish the
    work in hand; a second Ctrl-C rolls it back. Bad files stay where they are, with a copy and the reason in `quarantine` of the data
    folder; with --once they make it exit with 3. --json prints a document at the end, or, without --once, a line for each file and run.

    **Example:** `event-dedup watch samples --once`
    """
    log_to_stderr()
    show = Shown(as_json=as_json, once=once)
    stop = stop_on_signals()
    with database("begin") as store, ExitStack() as stack:
        watcher = _watcher(folder, store, policy, stop, show)
        if once:
            show.progress_in(stack, watcher)
        else:
            _greet(folder)
        tally = watcher.once() if once else watcher.forever()
        stack.close()
        counts = _counts(store)
    if not once:
        _take_leave()
    else:
        show.end(counts)
        if stop.is_set() or tally.failed:
            from handlers.terminal import counted

            unread = f"{counted(tally.failed, 'file')} could not be opened"
            _fail("stopped before the end" if stop.is_set() else unread)
        if any(report.status == "quarantined" for _, report in show.files):
            raise typer.Exit(A_FILE_WAS_REFUSED)


def _watcher(folder: Path, store: "Store", policy: Path | None, stop: Event, show: "Shown") -> "Watcher":
    from handlers.watch import Watcher
    from infra.object_store import FolderObjects

    objects = FolderObjects(data_folder())
    rules, insist = chosen_policy(policy), policy is not None
    return Watcher(folder.resolve(), store, rules, objects, stop, told=show.file, ran=show.run, insist=insist)


def _greet(folder: Path) -> None:
    from handlers.terminal import say

    if sys.stderr.isatty():
        say(f"watching {folder} for *.json and *.json.gz; Ctrl-C ends it")


def _take_leave() -> None:
    from handlers.terminal import say

    if sys.stderr.isatty():
        say("stopped; nothing is left half done")


def _counts(store: "Store") -> dict[str, Any]:
    from infra.store import reading

    with store.reading() as connection:
        return dict(reading.overview(connection))


def _fail(message: str) -> None:
    from handlers.terminal import fail

    fail(message)
    raise typer.Exit(1)


class Shown:
    """What `watch` shows: on a terminal a line a file, else JSON, as it comes or at the end."""

    def __init__(self, *, as_json: bool, once: bool) -> None:
        """as_json: JSON on standard output; once: the files are kept and shown at the end."""
        self._as_json = as_json
        self._once = once
        self._step: Callable[[str, float], None] = lambda text, share: None
        self._waiting = 1
        self.files: list[tuple[str, IngestReport]] = []
        self.runs: list[RunReport] = []

    def progress_in(self, stack: ExitStack, watcher: "Watcher") -> None:
        """Show a bar until the stack is closed."""
        from handlers.terminal import progress_bar

        self._step = stack.enter_context(progress_bar())
        self._waiting = max(1, sum(1 for _ in watcher.objects.list(str(watcher.folder))))
        watcher.progress = self._step

    def file(self, key: str, report: "IngestReport") -> None:
        """Show a file that was taken in."""
        from handlers.terminal import print_json, say

        if self._once:
            self.files.append((key, report))
            done = len(self.files)
            self._step(f"ingesting {done} of {self._waiting} files", done / self._waiting)
        elif self._as_json:
            print_json({"file": key, **asdict(report)}, indent=False)
        if sys.stderr.isatty() and (not self._once or report.status == "quarantined"):
            say(f"{key}: {_in_words(report)}")

    def run(self, report: "RunReport") -> None:
        """Show a run."""
        from handlers.terminal import counted, print_json, say

        if self._once:
            self.runs.append(report)
        elif self._as_json:
            print_json({"run": report.run_id, **asdict(report)}, indent=False)
        if sys.stderr.isatty() and not self._once:
            say(
                f"run {report.run_id}: {counted(report.events_created, 'event')} new, {report.events_changed} changed, "
                f"{report.events_gone} gone, {report.seconds['total']:.1f} s"
            )

    def end(self, counts: dict[str, Any]) -> None:
        """Show what came out of it all."""
        from handlers.terminal import COUNTS, facts, print_json

        if self._as_json:
            files = [{"key": key, **asdict(report)} for key, report in self.files]
            print_json({"files": files, "runs": [asdict(run) for run in self.runs], "overview": counts})
        else:
            facts("Overview", counts, COUNTS)


def _in_words(report: "IngestReport") -> str:
    from handlers.terminal import counted

    if report.status == "stored":
        rejected = f"{report.rejected} rejected"
        if report.rejected:
            rejected += f" (why: event-dedup files show {report.file_id})"
        return f"{counted(report.listings, 'listing')}, {report.stored} new or changed, {report.unchanged} unchanged, {rejected}"
    if report.status == "duplicate":
        return "duplicate: the same content is here already"
    return report.status.replace("_", " ") + (f": {report.reason}" if report.reason else "")


def log_to_stderr(*, quiet: bool = False) -> None:
    """Keep standard output for the result; on a terminal, where a person is told instead, only errors are logged."""
    from handlers import ingest, match, wiring

    wiring.settings()  # sets the level that the environment names, so it comes first
    for logger in (ingest.logger, match.logger):
        for handler in logger.handlers:
            if isinstance(handler, logging.StreamHandler):
                handler.setStream(sys.stderr)
        if quiet or sys.stderr.isatty():
            logger.setLevel("WARNING")


def stop_on_signals() -> Event:
    """Return an event that Ctrl-C and SIGTERM set: work in hand is finished, not torn. The second time, it is rolled back."""
    stop = Event()

    def end(*_: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    return stop


def match(policy: PolicyFile = None, as_json: AsJson = False) -> None:
    """Run the matcher on all that is stored, whether or not anything is new: after an upgrade, or with another policy.

    **Example:** `event-dedup match --policy dedup_core/matching.yaml`
    """
    from handlers.match import log_run
    from handlers.match import match as matched
    from handlers.terminal import COUNTS, facts, print_json, progress_bar

    log_to_stderr()
    rules = chosen_policy(policy)
    with database("change") as store, progress_bar() as show:
        report = matched(store=store, policy=rules, progress=show, insist=policy is not None)
    log_run(report)
    if as_json:
        print_json(asdict(report))
    else:
        told = {name: value for name, value in asdict(report).items() if name not in ("ran", "statistics")}
        facts(f"Run {report.run_id}", {**told, "seconds": report.seconds["total"]})
        facts("Counts", report.statistics, COUNTS)


def demo(
    folder: Annotated[
        Path, typer.Argument(help="Folder of input files.", exists=True, file_okay=False)
    ] = Path("samples"),
    as_json: AsJson = False,
) -> None:
    """Deduplicate the samples as `watch --once` does, and show what came out.

    **Example:** `event-dedup demo samples`
    """
    begun = time.monotonic()
    log_to_stderr(quiet=True)
    show = Shown(as_json=False, once=True)
    with database("begin") as store, ExitStack() as stack:
        watcher = _watcher(folder, store, None, stop_on_signals(), show)
        show.progress_in(stack, watcher)
        watcher.once()
        stack.close()
        seconds = round(time.monotonic() - begun, 1)
        new = sum(report.status == "stored" for _, report in show.files)
        show_demo(store, new_files=new, runs=len(show.runs), seconds=seconds, as_json=as_json)


def show_demo(store: "Store", *, new_files: int, runs: int, seconds: float, as_json: bool) -> None:
    """Show what came out of a demo, and what to try next."""
    from handlers.terminal import COUNTS, counted, events, facts, print_json, table
    from infra.store import reading

    counts = _counts(store)
    with store.reading() as connection:
        merged = reading.list_events(connection, order=reading.MOST_SOURCES_FIRST, limit=CHOICE)
        questions = reading.questions(connection, limit=FIRST)
        waiting = reading.count_questions(connection)
        example = _most_varied(connection, merged)
        doubtful = side_by_side(connection, questions)
    summary = {**counts, "questions": waiting, "new_files": new_files, "runs": runs, "seconds": seconds}
    if as_json:
        print_json({"overview": summary, "merged": merged[:10], "review": questions})
        return
    facts("event-dedup demo", summary, COUNTS)
    events("Merged from most listings", merged[:10])
    if example:
        table(f"For example {example.canonical_id}, made of", example.listings, LISTING_COLUMNS)
    some = f"; the likeliest {len(questions)} of them" if len(questions) < waiting else ""
    table(f"Awaiting review: {counted(waiting, 'pair')}{some}", doubtful, LISTING_COLUMNS)
    _suggest(_next_steps(example, questions))


FIRST = 5
"""Pairs in doubt that the demo shows."""
CHOICE = 60
"""Canonical events of most listings among which the demo looks for a telling one."""


@dataclass(frozen=True, slots=True)
class Example:
    """A canonical event and its listings, for LISTING_COLUMNS."""

    canonical_id: str
    listings: list[dict[str, Any]]

    @property
    def variety(self) -> int:
        """Count what differs between the listings."""
        return sum(len({row[name] for row in self.listings}) for name in ("title", "when", "venue"))


def _most_varied(connection: "Connection", merged: Sequence[Any]) -> Example | None:
    """Choose the event whose listings differ most: that is what a merge has to see through."""
    from infra.store import reading

    events = (reading.show_event(connection, row["canonical_id"]) for row in merged if row["n_sources"] > 1)
    examples = [Example(event["canonical_id"], listings_of(connection, event)) for event in events if event]
    return max(examples, key=lambda example: example.variety, default=None)


def _suggest(commands: Iterator[str]) -> None:
    from handlers.terminal import out

    out.print("Try next:")
    for command in commands:
        out.print(f"  {command}", highlight=False, markup=False, soft_wrap=True)


def _next_steps(example: Example | None, questions: Sequence[Any]) -> Iterator[str]:
    command = ".venv/bin/event-dedup"
    if example:
        yield f"{command} events show {example.canonical_id}"
    for question in questions[:1]:
        a, b = (f"{question[f'{side}_source_code']}:{question[f'{side}_id']}" for side in ("a", "b"))
        yield f"{command} explain {a} {b}"
        yield f"{command} review                 # one pair after the other, a key each"
    yield f"{command} serve                  # the same in the browser: the editor's page, and the API"
    yield f"{command} events list --city Waldkirch"
    yield f"{command} dedupe samples/breisgau --output events.json"
