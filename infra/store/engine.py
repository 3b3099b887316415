"""The engine: one pool of connections a process, built outside of any handler so that a warm function reuses it."""

import select
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date, datetime
from functools import lru_cache
from struct import Struct
from typing import Any, Final

import pg8000
from pg8000.converters import DATE, TIMESTAMPTZ, make_params
from pg8000.core import (
    BIND,
    DESCRIBE,
    EXECUTE_MSG,
    IDLE,
    NULL_BYTE,
    PARSE,
    PORTAL,
    QUERY,
    READY_FOR_QUERY,
    SYNC_MSG,
    Context,
)
from pg8000.dbapi import convert_paramstyle
from pg8000.legacy import Connection as Driver
from pg8000.legacy import Cursor
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import InvalidatePoolError

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

TRIED_S: Final = 0.005
"""Seconds of rest after which a connection is tried before it is used. Before that, which is under load, it is believed if nothing has come
from the server since, as it does when that hangs up: trying costs what asking does."""

BEGIN: Final = "begin transaction"
"""What pg8000 sends before the first statement of a transaction."""

HELD: Final = ("SET LOCAL ", "SET TRANSACTION ")
"""How statements begin that only concern those after them in their transaction: they go with the next one, and without one they need not go."""

UNREAD: Final = "unread"
"""The name of a column whose values are given as they came, as bytes: a page of an API, which goes on as bytes, need not be text between."""

READ_BYTES: Final = 1 << 17
"""What is read at once, at most: by 8 kB, as Python does by itself, a page of changes took sixty calls of the system."""

