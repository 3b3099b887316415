"""Routes of health: alive, and ready to serve."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Protocol

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router

from handlers import wiring
from handlers.answers import answered, problem
from handlers.declaring import declared, one
from handlers.failures import described
from infra.errors import SchemaNotReady

logger = Logger(service="api", child=True)
router = Router()


class ReadyStore(Protocol):
    """What readiness asks of the store."""

    def require_head(self) -> None:
        """Check the schema; raises SchemaNotReady."""


@router.get("/health", tags=["health"], **declared("anyone", one(status={"const": "alive"})))
def health() -> Response[str]:
    """Tell that the process is alive; asks nobody else."""
    return answered({"status": "alive"})


@router.get("/ready", tags=["health"], **declared("anyone", one(status={"const": "ready"}), 503))
def ready() -> Response[str]:
    """Tell whether the database can be reached and has the schema that this code needs."""
    reason = unready(wiring.for_api)
    if reason is None:
        return answered({"status": "ready"})
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, reason)


def unready(opened: Callable[[], ReadyStore]) -> str | None:
    """Say why requests can't be served now, or null. opened: gives the store. Whatever fails is an answer, never an exception."""
    try:
        opened().require_head()
    except SchemaNotReady as error:
        return str(error)
    except Exception as error:  # an outage of any kind is what is asked for here
        logger.warning("not_ready", extra=described(error))
        return "the database can't be reached"
    return None
