"""Answers: the forms in which every route answers: JSON, JSON with a tag, and problems (RFC 9457).

An answer takes the request as an argument and never from a global: locally, many are under way at once.
"""

import base64
import hashlib
from collections.abc import Sequence
from functools import cached_property
from http import HTTPStatus
from typing import Final

import orjson
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.request import Request
from aws_lambda_powertools.shared.cookies import Cookie

from handlers.turns import RETRY_AFTER_S, Busy

JSON: Final = "application/json"
PROBLEM: Final = "application/problem+json"

Headers = dict[str, str]


class Written(Response[str]):
    """An answer that is bytes already. Lambda takes text, which they become when it is asked for; a server on this machine sends ``content``."""

    def __init__(
        self,
        status: int,
        content_type: str,
        content: bytes,
        headers: Headers,
        cookies: Sequence[Cookie] = (),
        *,
        text: bool = True,
    ) -> None:
        """text: that ``content`` is text in UTF-8; else it is written in base64 for Lambda."""
        super().__init__(status, content_type, None, {**headers}, list(cookies))
        del self.body
        self.content = content
        self.base64_encoded = not text

    @cached_property
    def body(self) -> str:  # type: ignore[override]
        """Write the content as Lambda takes it."""
        return (base64.b64encode(self.content) if self.base64_encoded else self.content).decode()


def answered(
    body: object,
    status: HTTPStatus = HTTPStatus.OK,
    *,
    content_type: str = JSON,
    headers: Headers | None = None,
) -> Response[str]:
    """Answer with JSON."""
    return Response(int(status), content_type, _text(body).decode(), {**(headers or {})})


def tagged(request: Request, body: object, headers: Headers | None = None) -> Response[str]:
    """Answer with JSON and its ETag, or with nothing where the caller has just that (304)."""
    text = _text(body)
    tag = tag_of(text)
    sent = {"ETag": tag, "Cache-Control": "private, no-cache", **(headers or {})}
    known = request.headers.get("if-none-match", "")
    if known.strip() == "*" or tag in [each.strip().removeprefix("W/") for each in known.split(",")]:
        return Response(status_code=int(HTTPStatus.NOT_MODIFIED), body="", headers={**sent})
    return Written(int(HTTPStatus.OK), JSON, text, sent)


def tag_of(text: bytes) -> str:
    """Give the strong ETag of what is sent, for If-None-Match and If-Match."""
    # Processors have instructions for SHA-256: it takes a quarter of BLAKE2's time, which a page of 200 kB notices.
    return f'"{hashlib.sha256(text, usedforsecurity=False).hexdigest()[:32]}"'


def _text(body: object) -> bytes:
    # The names of columns are a kind of text of their own, which by itself it refuses as keys.
    return orjson.dumps(body, option=orjson.OPT_NON_STR_KEYS)


def busy(error: Busy) -> Response[str]:
    """Answer for what is done for one at a time, while it is."""
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error), headers={"Retry-After": str(RETRY_AFTER_S)})


def problem(
    status: HTTPStatus, detail: str, *, headers: Headers | None = None, **more: object
) -> Response[str]:
    """Answer with a problem. detail: what went wrong, never repeating what was sent; more: fields of its own."""
    body = {"type": "about:blank", "title": status.phrase, "status": int(status), "detail": detail, **more}
    return answered(body, status, content_type=PROBLEM, headers=headers)
