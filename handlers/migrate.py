"""Migrate: bring the database's schema to what this code needs.

The deployment calls it, as a custom resource on which the other functions depend: they get the new code when it has succeeded, and keep
the old one when it has failed. Until then the old code serves on the new schema; so a migration only adds, and a later one takes away.
"""

from typing import Any, Protocol

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from handlers import wiring
from handlers.admitting import admit, is_order
from handlers.failures import described
from infra import cloudformation

logger = Logger(service="migrate")


class MigratedStore(Protocol):
    """What migrate asks of the store."""

    def upgrade(self) -> str:
        """Bring the schema to head; returns its revision."""


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Migrate, and answer with the revision: to who invoked it and, if it is a deployment, to CloudFormation. Or carry out an order about keys."""
    if is_order(event):
        return admit(event, store=wiring.for_migrate(), invocation=f"invocation {context.aws_request_id}")
    if not cloudformation.is_request(event):
        return {"revision": _migrate()}
    try:
        # Who deletes the stack keeps the database, and the retained buckets.
        revision = None if event["RequestType"] == "Delete" else _migrate()
    except Exception as error:
        facts = described(error)
        logger.error("migration_failed", extra={"errors": 1, **facts})
        cloudformation.answer(event, failure=f"{facts['error']} {facts['sqlstate']}: see the function's log")
        raise
    cloudformation.answer(event)
    return {"revision": revision}


def _migrate() -> str:
    revision = migrate(store=wiring.for_migrate())
    logger.info("migrated", extra={"revision": revision})
    return revision


def migrate(*, store: MigratedStore) -> str:
    """Bring the schema to head; returns its revision.

    A second run changes nothing; two at once wait for each other. A crash leaves the old schema: everything is one transaction.
    """
    return store.upgrade()
