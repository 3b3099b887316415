"""API: what other programs ask over HTTP. Its routes stand in `handlers.routes`; here they become one app, for Lambda or for `serve`.

Faults of a request are told as problem+json (RFC 9457); a fault of ours is told as one, too, and what it was stands in the log.
"""

import sys
from collections.abc import Iterable
from functools import cache
from http import HTTPStatus
from math import ceil
from typing import TYPE_CHECKING, Any, Final, TypeVar

import orjson
from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.api_gateway import ApiGatewayResolver, Route, Router
from aws_lambda_powertools.event_handler.exceptions import NotFoundError, ServiceError
from aws_lambda_powertools.event_handler.middlewares import NextMiddleware
from aws_lambda_powertools.event_handler.middlewares.openapi_validation import (
    OpenAPIRequestValidationMiddleware,
)
from aws_lambda_powertools.event_handler.openapi.exceptions import (
    RequestValidationError,
)
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from handlers import portions
from handlers.access import Limit, guarding
from handlers.answers import JSON, problem
from handlers.declaring import OF_BODIES, described_answer
from handlers.failures import described
from handlers.filters import EventFilter
from handlers.routes import events, feeds, files, health, page, policy, runs, verdicts
from infra.errors import DecidersBusy
from infra.store.deciding import WAIT_S

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler.openapi.models import SecurityScheme

logger = Logger(service="api")

ROUTERS: Final[tuple[Router, ...]] = (
    health.router,
    events.router,
    verdicts.router,
    feeds.router,
    files.router,
    runs.router,
    policy.router,
    page.router,
)
"""Everything that is served."""

FILTERS: Final = (EventFilter, verdicts.VerdictFilter)
"""Models whose fields are parameters."""

HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""What any answer says to a browser. There is no header of CORS: pages of other hosts are refused."""

MOST_BYTES: Final = 6_200_000
"""Of an answer as Lambda counts it: 6 MiB less room for its headers."""

MOST_NESTED: Final = 50
"""Lists and objects inside of each other in a body; a policy, the deepest of ours, has 5."""

Resolver = TypeVar("Resolver", bound=ApiGatewayResolver)


def routed(resolver: Resolver, limit: Limit | None = None) -> Resolver:
    """Give a resolver all routes: first who may, then whether what was sent is right, then the route. limit: see `guarding`."""
    resolver.use([guarding(limit), only_declared, only_json, OpenAPIRequestValidationMiddleware()])
    for router in ROUTERS:
        resolver.include_router(router)
    for fault, answer in FAULTS.items():
        resolver.exception_handler(fault)(answer)
    return resolver


def only_declared(app: ApiGatewayResolver, next_middleware: NextMiddleware) -> Response[Any]:
    """Refuse parameters that a route does not declare: a filter that is misspelt would otherwise mean everything. Pages read their own."""
    route = app.context["_route"]
    asked = app.request.resolved_event.resolved_query_string_parameters
    unknown = sorted(asked.keys() - parameters_of(route)) if asked and route.include_in_schema else []
    if not unknown:
        return next_middleware(app)
    known = ", ".join(sorted(parameters_of(route))) or "none"
    reason = f"there is no such parameter; known here: {known}"
    wrong = [{"parameter": name[:MOST_NAMED], "reason": reason} for name in unknown]
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "what was sent is wrong", errors=wrong)


MOST_NAMED: Final = 100
"""Characters of a name that is repeated to who sent it."""


@cache
def parameters_of(route: Route) -> frozenset[str]:
    """Name the parameters that may stand in a route's address; of a model, its fields."""
    names: set[str] = set()
    for each in route.dependant.query_params:
        model = each.type_
        whole = isinstance(model, type) and issubclass(model, BaseModel)
        names |= set(model.model_fields) if whole else {each.alias}
    return frozenset(names)


def only_json(app: ApiGatewayResolver, next_middleware: NextMiddleware) -> Response[Any]:
    """Refuse other content where a route takes a body: Powertools would try to read forms, and stumble over broken ones."""
    sent = app.request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if app.context["_route"].dependant.body_params and sent not in ("", JSON):
        return problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"send {JSON}")
    if app.context["_route"].dependant.body_params and not _readable(app.current_event):
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "the body is no JSON that can be read")
    return next_middleware(app)


def _readable(event: Any) -> bool:
    """Read a body as strictly as JSON is meant, and then as Powertools does: each stumbles over what the other takes."""
    try:
        if not event.decoded_body:
            return True
        level = [orjson.loads(event.decoded_body)]
        for _ in range(MOST_NESTED):
            level = [child for parent in level for child in _children(parent)]
        if not level:
            event.json_body  # noqa: B018 - it is read here, and kept
        return not level
    except ValueError:
        return False


