"""`event-dedup local`: what it starts, finds and ends; what it says where something is missing."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest

from infra.errors import NoLocalStack, NoPostgres, NotDeployed, RunsElsewhere
from infra.local import stack as stack_module
from infra.local import stack_deployment, stack_environment, stack_process
from infra.local.postgres import embedded_postgres
from infra.local.stack import Stack
from infra.local.stack_deployment import Deployed
from infra.local.stack_environment import environment
from infra.local.stack_process import PROJECT
from infra.local.stack_status import status
from infra.store import schema
from infra.store.engine import build_engine
from tests.stack.conftest import VENV, World, a_folder, eventually, file_of, free_port, left, listing


def test_a_second_up_finds_what_runs_and_changes_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = world.stack.found()
    monkeypatch.setattr(stack_module, "deploy", lambda *_: pytest.fail("it is deployed once more"))

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


def _write(stack: Stack, note: str) -> None:
    with embedded_postgres(stack.folder / "postgres") as url, build_engine(url).begin() as connection:
        connection.exec_driver_sql("CREATE TABLE note AS SELECT %s::text AS note", (note,))


def _read(stack: Stack) -> str:
    with embedded_postgres(stack.folder / "postgres") as url, build_engine(url).begin() as connection:
        return str(connection.exec_driver_sql("SELECT note FROM note").scalar_one())


@pytest.mark.usefixtures("world")
def test_a_kill_leaves_no_process_and_an_up_right_after_it_finds_the_database_as_it_was(apart: Stack) -> None:
    first_up = apart.up(lambda _: None)
    first = apart.found()
    assert first is not None
    family = first.processes()
    assert len(family) > 1
    _write(apart, "kept")
    assert (
        len(left(apart.folder)) >= 4
    )  # LocalStack, a function, Postgres, its guardian: else the look for them is blind
    family[0].kill()
    second = apart.up(lambda _: None)  # at once: functions and Postgres of the first may still be ending
    again = apart.found()
    assert again is not None

    assert second.began
    assert _gone(family)
    assert set(second.deployed.outputs) == set(first_up.deployed.outputs)
    assert _read(apart) == "kept"
    again.processes()[0].kill()
    eventually(lambda: left(apart.folder) == [], "everything ends with LocalStack")
    assert not apart.down(lambda _: None)


def test_changed_code_is_deployed_to_the_stack_that_runs_after_the_schema_and_leaves_it_whole(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    schema.downgrade(world.store.engine, "-1")
    found: list[str] = []

    def deploy(*arguments: Any) -> Deployed:
        found.extend(row.version_num for row in world.rows("SELECT version_num FROM alembic_version"))
        return stack_deployment.deploy(*arguments)

    monkeypatch.setattr(stack_module, "deploy", deploy)
    monkeypatch.setattr(stack_module, "_digest", lambda *_: "changed")

    again = world.stack.up(lambda _: None)

    assert found == [schema.head()]
    assert again.deployed == world.up.deployed
    aliases = world.client("lambda").list_aliases(FunctionName="event-dedup-local-migrate")["Aliases"]
    assert [alias["Name"] for alias in aliases] == ["live"]
    world.put("neublatt_1.json", file_of(listing("a1", "Hoffest")))
    eventually(lambda: world.events_of("neublatt"), "files are taken in and matched by the new code")


def test_an_update_that_is_rolled_back_is_an_error_although_localstack_calls_it_complete(
    world: World, tmp_path: Path
) -> None:
    template = tmp_path / "template.yaml"
    queue = "Resources: {Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: whole}}%s}\n"
    template.write_text(queue % "")
    stack_deployment.deploy(world.up.url, "torn", template, {}, lambda _: None)
    template.write_text(queue % ", Broken: {Type: AWS::SQS::Queue, Properties: {QueueName: 'a b'}}")

    for _ in ("at first", "and when LocalStack finds nothing to do"):
        with pytest.raises(NotDeployed, match="Broken: "):
            stack_deployment.deploy(world.up.url, "torn", template, {}, lambda _: None)


def test_a_template_that_was_mended_is_deployed_whatever_failed_before(world: World, tmp_path: Path) -> None:
    template = tmp_path / "template.yaml"
    queue = "Resources: {Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: mended}}%s}\n"
    template.write_text(queue % "")
    stack_deployment.deploy(world.up.url, "mended", template, {}, lambda _: None)
    template.write_text(queue % ", Second: {Type: AWS::SQS::Queue, Properties: {QueueName: 'a b'}}")
    with pytest.raises(NotDeployed):
        stack_deployment.deploy(world.up.url, "mended", template, {}, lambda _: None)
    template.write_text(queue % ", Third: {Type: AWS::SQS::Queue, Properties: {QueueName: third}}")

    stack_deployment.deploy(world.up.url, "mended", template, {}, lambda _: None)

    assert world.client("sqs").get_queue_url(QueueName="third")["QueueUrl"]


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
    eventually(lambda: left(apart.folder) == [], "LocalStack, functions and Postgres have ended")


def test_a_stack_that_runs_on_another_port_is_no_reason_to_go_without_it(world: World) -> None:
    elsewhere = Stack(world.stack.folder, VENV, free_port())

    with pytest.raises(RunsElsewhere) as raised:
        elsewhere.up(lambda _: None)

    assert f"--port {world.stack.port}" in str(raised.value)
    assert "event-dedup local down" in str(raised.value)
    assert world.stack.found() is not None


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
