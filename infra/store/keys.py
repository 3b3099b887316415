"""Keys: who may ask over HTTP. A key is shown once, when it is added; what is kept is its hash, by which nobody can ask."""

import hashlib
import secrets
from typing import Any, Final

from sqlalchemy import Connection, func, insert, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert as insert_or

from infra.errors import NameTaken
from infra.store.tables import api_keys, audit

Row = dict[str, Any]

MARK: Final = "edk_"
"""What keys begin with: so that one which got into a log or a repository is found."""


def add_key(connection: Connection, *, name: str, role: str, author: str) -> str:
    """Add a key and give it: the only time that it is seen.

    Raises:
        NameTaken: a key of this name is valid.
    """
    key = MARK + secrets.token_urlsafe(32)
    row = {"name": name, "role": role, "hash": hash_of(key)}
    added = insert_or(api_keys).values(row).on_conflict_do_nothing().returning(api_keys.c.key_id)
    if connection.execute(added).first() is None:
        raise NameTaken(f"there is a valid key named {name}; choose another name, or revoke it first")
    note(connection, who=author, action="add_key", subject=f"key {name}", detail={"role": role})
    return key


def first_key(connection: Connection, *, name: str, role: str, author: str) -> str | None:
    """Add a key if none is valid, so that someone can get in; null if someone can."""
    connection.execute(
        text("LOCK TABLE api_keys IN SHARE ROW EXCLUSIVE MODE")
    )  # of two at once, one is first
    if connection.execute(select(api_keys.c.key_id).where(api_keys.c.revoked_at.is_(None)).limit(1)).first():
        return None
    return add_key(connection, name=name, role=role, author=author)


def hash_of(key: str) -> str:
    """Give what is kept of a key."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def revoke_key(connection: Connection, name: str, *, author: str) -> bool:
    """Make a key void from now on; false if there is no valid one of this name."""
    valid = update(api_keys).where(api_keys.c.name == name, api_keys.c.revoked_at.is_(None))
    if not connection.execute(valid.values(revoked_at=func.now())).rowcount:
        return False
    note(connection, who=author, action="revoke_key", subject=f"key {name}", detail={})
    return True


def list_keys(connection: Connection) -> list[Row]:
    """List keys, valid ones first, each without its hash."""
    shown = [column for column in api_keys.c if column.name != "hash"]
    query = select(*shown).order_by(api_keys.c.revoked_at.is_not(None), api_keys.c.key_id)
    return [dict(row) for row in connection.execute(query).mappings()]


def holder_of(connection: Connection, key: str) -> tuple[str, str] | None:
    """Tell whose valid key this is, name and role, and note now and then that it is used; null if it is nobody's."""
    found = connection.execute(
        select(api_keys.c.key_id, api_keys.c.name, api_keys.c.role).where(
            api_keys.c.hash == hash_of(key), api_keys.c.revoked_at.is_(None)
        )
    ).first()
    if found is None:
        return None
    unseen = or_(
        api_keys.c.last_used_at.is_(None),
        api_keys.c.last_used_at < func.now() - text("interval '10 minutes'"),
    )
    connection.execute(
        update(api_keys).where(api_keys.c.key_id == found.key_id, unseen).values(last_used_at=func.now())
    )
    return found.name, found.role


def note(connection: Connection, *, who: str, action: str, subject: str, detail: Row) -> None:
    """Write into the audit trail."""
    connection.execute(insert(audit), {"who": who, "action": action, "subject": subject, "detail": detail})
