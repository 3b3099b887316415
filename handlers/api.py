"""API: what other programs ask over HTTP. So far whether it is alive, and whether it is ready to serve.

Who may call is decided before it, by the gateway's authoriser.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final, Protocol

import orjson
from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.utilities.typing import LambdaContext

from handlers import wiring
from handlers.failures import described
from infra.errors import SchemaNotReady

logger = Logger(service="api")
app = APIGatewayHttpResolver()

PROBLEM: Final = "application/problem+json"


class ReadyStore(Protocol):
    """What readiness asks of the store."""

    def require_head(self) -> None:
        """Check the schema; raises SchemaNotReady."""


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer a request of the HTTP API."""
    return app.resolve(event, context)


@app.get("/health")
def health() -> dict[str, str]:
    """Tell that the process is alive; asks nobody else."""
    return {"status": "alive"}


@app.get("/ready")
def ready() -> Response[str]:
    """Tell whether the database can be reached and has the schema that this code needs."""
    reason = unready(wiring.for_api)
    if reason is None:
        return _json(HTTPStatus.OK, {"status": "ready"})
    return _problem(HTTPStatus.SERVICE_UNAVAILABLE, reason)


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


@app.not_found
def not_found(error: NotFoundError) -> Response[str]:
    """Answer for a path that there is not."""
    return _problem(HTTPStatus.NOT_FOUND, "there is nothing at this path")


@app.exception_handler(Exception)  # type: ignore[untyped-decorator]
def failed(error: Exception) -> Response[str]:
    """Answer for a fault of ours: with no word of what it was, which the log has."""
    logger.error("request_failed", extra={"errors": 1, **described(error)})
    return _problem(HTTPStatus.INTERNAL_SERVER_ERROR, "a fault of ours; it is written down")


def _problem(status: HTTPStatus, detail: str) -> Response[str]:
    body = {"type": "about:blank", "title": status.phrase, "status": int(status), "detail": detail}
    return _json(status, body, content_type=PROBLEM)


def _json(status: HTTPStatus, body: object, *, content_type: str = "application/json") -> Response[str]:
    return Response(status_code=int(status), content_type=content_type, body=orjson.dumps(body).decode())
