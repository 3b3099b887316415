"""Files: one transaction a file, all or nothing; what is equal to what is known changes nothing."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Literal

import polars as pl
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Text,
    cast,
    func,
    insert,
    literal,
    select,
    text,
    update,
)

from dedup_core.events import Rejection
from infra.store.copying import copy_in
from infra.store.merging import FileContent, merge
from infra.store.tables import files, rejections

INGEST_LOCK: Final = 7_305_001
"""Advisory lock that puts ingests in a row: they are short, and two at once could wait for each other's listings."""

REJECTED: Final = {
    "index": pl.Int64(),
    "listing_id": pl.String(),
    "field": pl.String(),
    "reason": pl.String(),
    "kept": pl.Binary(),
}
"""What is kept of a rejection: column -> type."""

REJECTION_BYTES: Final = 200
"""What a rejection takes beside the listing, about."""

REJECTED_AT_ONCE: Final = 1 << 20
"""Bytes of rejections that are written down at once, about: they may be a whole file, which is held already."""

Status = Literal["stored", "duplicate", "quarantined", "replayed"]


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it was announced. version: the object's, empty if its bucket keeps none; sequencer: hexadecimal, or null."""

    bucket: str
    key: str
    version: str
    sequencer: str | None
    sha256: str
    size: int

    @property
    def name(self) -> str:
        """Return the file's name without folders."""
        return self.key.rsplit("/", 1)[-1]


@dataclass(frozen=True, slots=True)
class Ingested:
    """What became of a file.

    already: the very same upload was here before; nothing was done. generation: raised to this, or null if nothing changed.
    unchanged: listings with equal content; superseded: listings older than what is known, kept in the history.
    """

    file_id: int
    status: Status
    listings: int = 0
    stored: int = 0
    unchanged: int = 0
    superseded: int = 0
    rejected: int = 0
    generation: int | None = None
    already: bool = False


def order_key(processed_at: str | None, sequencer: str | None, sha256: str) -> str:
    """Order the versions of a listing: by the file's processedAt, then the sequencer, then the content.

    AWS orders sequencers within one key only, so they come second; the hash makes the order total. A space sorts before all
    digits, so that no time is before any time.
    """
    return f"{processed_at or ''} {(sequencer or '').lower():0>32} {sha256}"


def save_file(connection: Connection, upload: Upload, content: FileContent) -> Ingested:
    """Store one file's listings, and raise the generation if anything changed.

    Content that was stored before, under this key or another, changes nothing, unless something newer came between and this
    upload is newer still: so the order of arrival never matters. Under the name of another source it changes nothing either.
    """
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": INGEST_LOCK})
    known = find_upload(connection, upload)
    if known and not _is_later_than_known(upload, known):
        return _as_before(known)
    order = order_key(content.processed_at, upload.sequencer, upload.sha256)
    twin = _twin(connection, upload.sha256)
    file = _renewed(connection, known, upload) if known else _record(connection, upload, "stored", content)
    if not (twin and _settles(twin, content, order)):
        merged = replace(file, **asdict(merge(connection, content, file_id=file.file_id, order=order)))
        if merged.generation is not None or not twin:
            _count(connection, merged)
            if not known:
                _save_rejections(connection, file.file_id, content.rejected)
            return merged
    return _as_before(known) if known else _call_duplicate(connection, file, twin.key)


