"""Migrate: bring the database's schema to what this code needs. The deployment calls it before the new code serves."""

from typing import Any, Protocol

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from handlers import wiring

logger = Logger(service="migrate")


class MigratedStore(Protocol):
    """What migrate asks of the store."""

    def upgrade(self) -> str:
        """Bring the schema to head; returns its revision."""


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, str]:
    """Migrate, and answer with the revision."""
    revision = migrate(store=wiring.for_migrate())
    logger.info("migrated", extra={"revision": revision})
    return {"revision": revision}


def migrate(*, store: MigratedStore) -> str:
    """Bring the schema to head; returns its revision.

    A second run changes nothing; two at once wait for each other. A crash leaves the old schema: everything is one transaction.
    """
    return store.upgrade()
