import json
import traceback

import boto3
import pytest
from sqlalchemy import make_url

from handlers import wiring
from infra.errors import WrongSettings
from infra.secrets import database_url
from tests.handlers.conftest import Aws, forget_wiring


def secret(monkeypatch: pytest.MonkeyPatch, text: str) -> str:
    """Keep a text as the secret that the settings name; returns its ARN."""
    arn: str = boto3.client("secretsmanager").create_secret(Name="database", SecretString=text)["ARN"]
    monkeypatch.delenv("EVENT_DEDUP_DATABASE_URL")
    monkeypatch.setenv("EVENT_DEDUP_DATABASE_SECRET_ARN", arn)
    forget_wiring()
    return arn


def test_a_function_finds_its_database_by_a_secret(
    aws: Aws, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret(monkeypatch, database)

    assert wiring.for_ingest().store.generations() == (0, 0)


def test_the_secret_that_rds_keeps_is_read_whatever_the_password(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    password = "p@ss:w/ö%20#?"
    kept = {"host": "db.internal", "port": 5433, "dbname": "events", "username": "app", "password": password}
    arn = secret(monkeypatch, json.dumps({**kept, "engine": "postgres"}))

    address = make_url(database_url(boto3.client("secretsmanager"), arn))

    assert (address.host, address.port, address.database) == ("db.internal", 5433, "events")
    assert (address.username, address.password) == ("app", password)
    assert address.query["sslmode"] == "require"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hunter2",
        '{"username": "app", "password": "hunter2"}',
        '["hunter2"]',
        '{"username": "app", "password": "secret", "host": "db.internal", "port": "hunter2"}',
        "postgresql://app:p@ss:hunter2@db.internal/events",
    ],
)
def test_a_secret_that_is_none_is_named_and_not_shown(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    secret(monkeypatch, text or " ")

    with pytest.raises(WrongSettings, match="EVENT_DEDUP_DATABASE_SECRET_ARN") as raised:
        wiring.store()

    assert "hunter2" not in "".join(traceback.format_exception(raised.value))
    monkeypatch.setenv("EVENT_DEDUP_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    forget_wiring()
