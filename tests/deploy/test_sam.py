"""samconfig.toml, `sam local invoke` and `sam build`, by SAM's own code; tests/deploy/test_compose_chain.py runs the functions with what comes of it."""

import json
import re
from typing import Any

import pytest
import yaml

from infra.local.stack import NAME
from infra.local.stack_deployment import parameters_of
from infra.settings import COMPOSE
from tests.deploy.conftest import COMMANDS
from tests.deploy.sam import configuration, sam
from tests.deploy.tools import ROOT
from tests.deploy.translating import source

COMPOSED: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
OVERRIDES: dict[str, str] = json.loads((ROOT / "infra/events/environment.json").read_text())["Parameters"]
GUIDE = (ROOT / "docs" / "DEPLOY.md").read_text()
PINNED = "public.ecr.aws/lambda/python:3.13@sha256:" + "a" * 64


# --- sam local invoke -----------------------------------------------------------------------------------------------------------


def test_environment_json_names_only_variables_of_the_template_as_sam_drops_all_others() -> None:
    declared = {variable for name in COMMANDS for variable in sam(name).declared}

    assert set(OVERRIDES) <= declared


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_each_address_of_its_container_is_the_one_of_compose(name: str) -> None:
    own = {
        k: v
        for k, v in sam(name).variables.items()
        if k.startswith("EVENT_DEDUP_") or k == "AWS_ENDPOINT_URL"
    }
    composed = COMPOSED["services"][name]["environment"]
    logical = set(source()["Resources"]) | set(source()["Parameters"])

    assert {variable for variable, value in own.items() if value in logical} == set()
    addresses = [variable for variable in own if variable.endswith(("_URL", "_BUCKET")) and own[variable]]
    assert "AWS_ENDPOINT_URL" in addresses
    assert {v: own[v] for v in addresses} == {v: composed[v] for v in addresses}
    assert sam(name).variables["AWS_REGION"] == composed["AWS_REGION"]
    assert own["EVENT_DEDUP_DATABASE_SECRET_ARN"].endswith(f":secret:{NAME}/database")


def test_its_containers_are_on_compose_s_network() -> None:
    assert (
        configuration()["default"]["local_invoke"]["parameters"]["docker_network"]
        == f"{COMPOSED['name']}_default"
    )


def test_the_event_of_a_file_names_a_sample_in_compose_s_bucket_which_the_guide_puts_there() -> None:
    event = json.loads((ROOT / "infra/events/ingest.json").read_text())
    (record,) = json.loads(event["Records"][0]["body"])["Records"]
    bucket, key = record["s3"]["bucket"]["name"], record["s3"]["object"]["key"]

    assert bucket == COMPOSED["services"]["ingest"]["environment"]["EVENT_DEDUP_UPLOADS_BUCKET"]
    assert (ROOT / "samples" / "breisgau" / key).is_file()
    assert f"s3 cp samples/breisgau/{key} s3://{bucket}/" in GUIDE


# --- sam build ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_what_an_image_is_built_on_is_a_parameter_and_may_be_a_digest(name: str) -> None:
    (default,) = re.findall(r"^ARG BASE=(\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)

    assert sam(name).arguments == {"BASE": default}
    assert sam(name, BaseImage=PINNED).arguments == {"BASE": PINNED}
    assert re.fullmatch(source()["Parameters"]["BaseImage"]["AllowedPattern"], PINNED)
    assert COMPOSE["BASE_IMAGE"][0] == default
    assert "sam build --parameter-overrides BaseImage=" in GUIDE


# --- sam deploy -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["dev", "staging", "prod"])
def test_an_environment_is_whole_but_for_what_belongs_to_an_account_which_the_guide_adds(name: str) -> None:
    environment = configuration()[name]
    deploy = environment["deploy"]["parameters"]
    given = dict(one.split("=", 1) for one in deploy["parameter_overrides"])
    asked = {name for name, one in source()["Parameters"].items() if "Default" not in one}

    assert environment["global"]["parameters"]["stack_name"] == f"event-dedup-{name}"
    assert environment["global"]["parameters"]["region"]
    assert "CAPABILITY_IAM" in deploy["capabilities"]
    assert "CAPABILITY_AUTO_EXPAND" in deploy["capabilities"]  # the nested stack
    assert deploy["resolve_s3"]
    assert asked - set(given) == {"DatabaseSecretArn"}
    # --parameter-overrides replaces those of the file, so a command has to repeat them.
    commands = re.findall(rf"sam deploy[^\n]* --config-env {name} .*?(?=\n *```|\n *sam )", GUIDE, re.DOTALL)
    assert commands
    for command in commands:
        assert '--image-repository "$REPOSITORY"' in command
        assert 'DatabaseSecretArn="$SECRET"' in command
        assert [one for one in deploy["parameter_overrides"] if one not in command] == []


def test_the_local_environment_is_what_is_deployed_to_localstack() -> None:
    local = configuration()["local"]["deploy"]["parameters"]

    assert local["stack_name"] == NAME
    assert parameters_of("local", ROOT / "samconfig.toml") == {
        "Environment": "local",
        "LogRetentionDays": "1",
    }
    assert "./samconfig.toml:/var/task/samconfig.toml:ro" in COMPOSED["services"]["deploy"]["volumes"]
    assert "--config-env local" not in GUIDE
