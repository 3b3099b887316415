"""Decided: what the last run decided of pairs of listings, and how listings flowed from event to event; nothing that is hidden shows here."""

from functools import cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, literal, select, tuple_

from dedup_core.contradicting import Listing
from dedup_core.events import EVIDENCE
from infra.store.events import shown
from infra.store.tables import canonical_events, canonical_sources, decisions, lineage

Row = dict[str, Any]

EXPLAINING: Final = (*EVIDENCE, "weight", "score", "decision", "reasons", "relation", "seen")
"""What of a decision is put into words."""


def decisions_of(connection: Connection, canonical_id: str, *, limit: int) -> list[Row]:
    """List what was decided of pairs within an event, heaviest first: the parts of the evidence in bits, and their sum."""
    asked = {"id": canonical_id, "most": limit}
    return [dict(row) for row in connection.execute(_decided_within(), asked).mappings()]


@cache
def _decided_within() -> Select[Any]:
    mine, other = canonical_sources.alias("mine"), canonical_sources.alias("other")
    pairs = decisions.c
    return (
        select(
            *(pairs[f"{side}_{name}"] for side in "ab" for name in ("source_code", "id")),
            *(pairs[name] for name in EXPLAINING),
        )
        .select_from(mine)
        .join(decisions, and_(pairs.a_source_code == mine.c.source_code, pairs.a_id == mine.c.id))
        .join(other, and_(pairs.b_source_code == other.c.source_code, pairs.b_id == other.c.id))
        .where(mine.c.canonical_id == bindparam("id"), other.c.canonical_id == bindparam("id"), shown())
        .order_by(pairs.weight.desc(), pairs.a_source_code, pairs.a_id, pairs.b_source_code, pairs.b_id)
        .limit(bindparam("most"))
    )


def find_decisions(
    connection: Connection,
    *,
    decision: str | None,
    listing: Listing | None,
    behind: tuple[str, ...] | None,
    limit: int,
) -> list[Row]:
    """List decided pairs, in the order of their key: the evidence, and both events (``a_event``, ``b_event``), null where one is hidden.

    behind: the four parts of the key after which to go on.
    """
    pairs = decisions.c
    key = [pairs[f"{side}_{name}"] for side in "ab" for name in ("source_code", "id")]
    sides = {side: (_member_of(side), canonical_events.alias(f"{side}_event")) for side in "ab"}
    query = select(
        *key,
        *(pairs[name] for name in EXPLAINING),
        *(event.c.canonical_id.label(f"{side}_event") for side, (_, event) in sides.items()),
    ).select_from(decisions)
    for member, event in sides.values():
        query = query.outerjoin(*member).outerjoin(
            event, and_(event.c.canonical_id == member[0].c.canonical_id, ~event.c.hidden)
        )
    if decision is not None:
        query = query.where(pairs.decision == decision)
    if behind is not None:
        query = query.where(tuple_(*key) > tuple_(*map(literal, behind)))
    if listing is not None:
        ends = [
            and_(pairs[f"{side}_source_code"] == listing[0], pairs[f"{side}_id"] == listing[1])
            for side in "ab"
        ]
        query = query.where(ends[0] | ends[1])
    return [dict(row) for row in connection.execute(query.order_by(*key).limit(limit)).mappings()]


def _member_of(side: str) -> tuple[Any, ColumnElement[bool]]:
    member, pairs = canonical_sources.alias(f"{side}_member"), decisions.c
    joined = and_(pairs[f"{side}_source_code"] == member.c.source_code, pairs[f"{side}_id"] == member.c.id)
    return member, joined


def lineage_of(connection: Connection, canonical_id: str, *, limit: int = 200) -> list[Row]:
    """List the flows of listings from and to an id, newest first."""
    asked = {"id": canonical_id, "most": limit}
    return [dict(row) for row in connection.execute(_flows(), asked).mappings()]


@cache
def _flows() -> Select[Any]:
    flows = lineage.c
    return (
        select(flows.generation, flows.parent_id, flows.child_id, flows.kind)
        .where((flows.parent_id == bindparam("id")) | (flows.child_id == bindparam("id")))
        .order_by(flows.lineage_id.desc())
        .limit(bindparam("most"))
    )
