"""Runs: what the matcher reads, and the difference that it writes, in one transaction under one lock."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import polars as pl
from sqlalchemy import Connection, Engine, Table, delete, insert, select, text, update

from dedup_core.events import (
    COMPARABLE_SCHEMA,
    DECISION_SCHEMA,
    EVIDENCE,
    IDENTITY,
    Previous,
    Resolution,
)
from infra.errors import MatcherBusy
from infra.store.changes import hidden_events, save_changes
from infra.store.copying import copy_in, temporary
from infra.store.files import INGEST_LOCK
from infra.store.published import bury
from infra.store.snapshots import Snapshot, load_snapshot, one_moment
from infra.store.tables import (
    canonical_events,
    canonical_sources,
    decisions,
    flags,
    generations,
    lineage,
    links,
    redirects,
    runs,
    source_events,
)

MATCH_LOCK: Final = 7_305_002
"""Advisory lock of the one matcher; it ends with the transaction, so a killed matcher leaves none."""

SMALLEST_CHANGE: Final = 0.05
"""Bits; a decision of which no part moved as much is not rewritten: every new listing moves all weights by a breath."""

LONGEST_CITY: Final = 200
"""Characters of a town's name that are looked up by; an index takes no text of more than about 2,700 bytes."""

EVENTS_AT_ONCE: Final = 50_000
"""Canonical events whose JSON is held at once, about 2 kB each."""

EVENT_COLUMNS: Final = (
    *("canonical_id", "title", "city", "first_day", "last_day", "status", "confidence", "needs_review"),
    *("n_sources", "content", "content_hash", "hidden", "born", "generation"),
)


@dataclass(frozen=True, slots=True)
class MatchWork:
    """One run's transaction. ingested: the generation that its data has; matched: the one that the last run had.

    moment: the transaction that reads, begun after the lock was got; `load` ends it.
    """

    connection: Connection
    moment: Connection
    ingested: int
    matched: int

    def load(self) -> Snapshot:
        """Read everything that the matcher needs, as it was at generation ``ingested``; once."""
        snapshot = load_snapshot(self.moment)
        # The run computes for minutes; an open view of the past would keep the database from clearing up.
        self.moment.close()
        return snapshot

    def save_normalised(self, events: pl.DataFrame, normaliser: str) -> None:
        """Write back listings that were normalised anew. events: EVENT_SCHEMA.

        Ingests wait from here to the commit, so it is called when all is computed. A listing that one of them replaced since this
        run began is left alone: what was normalised is its older version, and the run of its generation looks at it again.
        """
        self.connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": INGEST_LOCK})
        temporary(self.connection, "renewed", source_events, [*IDENTITY, *COMPARABLE_SCHEMA])
        copy_in(self.connection, "renewed", events.select(*IDENTITY, *COMPARABLE_SCHEMA))
        changes = ", ".join(f'"{name}" = r."{name}"' for name in COMPARABLE_SCHEMA)
        query = f"""
        UPDATE source_events s SET {changes}, normaliser = :normaliser FROM renewed r
        WHERE s.source_code = r.source_code AND s.id = r.id AND s.generation <= :ingested
        """  # noqa: S608 - our own names
        self.connection.execute(text(query), {"normaliser": normaliser, "ingested": self.ingested})

    def save(self, resolution: Resolution, previous: Previous, *, started_at: datetime) -> int:
        """Write the difference and the run, and set the matched generation; returns the run's number."""
        hidden_before = hidden_events(self.connection)
        _save_canonical_events(self.connection, resolution, self.ingested)
        _save_members(self.connection, resolution, previous)
        _save_gone(self.connection, resolution, self.ingested, hidden_before)
        save_changes(self.connection, resolution, self.ingested, hidden_before=hidden_before)
        _save_decisions(self.connection, resolution)
        _replace(self.connection, links, resolution.links.rename({"from": "from_id", "to": "to_id"}))
        _replace(self.connection, flags, resolution.flags.with_columns(pl.col("detail").fill_null("")))
        self.connection.execute(update(generations).values(matched=self.ingested))
        row = {
            "generation": self.ingested,
            "status": "done",
            "statistics": resolution.statistics,
            "left_out": resolution.left_out.to_dicts(),
            "result_hash": resolution.result_hash,
            "policy_version": resolution.policy_version,
            "policy_hash": resolution.policy_hash,
            "started_at": started_at,
        }
        run_id: int = self.connection.execute(insert(runs).returning(runs.c.run_id), row).scalar_one()
        return run_id


