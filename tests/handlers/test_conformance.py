"""The whole API against its OpenAPI document: whatever is asked, the answer has a form that the document gives, and is no fault of ours."""

import json
import threading
import time
from collections.abc import Iterator
from typing import Any, Final

import httpx
import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from dedup_core.policy import default_policy
from handlers import api, planning, serve, serving, wiring
from infra.store import Store, keys
from tests.conftest import created
from tests.handlers.conftest import forget_wiring
from tests.store.uploads import run, save
from tests.unit.listings import listing

CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
DOCUMENT: Final = json.loads(api.document())
OPERATIONS: Final = [
    (method, path) for path, operations in DOCUMENT["paths"].items() for method in operations
]
KNOWN: Final[dict[str, list[Any]]] = {}
"""What there is, by the parameter that names it: so that not all questions are after what there is not."""

schema = schemathesis.openapi.from_dict(DOCUMENT)


@schema.hook
def map_path_parameters(context: Any, path_parameters: dict[str, Any] | None) -> dict[str, Any] | None:
    """Ask half of the time for what there is."""
    return path_parameters and {
        name: KNOWN[name][len(str(value)) % len(KNOWN[name])]
        if name in KNOWN and len(str(value)) % 2
        else value
        for name, value in path_parameters.items()
    }


@pytest.fixture(scope="module")
def address(postgres: str, template: str) -> Iterator[str]:
    """Serve a database of some events, one of which took another in; gives where."""
    with created(postgres, template) as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("EVENT_DEDUP_DATABASE_URL", url)
        patch.setenv("EVENT_DEDUP_REQUESTS_PER_SECOND", "0")
        forget_wiring()
        store = wiring.store()
        _fill(store)
        server = uvicorn.Server(uvicorn.Config(serve.application(), log_level="error"))
        with serving.listening("127.0.0.1", 0) as listener:
            thread = threading.Thread(target=server.run, args=([listener],))
            thread.start()
            while not server.started:
                time.sleep(0.01)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
            server.should_exit = True
            thread.join()
        store.engine.dispose()
    forget_wiring()


def _fill(store: Store) -> None:
    titles = ["Jazzkonzert", "Flohmarkt am Kastelberg", "Vortrag über Moorkunde", "Lesung"]
    save(store, [listing(f"bwb:{n}", title, "2026-05-02") for n, title in enumerate(titles)])
    run(store)
    store.give_verdict("must_link", ("bwb", "0"), ("bwb", "1"), author="ada")
    run(store)
    with store.engine.begin() as connection:
        KNOWN["key"] = [keys.add_key(connection, name="all", role="admin", author="test")]
        changed = connection.exec_driver_sql("SELECT DISTINCT canonical_id FROM changes").scalars()
        KNOWN.update(event_id=sorted(changed), file_id=[1], run_id=[1, 2], sequence=[1])
    applied = planning.apply(store, default_policy(), default_policy(), author="test")
    KNOWN["policy_id"] = [applied.policy_id]


@schema.parametrize()
@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_as_the_document_says(case: schemathesis.Case[Any], address: str) -> None:
    case.call_and_validate(base_url=address, headers={"X-Api-Key": KNOWN["key"][0]}, checks=CHECKS)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_nothing_is_told_to_who_shows_no_key(address: str, method: str, path: str) -> None:
    places = {name: str(values[0]) for name, values in KNOWN.items()}

    answer = httpx.request(method, address + path.format_map(places))

    if path in ("/health", "/ready"):
        assert answer.status_code == 200
    else:
        assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
