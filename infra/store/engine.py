"""The engine: one pool of connections a process, built outside of any handler so that a warm function reuses it."""

import socket
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date, datetime
from typing import Any, Final

import pg8000
from pg8000.converters import DATE, TIMESTAMPTZ, make_params
from pg8000.core import IDLE
from pg8000.legacy import Connection as Driver
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url

from infra.errors import WrongSettings

APPLICATION: Final = "event-dedup"

SSL_MODES: Final[dict[str, Callable[[str | None], ssl.SSLContext | bool | None]]] = {
    "disable": lambda _: False,
    "allow": lambda _: None,
    "prefer": lambda _: None,
    "require": lambda _: True,
    "verify-ca": lambda root: _verifying(root, check_hostname=False),
    "verify-full": lambda root: _verifying(root, check_hostname=True),
}
"""libpq's modes -> pg8000's ``ssl_context``: null tries encryption and does without, true insists on it."""

LIMITS: Final = {
    "statement_timeout": "10min",  # the longest of ours, decisions of a million listings, takes about a minute
    "lock_timeout": "1min",  # an ingest waits for others of a second or two each
    "idle_in_transaction_session_timeout": "15min",  # a run computes that long at most: Lambda's own limit
    "tcp_keepalives_idle": "60",  # a function that was frozen or cut off must not keep the matcher's lock for two hours
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
}
"""What a transaction may take, at most. Set in each transaction, because poolers refuse such settings at the start of a connection."""


CONNECT_S: float = 10
"""Seconds for a connection to come up. Without a limit the system waits for two minutes, and a function ends without a word."""

FORGOTTEN_S: Final = 240
"""Seconds after which a connection is replaced: what stands between a function and its database may forget those that were silent
for 350 s (AWS's load balancers and NAT gateways do), and trying such a one may take a quarter of an hour."""

REFUSED: Final = "28P01"
"""PostgreSQL's code for a wrong password."""


class HonestDriver(Driver):  # type: ignore[misc]
    """A connection of pg8000 that says what failed.

    Where the server has cut a connection, pg8000 may let the system's error through, and the pool, which tries a connection
    before it is used, would not take it for a dead one. Where the server refuses a connection and hangs up, pg8000 may tell of
    the line that is dead, and not that the password is wrong.

    And one that never reads another query's answer. pg8000 turns parameters into text between a question and its answer, and where
    that fails the answer stays in the line, for whoever has the connection next. Here they are text before anything is sent, and a
    connection on which anything but the server's own word ended an exchange is cut: the pool, which tries it first, replaces it.

    And one that reads days and times by C: pg8000's way, by patterns, took half of the time of an API's page (measured: 20 us each).
    """

    _sock: Any
    _usock: Any

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Connect, as pg8000 does."""
        super().__init__(*arguments, **options)
        self.register_in_adapter(DATE, _day)
        self.register_in_adapter(TIMESTAMPTZ, _moment)

    def close(self) -> None:
        """Say goodbye; to a server that hung up there is none."""
        with suppress(OSError, pg8000.InterfaceError):
            super().close()

    def execute_unnamed(
        self, statement: str, vals: Sequence[Any] = (), oids: Sequence[int] = (), stream: Any = None
    ) -> Any:
        """Run a statement; what can't be a parameter is refused before the server hears of it."""
        written = make_params(self.py_types, vals)
        for value in written:
            if value is not None:
                value.encode(self._client_encoding)
        try:
            return super().execute_unnamed(statement, vals=written, oids=oids, stream=stream)
        except pg8000.Error:
            raise  # told by the server and read to its end, or cut already
        except BaseException:
            self._cut()
            raise

    def handle_messages(self, context: Any) -> None:
        """Read the server's answers."""
        try:
            super().handle_messages(context)
        except OSError as error:
            self._cut()
            raise pg8000.InterfaceError("network error") from error
        except BaseException as error:
            if error is not context.error:  # which is raised when all was read
                self._cut()
            raise

    def _cut(self) -> None:
        """Hang up without a word, so that nothing can be asked or read any more; the server rolls back."""
        line, plug = self._sock, self._usock
        self._sock = self._usock = None
        self._transaction_status = IDLE
        for end in (lambda: plug.shutdown(socket.SHUT_RDWR), line.close, plug.close) if plug else ():
            with suppress(OSError, ValueError):
                end()


def _day(written: str) -> date | str:
    """Read a day; what no calendar of Python has stays text."""
    try:
        return date.fromisoformat(written)
    except ValueError:
        return written


def _moment(written: str) -> datetime | str:
    """Read a time; what no calendar of Python has stays text."""
    try:
        return datetime.fromisoformat(written)
    except ValueError:
        return written


def build_engine(url: str, *, renewed_url: Callable[[], str] | None = None) -> Engine:
    """Build an engine on pg8000. url: ``postgresql://…`` or ``postgresql+pg8000://…``, also with ``sslmode`` and ``sslrootcert``.

    renewed_url: asked when the password is refused, as it may have been changed since a function began.

    A connection is tried before it is used: after a restart of the database the pool holds dead ones. No transaction outlives
    its block, so locks are transaction-scoped and a pooler between us and the database does no harm. Errors name the
    statement and never its values: listings don't belong into logs.

    Raises:
        WrongSettings: the URL's ``sslmode`` is none.
    """
    address = make_url(url)
    if address.drivername in ("postgres", "postgresql"):
        address = address.set(drivername="postgresql+pg8000")
    engine = create_engine(
        address.difference_update_query(["sslmode", "sslrootcert"]),
        pool_pre_ping=True,
        pool_recycle=FORGOTTEN_S,
        pool_size=2,
        max_overflow=3,
        hide_parameters=True,
        connect_args={"application_name": APPLICATION, "ssl_context": _ssl_context(address)},
    )
    event.listen(
        engine, "do_connect", lambda dialect, record, arguments, options: _connected(options, renewed_url)
    )
    event.listen(engine, "begin", _limit)
    return engine


def _connected(options: dict[str, Any], renewed_url: Callable[[], str] | None) -> HonestDriver:
    """Connect, with the password of now if that of before is refused."""
    try:
        return _opened(options)
    except pg8000.DatabaseError as error:
        if renewed_url is None or error.args[0].get("C") != REFUSED:
            raise
    address = make_url(renewed_url())
    return _opened({**options, "user": address.username, "password": address.password})


def _opened(options: dict[str, Any]) -> HonestDriver:
    try:
        driver = HonestDriver(**options, timeout=CONNECT_S)
    except OSError as error:
        raise pg8000.InterfaceError("no answer from the database") from error
    driver._usock.settimeout(None)  # queries have limits of their own
    return driver


def _limit(connection: Connection) -> None:
    """Limit the transaction that begins; in one go, and without a query, which would fix what the transaction sees."""
    connection.exec_driver_sql("; ".join(f"SET LOCAL {name} = '{most}'" for name, most in LIMITS.items()))


def _ssl_context(address: URL) -> ssl.SSLContext | bool | None:
    """Translate what libpq's URLs say of encryption, which pg8000 does not read."""
    mode, root = address.query.get("sslmode", "prefer"), address.query.get("sslrootcert")
    if mode not in SSL_MODES:
        raise WrongSettings(f"EVENT_DEDUP_DATABASE_URL: sslmode is one of {', '.join(SSL_MODES)}")
    return SSL_MODES[str(mode)](None if root is None else str(root))


def _verifying(root: str | None, *, check_hostname: bool) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=root)
    context.check_hostname = check_hostname
    return context
