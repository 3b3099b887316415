"""Functions as processes, through the real awslambdaric and our Runtime API; no LocalStack needed."""

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest

from infra.localstack.event_dedup_localstack.outcomes import Outcome
from infra.localstack.event_dedup_localstack.process import FunctionProcess, InitError, Program

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="awslambdaric comes ready-made for Linux only"
)

FUNCTION = """
import os, subprocess, time
def handler(event, context):
    print("wrote", event)
    if "sleep" in event:
        time.sleep(event["sleep"])
    if "die" in event:
        os._exit(event["die"])
    if "raise" in event:
        raise ValueError(event["raise"])
    if "child" in event:
        subprocess.Popen(["sleep", "100"])
    return {"pid": os.getpid(), "left_ms": context.get_remaining_time_in_millis(), "environment": dict(os.environ)}
"""


def program(folder: Path, handler: str = "own.handler", timeout_s: float = 30) -> Program:
    (folder / "own.py").write_text(FUNCTION)
    environment = {"PATH": os.environ["PATH"], "GIVEN": "by the template"}
    return Program(Path(sys.executable), folder, handler, environment, timeout_s)


def call(function: FunctionProcess, **event: Any) -> tuple[Outcome, Any, str]:
    outcome, written, _ = function.call(
        "request-1", arn="arn", payload=json.dumps(event).encode(), trace_id="Root=1", memory_mb=128
    )
    return outcome, json.loads(outcome.payload), written


@pytest.fixture
def function(tmp_path: Path) -> Iterator[FunctionProcess]:
    function = FunctionProcess(program(tmp_path, timeout_s=2))
    yield function
    function.stop()


def test_a_process_is_kept_from_one_call_to_the_next_and_sees_only_what_it_is_given(
    function: FunctionProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_USER", "1")

    _, first, written = call(function, number=1)
    _, second, _ = call(function, number=2)

    assert first["pid"] == second["pid"]
    assert written == "wrote {'number': 1}\n"
    assert 0 < first["left_ms"] <= 2000
    assert first["environment"]["GIVEN"] == "by the template"
    assert "SECRET_OF_THE_USER" not in first["environment"]


def test_an_error_is_told_as_lambda_tells_it_and_the_process_lives_on(function: FunctionProcess) -> None:
    _, before, _ = call(function)

    outcome, told, written = call(function, **{"raise": "too late"})
    _, after, _ = call(function)

    assert outcome.failed
    assert (told["errorType"], told["errorMessage"]) == ("ValueError", "too late")
    assert "Traceback" in written
    assert before["pid"] == after["pid"]


def test_a_call_that_takes_too_long_is_ended_with_all_that_it_started(function: FunctionProcess) -> None:
    _, before, _ = call(function, child=True)
    family = [psutil.Process(before["pid"]), *psutil.Process(before["pid"]).children()]

    outcome, told, _ = call(function, sleep=60)

    assert outcome.failed
    assert told["errorType"] == "Sandbox.Timedout"
    assert "timed out after 2.00 seconds" in told["errorMessage"]
    assert not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in family)


def test_a_death_in_the_midst_of_a_call_is_its_error_and_the_next_call_has_a_new_process(
    function: FunctionProcess,
) -> None:
    _, before, _ = call(function)

    outcome, told, _ = call(function, die=3)
    _, after, _ = call(function)

    assert outcome.failed
    assert (told["errorType"], "exit status 3" in told["errorMessage"]) == ("Runtime.ExitError", True)
    assert before["pid"] != after["pid"]


def test_a_function_that_can_not_be_loaded_says_why(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("import no_such_module")

    with pytest.raises(InitError) as raised:
        FunctionProcess(program(tmp_path, "broken.handler")).start()

    assert "no_such_module" in str(raised.value)


def test_a_process_ends_when_the_one_that_started_it_is_killed(tmp_path: Path) -> None:
    starter = (
        "import sys, time; from pathlib import Path\n"
        "from tests.stack.test_processes import program, call; "
        "from infra.localstack.event_dedup_localstack.process import FunctionProcess\n"
        f"f = FunctionProcess(program(Path({str(tmp_path)!r})))\n"
        "print(call(f)[1]['pid'], flush=True)\n"
        "call(f, sleep=100)\n"
    )
    parent = psutil.Popen([sys.executable, "-c", starter], stdout=-1, cwd=Path(__file__).parents[2])
    child = psutil.Process(int(parent.stdout.readline()))

    parent.kill()
    parent.wait()

    until = time.monotonic() + 10
    while child.is_running() and child.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < until, "the function's process is left behind"
        time.sleep(0.05)
