"""Deploy to the LocalStack of Docker Compose, once: the secret, then the template, which migrates the schema.

A second run changes what has changed and nothing else. It ends with an error, and names the resource, where the template can't be deployed.
"""

import os
import sys
from pathlib import Path
from typing import Final

from infra.local.stack_deployment import deploy, put_secret

STACK: Final = "event-dedup-local"
"""Its name is part of the names of buckets and queues, which docker-compose.yml spells out."""


def main() -> None:
    """Deploy what AWS_ENDPOINT_URL, EVENT_DEDUP_DATABASE_URL and IMAGE say."""
    endpoint = os.environ["AWS_ENDPOINT_URL"]
    secret = put_secret(endpoint, f"{STACK}/database", os.environ["EVENT_DEDUP_DATABASE_URL"])
    parameters = {"Environment": "local", "DatabaseSecretArn": secret, "ImageUri": os.environ["IMAGE"]}
    deployed = deploy(endpoint, STACK, Path("template.yaml"), parameters, _say)
    for name, value in sorted(deployed.outputs.items()):
        _say(f"{name}: {value}")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    main()
