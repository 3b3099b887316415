"""The second way to run a function: its image under AWS's Runtime Interface Emulator, here the emulator's binary started by hand."""

import json
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from infra.localstack.event_dedup_localstack import rie
from tests.deploy.emulated import emulated, runtime_client
from tests.stack.conftest import free_port

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="awslambdaric comes ready-made for Linux only"
)

FUNCTION = """
import time
running = 0
def handler(event, context):
    global running
    running += 1
    time.sleep(event.get("sleep", 0))
    if "raise" in event:
        raise ValueError(event["raise"])
    found, running = running, 0
    return {"at_once": found, "number": event.get("number")}
"""


@pytest.fixture(scope="module")
def container(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    """Give the address of a function that has two seconds a call."""
    folder = tmp_path_factory.mktemp("rie")
    tree = folder / "task"
    tree.mkdir()
    (tree / "own.py").write_text(FUNCTION)
    client = runtime_client(folder / "client")
    log = Path(folder / "log")
    with emulated("own.handler", tree, client, {"AWS_LAMBDA_FUNCTION_TIMEOUT": "2"}, log) as function:
        yield "127.0.0.1", function.port


def test_a_functions_container_is_found_by_the_module_of_its_command() -> None:
    assert rie.address_of("handlers.ingest.lambda_handler", "{name}:8080") == ("ingest", 8080)


def test_calls_at_once_wait_for_each_other_and_each_gets_its_own_answer(container: tuple[str, int]) -> None:
    assert rie.wait_for(container, 10)

    def call(number: int) -> object:
        payload = json.dumps({"number": number, "sleep": 0.05}).encode()
        outcome = rie.call(container, payload, request_id=str(number), timeout_s=2)
        return outcome.failed, json.loads(outcome.payload)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(call, range(8)))

    assert answers == [(False, {"at_once": 1, "number": number}) for number in range(8)]


def test_an_error_is_known_although_the_emulator_says_200(container: tuple[str, int]) -> None:
    outcome = rie.call(container, b'{"raise": "too late"}', request_id="1", timeout_s=2)

    assert outcome.failed
    assert json.loads(outcome.payload)["errorType"] == "ValueError"


def test_a_timeout_is_an_error_and_the_next_call_is_answered(container: tuple[str, int]) -> None:
    late = rie.call(container, b'{"sleep": 60}', request_id="1", timeout_s=2)
    after = rie.call(container, b'{"number": 7}', request_id="2", timeout_s=2)

    assert late.failed
    assert "timed out" in json.loads(late.payload)["errorMessage"]
    assert json.loads(after.payload)["number"] == 7


def test_a_container_that_is_not_there_is_an_error_that_names_it() -> None:
    nobody = ("127.0.0.1", free_port())

    outcome = rie.call(nobody, b"{}", request_id="1", timeout_s=1)

    assert outcome.failed
    assert f"127.0.0.1:{nobody[1]}" in json.loads(outcome.payload)["errorMessage"]
    assert not rie.wait_for(nobody, 0.2)
