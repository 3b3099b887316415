"""Snapshots: everything that a run starts from, by COPY, as it was at one moment.

Loading takes several queries, and ingests go on meanwhile. Were each query to see what is there when it begins, a run could see a
verdict but not its listings, and its result would belong to no generation.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import polars as pl
from sqlalchemy import Connection, Engine, select

from dedup_core.events import EVENT_SCHEMA, IDENTITY, VERDICT_SCHEMA, Previous
from dedup_core.policy import Policy
from infra.store.copying import copy_out
from infra.store.policies import in_force
from infra.store.tables import canonical_events, canonical_sources, redirects, source_events, verdicts
from infra.store.verdicts import IN_FORCE


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a run starts from. events: EVENT_SCHEMA and ``normaliser``; verdicts: those not taken back.

    policy: the one that was applied last, null if none ever was.
    """

    events: pl.DataFrame
    verdicts: pl.DataFrame
    previous: Previous
    policy: Policy | None = None


@contextmanager
def one_moment(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that sees the database as it is at its first query, whatever is committed after it."""
    with engine.connect() as connection:
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield connection


def load_snapshot(moment: Connection) -> Snapshot:
    """Read the source events, verdicts, previous canonical events and the policy. moment: as from `one_moment`."""
    events = {**EVENT_SCHEMA, "normaliser": pl.String()}
    valid = select(*(verdicts.c[name] for name in VERDICT_SCHEMA)).where(IN_FORCE)
    return Snapshot(
        # Sorted here, so that a run over a million need not hold them twice.
        copy_out(moment, select(*(source_events.c[name] for name in events)), events).sort(*IDENTITY),
        copy_out(moment, valid, VERDICT_SCHEMA),
        _previous(moment),
        None if (applied := in_force(moment)) is None else applied.policy,
    )


def _previous(moment: Connection) -> Previous:
    nothing = Previous.nothing()
    members, known = nothing.members.schema, nothing.canonicals.schema
    return Previous(
        members=copy_out(moment, select(*(canonical_sources.c[name] for name in members)), members),
        canonicals=copy_out(moment, select(*(canonical_events.c[name] for name in known)), known),
        retired=frozenset(copy_out(moment, select(redirects.c.from_id), {"from_id": pl.String()})["from_id"]),
    )
