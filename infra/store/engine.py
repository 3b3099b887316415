"""The engine: one pool of connections a process, built outside of any handler so that a warm function reuses it."""

from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import make_url

APPLICATION = "event-dedup"


def build_engine(url: str) -> Engine:
    """Build an engine on pg8000. url: ``postgresql://…`` or ``postgresql+pg8000://…``.

    A connection is tried before it is used: after a restart of the database the pool holds dead ones. No transaction outlives
    its block, so locks are transaction-scoped and a pooler between us and the database does no harm.
    """
    address = make_url(url)
    if address.drivername in ("postgres", "postgresql"):
        address = address.set(drivername="postgresql+pg8000")
    return create_engine(
        address,
        pool_pre_ping=True,
        pool_size=2,
        max_overflow=3,
        connect_args={"application_name": APPLICATION},
    )
