"""The command line: `event-dedup`. It finds what a command needs, calls a use case and shows what came out.

Exit codes: 0 done; 1 it could not be done, the reason stands on standard error; 2 wrong usage.
Heavy imports stand inside the commands, so that --help and completion answer at once.
"""
# ruff: noqa: PLC0415 - see above

import logging
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from dedup_core.policy import Policy
    from handlers.ingest import IngestReport
    from handlers.watch import WatchReport
    from infra.store import Store

app = typer.Typer(
    name="event-dedup",
    help="Keeps one canonical event for each real event that many sources list.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
events_app = typer.Typer(help="Canonical events.", no_args_is_help=True)
files_app = typer.Typer(help="Files that were ingested.", no_args_is_help=True)
runs_app = typer.Typer(help="Runs of the matcher.", no_args_is_help=True)
quarantine_app = typer.Typer(help="Files that could not be read.", no_args_is_help=True)
verdicts_app = typer.Typer(help="A person's word on a pair, respected by every run.", no_args_is_help=True)
policy_app = typer.Typer(help="The policy: weights, thresholds, limits.", no_args_is_help=True)
db_app = typer.Typer(help="The database.", no_args_is_help=True)
for name, part in (
    ("events", events_app),
    ("files", files_app),
    ("runs", runs_app),
    ("quarantine", quarantine_app),
    ("verdicts", verdicts_app),
    ("policy", policy_app),
    ("db", db_app),
):
    app.add_typer(part, name=name)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Limit = Annotated[int, typer.Option(help="Rows at most.", min=1, max=10_000)]
Offset = Annotated[int, typer.Option(help="Rows to skip.", min=0)]
PolicyFile = Annotated[
    Path | None,
    typer.Option("--policy", help="A matching.yaml to use instead of the one in the package.", exists=True),
]
Folder = Annotated[Path, typer.Argument(help="The folder.", exists=True, file_okay=False)]


def main() -> None:
    """Run the command line; an error of ours is one line, not a traceback."""
    from dedup_core.errors import EventDedupError
    from handlers.terminal import fail

    try:
        app()
    except (EventDedupError, FileNotFoundError, PermissionError) as error:
        fail(str(error))
        sys.exit(1)


@contextmanager
def database(*, migrate: bool = True) -> Iterator["Store"]:
    """Open the database that the settings name, or else the embedded one, at the newest schema."""
    from handlers import wiring
    from infra.local.postgres import embedded_postgres
    from infra.store import Store

    chosen = wiring.settings()
    if chosen.database_url is not None or chosen.database_secret_arn is not None:
        store = wiring.store()
        if migrate:
            store.upgrade()
        yield store
        return
    with embedded_postgres(chosen.data_folder / "postgres") as url:
        store = Store.at(url)
        store.upgrade()
        yield store
        store.engine.dispose()


def chosen_policy(path: Path | None) -> "Policy":
    """Read the policy of an option, of the settings, or of the package."""
    from dedup_core.policy import parse_policy
    from handlers import wiring

    if path is None:
        return wiring.policy_of(wiring.settings())
    return parse_policy(path.read_text(encoding="utf-8"), name=str(path))


def identity(text: str) -> tuple[str, str]:
    """Read ``source_code:id``."""
    source_code, separator, listing_id = text.partition(":")
    if not separator or not source_code or not listing_id:
        raise typer.BadParameter(f"{text!r} is not of the form source_code:id, e.g. bwb:pdf-9a2c5acd-2-2")
    return source_code, listing_id


def found(row: Any, what: str) -> Any:
    """Insist on a row."""
    from dedup_core.errors import UnknownEvent

    if row is None:
        raise UnknownEvent(f"no {what}")
    return row


@app.command()
def dedupe(
    files: Annotated[list[Path], typer.Argument(help="Input files, or folders of them.")],
    policy: PolicyFile = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Where to write the canonical events as JSON; - for standard output."
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the statistics as JSON instead of tables.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 1 if a file or a listing was refused.")
    ] = False,
) -> None:
    """Deduplicate files, without any service.

    What can't be read is left out and listed in the output under `rejected`; everything else goes in.

    [bold]Example:[/] event-dedup dedupe samples/breisgau --output events.json
    """
    from handlers.dedupe import dedupe as deduped
    from handlers.dedupe import input_paths
    from handlers.terminal import progress_bar

    paths = input_paths(files)
    with progress_bar("reading", len(paths)) as show:
        done = [0]

        def step() -> None:
            done[0] += 1
            show(None, done[0])

        result = deduped(
            paths,
            chosen_policy(policy),
            step=step,
            progress=lambda stage, share: show(stage, share * len(paths)),
        )
    if output is not None:
        _write(result, output)
    if str(output) != "-":
        _show_deduped(result, as_json=as_json)
    if strict and result.rejections:
        raise typer.Exit(1)


