import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import InterfaceError

from infra.local.postgres import embedded_postgres
from infra.store import Store
from infra.store.engine import LIMITS
from tests.conftest import administrate
from tests.store.uploads import run, save
from tests.unit.listings import listing

FILE = [listing("bwb:1", "Flohmarkt am Kastelberg", city="Waldkirch")]


class Server:
    """A server of its own that can be stopped and started under a store that knows nothing of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = ExitStack()
        self.url = self.start()

    def start(self) -> str:
        return self._stack.enter_context(embedded_postgres(self._folder))

    def stop(self) -> None:
        self._stack.close()


@pytest.fixture
def server() -> Iterator[Server]:
    # Not in pytest's own folder: every pytest that starts closes that again to a server's user.
    with tempfile.TemporaryDirectory(prefix="event-dedup-", ignore_cleanup_errors=True) as folder:
        server = Server(Path(folder) / "postgres")
        yield server
        server.stop()


@pytest.fixture
def lasting_store(server: Server) -> Iterator[Store]:
    store = Store.at(server.url)
    store.upgrade()
    yield store
    store.engine.dispose()


def stopped_in_a_run(server: Server, store: Store) -> None:
    with store.matching() as work:
        server.stop()
        work.load()


def test_a_restart_of_the_database_between_two_calls_is_not_noticed(
    server: Server, lasting_store: Store
) -> None:
    with lasting_store.matching():  # so that the pool holds two connections
        pass

    server.stop()
    server.start()

    assert save(lasting_store, FILE).generation == 1
    with lasting_store.matching() as work:
        assert work.ingested == 1


def test_a_database_that_stops_in_a_run_fails_the_run_and_the_next_one_succeeds(
    server: Server, lasting_store: Store
) -> None:
    save(lasting_store, FILE)

    with pytest.raises(InterfaceError):
        stopped_in_a_run(server, lasting_store)
    with pytest.raises(InterfaceError):
        lasting_store.generations()
    server.start()
    run(lasting_store)

    assert lasting_store.generations() == (1, 1)


def test_connections_that_the_server_cuts_are_replaced(store: Store, postgres: str) -> None:
    cut = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{store.engine.url.database}'"

    # Many times, as it depends on the moment with which of the system's errors a connection ends.
    for _ in range(10):
        with store.matching() as work:
            assert work.ingested == 0
        administrate(postgres, cut)

    assert store.generations() == (0, 0)


def test_every_transaction_has_limits_and_leaves_none_behind(store: Store) -> None:
    with store.engine.connect() as connection:
        inside = {name: connection.scalar(text(f"SHOW {name}")) for name in LIMITS}
        connection.rollback()
        after = connection.connection.dbapi_connection
        assert after is not None
        cursor = after.cursor()
        cursor.execute("SHOW statement_timeout")
        left = cursor.fetchone()

    assert (inside["statement_timeout"], inside["lock_timeout"]) == ("10min", "1min")
    assert inside["idle_in_transaction_session_timeout"] == "15min"
    assert left is not None
    assert left[0] == "0"
