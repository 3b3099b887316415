"""The deployment of `template.yaml` to LocalStack, by CloudFormation as on AWS.

What may go wrong: a resource that can't be created (named with its reason; the stack is removed, so that the next try begins anew),
one that can't be changed (LocalStack calls that complete, and at the next try finds nothing to do: both are errors here),
reserved concurrency, which CloudFormation drops there without a word (applied afterwards, and looked at).
"""

import re
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import boto3
import orjson
import yaml
from botocore.config import Config
from botocore.exceptions import ClientError

from infra.errors import NotDeployed

REGION: Final = "eu-central-1"
DEPLOY_S: Final = 240
"""Seconds for a deployment; it takes about ten."""

BEGINNINGS: Final = ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS")
"""A stack's states with which a deployment begins."""

LONGEST_TEMPLATE: Final = 51_200
"""Bytes that CloudFormation takes in a call; longer ones it reads from a bucket."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """What was deployed. outputs: of the template; functions: logical id -> name; reserved: name -> concurrency."""

    outputs: dict[str, str] = field(default_factory=dict)
    functions: dict[str, str] = field(default_factory=dict)
    reserved: dict[str, int] = field(default_factory=dict)


def client(service: str, endpoint: str) -> Any:
    """Build a client for LocalStack; it takes any credentials, so the user's own are kept out of it."""
    return boto3.client(
        service,  # type: ignore[call-overload]
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106 - LocalStack wants one, and looks at none
        config=Config(connect_timeout=5, read_timeout=120, retries={"mode": "standard"}),
    )


def deploy(
    endpoint: str, stack: str, template: Path, parameters: Mapping[str, str], say: Callable[[str], None]
) -> Deployed:
    """Bring a stack to what the template and the parameters say; again changes nothing.

    parameters: those that the template does not know are an error, as on AWS.

    Raises:
        NotDeployed: a resource could not be created or changed.
    """
    cloudformation = client("cloudformation", endpoint)
    if _begin(cloudformation, endpoint, stack, template, parameters):
        _await(cloudformation, stack, say)
    elif failures := list(_failures(cloudformation, stack)):
        reasons = "\n".join(failures)
        raise NotDeployed(
            f"{stack}: rolled back before, and LocalStack tries it only when it is started anew\n{reasons}"
        )
    functions = dict(_functions(cloudformation, stack))
    reserved = _reserve(client("lambda", endpoint), functions, reserved_concurrency(template))
    described = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    outputs = {item["OutputKey"]: _reachable(item["OutputValue"]) for item in described.get("Outputs", [])}
    return Deployed(outputs, functions, reserved)


def _reachable(value: str) -> str:
    """Mend a function's URL: LocalStack puts an id before its own address, which browsers and curl look up before ``localhost`` only."""
    return re.sub(r"(\.lambda-url\.[a-z0-9-]+)\.[^:/]+", r"\1.localhost", value)


def put_secret(endpoint: str, name: str, value: str) -> str:
    """Keep a secret, in place of the one that was there; gives its ARN."""
    secrets = client("secretsmanager", endpoint)
    try:
        return str(secrets.create_secret(Name=name, SecretString=value)["ARN"])
    except secrets.exceptions.ResourceExistsException:
        return str(secrets.put_secret_value(SecretId=name, SecretString=value)["ARN"])


def parameters_of(environment: str, samconfig: Path) -> dict[str, str]:
    """Read the parameters of an environment. samconfig: the file that SAM reads, too; environment: ``local``."""
    table = tomllib.loads(samconfig.read_text(encoding="utf-8"))[environment]["deploy"]["parameters"]
    return dict(one.split("=", 1) for one in table["parameter_overrides"])


def _begin(
    cloudformation: Any, endpoint: str, stack: str, template: Path, parameters: Mapping[str, str]
) -> bool:
    """Ask for the deployment; false if there is nothing to do."""
    order = {
        "StackName": stack,
        **_body(endpoint, template),
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
    }
    try:
        if not _exists(cloudformation, stack):
            cloudformation.create_stack(**order)
        else:
            cloudformation.update_stack(**order)
    except ClientError as error:
        reason = error.response.get("Error", {}).get("Message", str(error))
        if "No updates are to be performed" in reason:  # CloudFormation has no code of its own for this
            return False
        raise NotDeployed(f"{template} can't be deployed: {reason}") from error
    return True


