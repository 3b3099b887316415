"""Access: who asks, and whether he may. Every route declares the least role that may call it (`handlers.declaring`).

A route that declares none does not exist: it is answered with 404, so that one that was forgotten is noticed before it is open.
Who is who is taken from the gateway, which has checked the token or the signature; what it says is believed, as only it may
invoke the function.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import ApiGatewayResolver
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.middlewares import NextMiddleware
from aws_lambda_powertools.event_handler.request import Request

from handlers import wiring
from handlers.answers import problem
from handlers.declaring import RANKS, Role, least_role


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. name: what the audit trail calls him; role: null if he is known, and may nothing."""

    name: str
    role: Role | None


def who(request: Request) -> Caller:
    """Tell who asks. Only behind a route that declared a role; raises KeyError elsewhere."""
    caller: Caller = request.context["caller"]
    return caller


def guard(app: ApiGatewayResolver, next_middleware: NextMiddleware) -> Response[Any]:
    """Let a request through to its route if its caller has the role that the route declared."""
    least = least_role(app.context["_route"].security)
    if least is None:
        raise NotFoundError
    if least == "anyone":
        return next_middleware(app)
    caller = identified(app.request)
    if caller is None:
        return problem(
            HTTPStatus.UNAUTHORIZED, "no valid key or token", headers={"WWW-Authenticate": "Bearer"}
        )
    if caller.role is None or RANKS[caller.role] < RANKS[least]:
        return problem(HTTPStatus.FORBIDDEN, f"this needs the role {least}")
    app.append_context(caller=caller)
    return next_middleware(app)


def identified(request: Request) -> Caller | None:
    """Tell who asks, or null if nobody vouches for him."""
    chosen = wiring.settings()
    authoriser = request.resolved_event.raw_event.get("requestContext", {}).get("authorizer") or {}
    return vouched_for(authoriser, roles=chosen.roles, claim=chosen.role_claim)


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


def _highest(names: Iterable[str], roles: Mapping[str, Role]) -> Role | None:
    fitting = [
        role for name in names for pattern, role in roles.items() if name and fnmatchcase(name, pattern)
    ]
    return max(fitting, key=RANKS.__getitem__, default=None)
