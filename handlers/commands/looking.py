"""Commands that look something up: canonical events, files, runs, the quarantine, the evidence of a pair."""
# ruff: noqa: PLC0415 - heavy imports stand inside, so that --help and completion answer at once

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from handlers.commands.options import (
    AsJson,
    Limit,
    Offset,
    PolicyFile,
    chosen_policy,
    database,
    found,
    identity,
)

if TYPE_CHECKING:
    import polars as pl
    from sqlalchemy import Connection

    from dedup_core.explaining import Explanation

Row = Mapping[str, Any]

FILE_COLUMNS = {
    "file_id": "file",
    "key": "key",
    "status": "status",
    "listings": "listings",
    "stored": "stored",
    "unchanged": "unchanged",
    "rejected": "rejected",
    "generation": "generation",
    "received_at": "received",
}
QUARANTINE_COLUMNS = {"file_id": "file", "key": "key", "reason": "reason", "received_at": "received"}
REJECTION_COLUMNS = {"index": "index", "listing_id": "id", "field": "field", "reason": "reason"}
RUN_COLUMNS = {
    "run_id": "run",
    "generation": "generation",
    "status": "status",
    "started_at": "started",
    "finished_at": "finished",
    "policy_version": "policy",
    "short_hash": "result",
    "reason": "reason",
}


class Sort(StrEnum):
    """In which order canonical events are listed."""

    first_day = "first_day"
    n_sources = "n_sources"


def events_list(
    city: Annotated[str | None, typer.Option(help="Only in this town.")] = None,
    since: Annotated[
        datetime | None, typer.Option(help="Only from this day on.", formats=["%Y-%m-%d"])
    ] = None,
    until: Annotated[datetime | None, typer.Option(help="Only up to this day.", formats=["%Y-%m-%d"])] = None,
    review: Annotated[bool, typer.Option("--review", help="Only those that await review.")] = False,
    sort: Annotated[Sort, typer.Option(help="By day, or by how many listings they have.")] = Sort.first_day,
    limit: Limit = 50,
    offset: Offset = 0,
    as_json: AsJson = False,
) -> None:
    """List canonical events.

    [bold]Example:[/] event-dedup events list --city Waldkirch --since 2026-02-01 --limit 20
    """
    from handlers.terminal import EVENT_COLUMNS
    from infra.store import reading

    with database("look") as store, store.reading() as connection:
        rows = reading.list_events(
            connection,
            city=city,
            since=since.date().isoformat() if since else None,
            until=until.date().isoformat() if until else None,
            needs_review=True if review else None,
            sort=sort.value,
            limit=limit,
            offset=offset,
        )
    show_rows("Canonical events", rows, EVENT_COLUMNS, as_json=as_json)


def show_rows(title: str, rows: Sequence[Row], columns: Mapping[str, str], *, as_json: bool) -> None:
    """Print rows, as a table or as JSON."""
    from handlers.terminal import print_json, table

    if as_json:
        print_json(rows)
    else:
        table(title, rows, columns)


def events_show(
    event: Annotated[str, typer.Argument(help="A canonical id, or a listing's source_code:id.")],
    as_json: AsJson = False,
) -> None:
    """Show a canonical event: its fields, where each came from, its listings, links and history.

    A merged id leads to the event that took it in.

    [bold]Example:[/] event-dedup events show bwb:pdf-4e1f07aa-8-1
    """
    from handlers.terminal import print_json
    from infra.store import reading

    with database("look") as store, store.reading() as connection:
        canonical_id = reading.event_of(connection, *identity(event)) if ":" in event else event
        row = found(
            reading.show_event(connection, found(canonical_id, f"matched listing {event}")),
            f"canonical event {event}",
        )
    if as_json:
        print_json(row)
    else:
        _show_event(row)


def _show_event(row: Row) -> None:
    from handlers.terminal import facts, table

    content = row["content"]
    head = ("canonical_id", "redirected_from", "status", "confidence", "needs_review", "generation")
    facts(row["title"], {name: row[name] for name in head})
    table(
        "Fields",
        list(_fields(content)),
        {"field": "field", "value": "value", "origin": "from", "also": "also from"},
    )
    table("Listings", content["sources"], {"source_code": "source", "id": "id"})
    for title, rows in (
        ("Flags", row["flag_details"]),
        ("Links", row["links"]),
        ("History", row["lineage"]),
    ):
        if rows:
            table(title, rows, {name: name.replace("_", " ") for name in rows[0]})


def _fields(content: Row) -> list[dict[str, Any]]:
    """Lay an event's fields out as rows: its name, its value, the listing that it came from, and those that added to it."""
    rows = []
    for field, origin in content["provenance"].items():
        value: Any = content
        for name in field.split("."):
            value = value[name]
        also = [_named(other) for other in origin.get("also", [])]
        shown = [_occurrence(o) for o in value] if field == "event_dates" else value
        rows.append({"field": field, "value": shown, "origin": _named(origin), "also": also})
    return rows


def _named(source: Row) -> str:
    return f"{source['source_code']}:{source['id']}"


def _occurrence(occurrence: Row) -> str:
    start, end = (
        " ".join(filter(None, (occurrence[day], occurrence[time])))
        for day, time in (("date", "start_time"), ("end_date", "end_time"))
    )
    return f"{start} to {end}" if end else start


def files_list(limit: Limit = 50, offset: Offset = 0, as_json: AsJson = False) -> None:
    """List files, newest first.

    [bold]Example:[/] event-dedup files list --limit 10
    """
    from infra.store import reading

    with database("look") as store, store.reading() as connection:
        rows = reading.list_files(connection, limit=limit, offset=offset)
    show_rows("Files", rows, FILE_COLUMNS, as_json=as_json)


