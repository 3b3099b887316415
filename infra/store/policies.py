"""Policies: each one that was applied, with who did and when; the newest is in force, and the matcher reads it with its data.

A policy is kept as it was written. A later version of this code may know more fields, or fewer: what is missing then has the packaged
value, and what is no longer known is left out, because a run that refused the policy would stand still until someone comes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from pydantic import BaseModel
from sqlalchemy import Connection, insert, select

from dedup_core.policy import Policy, default_policy
from infra.store.tables import generations, policies

Row = dict[str, Any]
Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Applied:
    """A policy that was applied. hash: of what was written; the policy as read may have another one after an upgrade."""

    policy_id: int
    policy: Policy
    author: str
    reason: str | None
    at: datetime


def in_force(connection: Connection) -> Applied | None:
    """Read the newest policy; null if none was ever applied."""
    newest = connection.execute(select(policies).order_by(policies.c.policy_id.desc()).limit(1)).first()
    if newest is None:
        return None
    return Applied(newest.policy_id, policy_of(newest.document), newest.author, newest.reason, newest.at)


def hash_in_force(connection: Connection) -> str | None:
    """Read which policy is the newest, and nothing of it; null if none was ever applied."""
    newest = select(policies.c.policy_hash).order_by(policies.c.policy_id.desc()).limit(1)
    return connection.scalar(newest)


def policy_of(document: Document) -> Policy:
    """Read a policy that was valid when it was stored."""
    return Policy.model_validate(completed(document, _packaged()))


@cache
def _packaged() -> Policy:
    return default_policy()


def completed(document: Document, known: BaseModel) -> dict[str, Any]:
    """Take from a document what is known, and from the packaged policy what the document lacks."""
    whole: dict[str, Any] = known.model_dump(mode="json")
    for name in whole:
        inner = getattr(known, name)
        if name in document:
            part = document[name]
            whole[name] = completed(part, inner) if isinstance(inner, BaseModel) else part
    return whole


def list_policies(connection: Connection, *, before: int | None, limit: int) -> list[Row]:
    """List the policies that were applied, newest first, without what they say."""
    columns = [column for column in policies.columns if column.name != "document"]
    query = select(*columns).order_by(policies.c.policy_id.desc()).limit(limit)
    if before is not None:
        query = query.where(policies.c.policy_id < before)
    return [dict(row) for row in connection.execute(query).mappings()]


def hashes_of_version(connection: Connection, version: str) -> set[str]:
    """Read which policies were applied under a version."""
    named = policies.c.document["version"].astext == version
    return set(connection.scalars(select(policies.c.policy_hash).where(named)))


def document_of(connection: Connection, policy_id: int) -> Row | None:
    """Read what a policy said, as it was written."""
    return connection.scalar(select(policies.c.document).where(policies.c.policy_id == policy_id))


def ingested_and_held(connection: Connection) -> int:
    """Read the generation of the data, and keep it from rising until this transaction ends."""
    ingested: int = connection.execute(select(generations.c.ingested).with_for_update()).scalar_one()
    return ingested


def append(
    connection: Connection, policy: Policy, *, author: str, reason: str | None, generation: int
) -> int:
    """Append a policy, which is in force from the next run on; returns its number. The caller holds the generation."""
    row = {
        "policy_hash": policy.hash,
        "document": policy.model_dump(mode="json"),
        "author": author,
        "reason": reason,
        "generation": generation,
    }
    policy_id: int = connection.execute(insert(policies).returning(policies.c.policy_id), row).scalar_one()
    return policy_id
