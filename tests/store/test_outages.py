"""Which failures of the database pass by themselves, shown by making PostgreSQL fail so."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from infra.outages import in_short, passes, sqlstate
from infra.store import Store
from infra.store.engine import LIMITS
from infra.store.files import INGEST_LOCK
from tests.store.uploads import save
from tests.unit.listings import listing


def test_who_waited_too_long_for_a_lock_may_wait_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LIMITS, "lock_timeout", "50ms")

    with store.engine.begin() as other:
        other.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": INGEST_LOCK})
        with pytest.raises(DBAPIError) as raised:
            save(store, [listing("bwb:1", "Umzug")])

    assert sqlstate(raised.value) == "55P03"
    assert passes(raised.value)
    assert save(store, [listing("bwb:1", "Umzug")]).stored == 1


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("SELECT 1 / 0", "22012"),
        ("INSERT INTO flags VALUES ('ev_1', 'bridge', ''); SET CONSTRAINTS ALL IMMEDIATE", "23503"),
        ("SELECT nothing", "42703"),
    ],
)
def test_what_fails_again_does_not_pass_and_is_told_in_a_line(
    store: Store, statement: str, code: str
) -> None:
    with pytest.raises(DBAPIError) as raised, store.engine.begin() as connection:
        connection.exec_driver_sql(statement)

    assert sqlstate(raised.value) == code
    assert not passes(raised.value)
    assert "\n" not in in_short(raised.value)
    assert "SELECT" not in in_short(raised.value)