def _body(endpoint: str, template: Path) -> dict[str, str]:
    text = template.read_text(encoding="utf-8")
    if len(text.encode()) <= LONGEST_TEMPLATE:
        return {"TemplateBody": text}
    s3, bucket = client("s3", endpoint), "event-dedup-templates"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket=bucket, Key=template.name, Body=text.encode())
    return {"TemplateURL": f"{endpoint}/{bucket}/{template.name}"}


def _exists(cloudformation: Any, stack: str) -> bool:
    """Tell whether a stack can be updated; one whose creation failed is removed."""
    try:
        status = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
    except ClientError:
        return False
    if status in ("DELETE_COMPLETE", "CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED"):
        cloudformation.delete_stack(StackName=stack)
        return False
    return True


def _await(cloudformation: Any, stack: str, say: Callable[[str], None]) -> None:
    until = time.monotonic() + DEPLOY_S
    while True:
        described = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
        status = described["StackStatus"]
        if status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            # LocalStack calls an update complete that it has rolled back.
            if failures := list(_failures(cloudformation, stack)):
                raise NotDeployed(f"{stack}: rolled back\n" + "\n".join(failures))
            say(f"{stack}: {status.lower().replace('_', ' ')}")
            return
        if not status.endswith("IN_PROGRESS"):
            raise NotDeployed(f"{stack}: {status}\n" + "\n".join(_failures(cloudformation, stack)))
        if time.monotonic() > until:
            raise NotDeployed(f"{stack}: still {status} after {DEPLOY_S} s")
        time.sleep(0.2)


def _failures(cloudformation: Any, stack: str) -> Iterator[str]:
    """Name what failed since the stack was last begun to be created or changed, the first one first."""
    events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]  # the newest first
    begun = next((n for n, event in enumerate(events) if _begins(event, stack)), len(events))
    for event in reversed(events[:begun]):
        if event["ResourceStatus"].endswith("FAILED") and event["LogicalResourceId"] != stack:
            yield f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', 'no reason given')}"


def _begins(event: Mapping[str, Any], stack: str) -> bool:
    return event["LogicalResourceId"] == stack and event["ResourceStatus"] in BEGINNINGS


def _functions(cloudformation: Any, stack: str) -> Iterator[tuple[str, str]]:
    for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack):
        for item in page["StackResourceSummaries"]:
            if item["ResourceType"] == "AWS::Lambda::Function":
                yield item["LogicalResourceId"], item["PhysicalResourceId"]


def _reserve(functions: Any, names: Mapping[str, str], wanted: Mapping[str, int]) -> dict[str, int]:
    reserved = {}
    for logical, number in wanted.items():
        name = names[logical]
        functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=number)
        found = functions.get_function_concurrency(FunctionName=name).get("ReservedConcurrentExecutions")
        if found != number:
            raise NotDeployed(f"{name}: reserved concurrency is {found}, and not {number}")
        reserved[name] = number
    return reserved


def reserved_concurrency(template: Path) -> dict[str, int]:
    """Read what the template reserves: logical id of a function -> concurrency. Of a condition, the branch that reserves."""
    resources = yaml.load(template.read_text(encoding="utf-8"), _Plain)["Resources"]  # noqa: S506 - a safe loader
    found = {
        name: _number(resource.get("Properties", {}).get("ReservedConcurrentExecutions"))
        for name, resource in resources.items()
    }
    return {name: number for name, number in found.items() if number is not None}


def _number(value: object) -> int | None:
    if isinstance(value, list):
        return next((number for item in value if (number := _number(item)) is not None), None)
    return value if isinstance(value, int) else None


class _Plain(yaml.SafeLoader):
    """Reads CloudFormation's short forms (``!Ref``, ``!If`` …) as what stands behind them."""


def _behind(loader: yaml.SafeLoader, _tag: str, node: yaml.Node) -> Any:
    match node:
        case yaml.MappingNode():
            return loader.construct_mapping(node, deep=True)
        case yaml.SequenceNode():
            return loader.construct_sequence(node, deep=True)
        case yaml.ScalarNode():
            return loader.construct_scalar(node)
        case _:
            raise TypeError(f"a node of YAML that is none: {node}")


_Plain.add_multi_constructor("!", _behind)


def invoke(endpoint: str, function: str, event: Mapping[str, Any]) -> Any:
    """Call a function and give its answer.

    Raises:
        NotDeployed: it failed; the message is its own.
    """
    answer = client("lambda", endpoint).invoke(FunctionName=function, Payload=orjson.dumps(event))
    document = orjson.loads(answer["Payload"].read() or b"null")
    if "FunctionError" in answer:
        raise NotDeployed(f"{function}: {document.get('errorType')}: {document.get('errorMessage')}")
    return document
