"""Serving: the API on this machine over HTTP, with the routes that Lambda has; for a laptop, not for the internet.

Each request has a thread of its own from the first check to the answer: the routes wait for the database, and would otherwise hold up
all others. What may go wrong before a route is reached, a body too large or text that is none, is refused here.
"""

import asyncio
import base64
import contextvars
import time
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any, Final, cast

from aws_lambda_powertools.event_handler import HttpResolverLocal
from aws_lambda_powertools.event_handler.api_gateway import Response
from aws_lambda_powertools.event_handler.http_resolver import HttpProxyEvent
from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from handlers import wiring
from handlers.access import Limit
from handlers.answers import Written, problem
from handlers.api import hardened, routed

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

MOST_BYTES: Final = 1_000_000
"""Of a request's body; a policy, the largest that is sent, has some 20,000."""

WINDOW_S: Final = 10
"""Over which requests are counted: a burst is fine, if it is quiet before or after."""


class TooLarge(Exception):  # noqa: N818
    """The body is larger than any that is meant. Answered with 413; the rest is not read."""


class LocalEvent(HttpProxyEvent):
    """Powertools' event of a local request, whose parameters stay as they were sent: validation adds to those that it is given."""

    @property
    def resolved_query_string_parameters(self) -> dict[str, list[str]]:
        """Give the parameters, in a dictionary of the caller's own."""
        return dict(self.multi_value_query_string_parameters)


class LocalResolver(HttpResolverLocal):
    """Powertools' ASGI resolver, with a thread a request.

    By itself it runs each middleware in a thread that waits for a thread for the next one: with as many requests at once as there are
    threads, all wait for ever.
    """

    def __init__(self, threads: int) -> None:
        """threads: requests that are answered at once; others wait their turn."""
        super().__init__()
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="request")

    def prepare(self) -> None:
        """Build what a route builds at its first request, which two at once must not."""
        for route in (*self._static_routes, *self._dynamic_routes):
            route._build_middleware_stack(self._router_middlewares, self)

    def _to_proxy_event(self, event: dict[str, Any]) -> LocalEvent:
        return cast(
            LocalEvent, LocalEvent._from_dict(event)
        )  # it makes one of the class that it is called on

    async def _resolve_async(self) -> dict[str, Any]:  # type: ignore[override]
        here = contextvars.copy_context()
        return await asyncio.get_running_loop().run_in_executor(self._threads, here.run, self._answered)

    def _answered(self) -> dict[str, Any]:
        built = self._resolve()
        if not isinstance(built.response, Written):
            return _measured(hardened(built.build(self.current_event, self._cors)))
        written = built.response
        told = {"statusCode": written.status_code, "headers": written.headers, "cookies": written.cookies}
        return _measured(hardened({**told, "body": written.content}))

    async def refuse(self, send: Send, answer: Response[str]) -> None:
        """Answer in place of a route."""
        told = {"statusCode": answer.status_code, "headers": answer.headers, "body": answer.body}
        await self._send_response(send, _measured(hardened(told)))


def _measured(answer: dict[str, Any]) -> dict[str, Any]:
    """Add how long the body is, which would otherwise go in chunks; where a route answers none, an empty one goes."""
    body = answer["body"] or b""
    if isinstance(body, bytes):
        content = body
    else:
        content = base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode()
    if answer["statusCode"] not in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
        answer["headers"]["Content-Length"] = str(len(content))
    return {
        **answer,
        "body": content,
        "isBase64Encoded": False,
    }  # bytes, so that nobody has to write them anew


def application() -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    """Build the ASGI application, with the limits that the settings give."""
    chosen = wiring.settings()
    resolver = routed(LocalResolver(chosen.threads), limiting(chosen.requests_per_second))
    resolver.prepare()

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close"})
            return
        if scope.get("method") == "HEAD":  # is GET, of which the server leaves the body out
            scope = {**scope, "method": "GET"}
        try:
            await resolver(scope, limited(receive) if scope["type"] == "http" else receive, send)
        except UnicodeDecodeError:
            await resolver.refuse(send, problem(HTTPStatus.BAD_REQUEST, "this is not UTF-8"))
        except TooLarge:
            detail = f"more than {MOST_BYTES} bytes"
            await resolver.refuse(send, problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail))

    return serve


def limited(receive: Receive) -> Receive:
    """Count what comes in; raises TooLarge."""
    taken = 0

    async def receive_some() -> MutableMapping[str, Any]:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > MOST_BYTES:
            raise TooLarge
        return message

    return receive_some


def limiting(per_second: int) -> Limit | None:
    """Limit what anyone may ask, over ten seconds; all whom nobody knows count as one. per_second: 0 for no limit."""
    if not per_second:
        return None
    limiter, most = (
        MovingWindowRateLimiter(MemoryStorage()),
        RateLimitItemPerSecond(per_second * WINDOW_S, WINDOW_S),
    )

    def limit(name: str) -> float:
        if limiter.hit(most, name):
            return 0.0
        return max(limiter.get_window_stats(most, name).reset_time - time.time(), 1.0)

    return limit
