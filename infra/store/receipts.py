"""Receipts: what became of a file, for who sent it. Of which files one is due stands in the file's row, so none is forgotten."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, and_, func, or_, select, update

from dedup_core.events import IDENTITY
from infra.store.tables import (
    canonical_events,
    canonical_sources,
    files,
    generations,
    rejections,
    source_events,
)

COUNTS = ("listings", "stored", "unchanged", "superseded", "rejected")


@dataclass(frozen=True, slots=True)
class Receipt:
    """A file's receipt. content: JSON-ready; its events are those of listings that the file gave new or changed."""

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
    ids = [row.file_id for row in rows]
    errors = _by_file(connection, _errors(ids))
    events = _by_file(connection, _events(ids))
    return [
        Receipt(row.file_id, row.bucket, row.key, _content(row, errors[row.file_id], events[row.file_id]))
        for row in rows
    ]


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


def _events(ids: Sequence[int]) -> Select[Any]:
    same = and_(*(source_events.c[name] == canonical_sources.c[name] for name in IDENTITY))
    columns = (
        source_events.c.file_id,
        source_events.c.id.label("listing_id"),
        canonical_events.c.canonical_id,
        canonical_events.c.n_sources,
        canonical_events.c.needs_review,
    )
    joined = select(*columns).join(canonical_sources, same).join(canonical_events)
    return joined.where(source_events.c.file_id.in_(ids)).order_by(source_events.c.id)


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
