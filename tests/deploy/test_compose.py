import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.settings import COMPOSE, PREFIX, Settings
from tests.deploy.tools import ROOT, tool
from tests.deploy.translating import resources, source

FILES = ["docker-compose.yml", "docker-compose.dev.yml", "docker-compose.prod.yml"]
ALONE = ["docker-compose.yml", "docker-compose.prod.yml"]
FUNCTIONS = {
    name.removesuffix("Function").lower(): function
    for name, function in resources("AWS::Lambda::Function").items()
}


def services(path: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / path).read_text())["services"]
    return found


def functions(path: str) -> dict[str, Any]:
    return {name: one for name, one in services(path).items() if "lambda_handler" in str(one.get("command"))}


def test_the_files_follow_the_specification() -> None:
    found = tool("check-jsonschema", "--builtin-schema", "vendor.compose-spec", *FILES)

    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize("path", FILES)
def test_every_variable_is_documented_with_the_default_it_has(path: str) -> None:
    text = (ROOT / path).read_text()
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} | set(COMPOSE)

    used = re.findall(r"\$\{(\w+)(?::-([^}]*))?", text)

    assert {name for name, _ in used} <= known
    assert {(n, d) for n, d in used if d and n in COMPOSE} <= {(n, d) for n, (d, _) in COMPOSE.items()}


def test_every_documented_variable_is_read_by_a_compose_file() -> None:
    texts = "".join((ROOT / path).read_text() for path in FILES)

    assert [name for name in COMPOSE if f"${{{name}" not in texts] == []


@pytest.mark.parametrize("path", FILES)
def test_every_path_exists(path: str) -> None:
    for name, service in services(path).items():
        build = service.get("build")
        if isinstance(build, dict):
            context = ROOT / build["context"]
            assert (context / build.get("dockerfile", "Dockerfile")).resolve().is_file(), name
        mounts = [mount.split(":")[0] for mount in service.get("volumes", [])]
        watched = [watch["path"] for watch in service.get("develop", {}).get("watch", [])]
        for one in mounts + watched:
            assert not one.startswith(".") or (ROOT / one).exists(), f"{name}: {one}"


@pytest.mark.parametrize("path", ALONE)
def test_every_volume_and_every_dependency_is_there_and_can_be_waited_for(path: str) -> None:
    whole = yaml.safe_load((ROOT / path).read_text())

    for name, service in whole["services"].items():
        named = [m.split(":")[0] for m in service.get("volumes", []) if not m.startswith((".", "/"))]
        assert set(named) <= set(whole.get("volumes", {})), name
        for other, how in service.get("depends_on", {}).items():
            target = whole["services"][other]
            if how["condition"] == "service_healthy":
                assert target["healthcheck"]["test"], f"{name} waits for {other}"
            else:
                assert target["restart"].startswith("on-failure"), f"{name} waits for the end of {other}"


@pytest.mark.parametrize("path", FILES)
def test_nothing_is_published_beyond_this_machine_and_no_port_twice(path: str) -> None:
    ports = [port for service in services(path).values() for port in service.get("ports", [])]
    own = [port.rsplit(":", 1)[0] for port in ports]

    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []
    assert len(set(own)) == len(own)


@pytest.mark.parametrize("path", ALONE)
def test_whatever_goes_on_begins_again_after_a_crash_and_tells_its_health(path: str) -> None:
    for name, service in services(path).items():
        assert service["restart"] in ("unless-stopped", "on-failure:3"), name
        assert "healthcheck" in service or name in ("deploy", "pgadmin"), name


def test_each_function_is_a_service_by_the_name_that_localstack_looks_for() -> None:
    found = functions("docker-compose.yml")

    assert set(found) == set(FUNCTIONS)
    for name, service in found.items():
        assert service["command"] == FUNCTIONS[name]["ImageConfig"]["Command"]
        assert service["command"][0].split(".")[-2] == name