MOST_REMEMBERED: Final = 20_000
"""Characters of a statement whose other writings are remembered; longer ones hold values of many rows, and come once."""

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

    And one that says at once what it has to say: pg8000 waits for the server after each of a statement's parts, after the beginning of a
    transaction and after its settings, which took most of the time of a short answer; and copies what it reads three times.
    """

    _sock: Any
    _usock: Any
    _bound: tuple[str, Sequence[Any]] | None = None
    _held: str = ""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Connect, as pg8000 does."""
        self._readers: dict[bytes, tuple[list[dict[str, Any]], list[Any]]] = {}
        super().__init__(*arguments, **options)
        self.register_in_adapter(DATE, _day)
        self.register_in_adapter(TIMESTAMPTZ, _moment)
        # Nothing waits in the old one: the server is ready, and says no more by itself.
        self._sock = self._usock.makefile(mode="rwb", buffering=READ_BYTES)

    def cursor(self) -> "QuickCursor":
        """Give a cursor that remembers how statements are written for the server."""
        return QuickCursor(self)

    def is_silent(self) -> bool:
        """Tell whether nobody has hung up, as far as this machine knows: a server that has left something to be read."""
        if self._sock is None:
            return False
        line = select.poll()
        line.register(self._usock.fileno(), select.POLLIN)
        return not line.poll(0)

    def bind(self, statement: str | None, values: Sequence[Any] = ()) -> None:
        """Say what the next statement is, with its values in place; null: as it is given."""
        self._bound = None if statement is None else (statement, values)

    def execute_simple(self, statement: str) -> Any:
        """Run a statement without values, or the one that was bound; one of those that are HELD with the next one."""
        if statement == BEGIN:
            self._held = self._held or BEGIN  # of a transaction that begins nothing was sent yet
            return None
        if self._bound is not None:
            return self.execute_unnamed(self._bound[0], vals=self._bound[1])
        if statement.startswith(HELD) and (self._held or self._in_transaction):
            self._held = f"{self._held}; {statement}" if self._held else statement
            return Context(statement)
        held = self._taken()
        return super().execute_simple(f"{held}; {statement}" if held else statement)

    def _taken(self) -> str:
        """Take what was held."""
        held, self._held = self._held, ""
        return held

    def commit(self) -> None:
        """End the transaction; one in which nothing was said never began."""
        self._end(super().commit)

    def rollback(self) -> None:
        """End the transaction likewise."""
        self._end(super().rollback)

    def _end(self, end: Callable[[], None]) -> None:
        began = not self._taken().startswith(BEGIN)
        if began:
            end()

    def close(self) -> None:
        """Say goodbye; to a server that hung up there is none."""
        with suppress(OSError, pg8000.InterfaceError):
            super().close()

    def execute_unnamed(
        self, statement: str, vals: Sequence[Any] = (), oids: Sequence[int] = (), stream: Any = None
    ) -> Any:
        """Run a statement; what can't be a parameter is refused before the server hears of it."""
        if not vals and stream is None:
            return super().execute_simple(
                statement
            )  # such as the end of a transaction: one message, and not four
        written = make_params(self.py_types, vals)
        encoded = [None if value is None else value.encode(self._client_encoding) for value in written]
        try:
            if stream is not None:
                if held := self._taken():
                    super().execute_simple(held)
                return super().execute_unnamed(statement, vals=written, oids=oids, stream=stream)
            return self._at_once(statement, encoded, oids)
        except pg8000.Error:
            raise  # told by the server and read to its end, or cut already
        except BaseException:
            self._cut()
            raise

    def _at_once(self, statement: str, values: Sequence[bytes | None], oids: Sequence[int]) -> Any:
        """Send all of a statement, and what was held before it, before the first answer is read.

        Where a part of it fails, the server passes over the rest; where what was held does, it refuses the statement, too.
        """
        if self._sock is None:
            raise pg8000.InterfaceError("connection is closed")
        context, held, encoding = Context(statement), self._taken(), self._client_encoding
        parse = _parsed if len(statement) <= MOST_REMEMBERED else _parsed.__wrapped__
        named = parse(statement, tuple(oids), encoding)
        try:
            self._sock.write(_asked(held, encoding) + named + _bound(values) + _REST)
            self._sock.flush()
        except OSError as error:
            self._cut()
            raise pg8000.InterfaceError("network error") from error
        if held:
            self._settle(Context(held), context)
        self.handle_messages(context)
        return context

    def _settle(self, held: Any, statement: Any) -> None:
        """Read the answer to what was held; if it is a fault, read on to the end of what was sent."""
        try:
            self.handle_messages(held)
        except pg8000.DatabaseError:
            with suppress(pg8000.DatabaseError):
                self.handle_messages(statement)
            raise

    def handle_messages(self, context: Any) -> None:
        """Read the server's answers."""
        code = None
        try:
            while code != READY_FOR_QUERY:
                code, size = _HEAD.unpack(self._read(_HEAD.size))
                self.message_types[code](self._read(size - 4), context)
        except OSError as error:
            self._cut()
            raise pg8000.InterfaceError("network error") from error
        except BaseException:
            self._cut()
            raise
        if context.error is not None:
            raise context.error

    def _read(self, size: int) -> bytes:
        """Read so many bytes. Raises OSError where the server has hung up."""
        found: bytes = self._sock.read(size)
        if len(found) < size:
            raise ConnectionResetError
        return found

    def handle_ROW_DESCRIPTION(self, data: bytes, context: Any) -> None:  # noqa: N802 - pg8000's name
        """Read how columns are called and how they are read, which a statement says each time alike."""
        if data not in self._readers:
            if len(self._readers) >= MOST_DESCRIBED:
                self._readers.clear()
            super().handle_ROW_DESCRIPTION(data, context)
            as_bytes = None if self._client_encoding in UTF_8 else str.encode
            readers = [
                as_bytes if column["name"] == UNREAD else reader
                for column, reader in zip(context.columns, context.input_funcs, strict=True)
            ]
            self._readers[data] = context.columns, readers
        context.columns, context.input_funcs = self._readers[data]
        if context.rows is None:
            context.rows = []

    def handle_DATA_ROW(self, data: bytes, context: Any) -> None:  # noqa: N802 - pg8000's name
        """Read a row."""
        row: list[Any] = []
        at, encoding = 2, self._client_encoding
        for reader in context.input_funcs:
            (size,) = _SIZE.unpack_from(data, at)
            at += _SIZE.size
            if size < 0:
                row.append(None)
                continue
            value = data[at : at + size]
            at += size
            row.append(value if reader is None else reader(value.decode(encoding)))
        context.rows.append(row)

    def _cut(self) -> None:
        """Hang up without a word, so that nothing can be asked or read any more; the server rolls back."""
        line, plug = self._sock, self._usock
        self._sock = self._usock = None
        self._held = ""
        self._transaction_status = IDLE
        for end in (lambda: plug.shutdown(socket.SHUT_RDWR), line.close, plug.close) if plug else ():
            with suppress(OSError, ValueError):
                end()


