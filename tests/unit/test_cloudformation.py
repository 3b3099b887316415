import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from infra.cloudformation import answer, is_request

Answers = list[tuple[str, str | None, dict[str, Any]]]
"""Method, content type and body of each request that came."""


@pytest.fixture
def deployment() -> Iterator[tuple[dict[str, Any], Answers]]:
    """Give what CloudFormation sends, and what is put to the address in it."""
    answers: Answers = []

    class Address(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            answers.append((self.command, self.headers["Content-Type"], json.loads(body)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Address) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        event = {
            "RequestType": "Create",
            "ResponseURL": f"http://127.0.0.1:{server.server_port}/signed?X-Amz-Signature=1",
            "StackId": "arn:aws:cloudformation:eu-central-1:123456789012:stack/event-dedup/1",
            "RequestId": "7f3a",
            "LogicalResourceId": "Migration",
        }
        yield event, answers
        server.shutdown()


def test_success_is_told_with_what_the_request_is_known_by(deployment: Any) -> None:
    event, answers = deployment

    answer(event)

    ((method, content_type, body),) = answers
    assert (method, content_type) == ("PUT", "")
    assert body["Status"] == "SUCCESS"
    assert {name: body[name] for name in ("StackId", "RequestId", "LogicalResourceId")} == {
        name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")
    }


def test_a_failure_is_told_with_its_reason_and_fits(deployment: Any) -> None:
    event, answers = deployment

    answer(event, failure="no route to the database " * 1000)

    ((_, _, body),) = answers
    assert body["Status"] == "FAILED"
    assert body["Reason"].startswith("no route")
    assert len(json.dumps(body)) < 4096


def test_the_physical_id_never_changes_so_that_nothing_is_deleted(deployment: Any) -> None:
    event, answers = deployment

    answer(event)
    created = answers[0][2]["PhysicalResourceId"]
    answer({**event, "RequestType": "Update", "PhysicalResourceId": created})

    assert answers[1][2]["PhysicalResourceId"] == created == "Migration"


def test_an_ordinary_call_is_no_request_of_a_deployment() -> None:
    assert not is_request({})
    assert not is_request({"RequestType": "Create"})
