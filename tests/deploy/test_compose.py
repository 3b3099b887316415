import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.docker import deploy
from infra.settings import COMPOSE, PREFIX, Settings
from tests.deploy.tools import ROOT, emulator, tool
from tests.deploy.translating import resources, source

LAPTOP, DEV, PROD = "docker-compose.yml", "docker-compose.dev.yml", "docker-compose.prod.yml"
FILES = [LAPTOP, DEV, PROD]
RUN = [(LAPTOP,), (LAPTOP, DEV), (PROD,)]
"""The files as they are given to compose, with ``-f``."""
FUNCTIONS = {
    name.removesuffix("Function").lower(): function
    for name, function in resources("AWS::Lambda::Function").items()
}


def services(path: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / path).read_text())["services"]
    return found


def together(files: tuple[str, ...]) -> dict[str, Any]:
    """Lay files over each other as compose does: mappings key by key, lists one behind the other, all else from the last."""
    whole: dict[str, Any] = {}
    for path in files:
        whole = _laid_over(whole, yaml.safe_load((ROOT / path).read_text()))
    return whole


def _laid_over(below: Any, above: Any) -> Any:
    if isinstance(below, dict) and isinstance(above, dict):
        return {name: _laid_over(below.get(name), above.get(name)) for name in {**below, **above}}
    if isinstance(below, list) and isinstance(above, list):
        return below + above
    return below if above is None else above


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


@pytest.mark.parametrize("files", RUN)
def test_every_volume_and_every_dependency_is_there_and_can_be_waited_for(files: tuple[str, ...]) -> None:
    whole = together(files)

    for name, service in whole["services"].items():
        assert service.get("image") or service.get("build"), name
        named = [m.split(":")[0] for m in service.get("volumes", []) if not m.startswith((".", "/"))]
        assert set(named) <= set(whole.get("volumes", {})), name
        for other, how in service.get("depends_on", {}).items():
            target = whole["services"][other]
            if how["condition"] == "service_healthy":
                assert target["healthcheck"]["test"], f"{name} waits for {other}"
            else:
                assert target["restart"].startswith("on-failure"), f"{name} waits for the end of {other}"


@pytest.mark.parametrize("files", RUN)
def test_nothing_is_published_beyond_this_machine_and_no_port_twice(files: tuple[str, ...]) -> None:
    ports = [port for one in together(files)["services"].values() for port in one.get("ports", [])]
    own = [port.rsplit(":", 1)[0] for port in ports]

    assert ports
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []
    assert len(set(own)) == len(own)


@pytest.mark.parametrize("files", RUN)
def test_what_is_published_is_what_the_service_listens_on_and_is_asked_for_its_health(
    files: tuple[str, ...],
) -> None:
    for name, service in together(files)["services"].items():
        for port in service.get("ports", []):
            inside = port.rsplit(":", 1)[1]
            asked = re.findall(r"(?<![\d.])\d{2,5}(?![\d.])", " ".join(service["healthcheck"]["test"]))
            assert inside in asked, name


def test_each_port_inside_is_the_one_that_the_program_there_listens_on() -> None:
    published = {
        name: port.rsplit(":", 1)[1]
        for name, service in services(LAPTOP).items()
        for port in service.get("ports", [])
    }
    others = services(LAPTOP)["ingest"]["environment"]
    (rie,) = set(re.findall(rb"0\.0\.0\.0:(8\d{3})", emulator().read_bytes()))  # it has no --help

    assert published["api"] == rie.decode()
    assert (
        services(LAPTOP)["localstack"]["environment"]["EVENT_DEDUP_FUNCTION_ADDRESS"]
        == f"{{name}}:{rie.decode()}"
    )
    assert others["AWS_ENDPOINT_URL"] == f"http://localstack:{published['localstack']}"
    assert f"@postgres:{published['postgres']}/" in others["EVENT_DEDUP_DATABASE_URL"]
    assert services(LAPTOP)["pgadmin"]["environment"]["PGADMIN_LISTEN_PORT"] == published["pgadmin"]


