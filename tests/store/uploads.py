"""Short ways to put listings into a store, and to see what stands in it."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import polars as pl
from sqlalchemy import Engine, text

from dedup_core.events import EVENT_SCHEMA, LISTING_SCHEMA, Resolution
from dedup_core.normalising import normalise
from dedup_core.pipeline import resolve
from dedup_core.policy import Policy, default_policy
from infra.store import Ingested, Store, Upload
from infra.store.tables import metadata

POLICY: Final = default_policy()
NOW: Final = datetime(2026, 2, 12, tzinfo=UTC)
NORMALISER: Final = "rules-1"

UNEQUAL: Final = {"received_at", "replaced_at", "created_at", "updated_at", "started_at", "finished_at", "given_at", "taken_back_at", "at"}  # fmt: skip
"""Times: two equal histories need not have them in common."""

NUMBERS: Final = {"file_id", "history_id", "rejection_id", "run_id", "lineage_id", "audit_id", "change_id"}
"""Numbers that a sequence gives: a transaction that was rolled back uses them up."""


def save(
    store: Store,
    rows: list[dict[str, Any]],
    *,
    key: str = "bwb_1.json",
    version: str = "",
    sequencer: str | None = None,
    processed_at: str | None = None,
    content: str | None = None,
    raw: Mapping[str, object] | None = None,
    normaliser: str = NORMALISER,
) -> Ingested:
    """Save a file of listings as ingest does. content: names the bytes; by default equal rows are equal bytes. raw: added to the raw listing."""
    sha256 = hashlib.sha256((content or repr((rows, processed_at, raw))).encode()).hexdigest()
    return store.save_file(
        Upload("uploads", key, version, sequencer, sha256, 1000),
        source_code=key.split("_", maxsplit=1)[0],
        processed_at=processed_at,
        events=normalised(rows),
        raw=pl.Series(
            "raw", [json.dumps({"id": row["id"], "title": row["title"], **(raw or {})}) for row in rows]
        ),
        rejected=(),
        listings=len(rows),
        normaliser=normaliser,
    )


KNOWN: Final[dict[str, pl.DataFrame]] = {}


def normalised(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Normalise listings, equal ones of all sources once: most of the time of a small upload goes here."""
    alike = repr([{**row, "source_code": None} for row in rows])
    if alike not in KNOWN:
        KNOWN[alike] = normalise(pl.DataFrame(rows, schema=LISTING_SCHEMA)).select(*EVENT_SCHEMA)
    sources = pl.Series("source_code", [row["source_code"] for row in rows], dtype=pl.String)
    return KNOWN[alike].with_columns(sources)


def run(store: Store, *, policy: Policy = POLICY, observe: bool = False) -> Resolution:
    """Run the matcher as the use case does; observe: and keep what was seen of each pair, which most tests do not read."""
    with store.matching() as work:
        snapshot = work.load()
        resolution = resolve(
            snapshot.events,
            snapshot.verdicts,
            snapshot.previous,
            policy,
            generation=work.ingested,
            observe=observe,
        )
        work.save(resolution, snapshot.previous, started_at=NOW)
    return resolution


def rows(engine: Engine, query: str, **values: object) -> list[tuple[Any, ...]]:
    """Run a query."""
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query), values)]


def contents(engine: Engine, *, without: Iterable[str] = NUMBERS) -> dict[str, list[str]]:
    """Give every table's rows as sorted texts, without times and the given columns."""
    left_out = UNEQUAL | set(without)
    found = {}
    for table in metadata.tables.values():
        columns = ", ".join(f'"{column.name}"' for column in table.columns if column.name not in left_out)
        found[table.name] = sorted(repr(row) for row in rows(engine, f'SELECT {columns} FROM "{table.name}"'))
    return found


def written(engine: Engine, table: str) -> dict[tuple[str, ...], str]:
    """Give the transaction that wrote each row of a table: key -> xmin. Equal before and after: the row was not touched."""
    keys = [column.name for column in metadata.tables[table].primary_key]
    return {
        row[1:]: row[0]
        for row in rows(engine, f"SELECT xmin::text || ctid::text, {', '.join(keys)} FROM {table}")
    }
