"""Connections of a function that stays warm: to a server that does not answer, that forgot them, whose password was changed."""

import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, make_url, text
from sqlalchemy.exc import DBAPIError, InterfaceError

from infra.local.postgres import embedded_postgres
from infra.outages import in_short, passes, sqlstate
from infra.store import Store, engine
from tests.conftest import administrate


@pytest.mark.parametrize("mode", ["disable", "prefer"])
def test_a_server_that_takes_a_connection_and_says_nothing_is_not_waited_for(
    mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "CONNECT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        store = Store.at(f"postgresql://nobody@127.0.0.1:{port}/none?sslmode={mode}")
        begun = time.monotonic()

        with pytest.raises(InterfaceError) as raised:
            store.generations()

    assert passes(raised.value)
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize("mode", engine.SSL_MODES)
def test_a_unix_socket_is_not_encrypted_whatever_the_mode_as_with_libpq(mode: str, database: str) -> None:
    if "unix_sock" not in (address := make_url(database)).query:
        pytest.skip("the server that the tests use is reached by TCP")

    store = Store.at(address.update_query_dict({"sslmode": mode}).render_as_string(hide_password=False))

    assert store.generations() == (0, 0)
    store.engine.dispose()


def test_a_query_may_take_longer_than_a_connection(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "CONNECT_S", 0.2)

    with store.reading() as connection:
        answer = connection.scalar(text("SELECT 7 FROM pg_sleep(0.5)"))

    assert answer == 7


def test_a_connection_that_was_frozen_too_long_is_replaced_and_not_tried(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def server_process() -> object:
        with store.reading() as connection:
            return connection.scalar(text("SELECT pg_backend_pid()"))

    first, second = server_process(), server_process()
    clock = time.time
    monkeypatch.setattr(time, "time", lambda: clock() + engine.FORGOTTEN_S + 1)

    assert first == second
    assert server_process() != first


@pytest.fixture
def guarded() -> Iterator[str]:
    """Give the URL of a server that asks the role ``app`` for its password, which is ``old``."""
    with tempfile.TemporaryDirectory(prefix="event-dedup-", ignore_cleanup_errors=True) as folder:
        data = Path(folder) / "postgres"
        with embedded_postgres(data) as url:
            hba = data / "data" / "pg_hba.conf"
            hba.write_text(f"local all app scram-sha-256\n{hba.read_text()}")
            administrate(url, "CREATE ROLE app LOGIN PASSWORD 'old'", "SELECT pg_reload_conf()")
            yield url


def test_a_password_that_was_changed_is_asked_for_again(guarded: str) -> None:
    as_app = make_url(guarded).set(username="app")
    secret = ["old"]

    def url() -> str:
        return as_app.set(password=secret[0]).render_as_string(hide_password=False)

    def one(store: Store) -> object:
        with store.reading() as connection:
            return connection.scalar(text("SELECT current_user"))

    asking, stubborn = Store.at(url(), renewed_url=url), Store.at(url())
    before = (one(asking), one(stubborn))
    administrate(guarded, "ALTER ROLE app PASSWORD 'new'")
    for store in (asking, stubborn):
        store.engine.dispose()
    with pytest.raises(DBAPIError) as still_old:
        one(asking)
    secret[0] = "new"

    assert before == ("app", "app")
    assert sqlstate(still_old.value) == "28P01"
    assert not passes(still_old.value)
    assert "password authentication failed" in in_short(still_old.value)
    assert one(asking) == "app"
    with pytest.raises(DBAPIError):
        one(stubborn)
    asking.engine.dispose()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    moment=st.datetimes(timezones=st.timezones(no_cache=True)),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kolkata", "America/St_Johns"]),
)
@example(
    moment=datetime(1, 1, 2, tzinfo=UTC), zone="Europe/Berlin"
)  # local mean time, with seconds in its offset
@example(moment=datetime(2026, 1, 1, microsecond=1, tzinfo=UTC), zone="UTC")
def test_days_and_times_come_back_as_they_went(store: Store, moment: datetime, zone: str) -> None:
    query = text(
        "SELECT CAST(:moment AS timestamptz), CAST(:day AS date), 'infinity'::timestamptz, '4000-01-01 BC'::date"
    )
    with store.reading() as connection:
        connection.execute(text(f"SET LOCAL TIME ZONE '{zone}'"))
        read = connection.execute(query, {"moment": moment, "day": moment.date()}).one()

    # In UTC: two times of an hour that clocks skip or repeat are never equal across zones (PEP 495).
    assert (read[0].astimezone(UTC), read[1]) == (moment.astimezone(UTC), moment.date())
    assert (read[2], str(read[3])) == ("infinity", "4000-01-01 BC")


def rows_that_fail() -> Iterator[bytes]:
    """Give rows to be sent, and fail in their midst."""
    yield b"one\n"
    raise ArithmeticError("no more rows")


def ask_for_a_parameter_that_has_no_text(connection: Connection) -> None:
    ahead = timezone(timedelta(hours=23))
    connection.execute(
        text("SELECT CAST(:moment AS timestamptz)"), {"moment": datetime(1, 1, 1, tzinfo=ahead)}
    )


def ask_for_a_parameter_that_no_encoding_has(connection: Connection) -> None:
    connection.execute(text("SELECT CAST(:name AS text)"), {"name": "\ud800"})


def ask_and_fail_while_sending_rows(connection: Connection) -> None:
    connection.execute(text("CREATE TEMPORARY TABLE copied (name text)"))
    cursor: Any = connection.connection.cursor()
    cursor.execute("COPY copied FROM STDIN", stream=rows_that_fail())


def ask_and_fail_while_reading_rows(connection: Connection) -> None:
    driver: Any = connection.connection.driver_connection
    driver.register_in_adapter(25, int)
    connection.execute(text("SELECT CAST(:name AS text) FROM generate_series(1, 3)"), {"name": "no number"})


@pytest.mark.parametrize(
    ("ask", "fault"),
    [
        (ask_for_a_parameter_that_has_no_text, OverflowError),
        (ask_for_a_parameter_that_no_encoding_has, UnicodeEncodeError),
        (ask_and_fail_while_sending_rows, ArithmeticError),
        (ask_and_fail_while_reading_rows, ValueError),
    ],
)
def test_who_asks_next_never_gets_the_answer_to_a_question_that_broke_off(
    store: Store, ask: Callable[[Connection], None], fault: type[Exception]
) -> None:
    with pytest.raises(fault), store.engine.begin() as connection:
        ask(connection)

    for number in range(4):
        with store.engine.begin() as connection:
            assert connection.scalar(text("SELECT CAST(:number AS integer)"), {"number": number}) == number


def test_a_parameter_that_is_refused_costs_no_connection(store: Store) -> None:
    with store.engine.connect() as connection:
        before = connection.scalar(text("SELECT pg_backend_pid()"))
        with pytest.raises(OverflowError):
            ask_for_a_parameter_that_has_no_text(connection)

        assert connection.scalar(text("SELECT pg_backend_pid()")) == before


def test_a_short_look_takes_two_messages_and_one_that_fails_leaves_the_line_usable(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[None] = []
    with store.reading() as connection:
        driver: Any = connection.connection.dbapi_connection
        monkeypatch.setattr(engine, "TRIED_S", 60)
    with store.reading() as connection:
        held: Any = connection.connection.dbapi_connection
        assert held is driver
        held._sock = Counting(held._sock, sent)
        assert connection.scalar(text("SELECT :a + 1"), {"a": 41}) == 42
        connection.rollback()
        messages = len(sent)
        with pytest.raises(DBAPIError):
            connection.execute(text("SELECT 1 / :zero"), {"zero": 0})
        connection.rollback()
        again = connection.scalar(text("SELECT :b || ''"), {"b": "b"})

    assert messages == 2
    assert again == "b"


class Counting:
    """A line that counts what is sent through it."""

    def __init__(self, line: Any, sent: list[None]) -> None:
        self._line, self._sent = line, sent

    def flush(self) -> None:
        self._sent.append(None)
        self._line.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._line, name)


def test_a_setting_that_the_server_refuses_is_told_by_the_statement_that_it_went_with(store: Store) -> None:
    with store.engine.connect() as connection:
        connection.exec_driver_sql("SET LOCAL statement_timeout = 'never'")
        with pytest.raises(DBAPIError) as refused:
            connection.execute(text("SELECT :a + 1"), {"a": 1})
        connection.rollback()
        connection.exec_driver_sql("SET TRANSACTION READ ONLY")
        connection.rollback()

        assert sqlstate(refused.value) == "22023"
        assert connection.scalar(text("SHOW transaction_read_only")) == "off"


def test_settings_hold_from_the_statement_before_which_they_were_said(store: Store) -> None:
    with store.engine.connect() as connection:
        first = connection.scalar(text("SELECT current_setting('lock_timeout') || :nothing"), {"nothing": ""})
        connection.exec_driver_sql("SET LOCAL lock_timeout = '7s'")
        second = connection.scalar(text("SHOW lock_timeout"))

    assert (first, second) == ("1min", "7s")


def test_a_column_that_is_to_stay_unread_comes_as_the_bytes_of_its_text(store: Store) -> None:
    with store.reading() as connection:
        row = connection.execute(text("SELECT 'Käse – ' || :more AS unread, 7 AS n"), {"more": "€"}).one()
        nothing = connection.execute(text("SELECT CAST(:more AS text) AS unread"), {"more": None}).scalar()

    assert row.unread == "Käse – €".encode()
    assert row.n == 7
    assert nothing is None


def test_a_statement_with_the_values_of_many_rows_is_not_remembered(store: Store) -> None:
    known = engine._parsed.cache_info().currsize
    long = " + ".join(f"CAST(:n{n} AS int)" for n in range(2000))

    with store.engine.connect() as connection:
        added = connection.scalar(text(f"SELECT {long}"), {f"n{n}": 1 for n in range(2000)})

    assert added == 2000
    assert len(long) > engine.MOST_REMEMBERED
    assert engine._parsed.cache_info().currsize <= known