_HEAD: Final = Struct("!ci")
_SIZE: Final = Struct("!i")
_COUNT: Final = Struct("!H")
_NULL: Final = _SIZE.pack(-1)

UTF_8: Final = ("utf8", "utf-8")
MOST_DESCRIBED: Final = 1000
"""Descriptions of rows that a connection remembers."""


def _message(code: bytes, content: bytes) -> bytes:
    return code + _SIZE.pack(len(content) + _SIZE.size) + content


_REST: Final = _message(DESCRIBE, PORTAL + NULL_BYTE) + EXECUTE_MSG + SYNC_MSG
"""What follows a statement and its values: what will the rows be, give them, and that was all."""


@lru_cache(100)
def _asked(statement: str, encoding: str) -> bytes:
    """Write a statement, or several, without values; nothing for none."""
    return _message(QUERY, statement.encode(encoding) + NULL_BYTE) if statement else b""


@lru_cache(1000)
def _parsed(statement: str, oids: tuple[int, ...], encoding: str) -> bytes:
    """Write a statement whose values come after it. oids: their types; where none, the server finds out."""
    types = b"".join(_SIZE.pack(0 if oid == -1 else oid) for oid in oids)
    return _message(
        PARSE, NULL_BYTE + statement.encode(encoding) + NULL_BYTE + _COUNT.pack(len(oids)) + types
    )


def _bound(values: Sequence[bytes | None]) -> bytes:
    """Write the values of a statement, as text, and ask for text."""
    written = b"".join(_NULL if value is None else _SIZE.pack(len(value)) + value for value in values)
    as_text = _COUNT.pack(0)
    return _message(BIND, 2 * NULL_BYTE + as_text + _COUNT.pack(len(values)) + written + as_text)


class QuickCursor(Cursor):  # type: ignore[misc]
    """A cursor of pg8000 that looks through a statement once: by itself it does so, letter by letter, whenever one is run."""

    _c: HonestDriver

    def execute(self, operation: str, args: Sequence[Any] = (), stream: Any = None) -> Any:
        """Run a statement, as pg8000 does."""
        if not args or stream is not None or len(operation) > MOST_REMEMBERED:
            return super().execute(operation, args, stream)
        self._c.bind(_numbered(operation), args)
        try:
            return super().execute(operation)
        finally:
            self._c.bind(None)


@lru_cache(1000)
def _numbered(statement: str) -> str:
    """Write a statement's places as the server numbers them."""
    numbered: str = convert_paramstyle("format", statement, ())[0]
    return numbered


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
        pool_recycle=FORGOTTEN_S,
        pool_size=5,
        max_overflow=0,
        pool_use_lifo=True,
        hide_parameters=True,
        connect_args={"application_name": APPLICATION, "ssl_context": _ssl_context(address)},
    )
    event.listen(
        engine, "do_connect", lambda dialect, record, arguments, options: _connected(options, renewed_url)
    )
    event.listen(engine, "begin", _limit)
    event.listen(engine, "checkin", lambda driver, record: record.info.update(used=time.monotonic()))
    event.listen(engine, "checkout", _try)
    return engine


def _try(driver: HonestDriver, record: Any, _: object) -> None:
    """Try a connection that has rested; of one that is dead, the whole pool is renewed."""
    used = record.info.get("used")
    if used is None:
        return
    try:
        if not driver.is_silent():
            raise pg8000.InterfaceError("the server has hung up")
        if time.monotonic() - used >= TRIED_S:
            driver.execute_simple("SELECT 1")
    except (pg8000.Error, OSError, ValueError) as error:
        raise InvalidatePoolError("the connection was dead") from error


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
    """Translate what libpq's URLs say of encryption, which pg8000 does not read.

    A Unix socket leaves no machine, and libpq encrypts none, whatever the mode; to get ready for it would cost each connection
    24 ms of a processor.
    """
    mode, root = address.query.get("sslmode", "prefer"), address.query.get("sslrootcert")
    if mode not in SSL_MODES:
        raise WrongSettings(f"EVENT_DEDUP_DATABASE_URL: sslmode is one of {', '.join(SSL_MODES)}")
    if "unix_sock" in address.query:
        return False
    return SSL_MODES[str(mode)](None if root is None else str(root))


def _verifying(root: str | None, *, check_hostname: bool) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=root)
    context.check_hostname = check_hostname
    return context