def _write(result: Any, output: Path) -> None:
    """Write the document whole or not at all."""
    from dedup_core.rendering import write_document

    if str(output) == "-":
        write_document(result.resolution, result.rejections, sys.stdout.buffer, stats=result.stats)
        return
    part = output.with_name(output.name + ".part")
    with part.open("wb") as out:
        write_document(result.resolution, result.rejections, out, stats=result.stats)
    part.replace(output)


def _show_deduped(result: Any, *, as_json: bool) -> None:
    from handlers.terminal import facts, print_json, table, warn

    resolution = result.resolution
    summary = {**result.stats, "result_hash": resolution.result_hash, "policy": resolution.policy_version}
    if as_json:
        print_json(summary)
        return
    for rejection in result.rejections[:20]:
        where = rejection.file if rejection.index is None else f"{rejection.file}, listing {rejection.index}"
        warn(f"{where}: {rejection.field + ': ' if rejection.field else ''}{rejection.reason}")
    if len(result.rejections) > 20:
        warn(f"… and {len(result.rejections) - 20} more; all of them stand in the output")
    summary["seconds"] = result.stats["seconds"]["total"]
    facts("Summary", summary)
    largest = resolution.canonical_events.sort("n_sources", "canonical_id", descending=[True, False]).head(10)
    shown = largest.filter(largest["n_sources"] > 1).select(
        "canonical_id", "title", "city", "first_day", "n_sources", "confidence"
    )
    table("Merged from most listings", shown.to_dicts(), EVENT_COLUMNS)


EVENT_COLUMNS = {
    "canonical_id": "id",
    "title": "title",
    "city": "city",
    "first_day": "from",
    "n_sources": "listings",
    "confidence": "confidence",
    "needs_review": "review",
    "status": "status",
}


@app.command()
def watch(
    folder: Folder,
    once: Annotated[bool, typer.Option("--once", help="Process what lies there, then end.")] = False,
    policy: PolicyFile = None,
    as_json: AsJson = False,
) -> None:
    """Ingest and match the files of a folder, and those that come.

    Uses EVENT_DEDUP_DATABASE_URL, or else a Postgres of its own below EVENT_DEDUP_DATA_FOLDER. Ctrl-C or SIGTERM finish
    the work in hand and end it.

    [bold]Example:[/] event-dedup watch inbox --once
    """
    report, counts = _watch(folder, once=once, policy=policy)
    from handlers.terminal import print_json

    if as_json:
        print_json(
            {
                "files": [{"key": key, **_as_dict(done)} for key, done in report.files],
                "runs": [_as_dict(run) for run in report.runs],
                "overview": counts,
            }
        )
    else:
        _show_overview(counts)


def _as_dict(report: Any) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(report)


def _watch(
    folder: Path, *, once: bool, policy: Path | None, quiet: bool = False
) -> "tuple[WatchReport, dict[str, Any]]":
    from handlers.terminal import progress_bar
    from handlers.watch import watcher
    from infra.object_store import FolderObjects
    from infra.store import reading

    stop = stop_on_signals()
    log_to_stderr(quiet=quiet)
    rules = chosen_policy(policy)
    waiting = sum(1 for _ in FolderObjects(folder).list(str(folder)))
    with database() as store, progress_bar("ingesting", waiting) as show:
        done = [0]

        def told(key: str, report: "IngestReport") -> None:
            done[0] += 1
            show(None, done[0])

        watching = watcher(
            folder,
            store,
            rules,
            data_folder=_data_folder(),
            stop=stop,
            told=told,
            progress=lambda stage, share: show(stage or None, share * max(waiting, 1)),
        )
        report = watching.once() if once else watching.forever()
        with store.reading() as connection:
            return report, dict(reading.overview(connection))


def _data_folder() -> Path:
    from handlers import wiring

    return wiring.settings().data_folder


def log_to_stderr(*, quiet: bool = False) -> None:
    """Keep standard output for the result; on a terminal, which has a progress bar, only warnings are logged."""
    from handlers import ingest, match

    for logger in (ingest.logger, match.logger):
        for handler in logger.handlers:
            if isinstance(handler, logging.StreamHandler):
                handler.setStream(sys.stderr)
        if quiet or sys.stderr.isatty():
            logger.setLevel("WARNING")


