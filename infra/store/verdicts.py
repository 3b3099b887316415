"""Verdicts: a person's word on a pair, appended and never changed; taking one back is written beside it."""

from sqlalchemy import Connection, func, insert, select, update

from dedup_core.errors import UnknownEvent
from infra.store.tables import audit, generations, source_events, verdicts

Identity = tuple[str, str]


def give_verdict(
    connection: Connection, kind: str, a: Identity, b: Identity, *, author: str, reason: str | None
) -> int:
    """Append a verdict and raise the generation, so that a run takes it in; returns its number.

    Raises:
        UnknownEvent: one of the listings is not there.
    """
    for source_code, listing_id in (a, b):
        _must_exist(connection, source_code, listing_id)
    row = {
        "kind": kind,
        "a_source_code": a[0],
        "a_id": a[1],
        "b_source_code": b[0],
        "b_id": b[1],
        "author": author,
        "reason": reason,
    }
    sequence: int = connection.execute(insert(verdicts).returning(verdicts.c.sequence), row).scalar_one()
    _note(connection, author, kind, f"verdict {sequence}", {"a": list(a), "b": list(b), "reason": reason})
    return sequence


def take_back(connection: Connection, sequence: int, *, author: str) -> bool:
    """Take a verdict back; false if it is not there or was taken back before."""
    query = update(verdicts).where(verdicts.c.sequence == sequence, verdicts.c.taken_back_at.is_(None))
    if not connection.execute(query.values(taken_back_at=func.now())).rowcount:
        return False
    _note(connection, author, "take_back", f"verdict {sequence}", {})
    return True


def _must_exist(connection: Connection, source_code: str, listing_id: str) -> None:
    known = select(source_events.c.id).where(
        source_events.c.source_code == source_code, source_events.c.id == listing_id
    )
    if connection.scalar(known) is None:
        raise UnknownEvent(f"no source event {source_code}:{listing_id}")


def _note(connection: Connection, who: str, action: str, subject: str, detail: dict[str, object]) -> None:
    connection.execute(insert(audit), {"who": who, "action": action, "subject": subject, "detail": detail})
    connection.execute(update(generations).values(ingested=generations.c.ingested + 1))