def matching(engine: Engine) -> Iterator[MatchWork]:
    """Open a run: lock first, then look. Committed when the caller is done, rolled back when it fails.

    Raises:
        MatcherBusy: another run holds the lock.
    """
    with engine.begin() as connection:
        if not connection.scalar(text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": MATCH_LOCK}):
            raise MatcherBusy("another matcher is at work")
        # What this transaction itself sees was fixed before it got the lock, if it were to see one moment only:
        # the last run's commit might be missing in it. So another one reads, which begins now.
        with one_moment(engine) as moment:
            ingested, matched = moment.execute(select(generations.c.ingested, generations.c.matched)).one()
            yield MatchWork(connection, moment, ingested, matched)


def _save_canonical_events(connection: Connection, resolution: Resolution, generation: int) -> None:
    """Write new events straight into their table, changed ones over what is there; their JSON is written a slice at a time."""
    from dedup_core.rendering import contents  # noqa: PLC0415 - brings NumPy along, and only match saves

    created, changed = resolution.difference.created, resolution.difference.changed
    temporary(connection, "changed", canonical_events, EVENT_COLUMNS)
    for ids, table in ((created, canonical_events.name), (changed, "changed")):
        rows = resolution.canonical_events.filter(pl.col("canonical_id").is_in(ids.implode()))
        for some in rows.iter_slices(EVENTS_AT_ONCE):
            written = some.with_columns(
                contents(some, resolution.events),
                pl.col("city").str.head(LONGEST_CITY),
                pl.lit(generation).alias("generation"),
            )
            copy_in(connection, table, written.select(*EVENT_COLUMNS))
    changes = ", ".join(
        f"{name} = c.{name}" for name in EVENT_COLUMNS if name not in ("canonical_id", "born")
    )
    query = f"UPDATE canonical_events e SET {changes}, updated_at = now() FROM changed c WHERE e.canonical_id = c.canonical_id"  # noqa: S608
    connection.execute(text(query))


def _save_members(connection: Connection, resolution: Resolution, previous: Previous) -> None:
    """Write the source events whose canonical event is another than before: a source event stays, so none is deleted."""
    moved = resolution.members.join(previous.members, on=["canonical_id", *IDENTITY], how="anti")
    temporary(connection, "moved", canonical_sources, ["source_code", "id", "canonical_id"])
    copy_in(connection, "moved", moved.select("source_code", "id", "canonical_id"))
    connection.execute(
        text(
            "INSERT INTO canonical_sources (source_code, id, canonical_id) SELECT source_code, id, canonical_id FROM moved "
            "ON CONFLICT (source_code, id) DO UPDATE SET canonical_id = excluded.canonical_id"
        )
    )


def _save_gone(
    connection: Connection, resolution: Resolution, generation: int, hidden_before: frozenset[str]
) -> None:
    difference = resolution.difference
    numbered = pl.lit(generation).alias("generation")
    copy_in(connection, lineage.name, difference.lineage.with_columns(numbered))
    copy_in(connection, redirects.name, difference.redirects.with_columns(numbered))
    temporary(connection, "gone", redirects, ["from_id", "to_id"])
    copy_in(connection, "gone", difference.redirects)
    connection.execute(text("UPDATE redirects r SET to_id = g.to_id FROM gone g WHERE r.to_id = g.from_id"))
    bury(connection, hidden_before)
    connection.execute(
        delete(canonical_events).where(
            canonical_events.c.canonical_id.in_(select(text("from_id")).select_from(text("gone")))
        )
    )


def _save_decisions(connection: Connection, resolution: Resolution) -> None:
    """Replace what differs; a decision of which no part moved by SMALLEST_CHANGE stays as it was, with all its parts."""
    columns = [column.name for column in decisions.columns]
    identities = resolution.events.select(*IDENTITY)
    frame = resolution.decisions.select(*DECISION_SCHEMA)
    frame = frame.with_columns(as_kept(resolution.seen))
    for side in ("a", "b"):
        found = identities[frame[side].to_numpy()]
        frame = frame.with_columns(
            found["source_code"].alias(f"{side}_source_code"), found["id"].alias(f"{side}_id")
        )
    # Weight and score are kept exactly: what a verdict leads to is worked out from them, and has to be what a run makes of it.
    rounded = frame.with_columns(
        pl.col(*EVIDENCE).cast(pl.Float64).round(4), pl.col("weight", "score").cast(pl.Float64)
    )
    _replace(connection, decisions, rounded.select(*columns), unless=_DECISION_STANDS)


_SAYS_NOTHING: Final = r'"\w+":(?:null|\[\]),|"(?:capped|alike|online|moved|during)":false,|"\w+_more":0,'
"""What is no, unknown or empty of what was seen: a third of its text."""


def as_kept(seen: pl.Series | None) -> pl.Expr | pl.Series:
    """Write what was seen as JSON without what says nothing."""
    if seen is None:
        return pl.lit(None, pl.String).alias("seen")
    return seen.struct.json_encode().str.replace_all(_SAYS_NOTHING, "").alias("seen")


def _stands(part: str) -> str:
    """Say in SQL that a part of a weight is there or missing as before, and moved by less than SMALLEST_CHANGE."""
    return (
        f"((t.{part} IS NULL) = (i.{part} IS NULL) AND "
        f"(t.{part} IS NULL OR abs(t.{part} - i.{part}) < {SMALLEST_CHANGE}))"
    )


_UNMOVED: Final = """split_part({side}.seen::text, '"bits":', 1)"""

_DECISION_STANDS: Final = " AND ".join(
    [
        "t.decision = i.decision",
        # An event's confidence is the score of a pair, or what another one leaves of 1, in hundredths.
        "round(t.score * 100) = round(i.score * 100)",
        "round((1 - t.score) * 100) = round((1 - i.score) * 100)",
        "t.reasons IS NOT DISTINCT FROM i.reasons",
        "t.relation IS NOT DISTINCT FROM i.relation",
        *map(_stands, ("weight", *EVIDENCE)),
        # Rarities, which come last, move by a breath, too; words, ways and hours do not. As text, which is cheaper to compare than JSON.
        f"{_UNMOVED.format(side='t')} IS NOT DISTINCT FROM {_UNMOVED.format(side='i')}",
    ]
)


def _replace(connection: Connection, table: Table, frame: pl.DataFrame, *, unless: str | None = None) -> None:
    """Make a table hold the frame, touching only rows that differ.

    unless: condition on old ``t`` and new ``i`` under which a row stays; null where the key is the whole row.
    """
    name, keys = table.name, [column.name for column in table.primary_key]
    columns = [column.name for column in table.columns]
    now = temporary(connection, f"new_{name}", table, columns)
    copy_in(connection, now, frame.select(*columns))
    connection.execute(text(f"ANALYZE {now} ({', '.join(keys)})"))
    same = " AND ".join(f"t.{key} = i.{key}" for key in keys)
    changes = ", ".join(f"{column} = excluded.{column}" for column in columns if column not in keys)
    stands = f"WHERE NOT EXISTS (SELECT FROM {name} t WHERE {same} AND {unless})" if unless else ""
    conflict = f"DO UPDATE SET {changes}" if unless else "DO NOTHING"
    listed = ", ".join(columns)
    removed = f"DELETE FROM {name} t WHERE NOT EXISTS (SELECT FROM {now} i WHERE {same})"  # noqa: S608
    added = (
        f"INSERT INTO {name} ({listed}) SELECT {listed} FROM {now} i {stands} "  # noqa: S608
        f"ON CONFLICT ({', '.join(keys)}) {conflict}"
    )
    connection.execute(text(removed))
    connection.execute(text(added))


def record_failure(
    engine: Engine,
    *,
    generation: int,
    reason: str,
    policy_version: str,
    policy_hash: str,
    started_at: datetime,
) -> None:
    """Write down a run that failed, in a transaction of its own: its own was rolled back."""
    row = {
        "generation": generation,
        "status": "failed",
        "reason": reason,
        "statistics": {},
        "left_out": [],
        "policy_version": policy_version,
        "policy_hash": policy_hash,
        "started_at": started_at,
    }
    with engine.begin() as connection:
        connection.execute(insert(runs), row)
