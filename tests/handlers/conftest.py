"""The functions as Lambda calls them: on a real Postgres, with moto in place of S3 and SQS, and their logs as lines."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from handlers import ingest, match, sweep, wiring
from infra.store import Store

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

BUCKET = "uploads"
CONTEXT: Any = SimpleNamespace(
    function_name="event-dedup",
    memory_limit_in_mb=1024,
    invoked_function_arn="arn:aws:lambda:eu-central-1:123456789012:function:event-dedup",
    aws_request_id="7f3a",
)


def forget_wiring() -> None:
    """Make the next function read its settings and build its clients anew, as a cold start does."""
    for part in vars(wiring).values():
        if hasattr(part, "cache_clear") and part.__module__ == wiring.__name__:
            part.cache_clear()


ROLES = json.dumps({"readers": "reader", "editors": "editor", "admins": "admin"})
"""The roles that ``role`` of `tests.handlers.calling` is given."""


@contextmanager
def deployed_on(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """Point the functions to a database; gives its store."""
    monkeypatch.setenv("EVENT_DEDUP_DATABASE_URL", url)
    monkeypatch.setenv("EVENT_DEDUP_ROLES", ROLES)
    forget_wiring()
    store = wiring.store()
    yield store
    store.engine.dispose()
    forget_wiring()


@pytest.fixture
def deployed(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """Point the functions to a database at head; gives its store."""
    with deployed_on(database, monkeypatch) as store:
        yield store


@dataclass(frozen=True)
class Aws:
    """A bucket that keeps versions, the two queues, and what a test does with them."""

    s3: "S3Client"
    sqs: "SQSClient"
    match_queue: str
    upload_queue: str

    def put(self, key: str, content: bytes) -> str:
        """Put an object; returns its version."""
        return self.s3.put_object(Bucket=BUCKET, Key=key, Body=content)["VersionId"]

    def keys(self, prefix: str) -> list[str]:
        """List the keys below a prefix."""
        found = self.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
        return [item["Key"] for item in found]

    def waiting(self, url: str) -> list[Any]:
        """Take what waits in a queue: the bodies."""
        taken = self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
        return [json.loads(message["Body"]) for message in taken.get("Messages", [])]


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, database: str) -> Iterator[Aws]:
    """Give the world that the functions are deployed into, and point their settings to it."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with mock_aws():
        s3, sqs = boto3.client("s3"), boto3.client("sqs")
        place: Any = {"LocationConstraint": "eu-central-1"}
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=place)
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        uploads = sqs.create_queue(QueueName="uploads")["QueueUrl"]
        wake = sqs.create_queue(QueueName="match.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
        monkeypatch.setenv("EVENT_DEDUP_DATABASE_URL", database)
        monkeypatch.setenv("EVENT_DEDUP_UPLOADS_BUCKET", BUCKET)
        monkeypatch.setenv("EVENT_DEDUP_UPLOAD_QUEUE_URL", uploads)
        monkeypatch.setenv("EVENT_DEDUP_MATCH_QUEUE_URL", wake)
        forget_wiring()
        yield Aws(s3, sqs, wake, uploads)
        wiring.store().engine.dispose()
        forget_wiring()


class Lines(StringIO):
    """What a function logged."""

    def named(self, message: str) -> list[dict[str, Any]]:
        """Give the lines with this phrase, parsed."""
        lines = [json.loads(line) for line in self.getvalue().splitlines()]
        return [line for line in lines if line["message"] == message]


@pytest.fixture
def logged() -> Iterator[Lines]:
    """Give what the functions log from now on."""
    lines = Lines()
    handlers = [
        handler
        for module in (ingest, match, sweep)
        for handler in module.logger.handlers
        if isinstance(handler, logging.StreamHandler)
    ]
    before = [handler.setStream(lines) for handler in handlers]
    yield lines
    for handler, stream in zip(handlers, before, strict=True):
        handler.setStream(stream)


def notification(
    key: str, version: str = "", sequencer: str = "0055AED6DCD90281E5", bucket: str = BUCKET
) -> str:
    """Write what S3 sends for an object, its key as given: encoded."""
    found = {"key": key, "size": 1024, "eTag": "d41d8cd9", "sequencer": sequencer, "versionId": version}
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "eu-central-1",
        "eventTime": "2026-02-11T20:46:41.796Z",
        "eventName": "ObjectCreated:Put",
        "s3": {"s3SchemaVersion": "1.0", "bucket": {"name": bucket}, "object": found},
    }
    return json.dumps({"Records": [record]})


def batch(*bodies: str, queue: str = "uploads") -> dict[str, Any]:
    """Write the event by which Lambda hands over messages of a queue."""
    return {
        "Records": [
            {
                "messageId": f"message-{number}",
                "receiptHandle": f"handle-{number}",
                "body": body,
                "attributes": {"ApproximateReceiveCount": "1"},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:eu-central-1:123456789012:{queue}",
                "awsRegion": "eu-central-1",
            }
            for number, body in enumerate(bodies)
        ]
    }


def failed(answer: dict[str, Any]) -> list[str]:
    """Give the ids of the messages that have to come again."""
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
