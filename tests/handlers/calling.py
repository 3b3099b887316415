"""Calling the API's function as the gateway does, which has checked who asks and says so."""

import json
from typing import Any
from urllib.parse import parse_qsl

from handlers import api
from tests.handlers.conftest import CONTEXT


def gateway_event(
    path: str,
    headers: dict[str, str] | None = None,
    *,
    method: str = "GET",
    body: object = None,
    authoriser: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Write what the HTTP API sends. path: with its query; authoriser: what it found out of who asks."""
    where, _, query = path.partition("?")
    return {
        "version": "2.0",
        "rawPath": where,
        "rawQueryString": query,
        # The gateway joins what comes twice with commas.
        "queryStringParameters": dict(parse_qsl(query)),
        "headers": headers or {},
        "requestContext": {
            "http": {"method": method, "path": where},
            "stage": "$default",
            **({} if authoriser is None else {"authorizer": authoriser}),
        },
        **({} if body is None else {"body": body if isinstance(body, str) else json.dumps(body)}),
    }


def call(
    path: str,
    headers: dict[str, str] | None = None,
    *,
    method: str = "GET",
    body: object = None,
    role: str | None = "reader",
) -> dict[str, Any]:
    """Call the function. role: of ada, who asks with a token of the gateway's issuer; null for a token without any."""
    claims = {"sub": "ada", "cognito:groups": f"[{role}s]" if role else "[]"}
    authoriser = {"jwt": {"claims": claims, "scopes": None}}
    event = gateway_event(path, headers, method=method, body=body, authoriser=authoriser)
    return api.lambda_handler(event, CONTEXT)


def ask(path: str, **how: Any) -> tuple[int, str, Any]:
    """Ask: status, content type and body of the answer. how: as in `call`."""
    answer = call(path, **how)
    return answer["statusCode"], answer["headers"]["Content-Type"], json.loads(answer["body"])


def got(path: str, **how: Any) -> Any:
    """Ask for what is there. how: as in `call`."""
    status, _, body = ask(path, **how)
    assert status == 200, body
    return body
