import json
from typing import Any

import pytest
from sqlalchemy import text

from handlers import api, wiring
from infra.store import Store
from tests.handlers.conftest import CONTEXT, forget_wiring


@pytest.fixture(autouse=True)
def deployed(database: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Point the function to a database at head; gives its store."""
    monkeypatch.setenv("EVENT_DEDUP_DATABASE_URL", database)
    forget_wiring()
    store = wiring.store()
    yield store
    store.engine.dispose()
    forget_wiring()


def ask(path: str) -> tuple[int, str, Any]:
    """Call the function as the HTTP API does: status, content type and body of its answer."""
    event = {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {},
        "requestContext": {"http": {"method": "GET", "path": path}, "stage": "$default"},
    }
    answer = api.lambda_handler(event, CONTEXT)
    return answer["statusCode"], answer["headers"]["Content-Type"], json.loads(answer["body"])


def test_with_a_database_at_head_it_is_alive_and_ready() -> None:
    assert ask("/health") == (200, "application/json", {"status": "alive"})
    assert ask("/ready") == (200, "application/json", {"status": "ready"})


def test_with_another_schema_it_is_alive_and_not_ready(deployed: Store) -> None:
    with deployed.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))

    status, kind, problem = ask("/ready")

    assert ask("/health")[0] == 200
    assert (status, kind) == (503, "application/problem+json")
    assert "run the migrations" in problem["detail"]


def test_without_a_database_it_is_not_ready_and_tells_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENT_DEDUP_DATABASE_URL", "postgresql://someone:hunter2@127.0.0.1:1/nothing")
    forget_wiring()

    status, _, problem = ask("/ready")

    assert status == 503
    assert problem["detail"] == "the database can't be reached"


def test_an_unknown_path_and_a_fault_of_ours_are_problems_and_show_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(opened: Any) -> str | None:
        raise RuntimeError("hunter2")

    monkeypatch.setattr(api, "unready", broken)

    assert ask("/nowhere")[:2] == (404, "application/problem+json")
    status, kind, problem = ask("/ready")
    assert (status, kind) == (500, "application/problem+json")
    assert "hunter2" not in json.dumps(problem)
