"""Merging: the listings of one file into those that are known, each version where its time puts it.

Of two versions of a listing the one of the greater order key holds, and the other one goes into the history, whichever came first. A
wrong order key would let an old version win for good; `infra.store.files` makes them.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl
from sqlalchemy import Connection, select, text, update

from dedup_core.events import EVENT_SCHEMA, IDENTITY, LISTING_SCHEMA, Rejection
from infra.store.copying import copy_in, temporary
from infra.store.tables import generations, source_events

INCOMING: Final = (*EVENT_SCHEMA, "normaliser", "raw", "content_hash", "order_key")


@dataclass(frozen=True, slots=True)
class FileContent:
    """What a file held. events: EVENT_SCHEMA; raw: (n,) JSON texts aligned with them; listings: how many the file gave.

    Raises:
        ValueError: a listing stands twice; of those `dedup_core.validating` lets the last one through.
    """

    source_code: str
    processed_at: str | None
    events: pl.DataFrame
    raw: pl.Series
    rejected: Sequence[Rejection]
    listings: int
    normaliser: str

    def __post_init__(self) -> None:
        identities = self.events.select(*IDENTITY)
        if (twice := identities.filter(identities.is_duplicated())).height:
            raise ValueError(f"listing {':'.join(twice.row(0))} stands twice in one file")


@dataclass(frozen=True, slots=True)
class Merged:
    """How many listings are new or changed, equal to what is known, or older. generation: raised to this, or null if none is new."""

    stored: int
    unchanged: int
    superseded: int
    generation: int | None


def content_hashes(listings: pl.DataFrame) -> pl.Series:
    """Hash the valid columns of each listing, hex: what a re-extraction changes besides them changes no event."""
    encoded = listings.select(pl.struct(*LISTING_SCHEMA).struct.json_encode().alias("text"))["text"]
    return pl.Series(
        "content_hash", [hashlib.blake2b(row.encode(), digest_size=16).hexdigest() for row in encoded]
    )


def merge(connection: Connection, content: FileContent, *, file_id: int, order: str) -> Merged:
    """Bring the listings in, count them, and raise the generation if one is new or changed.

    order: the key of this file's versions. The caller holds the lock of ingests.
    """
    _copy_incoming(connection, content, order)
    values = {"file_id": file_id}
    connection.execute(text(_KEPT), values)
    superseded = connection.execute(text(_SUPERSEDED), values).rowcount
    ingested: int = connection.execute(select(generations.c.ingested).with_for_update()).scalar_one()
    stored: int = connection.execute(text(_WRITTEN), {**values, "generation": ingested + 1}).scalar_one()
    if stored:
        connection.execute(update(generations).values(ingested=ingested + 1))
    return Merged(
        stored=stored,
        unchanged=content.events.height - stored - superseded,
        superseded=superseded,
        generation=ingested + 1 if stored else None,
    )


def _copy_incoming(connection: Connection, content: FileContent, order: str) -> None:
    incoming = content.events.with_columns(
        pl.lit(content.normaliser).alias("normaliser"),
        content.raw.alias("raw"),
        content_hashes(content.events),
        pl.lit(order).alias("order_key"),
    )
    temporary(connection, "incoming", source_events, INCOMING)
    copy_in(connection, "incoming", incoming.select(*INCOMING))
    connection.execute(
        text("ANALYZE incoming (source_code, id, order_key)")
    )  # looking at the long texts costs more than it helps


_KEPT: Final = """
INSERT INTO source_event_history (source_code, id, raw, content_hash, order_key, file_id)
SELECT s.source_code, s.id, s.raw, s.content_hash, s.order_key, s.file_id
FROM source_events s JOIN incoming i USING (source_code, id)
WHERE i.order_key > s.order_key AND (i.content_hash <> s.content_hash OR i.raw <> s.raw)
"""

_SUPERSEDED: Final = """
INSERT INTO source_event_history (source_code, id, raw, content_hash, order_key, file_id)
SELECT i.source_code, i.id, i.raw, i.content_hash, i.order_key, :file_id
FROM source_events s JOIN incoming i USING (source_code, id)
WHERE i.order_key < s.order_key AND (i.content_hash <> s.content_hash OR i.raw <> s.raw)
"""

_COLUMNS: Final = ", ".join(f'"{name}"' for name in INCOMING)
_CHANGES: Final = ", ".join(f'"{name}" = excluded."{name}"' for name in INCOMING if name not in IDENTITY)
_WRITTEN: Final = f"""
WITH written AS (
    INSERT INTO source_events AS s ({_COLUMNS}, file_id, generation)
    SELECT {_COLUMNS}, :file_id, :generation FROM incoming ORDER BY source_code, id
    ON CONFLICT (source_code, id) DO UPDATE SET {_CHANGES}, file_id = excluded.file_id,
        generation = CASE WHEN excluded.content_hash <> s.content_hash THEN excluded.generation ELSE s.generation END
    WHERE excluded.order_key > s.order_key
    RETURNING generation = :generation AS new
)
SELECT count(*) FILTER (WHERE new) FROM written
"""  # noqa: S608 - our own names
"""Write the newer versions; of an equal one only the order key, so that a version between the two comes too late."""
