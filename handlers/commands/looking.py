"""Commands that look something up: canonical events, files, runs, the quarantine."""
# ruff: noqa: PLC0415 - heavy imports stand inside, so that --help and completion answer at once

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from handlers.commands.listings import LISTING_COLUMNS, listings_of, occurrence_in_words
from handlers.commands.options import (
    AsJson,
    Limit,
    Offset,
    database,
    found,
    identity,
    policy_in_force,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection

Row = Mapping[str, Any]

Day = datetime | None
DAY: Final[dict[str, Any]] = {"formats": ["%Y-%m-%d"], "metavar": "YYYY-MM-DD"}

FILE_COLUMNS = {
    "file_id": "file",
    "key": "key",
    "status": "status",
    "listings": "listings",
    "rejected": "rejected",
    "stored": "stored",
    "received_at": "received",
    "unchanged": "unchanged",
    "generation": "generation",
}
QUARANTINE_COLUMNS = {"file_id": "file", "key": "key", "reason": "reason", "received_at": "received"}
REJECTION_COLUMNS = {"index": "index", "listing_id": "id", "field": "field", "reason": "reason"}
FILE_EVENT_COLUMNS = {
    "listing_id": "listing",
    "canonical_id": "event",
    "title": "title",
    "first_day": "day",
    "n_sources": "listings",
    "needs_review": "to review",
}
FILE_PARTS = ("rejections", "events", "receipt", "awaiting_review")
"""What stands below a file's facts, or says nothing at a terminal."""
RUN_COLUMNS = {
    "run_id": "run",
    "generation": "generation",
    "status": "status",
    "reason": "reason",
    "started_at": "started",
    "policy_version": "policy",
    "short_hash": "result",
    "finished_at": "finished",
}

BOND_COLUMNS = {"pair": "pair", "bits": "bits", "mark": "", "seen": "what was seen"}
MOST_PAIRS: Final = 1_000
"""Pairs of an event that are read."""

MOST_DOUBTS: Final = 10
"""Pairs in question that are told of an event; `review` has all."""


class Sort(Enum):
    """By what canonical events are listed."""

    first_day = "first_day"
    last_day = "last_day"
    title = "title"
    city = "city"
    status = "status"
    confidence = "confidence"
    needs_review = "needs_review"
    n_sources = "n_sources"
    created_at = "created_at"
    updated_at = "updated_at"


def events_list(  # noqa: PLR0913, PLR0917 - an option a parameter, as typer reads them
    city: Annotated[
        str | None, typer.Option(help="Only in this town, written as the events have it.")
    ] = None,
    since: Annotated[Day, typer.Option(help="Only from this day on.", **DAY)] = None,
    until: Annotated[Day, typer.Option(help="Only up to this day.", **DAY)] = None,
    review: Annotated[bool, typer.Option("--review", help="Only those that await review.")] = False,
    sort: Annotated[Sort, typer.Option(help="What comes first.")] = Sort.first_day,
    descending: Annotated[
        bool, typer.Option("--descending", help="The other way round: the last, the most, the newest first.")
    ] = False,
    limit: Limit = 50,
    offset: Offset = 0,
    as_json: AsJson = False,
) -> None:
    """List canonical events.

    **Example:** `event-dedup events list --city Waldkirch --since 2026-02-01 --limit 20`

    **Example:** `event-dedup events list --sort created_at --descending`
    """
    from handlers.terminal import events, print_json
    from infra.store import reading
    from infra.store.events import Order

    with database("look") as store, store.reading() as connection:
        rows = reading.list_events(
            connection,
            city=city,
            since=since.date().isoformat() if since else None,
            until=until.date().isoformat() if until else None,
            needs_review=True if review else None,
            order=Order(sort.value, descending),
            limit=limit,
            offset=offset,
        )
    if as_json:
        print_json(rows)
    else:
        events("Canonical events", rows)


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
    """Show a canonical event: its fields, where each came from and why, its listings, the pairs that hold them together, links and history.

    A merged id leads to the event that took it in.

    **Example:** `event-dedup events show bwb:pdf-4e1f07aa-8-1`
    """
    from handlers.terminal import print_json
    from infra.store import decided, reading

    with database("look") as store, store.reading() as connection:
        canonical_id = reading.event_of(connection, *identity(event)) if ":" in event else event
        row = found(
            reading.show_event(connection, found(canonical_id, f"matched listing {event}")),
            f"canonical event {event}",
        )
        listings = listings_of(connection, row)
        pairs = decided.decisions_of(connection, row["canonical_id"], limit=MOST_PAIRS)
        doubts = _doubts(connection, row["canonical_id"]) if row["needs_review"] else []
    if as_json:
        print_json(row)
    else:
        _show_event(row, listings, _bonds(pairs, len(listings)), doubts)


def _doubts(connection: "Connection", canonical_id: str) -> list[str]:
    """Say with which other events this one may be the same, as long as nobody said so or not, and how to see why."""
    from infra.store import desk, verdicts

    found = []
    for rival in desk.rivals_of(connection, canonical_id, limit=MOST_DOUBTS):
        a, b = ((rival[f"{side}_source_code"], rival[f"{side}_id"]) for side in "ab")
        if not verdicts.list_verdicts(connection, pair=(a, b), limit=1):
            title = f"{rival['title']}, {rival['first_day']}"
            why = f"event-dedup explain {':'.join(a)} {':'.join(b)}"
            found.append(
                f"In question: perhaps one event with {title} ({rival['weight']:+.2f} bits); why: {why}"
            )
    return found


def _bonds(pairs: Sequence[Row], members: int) -> list[Row]:
    """Lay out the pairs that hold an event together, the surest first; the one at which it falls apart most easily is marked."""
    from dedup_core.remarks import in_brief, written
    from handlers.web.evidence import weakest_bridge

    named = [
        (*((pair[f"{side}_source_code"], pair[f"{side}_id"]) for side in "ab"), pair["weight"], pair["seen"])
        for pair in pairs
        if pair["decision"] != "no_match"
    ]
    weakest = weakest_bridge([pair[:3] for pair in named], members) if members > 2 else None
    return [
        {
            "pair": f"{':'.join(a)} – {':'.join(b)}",
            "bits": f"{bits:+.2f}",
            "mark": "weakest bridge" if (a, b) == weakest else None,
            "seen": " ".join(map(written, in_brief(seen or {}))),
        }
        for a, b, bits, seen in named
    ]


def _show_event(row: Row, listings: Sequence[Row], bonds: Sequence[Row], doubts: Sequence[str]) -> None:
    from handlers.terminal import facts, out, remarks, table

    content = row["content"]
    head = ("canonical_id", "redirected_from", "status", "confidence", "needs_review", "generation")
    facts(row["title"], {name: row[name] for name in head})
    if doubts:
        remarks(doubts)
        out.print()
    table("Listings", listings, LISTING_COLUMNS)
    if bonds:
        table("Why together", bonds, BOND_COLUMNS)
    fields = _fields(content)
    table("Fields", fields, {"field": "field", "value": "value", "origin": "from"})
    if len(listings) > 1:
        reasons = {row["field"].partition(".")[0]: row["why"] for row in fields if row["why"]}
        rows = [{"field": field, "why": why} for field, why in reasons.items()]
        table("Why these values", rows, {"field": "field", "why": "why"})
    for title, rows in (
        ("Flags", row["flag_details"]),
        ("Links", row["links"]),
        ("History", row["lineage"]),
    ):
        if rows:
            table(title, rows, {name: name.replace("_", " ") for name in rows[0]})


def _fields(content: Row) -> list[dict[str, Any]]:
    """Lay an event's fields out as rows: its name, its value, the listing that it came from and those that added to it."""
    from dedup_core.explaining import PINNED, field_reason

    rows: list[dict[str, Any]] = []
    strategies = dict(policy_in_force().synthesis.fields)
    provenance = content["provenance"]
    for field in sorted(provenance, key=_place):
        origin = provenance[field]
        value: Any = content
        for name in field.split("."):
            value = value[name]
        origins = [_named(source) for source in (origin, *origin.get("also", []))]
        if field == "event_dates":
            value = [occurrence_in_words(occurrence) for occurrence in value]
        elif isinstance(value, dict):  # the country among the coordinates has a row of its own
            value = {name: inner for name, inner in value.items() if f"{field}.{name}" not in provenance}
        why = PINNED if set(origin) - {"source_code", "id", "also"} else field_reason(field, strategies)
        rows.append({"field": field, "value": value, "origin": origins, "why": why})
    return rows


def _place(field: str) -> tuple[int, str]:
    """Say where a field stands: in the order in which an editor reads them; others, and how sure the sources were, behind."""
    from handlers.web.listings import FIELDS

    read = [place for places in FIELDS.values() for place in places]
    known = [*read[:2], "status", "previous_date", *read[2:]]
    known.insert(known.index("location.geo") + 1, "location.geo.country")
    return (known.index(field) if field in known else len(known)), field


def _named(source: Row) -> str:
    return f"{source['source_code']}:{source['id']}"


def files_list(
    everything: Annotated[
        bool, typer.Option("--all", help="Duplicates, too: files whose content was known when they came.")
    ] = False,
    limit: Limit = 50,
    offset: Offset = 0,
    as_json: AsJson = False,
) -> None:
    """List files and what became of them, newest first.

    **Example:** `event-dedup files list --limit 10`
    """
    from handlers.terminal import counted, say
    from infra.store import reading

    with database("look") as store, store.reading() as connection:
        rows = reading.list_files(connection, duplicates=everything, limit=limit, offset=offset)
        left = 0 if everything else reading.count_duplicates(connection)
    show_rows("Files", rows, FILE_COLUMNS, as_json=as_json)
    if left:
        say(f"left out, as the same content was here before: {counted(left, 'file')}; --all lists them, too")


def files_show(
    file_id: Annotated[int, typer.Argument(help="Number of a file, as in `files list`.")],
    as_json: AsJson = False,
) -> None:
    """Show a file: each listing of it that was refused, with field and reason, and the events that hold the others.

    **Example:** `event-dedup files show 3`
    """
    from handlers import ledger, wiring
    from handlers.terminal import facts, print_json, remarks, table

    prefix = wiring.settings().receipts_prefix
    with database("look") as store:
        row = found(ledger.show_file(store, file_id, receipts_prefix=prefix), f"file {file_id}")
    if as_json:
        print_json(row)
        return
    facts(f"File {file_id}", {name: value for name, value in row.items() if name not in FILE_PARTS})
    table("Refused", row["rejections"], REJECTION_COLUMNS)
    if row["rejected"] > len(row["rejections"]):
        remarks([f"{row['rejected'] - len(row['rejections']):,} more were refused."])
    table("Events that hold its listings", row["events"], FILE_EVENT_COLUMNS)


def runs_list(limit: Limit = 50, offset: Offset = 0, as_json: AsJson = False) -> None:
    """List runs of the matcher, newest first.

    **Example:** `event-dedup runs list`
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
    """Show a run with its counts and the blocks that it left out.

    **Example:** `event-dedup runs show 1`
    """
    from handlers import ledger
    from handlers.terminal import COUNTS, facts, print_json, table

    with database("look") as store:
        row = found(ledger.show_run(store, run_id), f"run {run_id}")
    if as_json:
        print_json(row)
        return
    facts(f"Run {run_id}", {name: row[name] for name in row if name not in ("left_out", "statistics")})
    facts("Counts", row["statistics"], COUNTS)
    table("Blocks too large to pair", row["left_out"], {"key": "key", "size": "listings"})


def quarantine_list(limit: Limit = 50, offset: Offset = 0, as_json: AsJson = False) -> None:
    """List files that could not be read, with the reason.

    **Example:** `event-dedup quarantine list`
    """
    from infra.store import reading

    with database("look") as store, store.reading() as connection:
        rows = reading.list_files(connection, status="quarantined", limit=limit, offset=offset)
    show_rows("Quarantine", rows, QUARANTINE_COLUMNS, as_json=as_json)