def stop_on_signals() -> Event:
    """Return an event that Ctrl-C and SIGTERM set: work in hand is finished, not torn."""
    stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop


def _show_overview(counts: dict[str, Any]) -> None:
    from handlers.terminal import facts

    facts("Overview", counts)


@app.command()
def demo(
    folder: Annotated[
        Path, typer.Argument(help="Folder of input files.", exists=True, file_okay=False)
    ] = Path("samples"),
) -> None:
    """Deduplicate real listings on a Postgres of its own, and show what came out.

    [bold]Example:[/] event-dedup demo samples
    """
    import time

    from handlers.terminal import facts, out, table
    from infra.store import reading

    begun = time.monotonic()
    report, counts = _watch(folder, once=True, policy=None, quiet=True)
    seconds = time.monotonic() - begun
    with database() as store, store.reading() as connection:
        merged = reading.list_events(connection, sort="n_sources", limit=10)
        waiting = reading.questions(connection, limit=5)
    new = sum(done.status == "stored" for _, done in report.files)
    facts(
        "event-dedup demo",
        {**counts, "new_files": new, "runs": len(report.runs), "seconds": round(seconds, 1)},
    )
    table("Merged from most listings", merged, EVENT_COLUMNS)
    table("Awaiting review, most likely first", [_question(row) for row in waiting], QUESTION_COLUMNS)
    out.print("\nTry next:")
    for line in _next_steps(merged, waiting):
        out.print(f"  {line}", highlight=False, soft_wrap=True)


QUESTION_COLUMNS = {"a": "listing", "b": "listing", "score": "probability", "weight": "bits"}


def _question(row: Any) -> dict[str, Any]:
    return {
        "a": f"{row['a_source_code']}:{row['a_id']}",
        "b": f"{row['b_source_code']}:{row['b_id']}",
        "score": row["score"],
        "weight": row["weight"],
    }


def _next_steps(merged: Any, waiting: Any) -> Iterator[str]:
    command = ".venv/bin/event-dedup"
    for row in merged[:1]:
        yield f"{command} events show {row['canonical_id']}"
    for row in waiting[:1]:
        question = _question(row)
        yield f"{command} explain {question['a']} {question['b']}"
    yield f"{command} events list --sort n_sources --limit 20"
    yield f"{command} dedupe samples/breisgau --output events.json"


@app.command()
def explain(
    a: Annotated[str, typer.Argument(help="A listing, source_code:id.")],
    b: Annotated[str, typer.Argument(help="Another listing.")],
    files: Annotated[
        list[Path] | None,
        typer.Option("--files", help="Look in these files or folders instead of the database."),
    ] = None,
    policy: PolicyFile = None,
    as_json: AsJson = False,
) -> None:
    """Explain why two listings are joined, kept apart or sent to review: evidence in bits that adds up.

    [bold]Example:[/] event-dedup explain bwb:b-17 tickets:t-204 --files samples/breisgau
    """
    from dedup_core.explaining import explain as explained
    from dedup_core.pipeline import subjects_and_words
    from handlers.dedupe import input_paths, read_files
    from handlers.terminal import explanation, print_json, table

    left, right, rules = identity(a), identity(b), chosen_policy(policy)
    if files:
        events = read_files(input_paths(files), rules).events
    else:
        with database() as store:
            events = store.snapshot().events
    events = events.sort("source_code", "id")
    told = explained(left, right, events, subjects_and_words(events, rules)[0], rules)
    if as_json:
        print_json(_as_dict(told))
        return
    import polars as pl

    pair = events.filter(pl.concat_str("source_code", "id", separator=":").is_in([a, b]))
    days = pair["event_dates"].list.eval(pl.element().struct.field("date").cast(pl.String)).list.join(", ")
    listings = (
        pair.select("source_code", "id", "title", "city", "venue").with_columns(days.alias("days")).to_dicts()
    )
    table(
        "The listings",
        listings,
        {key: key.replace("_", " ") for key in ("source_code", "id", "title", "days", "city", "venue")},
    )
    explanation("The evidence", told)


