"""The Runtime API of Lambda, served on 127.0.0.1 to one function's process.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html: the process asks for the next invocation, which it waits for, and posts
its answer or its error. Who gives an invocation waits in `wait` for one of these, for the process's end, or for its time to be up.
"""

import queue
import threading
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from .outcomes import Outcome

BEGINNING: Final = "/2018-06-01/runtime/"


@dataclass(frozen=True, slots=True)
class Invocation:
    """One call of a function. payload: JSON; deadline_ms: since 1970."""

    request_id: str
    arn: str
    payload: bytes
    trace_id: str
    deadline_ms: int


@dataclass(frozen=True, slots=True)
class Ready:
    """The process has loaded the function and asks for its first invocation."""


@dataclass(frozen=True, slots=True)
class InitFailed:
    """The process could not load the function. payload: the error as JSON."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Answered:
    """The process answered an invocation."""

    request_id: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Exited:
    """The process ended. status: negative for a signal."""

    status: int


News = Ready | InitFailed | Answered | Exited


class RuntimeApi:
    """A server for one life of one process; `close` ends it."""

    def __init__(self) -> None:
        """Begin to serve, on a port that is free."""
        self._next: queue.Queue[Invocation | None] = queue.Queue()
        self._news: queue.Queue[News] = queue.Queue()
        self._begun = False
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def address(self) -> str:
        """Where it listens, as ``AWS_LAMBDA_RUNTIME_API`` wants it."""
        return f"127.0.0.1:{self._server.server_port}"

    def give(self, invocation: Invocation) -> None:
        """Hand an invocation to the process."""
        self._next.put(invocation)

    def tell(self, news: News) -> None:
        """Say what became of the process; who waits hears it."""
        self._news.put(news)

    def wait(self, seconds: float) -> News | None:
        """Wait for the next news; null when the time is up."""
        try:
            return self._news.get(timeout=max(0.0, seconds))
        except queue.Empty:
            return None

    def take(self) -> Invocation | None:
        """Wait for the next invocation, for as long as it takes; null when the server is closed."""
        if not self._begun:
            self._begun = True
            self.tell(Ready())
        return self._next.get()

    def close(self) -> None:
        """End the server, and let go of a process that waits."""
        self._next.put(None)
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    """One thread a connection, as the process waits on one of them."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Stay silent: a process that dies cuts its connections, and `Exited` tells of it."""


def _handler(api: RuntimeApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """One request; the API that it belongs to is in the closure."""

        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet,
        disable_nagle_algorithm = True  # and at once: measured, 27 ms an invocation instead of 84

        def do_GET(self) -> None:
            """Hand out the next invocation."""
            if self.path != f"{BEGINNING}invocation/next":
                self._answer(HTTPStatus.NOT_FOUND)
                return
            invocation = api.take()
            if invocation is None:
                self.close_connection = True
                return
            self._answer(
                HTTPStatus.OK,
                invocation.payload,
                {
                    "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
                    "Lambda-Runtime-Invoked-Function-Arn": invocation.arn,
                    "Lambda-Runtime-Deadline-Ms": str(invocation.deadline_ms),
                    "Lambda-Runtime-Trace-Id": invocation.trace_id,
                },
            )

        def do_POST(self) -> None:
            """Take an answer or an error."""
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            match self.path.removeprefix(BEGINNING).split("/"):
                case ["init", "error"]:
                    api.tell(InitFailed(body))
                case ["invocation", request_id, "response" | "error" as kind]:
                    api.tell(Answered(request_id, Outcome(body, failed=kind == "error")))
                case _:
                    self._answer(HTTPStatus.NOT_FOUND)
                    return
            self._answer(HTTPStatus.ACCEPTED, b'{"status": "OK"}')

        def _answer(
            self, status: HTTPStatus, body: bytes = b"", headers: dict[str, str] | None = None
        ) -> None:
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()

        def log_message(self, format: str, *args: object) -> None:
            """Write nothing: LocalStack logs each invocation."""

    return Handler
