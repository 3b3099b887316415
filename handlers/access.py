"""Access: who asks, and whether he may. Every route declares the least role that may call it (`handlers.declaring`).

A route that declares none does not exist: it is answered with 404, so that one that was forgotten is noticed before it is open.
Who has no key is whom the gateway vouches for, which has checked a token or a signature; it is believed, as only it and who may
administer the function can invoke it.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from math import ceil
from typing import Any, Final

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import ApiGatewayResolver
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.middlewares import NextMiddleware
from aws_lambda_powertools.event_handler.request import Request

from handlers import wiring
from handlers.answers import problem
from handlers.declaring import RANKS, Least, Role, least_role, takes_key_in_address
from handlers.web.visiting import ROOT, SESSION
from infra.store import keys

logger = Logger(service="api", child=True)

UNCOUNTED: Final = ("/health", f"{ROOT}/static/")
"""What costs nothing, and is asked for by whoever watches the service, and many times by each page."""

READING: Final = ("GET", "HEAD", "OPTIONS")

Limit = Callable[[str], float]
"""Counts a request of someone; gives the seconds until he may ask again, 0 if he may now."""

Guard = Callable[[ApiGatewayResolver, NextMiddleware], Response[Any]]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. name: what the audit trail calls him; role: null if he is known, and may nothing."""

    name: str
    role: Role | None


def who(request: Request) -> Caller:
    """Tell who asks. Only behind a route that declared a role; raises KeyError elsewhere."""
    caller: Caller = request.context["caller"]
    return caller


def guarding(limit: Limit | None = None) -> Guard:
    """Give the guard: it lets a request through to its route if its caller has the role that the route declared.

    limit: where no gateway stands before it, how much anyone may ask.
    """

    def guard(app: ApiGatewayResolver, next_middleware: NextMiddleware) -> Response[Any]:
        least = least_role(app.context["_route"].security)
        if least is None:
            return _nothing_there(app)
        caller = None if least == "anyone" else _caller(app)
        if limit is not None and (wait := _wait(app, caller, limit)) > 0:
            return _too_many(wait)
        if least == "anyone":
            return next_middleware(app)
        if caller is None:
            return _unknown()
        if caller.role is None or RANKS[caller.role] < RANKS[least]:
            return _refused(app.request, caller, least)
        app.append_context(caller=caller)
        return next_middleware(app)

    return guard


def _wait(app: ApiGatewayResolver, caller: Caller | None, limit: Limit) -> float:
    """Count a request of its caller; on the page, which lets in by itself, of whose key the browser shows. Strangers count as one."""
    if app.context["_path"].startswith(UNCOUNTED):
        return 0.0
    if caller is None and (shown := app.request.resolved_event.resolved_cookies_field.get(SESSION)):
        caller = holder(shown)
    return limit(caller.name if caller else "")


def _caller(app: ApiGatewayResolver) -> Caller | None:
    """Tell who asks: by headers, or, where the route takes it there and no header shows one, by a reader's key in the address."""
    given = app.request.resolved_event.query_string_parameters.get("key")
    if (
        given is None
        or shown_key(app.request.headers)
        or not takes_key_in_address(app.context["_route"].security)
    ):
        return identified(app.request)
    caller = holder(given)
    return caller if caller is not None and caller.role == "reader" else None


def _nothing_there(app: ApiGatewayResolver) -> Response[Any]:
    """Answer for a path that there is not, or that does not know the method."""
    path = app.context["_path"]
    routes = [*app._static_routes, *app._dynamic_routes]
    methods = sorted({each.method for each in routes if each.rule.match(path) and least_role(each.security)})
    if not methods:
        raise NotFoundError
    return problem(
        HTTPStatus.METHOD_NOT_ALLOWED, "this path knows other methods", headers={"Allow": ", ".join(methods)}
    )


def _too_many(wait: float) -> Response[Any]:
    headers = {"Retry-After": str(ceil(wait))}
    return problem(HTTPStatus.TOO_MANY_REQUESTS, "slower, please", headers=headers)


def _unknown() -> Response[Any]:
    headers = {"WWW-Authenticate": "Bearer"}
    return problem(HTTPStatus.UNAUTHORIZED, "no valid key or token", headers=headers)


def _refused(request: Request, caller: Caller, least: Least) -> Response[Any]:
    """Refuse who may not; that he tried to write is written down. Of who merely reads there would be too much to say."""
    if request.method not in READING:
        note_refusal(caller, f"{request.method} {request.route}", least)
    return problem(HTTPStatus.FORBIDDEN, f"this needs the role {least}")


def note_refusal(caller: Caller, tried: str, least: Least) -> None:
    """Write down who tried to write and may not. tried: method and route."""
    with wiring.store().engine.begin() as connection:
        detail = {"role": caller.role, "least": least}
        keys.note(connection, who=caller.name, action="refused", subject=tried, detail=detail)
    logger.warning("refused", extra={"who": caller.name, "route": tried, "role": caller.role})


def identified(request: Request) -> Caller | None:
    """Tell who asks, or null if nobody knows. A key that is shown has to be valid, whoever else vouches."""
    key = shown_key(request.headers)
    if key is not None:
        return holder(key)
    chosen = wiring.settings()
    authoriser = request.resolved_event.raw_event.get("requestContext", {}).get("authorizer") or {}
    return vouched_for(authoriser, roles=chosen.roles, claim=chosen.role_claim)


def shown_key(headers: Mapping[str, str]) -> str | None:
    """Read the key that a request shows: as X-Api-Key, or as a bearer's. A bearer of the gateway's tokens shows none."""
    key = headers.get("x-api-key")
    if key is not None:
        return key
    scheme, _, bearer = headers.get("authorization", "").partition(" ")
    bearer = bearer.strip()
    return bearer if scheme.lower() == "bearer" and bearer.startswith(keys.MARK) else None


def holder(key: str) -> Caller | None:
    """Tell whose valid key this is; null if it is nobody's."""
    found = wiring.keyring().holder(key)
    if found is None:
        return None
    name, granted = found
    return Caller(name, next(role for role in RANKS if role == granted))


def vouched_for(authoriser: Mapping[str, Any], *, roles: Mapping[str, Role], claim: str) -> Caller | None:
    """Read whom the gateway's authoriser vouches for: a token's subject, or the ARN that signed.

    roles: pattern -> role. A token is known by its subject and by what its ``claim`` lists, a signature by its ARN; the highest
    role that fits holds, and none if none does.
    """
    if claims := (authoriser.get("jwt") or {}).get("claims"):
        name = str(claims.get("sub", ""))
        return Caller(name, _highest([name, *_listed(claims.get(claim))], roles))
    arn = (authoriser.get("iam") or {}).get("userArn")
    return Caller(arn, _highest([arn], roles)) if arn else None


def _listed(value: object) -> list[str]:
    """Read a claim that lists: the gateway writes a list as ``[a b]``."""
    return str(value or "").strip("[]").replace(",", " ").split()


def _fits(name: str, pattern: str) -> bool:
    """Compare a name: ``*`` stands for anything within one part of a path, as a session may call itself like another's role."""
    return re.fullmatch("[^/]*".join(map(re.escape, pattern.split("*"))), name) is not None


def _highest(names: Iterable[str], roles: Mapping[str, Role]) -> Role | None:
    fitting = [role for name in names for pattern, role in roles.items() if name and _fits(name, pattern)]
    return max(fitting, key=RANKS.__getitem__, default=None)