@events_app.command("list")
def events_list(
    city: Annotated[str | None, typer.Option(help="Only in this town.")] = None,
    since: Annotated[str | None, typer.Option(help="Only from this day on (YYYY-MM-DD).")] = None,
    until: Annotated[str | None, typer.Option(help="Only up to this day.")] = None,
    review: Annotated[bool, typer.Option("--review", help="Only those that await review.")] = False,
    sort: Annotated[str, typer.Option(help="first_day or n_sources.")] = "first_day",
    limit: Limit = 50,
    offset: Offset = 0,
    as_json: AsJson = False,
) -> None:
    """List canonical events.

    [bold]Example:[/] event-dedup events list --city Waldkirch --since 2026-02-01 --limit 20
    """
    from infra.store import reading

    if sort not in ("first_day", "n_sources"):
        raise typer.BadParameter("--sort takes first_day or n_sources")
    with database() as store, store.reading() as connection:
        rows = reading.list_events(
            connection,
            city=city,
            since=since,
            until=until,
            needs_review=True if review else None,
            sort="n_sources" if sort == "n_sources" else "first_day",
            limit=limit,
            offset=offset,
        )
    _rows("Canonical events", rows, EVENT_COLUMNS, as_json=as_json)


def _rows(title: str, rows: Any, columns: dict[str, str], *, as_json: bool) -> None:
    from handlers.terminal import print_json, table

    if as_json:
        print_json(rows)
    else:
        table(title, rows, columns)


def _one(title: str, row: Any, *, as_json: bool) -> None:
    from handlers.terminal import facts, print_json

    if as_json:
        print_json(row)
    else:
        facts(title, row)


@events_app.command("show")
def events_show(
    event: Annotated[str, typer.Argument(help="A canonical id, or a listing's source_code:id.")],
    as_json: AsJson = False,
) -> None:
    """Show a canonical event: its fields, where each came from, its listings, links and history.

    [bold]Example:[/] event-dedup events show bwb:b-17
    """
    from infra.store import reading

    with database() as store, store.reading() as connection:
        canonical_id = reading.event_of(connection, *identity(event)) if ":" in event else event
        row = found(
            reading.show_event(connection, found(canonical_id, f"source event {event}")),
            f"canonical event {event}",
        )
    _one(str(row["title"]), row, as_json=as_json)


FILE_COLUMNS = {
    "file_id": "file",
    "key": "key",
    "status": "status",
    "listings": "listings",
    "stored": "stored",
    "unchanged": "unchanged",
    "rejected": "rejected",
    "generation": "generation",
    "reason": "reason",
}


@files_app.command("list")
def files_list(limit: Limit = 50, offset: Offset = 0, as_json: AsJson = False) -> None:
    """List files, newest first.

    [bold]Example:[/] event-dedup files list --limit 10
    """
    from infra.store import reading

    with database() as store, store.reading() as connection:
        rows = reading.list_files(connection, limit=limit, offset=offset)
    _rows("Files", rows, FILE_COLUMNS, as_json=as_json)


@files_app.command("show")
def files_show(
    file_id: Annotated[int, typer.Argument(help="Number of a file.")], as_json: AsJson = False
) -> None:
    """Show a file, and each listing of it that was refused, with field and reason.

    [bold]Example:[/] event-dedup files show 3
    """
    from infra.store import reading

    with database() as store, store.reading() as connection:
        row = found(reading.show_file(connection, file_id), f"file {file_id}")
    _one(f"File {file_id}", row, as_json=as_json)


RUN_COLUMNS = {
    "run_id": "run",
    "generation": "generation",
    "status": "status",
    "started_at": "started",
    "finished_at": "finished",
    "policy_version": "policy",
    "result_hash": "result",
    "reason": "reason",
}


@runs_app.command("list")
def runs_list(limit: Limit = 50, offset: Offset = 0, as_json: AsJson = False) -> None:
    """List runs of the matcher, newest first.

    [bold]Example:[/] event-dedup runs list
    """
    from infra.store import reading

    with database() as store, store.reading() as connection:
        rows = reading.list_runs(connection, limit=limit, offset=offset)
    _rows("Runs", rows, RUN_COLUMNS, as_json=as_json)


@runs_app.command("show")
def runs_show(
    run_id: Annotated[int, typer.Argument(help="Number of a run.")], as_json: AsJson = False
) -> None:
    """Show a run with its statistics and the blocks that it left out.

    [bold]Example:[/] event-dedup runs show 1
    """
    from infra.store import reading

    with database() as store, store.reading() as connection:
        row = found(reading.show_run(connection, run_id), f"run {run_id}")
    _one(f"Run {run_id}", row, as_json=as_json)


@quarantine_app.command("list")
def quarantine_list(limit: Limit = 50, offset: Offset = 0, as_json: AsJson = False) -> None:
    """List files that could not be read, with the reason.

    [bold]Example:[/] event-dedup quarantine list
    """
    from infra.store import reading

    with database() as store, store.reading() as connection:
        rows = reading.list_files(connection, status="quarantined", limit=limit, offset=offset)
    _rows("Quarantine", rows, FILE_COLUMNS, as_json=as_json)


