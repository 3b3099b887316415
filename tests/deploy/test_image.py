import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import boto3
import pytest
from moto.server import ThreadedMotoServer
from sqlalchemy import text

from infra.store import schema
from infra.store.engine import build_engine
from tests.deploy import image
from tests.deploy.conftest import COMMANDS, Image
from tests.deploy.emulated import Emulated, emulated, environment, interpreter
from tests.deploy.tools import ROOT, tool
from tests.handlers.conftest import batch, notification
from tests.handlers.worlds import BEFORE

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Lambda's emulator is a program for Linux")

IMPORT_CPU_S = {"api": 2.0, "ingest": 2.5, "match": 3.0, "sweep": 2.0, "migrate": 2.0}
"""Seconds of a processor that an import may cost at most: against a heavy import that slips in, on machines of any speed."""

NOT_NEEDED = {
    "api": {"numpy", "scipy", "boto3", "icalendar", "aws_lambda_powertools.event_handler.openapi.models"},
    "ingest": {"scipy", "rapidfuzz"},
    "match": set(),
    "sweep": {"numpy", "scipy", "rapidfuzz"},
    "migrate": {"numpy", "scipy", "rapidfuzz", "aws_lambda_powertools.event_handler"},
}
"""Heavy packages in the image that a function does without at its start."""


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    """Give the address of S3, SQS and Secrets Manager."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@dataclass(frozen=True)
class World:
    """What the functions find when they are deployed, and the variables that the template gives them."""

    variables: dict[str, str]
    client: Callable[[str], Any]

    def put(self, key: str, content: bytes) -> None:
        self.client("s3").put_object(Bucket="uploads", Key=key, Body=content)


@pytest.fixture
def world(aws: str, empty_database: str) -> Iterator[World]:
    """Make buckets, queues and the secret, and a database without tables that is reached over TCP or a socket."""
    keys = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}

    def client(service: str) -> Any:
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=aws,
            region_name="eu-central-1",
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )

    place = {"LocationConstraint": "eu-central-1"}
    for bucket in ("uploads", "results"):
        client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration=place)
    sqs = client("sqs")
    uploads = sqs.create_queue(QueueName="uploads")["QueueUrl"]
    wake = sqs.create_queue(QueueName="match.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    secret = client("secretsmanager").create_secret(Name="database", SecretString=empty_database)["ARN"]
    yield World(
        {
            **keys,
            "AWS_REGION": "eu-central-1",
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_ENDPOINT_URL": aws,
            "EVENT_DEDUP_DATABASE_SECRET_ARN": secret,
            "EVENT_DEDUP_UPLOADS_BUCKET": "uploads",
            "EVENT_DEDUP_RESULTS_BUCKET": "results",
            "EVENT_DEDUP_UPLOAD_QUEUE_URL": uploads,
            "EVENT_DEDUP_MATCH_QUEUE_URL": wake,
            "POWERTOOLS_METRICS_NAMESPACE": "event-dedup/test",
        },
        client,
    )
    for bucket in ("uploads", "results"):
        for item in client("s3").list_objects_v2(Bucket=bucket).get("Contents", []):
            client("s3").delete_object(Bucket=bucket, Key=item["Key"])
        client("s3").delete_bucket(Bucket=bucket)
    for queue in (uploads, wake):
        sqs.delete_queue(QueueUrl=queue)
    client("secretsmanager").delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)


Run = Callable[..., AbstractContextManager[Emulated]]


@pytest.fixture
def run(built: Image, world: World, tmp_path: Path) -> Run:
    """Give what starts a function by its name; further arguments are variables."""

    def start(name: str, **more: str) -> AbstractContextManager[Emulated]:
        log = tmp_path / f"{name}.log"
        return emulated(COMMANDS[name], built.tree, built.client, {**world.variables, **more}, log)

    return start


def announced(key: str) -> str:
    return notification(quote_plus(key, safe="/"), bucket="uploads")


# --- the file and its tree ------------------------------------------------------------------------------------------------------


def test_the_linter_is_content_with_each_dockerfile() -> None:
    files = sorted(
        str(path.relative_to(ROOT)) for path in [ROOT / "Dockerfile", *ROOT.glob("infra/**/*ockerfile")]
    )

    found = tool("hadolint", *files)

    assert found.returncode == 0, found.stdout


def test_only_what_functions_need_comes_into_the_image(built: Image) -> None:
    locked = re.findall(r"^([a-z0-9_.-]+)==", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    installed = {path.name.split("-")[0].lower().replace("_", "-") for path in built.tree.glob("*.dist-info")}
    ours = {path.name for path in built.tree.iterdir()} & {"dedup_core", "handlers", "infra", "migrations"}

    assert len(ours) == 4
    assert installed <= {name.lower().replace("_", "-").replace(".", "-") for name in locked}
    assert not [*built.tree.glob("**/.env*"), *built.tree.glob("**/*.lock"), *built.tree.glob("tests")]
    assert not (built.tree / "infra" / "local").exists()
    assert not (built.tree / "handlers" / "commands").exists()


def test_nothing_is_run_or_installed_in_the_last_stage(built: Image) -> None:
    last = (ROOT / "Dockerfile").read_text().split("\nFROM ")[-1]

    assert re.findall(r"^(RUN|ADD) ", last, re.MULTILINE) == []
    assert re.findall(r"^COPY (?!--from=)", last, re.MULTILINE) == []
    assert not [*built.tree.glob("**/gcc*"), *built.tree.glob("**/.cache"), *built.tree.glob("bin")]


def test_all_of_it_is_compiled_and_everybody_may_read_it(built: Image) -> None:
    sources = list((built.tree / "handlers").glob("*.py"))
    compiled = [path.name.split(".")[0] for path in (built.tree / "handlers" / "__pycache__").iterdir()]

    assert sorted(path.stem for path in sources) == sorted(compiled)
    assert [p for p in built.tree.rglob("*") if p.stat().st_mode & 0o004 == 0] == []


def test_it_runs_as_nobody_special_and_its_command_is_a_function(built: Image) -> None:
    instructions = dict(built.instructions)

    assert instructions["USER"].split(":")[0] not in ("root", "0")
    assert json.loads(instructions["CMD"])[0] in COMMANDS.values()
    assert "org.opencontainers.image.revision" in instructions["LABEL"]


def test_the_tree_is_no_larger_than_it_was(built: Image) -> None:
    size = image.megabytes(built.tree)

    print(f"image tree: {size:.0f} MB")
    assert size < 600


def test_the_decision_for_one_image_rests_on_sizes_as_they_are(built: Image) -> None:
    decisions = (ROOT / "DECISIONS.md").read_text()
    scipy = sum(image.megabytes(built.tree / name) for name in ("scipy", "scipy.libs"))

    ((whole, part),) = re.findall(
        r"\*\*One image for five functions\*\*: (\d+) MB as a tree, of which SciPy, .*? is (\d+)", decisions
    )

    assert int(whole) == pytest.approx(image.megabytes(built.tree), rel=0.1)
    assert int(part) == pytest.approx(scipy, rel=0.1)


# --- each function in it ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_its_import_is_light(name: str, built: Image) -> None:
    module = COMMANDS[name].rpartition(".")[0]
    code = (
        f"import sys, time; b, c = time.perf_counter(), time.process_time(); import {module}; "
        "print(time.perf_counter() - b, time.process_time() - c, *sys.modules)"
    )

    found = subprocess.run(
        [interpreter(), "-c", code],
        env=environment(built.tree, built.client, {}),
        cwd=built.tree,
        check=True,
        capture_output=True,
        text=True,
    )

    wall, cpu = map(float, found.stdout.split()[:2])
    print(f"import of {name}: {wall:.2f} s, of which {cpu:.2f} s of a processor")
    assert cpu < IMPORT_CPU_S[name]
    assert NOT_NEEDED[name] & set(found.stdout.split()) == set()


def test_compose_s_deployment_runs_in_the_image_with_the_two_folders_that_it_mounts(built: Image) -> None:
    mounted = f"import infra; infra.__path__.append({str(ROOT / 'infra')!r}); import infra.docker.deploy"

    found = subprocess.run(
        [interpreter(), "-c", mounted],
        env=environment(built.tree, built.client, {}),
        cwd=built.tree,
        check=False,
        capture_output=True,
        text=True,
    )

    assert found.returncode == 0, found.stderr


def test_a_file_goes_the_whole_way_through_the_functions_of_the_image(run: Run, world: World) -> None:
    for key, content in BEFORE.items():
        world.put(f"in/a+b ü/{key}", content)

    with run("migrate") as migrate:
        assert migrate.invoke({}) == {"revision": schema.head()}
    with run("api") as api:
        answer = api.invoke(json.loads((ROOT / "infra/events/api.json").read_text()))
        assert (answer["statusCode"], json.loads(answer["body"])) == (200, {"status": "ready"})
    with run("ingest") as ingest:
        begun = time.monotonic()
        answer = ingest.invoke(batch(*(announced(f"in/a+b ü/{key}") for key in BEFORE)))
        print(f"ingest, cold, two files: {time.monotonic() - begun:.2f} s")
        assert answer == {"batchItemFailures": []}
        assert {line["status"] for line in ingest.logged("file_processed")} == {"stored"}
    woken = world.client("sqs").receive_message(
        QueueUrl=world.variables["EVENT_DEDUP_MATCH_QUEUE_URL"], MaxNumberOfMessages=10
    )["Messages"]
    assert [json.loads(message["Body"]) for message in woken] == [{"generation": 1}, {"generation": 2}]
    with run("match") as match:
        begun = time.monotonic()
        assert match.invoke(batch(*(m["Body"] for m in woken), queue="match.fifo")) == {
            "batchItemFailures": []
        }
        print(f"match, cold: {time.monotonic() - begun:.2f} s")
        (ran,) = match.logged("run_finished")
        assert ran["events_created"] == 3
        assert len(match.logged("already_matched")) == 1
    with run("sweep") as sweep:
        assert sweep.invoke(json.loads((ROOT / "infra/events/sweep.json").read_text()))["behind"] == 0


def test_what_fails_comes_back_alone(run: Run, world: World) -> None:
    world.put("bwb_1.json", BEFORE["bwb_1.json"])
    with run("migrate") as migrate:
        migrate.invoke({})

    with run("ingest") as ingest:
        answer = ingest.invoke(batch('{"no": "notification"}', announced("bwb_1.json")))

        assert answer == {"batchItemFailures": [{"itemIdentifier": "message-0"}]}
        assert len(ingest.logged("file_processed")) == 1


def test_an_error_is_answered_as_one_and_shows_no_secret(run: Run) -> None:
    with run(
        "migrate", EVENT_DEDUP_DATABASE_URL="postgresql://someone:hunter2@127.0.0.1:1/nothing"
    ) as migrate:
        answer = migrate.invoke({})

        assert answer["errorType"] == "InterfaceError"
        assert "hunter2" not in json.dumps(answer)
        assert "hunter2" not in migrate.log.read_text()


def one_event(name: str) -> Any:
    """Give what a function is called with; ingest's and match's speak of what is there."""
    match name:
        case "ingest":
            return batch(announced("bwb_1.json"))
        case "match":
            return batch('{"generation": 1}', queue="match.fifo")
        case _:
            return json.loads((ROOT / "infra" / "events" / f"{name}.json").read_text())


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_it_starts_cold_and_takes_its_event(name: str, run: Run, world: World) -> None:
    world.put("bwb_1.json", BEFORE["bwb_1.json"])
    if name != "migrate":
        with run("migrate") as migrate:
            migrate.invoke({})

    with run(name) as function:
        begun = time.monotonic()
        answer = function.invoke(one_event(name))
        print(f"{name}, cold: {time.monotonic() - begun:.2f} s")
        warm = function.invoke(one_event(name))

    all_wanted: dict[str, dict[str, Any]] = {
        "api": {"statusCode": 200},
        "ingest": {"batchItemFailures": []},
        "match": {"batchItemFailures": []},
        "migrate": {"revision": schema.head()},
        "sweep": {"files": 0, "behind": 0},
    }
    wanted = all_wanted[name]
    assert wanted.items() <= answer.items()
    assert wanted.keys() <= warm.keys()


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_misspelt_variable_is_an_error_that_names_it(name: str, run: Run) -> None:
    with run(name, EVENT_DEDUP_DATABSE_URL="postgresql://someone:hunter2@127.0.0.1:1/nothing") as function:
        answer = function.invoke(one_event(name))

        if name == "api":  # whoever asks over HTTP is told nothing; the log is
            assert answer["statusCode"] == 503
            assert "EVENT_DEDUP_DATABSE_URL" in function.log.read_text()
            assert "EVENT_DEDUP" not in json.dumps(answer)
        else:
            assert answer["errorType"] == "WrongSettings"
            assert "EVENT_DEDUP_DATABSE_URL" in answer["errorMessage"]
        assert "hunter2" not in json.dumps(answer)
        assert "hunter2" not in function.log.read_text()


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_function_that_hangs_is_ended_when_its_time_is_up(name: str, run: Run, world: World) -> None:
    world.put("bwb_1.json", BEFORE["bwb_1.json"])
    with socket.create_server(("127.0.0.1", 0)) as silent:
        nowhere = f"postgresql://a:b@127.0.0.1:{silent.getsockname()[1]}/c"
        with run(name, EVENT_DEDUP_DATABASE_URL=nowhere, AWS_LAMBDA_FUNCTION_TIMEOUT="3") as function:
            begun = time.monotonic()
            answer = function.invoke(one_event(name))

            assert "timed out" in str(answer)
            assert time.monotonic() - begun < 15


def test_it_migrates_as_part_of_a_deployment(run: Run, world: World, empty_database: str) -> None:
    bucket = {"Bucket": "results", "Key": "answer"}
    address = world.client("s3").generate_presigned_url("put_object", Params=bucket)
    request = {"RequestType": "Create", "ResponseURL": address, "LogicalResourceId": "Migration"}

    with run("migrate") as migrate:
        answer = migrate.invoke({**request, "StackId": "arn:stack", "RequestId": "1"})

    told = json.loads(world.client("s3").get_object(**bucket)["Body"].read())
    assert answer == {"revision": schema.head()}
    assert (told["Status"], told["PhysicalResourceId"]) == ("SUCCESS", "Migration")
    engine = build_engine(empty_database)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM generations")) == 1
    engine.dispose()