def test_each_function_has_the_limits_and_the_variables_of_the_template() -> None:
    parameters = {name: str(one.get("Default", "")) for name, one in source()["Parameters"].items()}

    for name, service in functions("docker-compose.yml").items():
        template, given = FUNCTIONS[name], service["environment"]
        memory = template["MemorySize"]
        memory = parameters[memory["Ref"]] if isinstance(memory, dict) else str(memory)
        assert given["AWS_LAMBDA_FUNCTION_TIMEOUT"] == str(template["Timeout"])
        assert given["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == memory
        # The database's address stands in place of its secret's.
        wanted = set(template["Environment"]["Variables"]) - {"EVENT_DEDUP_DATABASE_SECRET_ARN"}
        assert wanted <= set(given), name
        assert {n for n in given if n.startswith(PREFIX)} <= {
            f"{PREFIX}{f.upper()}" for f in Settings.model_fields
        }


def test_buckets_and_queues_are_called_as_the_template_calls_them() -> None:
    environment = functions("docker-compose.yml")["sweep"]["environment"]
    place = {
        "${AWS::StackName}": "event-dedup-local",
        "${AWS::AccountId}": "0" * 12,
        "${AWS::Region}": "eu-central-1",
    }

    def named(kind: str, resource: str, field: str) -> str:
        name = str(resources(kind)[resource][field]["Fn::Sub"])
        for variable, value in place.items():
            name = name.replace(variable, value)
        return name

    for variable, resource in (("UPLOADS", "UploadsBucket"), ("RESULTS", "ResultsBucket")):
        assert environment[f"EVENT_DEDUP_{variable}_BUCKET"] == named(
            "AWS::S3::Bucket", resource, "BucketName"
        )
    for variable, resource in (("UPLOAD", "UploadQueue"), ("MATCH", "MatchQueue")):
        url = environment[f"EVENT_DEDUP_{variable}_QUEUE_URL"]
        assert url.rsplit("/", 1)[1] == named("AWS::SQS::Queue", resource, "QueueName")
        assert url.startswith("http://localstack:4566/000000000000/")


def test_the_stack_s_name_is_one_and_the_same() -> None:
    deploy = (ROOT / "infra/docker/deploy.py").read_text()

    assert 'STACK: Final = "event-dedup-local"' in deploy
    assert 'stack_name = "event-dedup-local"' in (ROOT / "samconfig.toml").read_text()


def test_production_has_no_emulation_and_no_rights_and_writes_nowhere() -> None:
    text = (ROOT / "docker-compose.prod.yml").read_text()

    assert "AWS_ENDPOINT_URL" not in text
    for name, service in services("docker-compose.prod.yml").items():
        assert "localstack" not in str(service), name
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["mem_limit"], name
        assert "build" not in service, name


def test_no_image_is_the_latest_of_something() -> None:
    for path in FILES:
        for name, service in services(path).items():
            image = service.get("image", "")
            assert ":latest" not in image, name
            assert not image or ":" in image, name


def test_development_mounts_what_the_image_copies() -> None:
    copied = set(re.findall(r"^COPY (\w+) /build/code", (ROOT / "Dockerfile").read_text(), re.MULTILINE))

    for name, service in services("docker-compose.dev.yml").items():
        mounted = {Path(mount.split(":")[0]).name for mount in service["volumes"]}
        assert mounted == copied, name
    assert set(services("docker-compose.dev.yml")) == set(functions("docker-compose.yml"))


def test_the_workflow_is_one_and_calls_what_there_is() -> None:
    path = ".github/workflows/ci.yml"

    found = tool("check-jsonschema", "--builtin-schema", "vendor.github-workflows", path)

    assert found.returncode == 0, found.stdout
    commands = (ROOT / path).read_text()
    makefile = (ROOT / "Makefile").read_text()
    assert all(f"\n{target}:" in makefile for target in re.findall(r"- run: make (\w+)", commands))
    bucket = functions("docker-compose.yml")["sweep"]["environment"]["EVENT_DEDUP_UPLOADS_BUCKET"]
    assert f"s3://{bucket}/" in commands
