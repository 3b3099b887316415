"""Deploy to the LocalStack of Docker Compose: the secret, the template, and in any case the schema.

`docker-compose.yml` starts the other functions when this has ended, so none of them serves before the schema is that of its code.

    python -m infra.docker.deploy            # once; ends with an error, and names the resource, where the template can't be deployed
    python -m infra.docker.deploy --keep     # goes on, and deploys again when LocalStack has begun anew: its free version keeps nothing
    python -m infra.docker.deploy --check    # ends with 1 where nothing is deployed

A second run changes what has changed and nothing else.
"""

import os
import sys
import time
from pathlib import Path
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

from infra.errors import NotDeployed
from infra.local.stack_deployment import client, deploy, invoke, parameters_of, put_secret

STACK: Final = "event-dedup-local"
"""Its name is part of the names of buckets and queues, which docker-compose.yml spells out."""

WHOLE: Final = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
"""The stack's states in which it is there."""

LOOK_S: Final = 3
"""Seconds between two looks whether the stack is still there."""


def main(arguments: list[str]) -> None:
    """Deploy what AWS_ENDPOINT_URL, EVENT_DEDUP_DATABASE_URL and IMAGE say."""
    endpoint = os.environ["AWS_ENDPOINT_URL"]
    match arguments:
        case ["--keep"]:
            keep(endpoint)
        case ["--check"]:
            sys.exit(state(endpoint) not in WHOLE)
        case _:
            begin(endpoint)


def begin(endpoint: str) -> None:
    """Deploy once.

    With an image of the same name CloudFormation sees no change, and would not migrate; so that is done here. The sweep, which wakes the matcher for
    what was left when LocalStack's queues went, is called and not waited for: its container starts after this.
    """
    secret = put_secret(endpoint, f"{STACK}/database", os.environ["EVENT_DEDUP_DATABASE_URL"])
    own = {"DatabaseSecretArn": secret, "ImageUri": os.environ["IMAGE"]}
    parameters = {**parameters_of("local", Path("samconfig.toml")), **own}
    done = deploy(endpoint, STACK, Path("template.yaml"), parameters, _say)
    _say(f"schema: {invoke(endpoint, done.functions['MigrateFunction'], {})['revision']}")
    client("lambda", endpoint).invoke(FunctionName=done.functions["SweepFunction"], InvocationType="Event")
    for name, value in sorted(done.outputs.items()):
        _say(f"{name}: {value}")


def keep(endpoint: str) -> None:
    """Look for ever whether the stack is there, and deploy it where it is not.

    A LocalStack that does not answer yet is asked again. One that is at work for `deploy` is left alone: it would let two change the stack at once.
    """
    while True:
        try:
            found = state(endpoint)
            if found not in WHOLE and not found.endswith("IN_PROGRESS"):
                begin(endpoint)
        except (NotDeployed, ClientError, BotoCoreError) as error:
            _say(f"not yet: {error}")
        time.sleep(LOOK_S)


def state(endpoint: str) -> str:
    """Give the stack's state, or nothing where there is no stack."""
    try:
        found = client("cloudformation", endpoint).describe_stacks(StackName=STACK)["Stacks"][0]
    except ClientError:
        return ""
    return str(found["StackStatus"])


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
