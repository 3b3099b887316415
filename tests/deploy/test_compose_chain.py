"""Docker Compose without an engine: LocalStack with the environment that docker-compose.yml gives it calls functions under Lambda's emulator, each in
the image's own file tree and with its service's environment; compose's own deployment deploys. What Docker adds, its names and its images, is stood in for.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml

from infra.local.stack_environment import environment as localstack_environment
from infra.store import Store
from tests.deploy.conftest import COMMANDS, Image
from tests.deploy.emulated import emulated, free_port, started
from tests.deploy.tools import ROOT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Lambda's emulator is a program for Linux")

SERVICES: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
HOSTS = {name: f"127.0.0.{number}" for number, name in enumerate(sorted(COMMANDS), start=11)}
WITHOUT_DOCKER = {
    "GATEWAY_SERVER": "hypercorn",  # the default one listens to the whole world outside of a container
    "DNS_ADDRESS": "0",
    "OVERRIDE_IN_DOCKER": "0",
}


@dataclass(frozen=True)
class Composed:
    """A stack as compose starts it. deployed: what the deployment said."""

    s3: Any
    store: Store
    deployed: str


@pytest.fixture
def composed(built: Image, empty_database: str) -> Iterator[Composed]:
    """Start what docker-compose.yml starts, on a database without tables."""
    folder = Path(tempfile.mkdtemp(prefix="event-dedup-compose-"))
    endpoint = f"http://127.0.0.1:{free_port()}"
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        stack.enter_context(localstack(folder, endpoint))
        for name, command in COMMANDS.items():
            variables = {**given(name, endpoint), "EVENT_DEDUP_DATABASE_URL": empty_database}
            log = folder / f"{name}.log"
            place = (HOSTS[name], 8080)
            stack.enter_context(emulated(command, built.tree, built.client, variables, log, address=place))
        store = Store.at(empty_database)
        stack.callback(store.engine.dispose)
        client = boto3.client("s3", endpoint_url=endpoint, region_name="eu-central-1", **KEYS)
        yield Composed(client, store, deploy(endpoint, empty_database))


KEYS: Any = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}


def given(service: str, endpoint: str) -> dict[str, str]:
    """Give a service's environment, but for what its user chooses."""
    own = SERVICES[service]["environment"]
    named = {name: str(value).replace("http://localstack:4566", endpoint) for name, value in own.items()}
    return {name: value for name, value in named.items() if "${" not in value}


@contextmanager
def localstack(folder: Path, endpoint: str) -> Iterator[None]:
    """Run LocalStack with compose's variables, and wait until it is as healthy as compose wants it."""
    address = endpoint.removeprefix("http://")
    python = localstack_environment(ROOT / "var" / "localstack-venv", print)
    places = {
        "FILESYSTEM_ROOT": str(folder / "state"),
        "TMPDIR": str(folder),
        "XDG_CACHE_HOME": str(folder / "cache"),
    }
    own = {"LOCALSTACK_HOST": address, "GATEWAY_LISTEN": address, "NAMES": json.dumps(HOSTS)}
    plugin = {"PYTHONPATH": str(ROOT / "infra" / "localstack")}
    variables = {**os.environ, **given("localstack", endpoint), **WITHOUT_DOCKER, **places, **own, **plugin}
    script = str(ROOT / "tests" / "deploy" / "localstack_with_names.py")
    with (folder / "log").open("w") as out, started([str(python), script], variables, out, cwd=folder):
        eventually(lambda: healthy(f"{endpoint}/_localstack/health"), "LocalStack answers")
        yield


def healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own
            return bool(answer.status == 200)
    except OSError:
        return False


def deploy(endpoint: str, database: str) -> str:
    """Run compose's one-shot service."""
    variables = {
        "AWS_ENDPOINT_URL": endpoint,
        "EVENT_DEDUP_DATABASE_URL": database,
        "IMAGE": "event-dedup:local",
    }
    module = SERVICES["deploy"]["entrypoint"][2]
    command = [sys.executable, "-m", module]
    done = subprocess.run(
        command, env={**os.environ, **variables}, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def eventually(look: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + 90
    while not look():
        assert time.monotonic() < until, what
        time.sleep(0.2)


def test_files_become_canonical_events_with_receipts(composed: Composed) -> None:
    environment = SERVICES["ingest"]["environment"]
    uploads, results = (environment[f"EVENT_DEDUP_{name}_BUCKET"] for name in ("UPLOADS", "RESULTS"))
    files = sorted((ROOT / "samples" / "breisgau").glob("*.json"))

    for path in files:
        composed.s3.put_object(Bucket=uploads, Key=f"in/a+b ü/{path.name}", Body=path.read_bytes())

    def receipts() -> set[str]:
        found = composed.s3.list_objects_v2(Bucket=results, Prefix="receipts/").get("Contents", [])
        return {item["Key"] for item in found}

    assert uploads in composed.deployed
    wanted = {f"receipts/in/a+b ü/{path.name}.json" for path in files}
    eventually(lambda: receipts() == wanted, "a receipt for each file")
    ingested, matched = composed.store.generations()
    assert ingested == matched > 0
    with composed.store.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM canonical_events").scalar_one() > 50
        assert connection.exec_driver_sql("SELECT count(*) FROM runs").scalar_one() < len(files)