def files_show(
    file_id: Annotated[int, typer.Argument(help="Number of a file, as in `files list`.")],
    as_json: AsJson = False,
) -> None:
    """Show a file, and each listing of it that was refused, with field and reason.

    [bold]Example:[/] event-dedup files show 3
    """
    from handlers.terminal import facts, print_json, table
    from infra.store import reading

    with database("look") as store, store.reading() as connection:
        row = found(reading.show_file(connection, file_id), f"file {file_id}")
    if as_json:
        print_json(row)
        return
    facts(f"File {file_id}", {name: value for name, value in row.items() if name != "rejections"})
    table("Refused", row["rejections"], REJECTION_COLUMNS)


def runs_list(limit: Limit = 50, offset: Offset = 0, as_json: AsJson = False) -> None:
    """List runs of the matcher, newest first.

    [bold]Example:[/] event-dedup runs list
    """
    from infra.store import reading

    with database("look") as store, store.reading() as connection:
        rows = reading.list_runs(connection, limit=limit, offset=offset)
    if not as_json:
        rows = [{**row, "short_hash": (row["result_hash"] or "")[:12]} for row in rows]
    show_rows("Runs", rows, RUN_COLUMNS, as_json=as_json)


def runs_show(
    run_id: Annotated[int, typer.Argument(help="Number of a run, as in `runs list`.")],
    as_json: AsJson = False,
) -> None:
    """Show a run with its statistics and the blocks that it left out.

    [bold]Example:[/] event-dedup runs show 1
    """
    from handlers.terminal import facts, print_json, table
    from infra.store import reading

    with database("look") as store, store.reading() as connection:
        row = found(reading.show_run(connection, run_id), f"run {run_id}")
    if as_json:
        print_json(row)
        return
    facts(f"Run {run_id}", {name: value for name, value in row.items() if name != "left_out"})
    table("Blocks too large to pair", row["left_out"], {"key": "key", "size": "listings"})


def quarantine_list(limit: Limit = 50, offset: Offset = 0, as_json: AsJson = False) -> None:
    """List files that could not be read, with the reason.

    [bold]Example:[/] event-dedup quarantine list
    """
    from infra.store import reading

    with database("look") as store, store.reading() as connection:
        rows = reading.list_files(connection, status="quarantined", limit=limit, offset=offset)
    show_rows("Quarantine", rows, QUARANTINE_COLUMNS, as_json=as_json)


def explain(
    a: Annotated[str, typer.Argument(help="A listing, source_code:id.")],
    b: Annotated[str, typer.Argument(help="Another listing.")],
    files: Annotated[
        list[Path] | None,
        typer.Option("--files", help="Look in these files or folders instead of the database.", exists=True),
    ] = None,
    policy: PolicyFile = None,
    as_json: AsJson = False,
) -> None:
    """Explain why two listings are joined, kept apart or sent to review: evidence in bits that adds up.

    [bold]Example:[/] event-dedup explain bwb:pdf-4e1f07aa-8-1 amtskal:em-2026-0050 --files samples/breisgau
    """
    from dedup_core.explaining import explain as explained
    from dedup_core.pipeline import subjects_and_words
    from handlers.terminal import print_json

    pair, rules = (identity(a), identity(b)), chosen_policy(policy)
    if pair[0] == pair[1]:
        raise typer.BadParameter("the two listings are the same one")
    events, joined = _in_files(files, rules) if files else _in_database(*pair)
    events = events.sort("source_code", "id")
    told = explained(*pair, events, subjects_and_words(events, rules)[0], rules)
    if as_json:
        print_json({"a": a, "b": b, **asdict(told), "joined": joined})
    else:
        _show_explanation(pair, events, told, joined)


def _in_files(files: list[Path], rules: Any) -> tuple["pl.DataFrame", str | None]:
    from handlers.dedupe import input_paths, read_files

    return read_files(input_paths(files), rules).events, None


def _in_database(a: tuple[str, str], b: tuple[str, str]) -> tuple["pl.DataFrame", str | None]:
    """Read all listings, as rarity is counted over all of them, and what the last run made of the two."""
    with database("look") as store:
        with store.reading() as connection:
            joined = _joined(connection, a, b)
        return store.snapshot().events, joined


def _joined(connection: "Connection", a: tuple[str, str], b: tuple[str, str]) -> str | None:
    from infra.store import reading

    first, second = (reading.event_of(connection, *listing) for listing in (a, b))
    if first is None or second is None:
        return None
    if first == second:
        return f"the last run put both into {first}"
    return f"the last run put them into {first} and {second}"


def _show_explanation(
    pair: tuple[tuple[str, str], tuple[str, str]],
    events: "pl.DataFrame",
    told: "Explanation",
    joined: str | None,
) -> None:
    from handlers.terminal import explanation, out, table

    columns = ("source_code", "id", "title", "days", "city", "venue")
    table("The listings", _listings(pair, events), {column: column.replace("_", " ") for column in columns})
    explanation("The evidence", told)
    if joined:
        out.print(f"  • {joined}", highlight=False)


def _listings(pair: tuple[tuple[str, str], tuple[str, str]], events: "pl.DataFrame") -> list[dict[str, Any]]:
    import polars as pl

    wanted = [
        (pl.col("source_code") == source_code) & (pl.col("id") == listing_id)
        for source_code, listing_id in pair
    ]
    rows = pl.concat([events.filter(one) for one in wanted])
    days = rows["event_dates"].list.eval(pl.element().struct.field("date").cast(pl.String)).list.join(", ")
    return (
        rows.select("source_code", "id", "title", "city", "venue").with_columns(days.alias("days")).to_dicts()
    )
