"""Ledger: what became of each file, and what each run did: for the API, the page and the command line. Nothing here writes."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from handlers.receipts import receipt_key
from infra.store import Store, desk
from infra.store import ledger as stored

Row = dict[str, Any]

MOST_EVENTS: Final = 1000
"""Events of one file that are named; its receipt names all."""

MOST_REJECTED: Final = 200
"""Refused listings that are shown with their file; the others follow a page at a time."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some of what there is, newest first. next: the number to ask with for what is older, or null at the end."""

    items: list[Row]
    next: int | None


def list_files(
    store: Store,
    *,
    before: int | None = None,
    status: str | None = None,
    source: str | None = None,
    limit: int,
) -> Page:
    """List files, newest first."""
    with store.reading() as connection:
        found = stored.files_before(connection, before=before, status=status, source=source, limit=limit + 1)
    return _page(found, "file_id", limit)


def list_runs(store: Store, *, before: int | None = None, status: str | None = None, limit: int) -> Page:
    """List runs, newest first."""
    with store.reading() as connection:
        found = stored.runs_before(connection, before=before, status=status, limit=limit + 1)
    return _page(found, "run_id", limit)


def _page(found: list[Row], number: str, limit: int) -> Page:
    shown = found[:limit]
    return Page(shown, shown[-1][number] if len(found) > limit else None)


def show_file(store: Store, file_id: int, *, receipts_prefix: str) -> Row | None:
    """Show a file with what was refused of it, its receipt, and the events that hold its listings; null if there is none of this number."""
    with store.reading() as connection:
        file = stored.file_of(connection, file_id)
        if file is None:
            return None
        refused = stored.rejections_behind(connection, file_id, behind=0, limit=MOST_REJECTED)
        events = desk.events_of_file(connection, file_id, limit=MOST_EVENTS)
    receipt = {"key": receipt_key(file["key"], receipts_prefix), "written_at": file.pop("receipt_at")}
    return {
        **file,
        "receipt": None if "/" in file["bucket"] else receipt,  # a folder's files get none
        "rejections": refused,
        "events": events,
        "awaiting_review": sorted({one["canonical_id"] for one in events if one["needs_review"]}),
    }


def list_rejections(store: Store, file_id: int, *, behind: int, limit: int) -> Page | None:
    """List what was refused of a file, in its order, behind a number; null if there is no such file."""
    with store.reading() as connection:
        if stored.file_of(connection, file_id) is None:
            return None
        found = stored.rejections_behind(connection, file_id, behind=behind, limit=limit + 1)
    return _page(found, "rejection_id", limit)


def show_run(store: Store, run_id: int) -> Row | None:
    """Show a run with its counts and what it left out; null if there is none of this number."""
    with store.reading() as connection:
        found = stored.runs_before(connection, before=run_id + 1, status=None, limit=1)
    return found[0] if found and found[0]["run_id"] == run_id else None


def trends(store: Store, *, now: datetime, days: int) -> Row:
    """Count files and runs by day (UTC), oldest first; days on which nothing came are left out."""
    since = now - timedelta(days=days)
    with store.reading() as connection:
        return {
            "files": stored.files_by_day(connection, since),
            "runs": stored.runs_by_day(connection, since),
        }
