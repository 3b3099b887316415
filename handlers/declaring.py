"""Declaring: what a route says of itself, once, for the guard (`handlers.access`) and for the OpenAPI document.

What it says of its answers may be wrong; tests hold the answers against the document.
"""

from http import HTTPStatus
from typing import Any, Final, Literal

from handlers.answers import JSON, PROBLEM

Schema = dict[str, Any]
Role = Literal["reader", "editor", "admin"]
Least = Role | Literal["anyone"]

RANKS: Final[dict[Role, int]] = {"reader": 1, "editor": 2, "admin": 3}
"""Each role may do what those below it may."""

SCHEMES: Final = ("key", "bearer")
"""Ways to show a key, as the OpenAPI document names them: the header X-Api-Key, or Authorization: Bearer."""

IN_ADDRESS: Final = "key_in_address"
"""A further way, of feeds only: calendar programs send no headers. Addresses get around, so it opens to readers' keys alone."""

PROBLEMS: Final = {
    400: "The request can't be read",
    401: "No valid key or token: see WWW-Authenticate",
    403: "Not allowed with this role",
    405: "The path knows other methods: see Allow",
    404: "There is no such thing",
    409: "It contradicts what is there",
    410: "Split or withdrawn: see successors",
    412: "Changed in the meantime: see If-Match",
    413: "Too large",
    415: "Content of this type is not understood",
    422: "What was sent is wrong: see errors",
    428: "If-Match is needed",
    429: "Too many requests: see Retry-After",
    500: "A fault of ours",
    503: "Not ready, or busy: see Retry-After",
}
WITHOUT_BODY: Final = {303: "Fetch it elsewhere: see Location", 304: "You have just that: see If-None-Match"}
REDIRECTS: Final = {308: "Merged into another event: see Location"}


OF_BODIES: Final = (413, 415)
"""What any request with a body may be answered with."""


def one(**properties: object) -> Schema:
    """Describe an object that has just these, each required."""
    return {"type": "object", "required": list(properties), "properties": properties}


def many(item: object) -> Schema:
    """Describe a list."""
    return {"type": "array", "items": item}


PROBLEM_SCHEMA: Final = one(
    type={"type": "string"}, title={"type": "string"}, status={"type": "integer"}, detail={"type": "string"}
)


def declared(
    least: Least,
    body: Schema | None,
    *others: int,
    status: int = 200,
    content_type: str = JSON,
    in_address: bool = False,
) -> dict[str, Any]:
    """Declare a route: the arguments of its decorator.

    least: the least role that may call it; body: the JSON schema of what it gives with ``status``, null if it gives none;
    others: the statuses of its own, beside those that any route may answer with; of success, it gives the same; in_address: whether the key may stand in the address.
    """
    common = (400, 422, 429, 500) if least == "anyone" else (400, 401, 403, 422, 429, 500)
    schemes = (*SCHEMES, IN_ADDRESS) if in_address else SCHEMES
    given = {} if body is None else {"content": {content_type: {"schema": body}}}
    alike = {other: _answer(other, given) for other in (status, *others) if other < 300}
    answers = {other: described_answer(other) for other in sorted({*others, *common} - alike.keys())}
    return {
        "security": [{}] if least == "anyone" else [{scheme: [least]} for scheme in schemes],
        "responses": {**alike, **answers},
        "status_code": status,
    }


def _answer(status: int, given: dict[str, Any]) -> dict[str, Any]:
    return {"description": HTTPStatus(status).phrase, **given}


def described_answer(status: int) -> dict[str, Any]:
    """Describe an answer that is not what was asked for."""
    if status in WITHOUT_BODY:
        return {"description": WITHOUT_BODY[status]}
    return {
        "description": {**PROBLEMS, **REDIRECTS}[status],
        "content": {PROBLEM: {"schema": PROBLEM_SCHEMA}},
    }


def takes_key_in_address(security: list[dict[str, list[str]]] | None) -> bool:
    """Tell whether a route declared that a key may stand in its address."""
    return any(IN_ADDRESS in scheme for scheme in security or [])


def least_role(security: list[dict[str, list[str]]] | None) -> Least | None:
    """Read back what a route declared; null if it declared nothing."""
    if not security:
        return None
    roles = security[0].get(SCHEMES[0])
    if roles is None:
        return "anyone"
    return next(role for role in ("reader", "editor", "admin") if role == roles[0])