def save_quarantined(
    connection: Connection, upload: Upload, rejection: Rejection, *, source_code: str | None
) -> Ingested:
    """Record a file that could not be read, with the reason; a second time changes nothing."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": INGEST_LOCK})
    if known := find_upload(connection, upload):
        return _as_before(known)
    file = _record(connection, upload, "quarantined", source_code=source_code, reason=rejection.reason)
    _save_rejections(connection, file.file_id, [rejection])
    return file


def find_upload(connection: Connection, upload: Upload) -> Row[Any] | None:
    """Find this very upload: same bucket, key and version, and, where versions are not kept, same content."""
    query = select(files).where(
        files.c.bucket == upload.bucket, files.c.key == upload.key, files.c.version == stored_version(upload)
    )
    return connection.execute(query.where(files.c.status != "replayed")).first()


def recall(connection: Connection, upload: Upload) -> Ingested | None:
    """Return what became of this very upload when it was here before, or null."""
    known = find_upload(connection, upload)
    return _as_before(known) if known and not _is_later_than_known(upload, known) else None


def _is_later_than_known(upload: Upload, known: Row[Any]) -> bool:
    """Tell whether this very upload has a later place in the order of versions than was known.

    A key without versions got content that it had before, and what came between may have to give way; or the sweep, which knows
    no sequencers, was faster than S3 with its announcement.
    """
    return known.status in ("stored", "duplicate") and order_key(None, upload.sequencer, "") > order_key(
        None, known.sequencer, ""
    )


def stored_version(upload: Upload) -> str:
    """Tell uploads of one key apart: by the bucket's version, or, without one, by content.

    S3's version ``null`` is none: a bucket whose versioning is suspended gives it to every upload.
    """
    return upload.version if upload.version not in ("", "null") else upload.sha256


def _as_before(row: Row[Any]) -> Ingested:
    known = row._mapping
    fields = ("file_id", "status", "listings", "stored", "unchanged", "superseded", "rejected", "generation")
    return Ingested(**{field: known[field] for field in fields}, already=True)


def _twin(connection: Connection, sha256: str) -> Row[str, str, str | None, str | None, str] | None:
    """Find the upload of this content that was stored last."""
    query = select(files.c.key, files.c.source_code, files.c.processed_at, files.c.sequencer, files.c.sha256)
    stored = query.where(files.c.sha256 == sha256, files.c.status == "stored")
    return connection.execute(stored.order_by(files.c.file_id.desc()).limit(1)).first()


def _settles(twin: Row[str, str, str | None, str | None, str], content: FileContent, order: str) -> bool:
    """Tell whether nothing can change because the same content was stored before as something newer, or for another source."""
    stored = order_key(twin.processed_at, twin.sequencer, twin.sha256)
    return twin.source_code != content.source_code or order <= stored


def _renewed(connection: Connection, known: Row[Any], upload: Upload) -> Ingested:
    connection.execute(
        update(files).where(files.c.file_id == known.file_id).values(sequencer=upload.sequencer)
    )
    return replace(_as_before(known), already=False, status="stored")


def _record(
    connection: Connection,
    upload: Upload,
    status: Status,
    content: FileContent | None = None,
    *,
    source_code: str | None = None,
    reason: str | None = None,
) -> Ingested:
    """Write a file down. content: of one that is stored; a quarantined one counts as one rejection."""
    listings, rejected = (content.listings, len(content.rejected)) if content else (0, 1)
    row = {
        "bucket": upload.bucket,
        "key": upload.key,
        "version": stored_version(upload),
        "sequencer": upload.sequencer,
        "sha256": upload.sha256,
        "bytes": upload.size,
        "source_code": content.source_code if content else source_code,
        "processed_at": content.processed_at if content else None,
        "status": status,
        "reason": reason,
        "listings": listings,
        "rejected": rejected,
    }
    file_id = connection.execute(insert(files).returning(files.c.file_id), row).scalar_one()
    return Ingested(file_id, status, listings=listings, rejected=rejected)


def _call_duplicate(connection: Connection, file: Ingested, twin: str) -> Ingested:
    """Say of a file that changed nothing that it had the same content as another one; its listings are counted there."""
    duplicate = Ingested(file.file_id, "duplicate")
    _count(connection, duplicate, reason=f"same content as {twin}")
    return duplicate


def _count(connection: Connection, file: Ingested, *, reason: str | None = None) -> None:
    """Write down what became of a file."""
    counts = asdict(file)
    del counts["already"], counts["file_id"]
    connection.execute(
        update(files).where(files.c.file_id == file.file_id).values(**counts, reason=reason, receipt_at=None)
    )


def _save_rejections(connection: Connection, file_id: int, rejected: Sequence[Rejection]) -> None:
    """Write down what was refused, some at a time: it may be all of a file, of the largest or of the most listings."""
    for some in _in_parts(rejected):
        columns = {name: [getattr(rejection, name) for rejection in some] for name in REJECTED}
        frame = pl.DataFrame(columns, schema=REJECTED).select(
            pl.lit(file_id).alias("file_id"),
            pl.exclude("kept"),
            pl.col("kept").cast(pl.String).alias("listing"),
        )
        copy_in(connection, rejections.name, frame)


def _in_parts(rejected: Sequence[Rejection]) -> Iterator[list[Rejection]]:
    part: list[Rejection] = []
    size = 0
    for rejection in rejected:
        part.append(rejection)
        size += REJECTION_BYTES + len(rejection.kept or b"")
        if size >= REJECTED_AT_ONCE:
            yield part
            part, size = [], 0
    if part:
        yield part


def mark_replayed(connection: Connection, file_id: int) -> bool:
    """Let a quarantined file be ingested again; its record and reason stay. False if it is not in quarantine."""
    mine = (files.c.file_id == file_id) & (files.c.status == "quarantined")
    # The version is part of what an upload is known by, so the old record makes room for the new one.
    freed = files.c.version + _freed_by(files.c.file_id)
    return bool(
        connection.execute(update(files).where(mine).values(status="replayed", version=freed)).rowcount
    )


def keep_quarantined(connection: Connection, file_id: int) -> None:
    """Take back that a file was set free, and not ingested since."""
    mine = (files.c.file_id == file_id) & (files.c.status == "replayed")
    known = func.replace(files.c.version, _freed_by(files.c.file_id), "")
    connection.execute(update(files).where(mine).values(status="quarantined", version=known))


def _freed_by(file_id: ColumnElement[int]) -> ColumnElement[str]:
    return literal("#replayed-") + cast(file_id, Text)
