"""`event-dedup local`: what it starts, finds and ends; what it says where something is missing."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from infra.errors import NoLocalStack, NoPostgres, NotDeployed
from infra.local import stack_environment, stack_process
from infra.local.stack import Stack
from infra.local.stack_environment import environment
from infra.local.stack_process import PROJECT
from infra.local.stack_status import status
from tests.stack.conftest import VENV, World, a_folder, eventually, free_port


def test_a_second_up_finds_what_runs_and_changes_nothing(world: World) -> None:
    before = world.stack.found()

    again = world.stack.up(lambda _: None)

    assert world.stack.found() == before
    assert not again.began
    assert again.deployed == world.up.deployed


def test_everything_listens_on_this_machine_only(world: World) -> None:
    running = world.stack.found()
    assert running is not None

    listening = {
        connection.laddr.ip
        for process in running.processes()
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }

    assert listening == {"127.0.0.1"}


def test_the_status_shows_each_function_and_queue_and_what_is_reserved_for_match(world: World) -> None:
    found = status(world.stack)

    assert found is not None
    assert found.summary["answers"]
    reserved = {row["function"]: row["reserved"] for row in found.functions}
    assert reserved["event-dedup-local-match"] == 1
    assert len(reserved) == 5
    assert {row["queue"] for row in found.queues} >= {
        "event-dedup-local-match.fifo",
        "event-dedup-local-uploads",
    }


@pytest.fixture
def apart() -> Iterator[Stack]:
    """Give a stack of its own that does not run, and leave nothing of it."""
    with a_folder() as folder:
        stack = Stack(folder, VENV, free_port())
        yield stack
        stack.down(lambda _: None)


def _gone(family: list[psutil.Process]) -> bool:
    return not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in family)


@pytest.mark.usefixtures("world")
def test_neither_a_kill_nor_down_leaves_a_process_and_the_database_keeps_what_it_has(apart: Stack) -> None:
    apart.up(lambda _: None)
    first = apart.found()
    assert first is not None
    family = first.processes()
    assert len(family) > 1

    family[0].kill()
    eventually(lambda: _gone(family), "functions end with LocalStack")
    eventually(lambda: apart.postgres_pid() is None, "Postgres ends with LocalStack")
    second = apart.up(lambda _: None)
    again = apart.found()
    assert again is not None
    family = again.processes()

    assert second.began
    assert apart.down(lambda _: None)
    assert _gone(family)
    assert apart.postgres_pid() is None
    assert not apart.down(lambda _: None)


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("signal", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_an_up_that_is_cut_off_leaves_nothing(apart: Stack, signal: str) -> None:
    code = (
        "import os, signal; from pathlib import Path; from infra.local import stack, stack_deployment\n"
        f"stack.deploy = lambda *_: os.kill(os.getpid(), signal.{signal}) or __import__('time').sleep(60)\n"
        f"stack.Stack(Path({str(apart.folder)!r}), Path({str(VENV)!r}), {apart.port}).up(print)\n"
    )

    cut_off = subprocess.run(
        [sys.executable, "-c", code], check=False, cwd=PROJECT, capture_output=True, timeout=120
    )

    assert cut_off.returncode != 0
    assert b"deploying" in cut_off.stdout or signal != "SIGINT"
    eventually(lambda: apart.found() is None, "LocalStack has ended")
    eventually(lambda: apart.postgres_pid() is None, "Postgres has ended")


@pytest.mark.usefixtures("world")
def test_a_port_that_is_taken_is_named_with_who_took_it(apart: Stack) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", apart.port))
        taken.listen()

        with pytest.raises(NoLocalStack) as raised:
            apart.up(lambda _: None)

    assert f"port {apart.port} of 127.0.0.1 is taken by" in str(raised.value)
    assert "EVENT_DEDUP_LOCAL_PORT" in str(raised.value)
    assert apart.postgres_pid() is None


@pytest.mark.usefixtures("world")
def test_a_database_that_does_not_answer_is_named_without_its_password(apart: Stack) -> None:
    url = f"postgresql://somebody:secret@127.0.0.1:{free_port()}/none"
    stack = Stack(apart.folder, VENV, apart.port, url)

    with pytest.raises(NoPostgres) as raised:
        stack.up(lambda _: None)

    assert "no Postgres at 127.0.0.1:" in str(raised.value)
    assert "secret" not in str(raised.value)
    assert stack.found() is None


@pytest.mark.usefixtures("world")
def test_a_resource_that_is_refused_is_named_with_its_reason_and_nothing_runs_on(
    apart: Stack, tmp_path: Path
) -> None:
    template = tmp_path / "template.yaml"
    template.write_text(
        "Parameters: {Environment: {Type: String}, DatabaseSecretArn: {Type: String}, ImageUri: {Type: String}, LogRetentionDays: {Type: Number}}\n"
        "Resources: {Broken: {Type: AWS::SQS::Queue, Properties: {QueueName: 'a b', FifoQueue: true}}}\n"
    )
    stack = Stack(apart.folder, VENV, apart.port, template=template)

    with pytest.raises(NotDeployed, match="Broken: "):
        stack.up(lambda _: None)

    assert stack.found() is None


def test_where_functions_can_not_run_as_processes_it_is_said_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "awslambdaric", None)  # as on macOS

    with pytest.raises(NoLocalStack, match="Docker Compose"):
        Stack(tmp_path, tmp_path / "none", free_port()).up(lambda _: None)

    assert list(tmp_path.iterdir()) == []


def test_without_a_python_that_localstack_runs_on_it_is_said_which_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stack_environment, "WORKS_ON", ((3, 5),))

    with pytest.raises(NoLocalStack, match=r"LocalStack needs Python 3\.5"):
        environment(tmp_path, lambda _: None)


def test_a_number_in_the_note_that_is_another_process_by_now_is_not_taken_for_localstack(
    tmp_path: Path,
) -> None:
    note = f'{{"pid": {psutil.Process().pid}, "port": 4566, "started": {time.time()}}}'
    (tmp_path / stack_process.NOTE).write_text(note)

    assert stack_process.find(tmp_path) is None
