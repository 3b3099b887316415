"""Outages: which failures of the database pass by themselves, so that waiting helps."""

from typing import Final

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from infra.errors import DecidersBusy, MatcherBusy

PASSING: Final = ("08", "40", "53", "55P03", "57P")
"""Beginnings of PostgreSQL's error codes: connection exceptions, transaction rollback (deadlock), insufficient resources, a lock
that was not to be had in time, operator intervention (a server that stops or starts). https://www.postgresql.org/docs/current/errcodes-appendix.html"""


def passes(error: BaseException) -> bool:
    """Tell whether the same call may succeed later: no connection, a server that restarts, another's lock, another matcher at work."""
    if isinstance(error, MatcherBusy | DecidersBusy | InterfaceError | OperationalError):
        return True
    return isinstance(error, DBAPIError) and (
        error.connection_invalidated or sqlstate(error).startswith(PASSING)
    )


def sqlstate(error: BaseException) -> str:
    """Return the five characters by which PostgreSQL names an error; empty text for any other error."""
    return str(_told(error).get("C", ""))


def in_short(error: DBAPIError) -> str:
    """Say in one line what the database said, without the statement."""
    return str(_told(error).get("M") or error.orig).splitlines()[0]


def _told(error: BaseException) -> dict[str, object]:
    orig = error.orig if isinstance(error, DBAPIError) else None
    told = orig.args[0] if orig is not None and orig.args else None
    return told if isinstance(told, dict) else {}