@pytest.mark.parametrize("files", RUN)
def test_whatever_goes_on_begins_again_after_a_crash_and_tells_its_health(files: tuple[str, ...]) -> None:
    for name, service in together(files)["services"].items():
        ends = service["restart"] == "on-failure:3"
        assert ends or service["restart"] == "unless-stopped", name
        assert ends or service["healthcheck"]["test"], name


@pytest.mark.parametrize("files", RUN)
def test_no_function_serves_before_the_schema_is_migrated(files: tuple[str, ...]) -> None:
    (first,) = {"deploy", "migrate"} & {
        name for name, one in together(files)["services"].items() if one["restart"] == "on-failure:3"
    }

    for name, service in together(files)["services"].items():
        if "lambda_handler" in str(service.get("command")) and name != "migrate":
            assert service["depends_on"][first] == {"condition": "service_completed_successfully"}, name


def test_each_command_of_the_guides_names_files_that_are_there_and_reloads_where_they_are_mounted() -> None:
    guides = "".join(path.read_text() for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
    commands = re.findall(r"^docker compose .*?(?=  |\n|`)", guides, re.MULTILINE)

    named = {path for command in commands for path in re.findall(r"-f (\S+)", command)}
    assert named == set(FILES)
    assert [c for c in commands if DEV in c and " up" in c and not c.endswith("--watch")] == []
    assert {profile for c in commands for profile in re.findall(r"--profile (\w+)", c)} == {
        profile for service in services(LAPTOP).values() for profile in service.get("profiles", [])
    }


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
    assert deploy.STACK == "event-dedup-local"
    assert 'stack_name = "event-dedup-local"' in (ROOT / "samconfig.toml").read_text()


def test_the_keeper_deploys_what_is_gone_and_leaves_alone_what_is_being_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks = iter(["CREATE_COMPLETE", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE", "", "CREATE_IN_PROGRESS"])
    done: list[str] = []

    def state(_: str) -> str:
        done.append(next(looks))
        return done[-1]

    monkeypatch.setattr(deploy, "LOOK_S", 0)
    monkeypatch.setattr(deploy, "state", state)
    monkeypatch.setattr(deploy, "begin", lambda _: done.append("deployed"))

    with pytest.raises(StopIteration):  # else it looks for ever
        deploy.keep("http://127.0.0.1:1")

    assert done == [
        "CREATE_COMPLETE",
        "UPDATE_IN_PROGRESS",
        "UPDATE_COMPLETE",
        "",
        "deployed",
        "CREATE_IN_PROGRESS",
    ]


@pytest.mark.parametrize("files", RUN)
def test_an_image_is_built_by_one_service_which_all_others_of_it_wait_for(files: tuple[str, ...]) -> None:
    found = together(files)["services"]
    built = {name: one["image"] for name, one in found.items() if "build" in one}

    assert len(set(built.values())) == len(built)
    for builder, image in built.items():
        others = {name for name, one in found.items() if one["image"] == image} - {builder}
        assert [name for name in others if builder not in needed(found, name)] == []


def needed(found: dict[str, Any], name: str) -> set[str]:
    """List all that a service waits for, and what those wait for: an `up` of it alone builds them, too."""
    waits = set(found[name].get("depends_on", {}))
    return waits.union(*(needed(found, other) for other in waits))


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


def test_the_workflow_tries_each_version_of_postgresql_that_is_promised() -> None:
    promised = re.search(r"PostgreSQL (\d+) to (\d+)", (ROOT / "README.md").read_text())
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())

    tried = workflow["jobs"]["postgres"]["strategy"]["matrix"]["postgres"]

    assert promised
    assert tried == [str(version) for version in range(int(promised[1]), int(promised[2]) + 1)]
