"""`event-dedup local demo`, as `make demo` calls it: on the stack, and without it."""

import os
import socket
import subprocess
import sys
from pathlib import Path

from infra.local.stack_process import PROJECT
from tests.stack.conftest import VENV, World, a_folder, free_port

SAMPLES = PROJECT / "samples" / "breisgau"


def demo(folder: Path, port: int) -> subprocess.CompletedProcess[str]:
    """Run the demo with its state in a folder, and LocalStack's packages where they are."""
    if not (packages := folder / "localstack-venv").exists():
        packages.symlink_to(VENV)
    own = {"EVENT_DEDUP_DATA_FOLDER": str(folder), "EVENT_DEDUP_LOCAL_PORT": str(port), "COLUMNS": "200"}
    return subprocess.run(
        [sys.executable, "-c", "from handlers.cli import main; main()", "local", "demo", str(SAMPLES)],
        check=False,
        cwd=PROJECT,
        env={**os.environ, **own},
        capture_output=True,
        text=True,
        timeout=240,
    )


def test_the_demo_puts_the_samples_into_the_bucket_and_shows_what_came_out_and_what_to_try(
    world: World,
) -> None:
    shown = demo(world.stack.folder, world.stack.port)

    assert shown.returncode == 0, shown.stderr
    assert f"s3://{world.uploads}/" in shown.stdout + shown.stderr
    assert "event-dedup local logs match" in shown.stdout + shown.stderr
    stored = world.rows("SELECT key FROM files WHERE status = 'stored'")
    assert {path.name for path in SAMPLES.glob("*.json")} <= {row.key for row in stored}
    assert world.caught_up()
    assert world.runs() <= 3


def test_where_localstack_can_not_run_the_demo_says_so_and_goes_from_folder_to_postgres() -> None:
    with a_folder() as folder, socket.socket() as taken:
        taken.bind(("127.0.0.1", free_port()))
        taken.listen()

        shown = demo(folder, taken.getsockname()[1])

    assert shown.returncode == 0, shown.stderr
    assert "is taken" in shown.stderr
    assert "without LocalStack" in shown.stderr
    assert "canonical" in shown.stdout


def test_where_the_stack_runs_on_another_port_the_demo_says_what_to_do_and_does_nothing_else(
    world: World,
) -> None:
    files = len(world.rows("SELECT 1 FROM files"))

    shown = demo(world.stack.folder, free_port())

    assert shown.returncode == 1
    assert f"on port {world.stack.port}" in shown.stderr
    assert "without LocalStack" not in shown.stderr
    assert "Traceback" not in shown.stderr
    assert len(world.rows("SELECT 1 FROM files")) == files
