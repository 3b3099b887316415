from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy.exc import InterfaceError

from handlers import migrate
from infra.errors import NameTaken
from infra.store import Store, keys, schema
from tests.handlers.conftest import CONTEXT, deployed_on, forget_wiring
from tests.store.uploads import rows

REQUEST = {"RequestType": "Update", "ResponseURL": "https://signed", "LogicalResourceId": "Migration"}


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """Give what CloudFormation is told: null for success, or why it failed."""
    answers: list[str | None] = []

    def answer(event: Any, *, failure: str | None = None) -> None:
        answers.append(failure)

    monkeypatch.setattr("infra.cloudformation.answer", answer)
    return answers


@pytest.fixture
def deployed(empty_database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """Point the function to a database without any table; gives its store."""
    with deployed_on(empty_database, monkeypatch) as store:
        yield store


def test_a_deployment_brings_the_schema_to_head_and_is_told_so(
    deployed: Store, told: list[str | None]
) -> None:
    answer = migrate.lambda_handler(dict(REQUEST), CONTEXT)

    assert answer == {"revision": schema.head()}
    assert told == [None]
    deployed.require_head()


def test_who_invokes_it_by_hand_gets_the_revision(deployed: Store, told: list[str | None]) -> None:
    assert migrate.lambda_handler({}, CONTEXT) == {"revision": schema.head()}
    assert told == []


def test_deleting_the_stack_leaves_the_database_alone(deployed: Store, told: list[str | None]) -> None:
    deployed.upgrade()

    migrate.lambda_handler({**REQUEST, "RequestType": "Delete"}, CONTEXT)

    assert told == [None]
    deployed.require_head()


def test_a_failed_migration_fails_the_deployment_without_a_word_of_the_database(
    told: list[str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVENT_DEDUP_DATABASE_URL", "postgresql://someone:hunter2@127.0.0.1:1/nothing")
    forget_wiring()

    with pytest.raises(InterfaceError):
        migrate.lambda_handler(dict(REQUEST), CONTEXT)

    assert len(told) == 1
    assert told[0] is not None
    assert "InterfaceError" in told[0]
    assert "hunter2" not in told[0]
    forget_wiring()


def test_who_can_invoke_it_but_not_reach_the_database_gets_a_key_once_and_makes_it_void(
    deployed: Store,
) -> None:
    deployed.upgrade()
    order = {"add_key": {"name": "ada", "role": "admin"}, "author": "grace"}

    key = migrate.lambda_handler(dict(order), CONTEXT)["key"]

    with deployed.engine.begin() as connection:
        assert keys.holder_of(connection, key) == ("ada", "admin")
    with pytest.raises(NameTaken):
        migrate.lambda_handler(dict(order), CONTEXT)
    assert migrate.lambda_handler({"revoke_key": "ada"}, CONTEXT) == {"revoked": True}
    assert migrate.lambda_handler({"revoke_key": "ada"}, CONTEXT) == {"revoked": False}
    with deployed.engine.begin() as connection:
        assert keys.holder_of(connection, key) is None
    noted = rows(deployed.engine, "SELECT who, action FROM audit ORDER BY audit_id")
    invocation = f"invocation {CONTEXT.aws_request_id}"
    assert noted == [(f"grace ({invocation})", "add_key"), (invocation, "revoke_key")]


@pytest.mark.parametrize(
    "order",
    [
        {"add_key": {"name": "ada", "role": "root"}},
        {"add_key": {"name": ""}},
        {"add_key": {}, "revoke": "ada"},
    ],
)
def test_an_order_that_is_none_gives_no_key(deployed: Store, order: dict[str, Any]) -> None:
    deployed.upgrade()

    with pytest.raises(ValidationError):
        migrate.lambda_handler(order, CONTEXT)

    with deployed.reading() as connection:
        assert keys.list_keys(connection) == []
