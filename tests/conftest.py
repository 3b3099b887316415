"""A real PostgreSQL for the tests that need one, and a fresh database at head for each of them.

The server is the embedded one, or the one that EVENT_DEDUP_TEST_DATABASE_URL names, where databases may be created and dropped.
Without fsync, as no test cuts the power; a process that is killed loses nothing by it.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path

import pytest
from hypothesis import settings
from sqlalchemy import Connection, make_url, text

from infra.local.postgres import embedded_postgres
from infra.store import Store
from infra.store.engine import build_engine
from tests.workers import Together, dearest_first

VARIABLE = "EVENT_DEDUP_TEST_DATABASE_URL"
NUMBERS = count(1)

# No deadlines: what is measured is measured by benchmarks, on purpose. Here, as some modules of laws are imported from other folders.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Together:
    """Let `tests.workers` say what one worker runs."""
    return Together(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with what takes longest, where workers share the tests."""
    if hasattr(config, "workerinput"):
        items[:] = dearest_first(items)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Give the URL of a server on which databases may be created."""
    if VARIABLE in os.environ:
        yield os.environ[VARIABLE]
        return
    folder = Path(tempfile.mkdtemp(prefix="event-dedup-"))
    try:
        with embedded_postgres(folder / "postgres") as url:
            administrate(url, "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
            yield url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def administrate(url: str, *statements: str) -> None:
    """Run statements outside of any transaction."""
    engine = build_engine(url)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


@contextmanager
def created(server: str, template: str = "template1") -> Iterator[str]:
    """Create a database, give its URL, and drop it."""
    name = f"event_dedup_test_{os.getpid()}_{next(NUMBERS)}"
    _administrator(server).execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    try:
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
    finally:
        _administrator(server).execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@cache
def _administrator(server: str) -> Connection:
    """Give a connection that is kept: hundreds of databases are made, and connecting takes as long as making one."""
    return build_engine(server).connect().execution_options(isolation_level="AUTOCOMMIT")


@pytest.fixture
def empty_database(postgres: str) -> Iterator[str]:
    """Give the URL of a database without any table."""
    with created(postgres) as url:
        yield url


@pytest.fixture(scope="session")
def template(postgres: str) -> Iterator[str]:
    """Give the name of a database at head, to copy from."""
    with created(postgres) as url:
        store = Store.at(url)
        store.upgrade()
        store.engine.dispose()
        yield str(make_url(url).database)


@pytest.fixture
def database(postgres: str, template: str) -> Iterator[str]:
    """Give the URL of a fresh database at head."""
    with created(postgres, template) as url:
        yield url


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    """Give the store on a fresh database."""
    store = Store.at(database)
    yield store
    store.engine.dispose()
