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
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml

from infra.local.stack_environment import environment as localstack_environment
from infra.store import Store, schema
from tests.conftest import created
from tests.deploy.conftest import COMMANDS, Image
from tests.deploy.emulated import emulated, free_port, started
from tests.deploy.sam import sam
from tests.deploy.tools import ROOT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Lambda's emulator is a program for Linux")

SERVICES: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
HOSTS = {name: f"127.0.0.{number}" for number, name in enumerate(sorted(COMMANDS), start=11)}
WITHOUT_DOCKER = {
    "GATEWAY_SERVER": "hypercorn",  # the default one listens to the whole world outside of a container
    "DNS_ADDRESS": "0",
    "OVERRIDE_IN_DOCKER": "0",
}


class Composed:
    """A stack as compose starts it, piece by piece. endpoint: of LocalStack; database: its URL."""

    def __init__(self, folder: Path, image: Image, database: str) -> None:
        self.folder, self.image, self.database = folder, image, database
        self.endpoint = f"http://127.0.0.1:{free_port()}"
        self.store = Store.at(database)
        self.running: dict[str, ExitStack] = {}

    @property
    def s3(self) -> Any:
        return boto3.client("s3", endpoint_url=self.endpoint, region_name="eu-central-1", **KEYS)

    def start(self, name: str) -> None:
        """Start a service: LocalStack, or a function under the emulator."""
        self.running[name] = stack = ExitStack()
        if name == "localstack":
            stack.enter_context(localstack(self.folder, self.endpoint))
            return
        variables = {**given(name, self.endpoint), "EVENT_DEDUP_DATABASE_URL": self.database}
        log, place = self.folder / f"{name}.log", (HOSTS[name], 8080)
        built = self.image
        stack.enter_context(emulated(COMMANDS[name], built.tree, built.client, variables, log, address=place))

    def stop(self, name: str) -> None:
        self.running.pop(name).close()

    def up(self) -> str:
        """Start what does not run, in the order that docker-compose.yml demands; gives what the deployment said."""
        said = ""
        for name in in_order(SERVICES):
            if name == "deploy":
                said = deploy(self.endpoint, self.database)
            elif name in (*COMMANDS, "localstack") and name not in self.running:
                self.start(name)
        return said

    def down(self) -> None:
        for name in list(self.running):
            self.stop(name)
        self.store.engine.dispose()

    def counted(self, table: str) -> int:
        with self.store.reading() as connection:
            return int(connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one())


def in_order(services: dict[str, Any]) -> list[str]:
    """Order services so that each comes after those that it waits for."""
    waits = {name: set(one.get("depends_on", {})) for name, one in services.items()}
    return list(TopologicalSorter(waits).static_order())


@pytest.fixture(scope="module")
def composed(built: Image, postgres: str) -> Iterator[Composed]:
    """Start what docker-compose.yml starts, on a database without tables."""
    folder = Path(tempfile.mkdtemp(prefix="event-dedup-compose-"))
    with created(postgres) as database:
        composed = Composed(folder, built, database)
        try:
            composed.up()
            yield composed
        finally:
            composed.down()
            shutil.rmtree(folder, ignore_errors=True)


