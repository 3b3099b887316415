"""Receipts: what became of a file, for who sent it. Of which files one is due stands in the file's row, so none is forgotten."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, Table, and_, func, or_, select, update

from dedup_core.events import IDENTITY
from infra.store.tables import (
    canonical_events,
    canonical_sources,
    files,
    generations,
    rejections,
    source_event_history,
    source_events,
)

COUNTS = ("listings", "stored", "unchanged", "superseded", "rejected")


@dataclass(frozen=True, slots=True)
class Receipt:
    """A file's receipt. content: JSON-ready; its events are those that its listings belong to now.

    A listing that is older than what was known has its event, too. Of a file with the content of another one they are those of that one's
    listings. A listing stands under the newest file that brought it: one that came equal and late, or that a later file brought again before the
    receipt was written, is left out here.
    """

    file_id: int
    bucket: str
    key: str
    content: dict[str, Any]


def due(connection: Connection, *, limit: int) -> list[Receipt]:
    """List the receipts that are to be written, oldest file first. Files of a folder, whose place is a path, get none."""
    matched = select(generations.c.matched).scalar_subquery()
    known = or_(files.c.generation.is_(None), files.c.generation <= matched)
    query = select(files).where(files.c.receipt_at.is_(None), known, files.c.status != "replayed")
    rows = connection.execute(
        query.where(~files.c.bucket.contains("/")).order_by(files.c.file_id).limit(limit)
    ).all()
    twins = _twins(connection, rows)
    gave = {row.file_id: twins.get(row.sha256, row.file_id) for row in rows}
    errors = _by_file(connection, _errors(list(gave)))
    events = _by_file(connection, _events(list(set(gave.values())), source_events))
    # The history is looked through as a whole, so only for those who have something there.
    if late := [row.file_id for row in rows if row.superseded]:
        for file_id, more in _by_file(connection, _events(late, source_event_history)).items():
            events[file_id] += more
    return [
        Receipt(
            row.file_id, row.bucket, row.key, _content(row, errors[row.file_id], events[gave[row.file_id]])
        )
        for row in rows
    ]


def _twins(connection: Connection, rows: Sequence[Row[Any]]) -> dict[str, int]:
    """Find, by content, the files whose listings those are that only say once more what is stored."""
    contents = [row.sha256 for row in rows if row.status == "duplicate"]
    query = select(files.c.sha256, func.max(files.c.file_id).label("file_id")).group_by(files.c.sha256)
    found = connection.execute(query.where(files.c.sha256.in_(contents), files.c.status == "stored"))
    return {row.sha256: row.file_id for row in found}


def written(connection: Connection, file_ids: Iterable[int]) -> None:
    """Note that the receipts of files were written."""
    mine = files.c.file_id.in_(list(file_ids))
    connection.execute(update(files).where(mine).values(receipt_at=func.now()))


def _by_file(connection: Connection, query: Select[Any]) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in connection.execute(query).mappings():
        fields = {f"{name}": value for name, value in row.items()}  # plain text: orjson takes no kind of it
        found[fields.pop("file_id")].append(fields)
    return found


def _errors(ids: Sequence[int]) -> Select[Any]:
    columns = (getattr(rejections.c, name) for name in ("file_id", "index", "listing_id", "field", "reason"))
    return select(*columns).where(rejections.c.file_id.in_(ids)).order_by(rejections.c.rejection_id)


def _events(ids: Sequence[int], listings: Table) -> Select[Any]:
    """Ask for the events of the listings that files gave. listings: those that hold, or those of the history."""
    same = and_(*(listings.c[name] == canonical_sources.c[name] for name in IDENTITY))
    columns = (
        listings.c.file_id,
        listings.c.id.label("listing_id"),
        canonical_events.c.canonical_id,
        canonical_events.c.n_sources,
        canonical_events.c.needs_review,
    )
    joined = select(*columns).join(canonical_sources, same).join(canonical_events)
    return joined.where(listings.c.file_id.in_(ids)).order_by(listings.c.id)


def _content(row: Any, errors: list[dict[str, Any]], events: list[dict[str, Any]]) -> dict[str, Any]:
    place = {name: getattr(row, name) for name in ("bucket", "key", "version", "sha256")}
    return {
        **place,
        "status": row.status,
        "reason": row.reason,
        "received_at": row.received_at.isoformat(),
        "generation": row.generation,
        "counts": {name: getattr(row, name) for name in COUNTS},
        "errors": errors,
        "events": events,
        "awaiting_review": sorted({one["canonical_id"] for one in events if one["needs_review"]}),
    }