def _children(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def wrong_request(error: RequestValidationError) -> Response[str]:
    """Answer for parameters that are wrong: names each, and never repeats what was sent."""
    wrong = [
        {"parameter": ".".join(map(str, _place(fault["loc"]))), "reason": fault["msg"]}
        for fault in error.errors()
    ]
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "what was sent is wrong", errors=wrong)


def _place(loc: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """Say where a fault stands as its sender wrote it: a parameter by its name, without our own name of the model that it is read into."""
    return loc[-1:] if loc[0] in ("query", "path", "header", "cookie") else loc


def not_found(error: NotFoundError) -> Response[str]:
    """Answer for a path that there is not."""
    return problem(HTTPStatus.NOT_FOUND, "there is nothing at this path")


def refused(error: ServiceError) -> Response[str]:
    """Answer for what a route refused by Powertools' own errors."""
    return problem(HTTPStatus(error.status_code), str(error.msg))


def others_decide(error: DecidersBusy) -> Response[str]:
    """Answer for a decision that others keep from being made."""
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error), headers={"Retry-After": str(ceil(WAIT_S))})


def failed(error: Exception) -> Response[str]:
    """Answer for a fault of ours: with no word of what it was, which the log has."""
    logger.error("request_failed", extra={"errors": 1, **described(error)})
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "a fault of ours; it is written down")


FAULTS: Final[dict[type[Exception], Any]] = {
    RequestValidationError: wrong_request,
    NotFoundError: not_found,
    ServiceError: refused,
    DecidersBusy: others_decide,
    Exception: failed,
}

app = routed(APIGatewayHttpResolver())


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer a request of the HTTP API."""
    http = event.get("requestContext", {}).get("http", {})
    if http.get("method") == "HEAD":  # is GET, of which the gateway leaves the body out
        event = {**event, "requestContext": {**event["requestContext"], "http": {**http, "method": "GET"}}}
    return hardened(sendable(app.resolve(event, context)))


def sendable(answer: dict[str, Any]) -> dict[str, Any]:
    """Refuse in our own words what the gateway would refuse without any: an answer that is larger than a function's may be."""
    body = answer.get("body") or ""
    if portions.MOST_A_CHARACTER * 2 * len(body) <= MOST_BYTES or portions.weight_of(body) <= MOST_BYTES:
        return answer
    told = problem(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "more than one answer can hold: ask for fewer at once"
    )
    return {
        "statusCode": told.status_code,
        "headers": {"Content-Type": told.content_type, **told.headers},
        "body": told.body,
        "isBase64Encoded": False,
    }


def hardened(answer: dict[str, Any]) -> dict[str, Any]:
    """Add what browsers are to be told, where a route did not say otherwise."""
    answer["headers"] = {**HEADERS, **answer["headers"]}
    return answer


def security_schemes() -> dict[str, "SecurityScheme"]:
    """Tell how a caller may show who he is. The models of OpenAPI take a twentieth of the start, and only its document needs them."""
    from aws_lambda_powertools.event_handler.openapi.models import APIKey, APIKeyIn, HTTPBearer  # noqa: PLC0415

    feeds_key = "A reader's key, for feeds: calendar programs send no headers."
    return {
        "key": APIKey(name="X-Api-Key", in_=APIKeyIn.header, description="A key of `event-dedup keys add`."),
        "key_in_address": APIKey(name="key", in_=APIKeyIn.query, description=feeds_key),
        "bearer": HTTPBearer(description="A key, or where the gateway asks for it, a token of its issuer."),
    }


def document() -> str:
    """Write the OpenAPI 3.1 document of this API; docs/openapi.json is a copy, and a test keeps it current."""
    written = app.get_openapi_json_schema(
        title="event-dedup",
        version="1",
        description="Canonical events, and what became of them.",
        security_schemes=security_schemes(),
    )
    described_in_full = orjson.loads(written)
    for path in described_in_full["paths"].values():
        for operation in path.values():
            _describe_filters(operation)
            if "requestBody" in operation:
                operation["responses"] |= {str(status): described_answer(status) for status in OF_BODIES}
    return orjson.dumps(described_in_full, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode() + "\n"


def _describe_filters(operation: dict[str, Any]) -> None:
    """Say of each filter what it takes; of parameters that stand in a model, Powertools writes that they are texts."""
    parameters = {each["name"]: each for each in operation.get("parameters", [])}
    for model in FILTERS:
        filters = model.model_json_schema()["properties"]
        if filters.keys() <= parameters.keys():
            for name, schema in filters.items():
                parameters[name]["schema"] = schema


if __name__ == "__main__":
    sys.stdout.write(document())