@quarantine_app.command("replay")
def quarantine_replay(
    file_id: Annotated[int, typer.Argument(help="Number of a file in quarantine.")],
    policy: PolicyFile = None,
    as_json: AsJson = False,
) -> None:
    """Try a file of the directory mode again, after it was mended in its place or the policy allows more.

    [bold]Example:[/] event-dedup quarantine replay 7
    """
    from handlers.ingest import Announcement, ingest
    from handlers.match import match
    from infra.match_queue import RememberingQueue
    from infra.object_store import FolderObjects
    from infra.store import reading

    rules = chosen_policy(policy)
    with database() as store:
        with store.reading() as connection:
            file = found(reading.show_file(connection, file_id), f"file {file_id}")
        if not store.mark_replayed(file_id):
            raise typer.BadParameter(f"file {file_id} is not in quarantine, it is {file['status']}")
        path = Path(file["bucket"]) / file["key"]
        sequencer = f"{path.stat().st_mtime_ns:x}" if path.exists() else file["sequencer"]
        done = ingest(
            Announcement(file["bucket"], file["key"], sequencer=sequencer),
            objects=FolderObjects(_data_folder()),
            store=store,
            queue=RememberingQueue(),
            policy=rules,
            quarantine="quarantine/",
        )
        if done.generation is not None:
            match(store=store, policy=rules)
    _one(f"File {file_id}, again", _as_dict(done), as_json=as_json)


@verdicts_app.command("add")
def verdicts_add(
    kind: Annotated[str, typer.Argument(help="same or different.")],
    a: Annotated[str, typer.Argument(help="A listing, source_code:id.")],
    b: Annotated[str, typer.Argument(help="Another listing.")],
    author: Annotated[str, typer.Option(help="Who says so.", envvar="USER")] = "someone",
    reason: Annotated[str | None, typer.Option(help="Why.")] = None,
) -> None:
    """Say that two listings are the same event, or that they are not; every run from now on respects it.

    [bold]Example:[/] event-dedup verdicts add different bwb:b-17 tickets:t-204 --reason "two shows"
    """
    from handlers.match import match
    from handlers.terminal import out

    kinds = {"same": "must_link", "different": "cannot_link"}
    if kind not in kinds:
        raise typer.BadParameter("say same or different")
    with database() as store:
        sequence = store.give_verdict(kinds[kind], identity(a), identity(b), author=author, reason=reason)
        match(store=store, policy=chosen_policy(None))
    out.print(f"verdict {sequence} is in force; take it back with: event-dedup verdicts undo {sequence}")


@verdicts_app.command("undo")
def verdicts_undo(
    sequence: Annotated[int, typer.Argument(help="Number of a verdict.")],
    author: Annotated[str, typer.Option(help="Who says so.", envvar="USER")] = "someone",
) -> None:
    """Take a verdict back.

    [bold]Example:[/] event-dedup verdicts undo 3
    """
    from dedup_core.errors import UnknownEvent
    from handlers.match import match
    from handlers.terminal import out

    with database() as store:
        if not store.take_back(sequence, author=author):
            raise UnknownEvent(f"no verdict {sequence} is in force")
        match(store=store, policy=chosen_policy(None))
    out.print(f"verdict {sequence} is taken back")


@policy_app.command("show")
def policy_show(policy: PolicyFile = None, as_json: AsJson = False) -> None:
    """Show the policy that is in force, with its hash.

    [bold]Example:[/] event-dedup policy show --json
    """
    rules = chosen_policy(policy)
    document = {"hash": rules.hash, **rules.model_dump(mode="json")}
    _one(f"Policy {rules.version}", document, as_json=as_json)


@policy_app.command("check")
def policy_check(
    path: Annotated[Path, typer.Argument(help="A matching.yaml.", exists=True, dir_okay=False)],
) -> None:
    """Check a policy; what is wrong is named by its path.

    [bold]Example:[/] event-dedup policy check matching.yaml
    """
    from handlers.terminal import out

    rules = chosen_policy(path)
    out.print(f"{path} is valid: version {rules.version}, hash {rules.hash}")


@db_app.command("upgrade")
def db_upgrade() -> None:
    """Bring the database's schema to what this version needs; a second time changes nothing.

    [bold]Example:[/] event-dedup db upgrade
    """
    from handlers.terminal import out
    from infra.store import schema

    with database(migrate=False) as store:
        out.print(f"the database is at revision {store.upgrade() or schema.head()}")


if __name__ == "__main__":
    main()