UPLOADS, RESULTS = (
    SERVICES["ingest"]["environment"][f"EVENT_DEDUP_{name}_BUCKET"] for name in ("UPLOADS", "RESULTS")
)
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
    done = subprocess.run(
        entrypoint("deploy"),
        env={**os.environ, **variables},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def entrypoint(service: str) -> list[str]:
    """Give a service's own command, run here."""
    return [sys.executable, *SERVICES[service]["entrypoint"][1:]]


def eventually(look: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + 90
    while not look():
        assert time.monotonic() < until, what
        time.sleep(0.2)


def put(composed: Composed, folder: str) -> set[str]:
    """Put all samples into a folder of the bucket; gives the receipts that have to come."""
    files = sorted((ROOT / "samples" / "breisgau").glob("*.json"))
    for path in files:
        composed.s3.put_object(Bucket=UPLOADS, Key=f"{folder}/{path.name}", Body=path.read_bytes())
    return {f"receipts/{folder}/{path.name}.json" for path in files}


def receipts(composed: Composed) -> set[str]:
    found = composed.s3.list_objects_v2(Bucket=RESULTS, Prefix="receipts/").get("Contents", [])
    return {item["Key"] for item in found}


def test_files_become_canonical_events_with_receipts(composed: Composed) -> None:
    wanted = put(composed, "in/a+b ü")

    eventually(lambda: receipts(composed) == wanted, "a receipt for each file")

    ingested, matched = composed.store.generations()
    assert ingested == matched > 0
    assert composed.counted("canonical_events") > 50
    assert composed.counted("runs") < len(wanted)


@pytest.mark.parametrize("name", ["migrate", "ingest", "match", "sweep", "api"])
def test_sam_local_invoke_as_the_guide_has_it_finds_everything(name: str, composed: Composed) -> None:
    """SAM's own code says which variables its container gets; on compose's network it finds LocalStack and, by the secret, Postgres."""
    hosts = {"localstack:4566": composed.endpoint.removeprefix("http://")}
    variables = {
        variable: value.replace(*next(iter(hosts.items()))) for variable, value in sam(name).variables.items()
    }
    key = "bwb_11.02.2026_2026-02-11T20-46-41-776Z.json"
    composed.s3.put_object(Bucket=UPLOADS, Key=key, Body=(ROOT / "samples" / "breisgau" / key).read_bytes())
    event = json.loads((ROOT / "infra" / "events" / f"{name}.json").read_text())
    log = composed.folder / f"sam-{name}.log"

    with emulated(COMMANDS[name], composed.image.tree, composed.image.client, variables, log) as function:
        answer = function.invoke(event)

    assert "errorType" not in answer, answer
    match name:
        case "migrate":
            assert answer == {"revision": schema.head()}
        case "ingest":
            assert answer == {"batchItemFailures": []}
            (taken,) = function.logged("file_processed")
            assert (taken["bucket"], taken["key"]) == (UPLOADS, key)
            assert taken["status"] in ("stored", "duplicate", "already_known")
        case "match":
            assert answer == {"batchItemFailures": []}
        case "sweep":
            assert answer["files"] == 0
        case _:
            assert (answer["statusCode"], json.loads(answer["body"])) == (200, {"status": "ready"})


def test_a_call_waits_for_a_container_that_is_being_replaced(composed: Composed) -> None:
    composed.stop("ingest")

    wanted = put(composed, "later")
    time.sleep(2)  # LocalStack has the messages in hand, and nobody to give them to
    composed.start("ingest")

    eventually(lambda: wanted <= receipts(composed), "receipts within a minute, not after half an hour")


def test_a_localstack_that_was_restarted_is_deployed_again_and_goes_on(composed: Composed) -> None:
    variables = {
        "AWS_ENDPOINT_URL": composed.endpoint,
        "EVENT_DEDUP_DATABASE_URL": composed.database,
        "IMAGE": "event-dedup:local",
    }
    check = [sys.executable, *SERVICES["keeper"]["healthcheck"]["test"][2:]]

    def healthy_keeper() -> bool:
        done = subprocess.run(
            check, env={**os.environ, **variables}, cwd=ROOT, check=False, capture_output=True
        )
        return done.returncode == 0

    with (
        (composed.folder / "keeper.log").open("w") as out,
        started(entrypoint("keeper"), {**os.environ, **variables}, out, cwd=ROOT),
    ):
        assert healthy_keeper()
        composed.stop("localstack")
        composed.start("localstack")
        assert not healthy_keeper()
        eventually(healthy_keeper, "the stack is there again")

        wanted = put(composed, "anew")
        eventually(lambda: wanted <= receipts(composed), "a receipt for each file")


def test_a_second_up_migrates_although_neither_template_nor_image_s_name_has_changed(
    composed: Composed,
) -> None:
    for name in COMMANDS:  # as compose does where the image's content is new
        composed.stop(name)
    schema.downgrade(
        composed.store.engine, "base"
    )  # the last test: generations begin anew, and the queue would take them for repetitions

    said = composed.up()

    assert f"schema: {schema.head()}" in said
    assert composed.counted("generations") == 1
