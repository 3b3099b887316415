import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from infra.match_queue import HintingQueue, RememberingQueue, SqsMatchQueue

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple["SQSClient", str]]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        client = boto3.client("sqs", region_name="eu-central-1")
        yield (
            client,
            client.create_queue(QueueName="match.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"],
        )


def received(client: "SQSClient", url: str) -> list[Any]:
    return client.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"], VisibilityTimeout=0
    ).get("Messages", [])


def test_each_generation_is_a_message_of_its_own_in_one_group_and_order(
    queue: tuple["SQSClient", str],
) -> None:
    client, url = queue
    announced = SqsMatchQueue(client, url)

    for generation in (1, 2, 2, 3):
        announced.announce(generation)

    messages = received(client, url)
    assert [json.loads(message["Body"]) for message in messages] == [{"generation": n} for n in (1, 2, 3)]
    assert {message["Attributes"]["MessageGroupId"] for message in messages} == {"match"}


def test_a_lost_generation_can_be_announced_again_within_the_five_minutes_of_its_id(
    queue: tuple["SQSClient", str],
) -> None:
    """Looks at the ids, as moto forgets those of messages that were deleted, and SQS does not."""
    client, url = queue
    announced = SqsMatchQueue(client, url)

    announced.announce(7)
    announced.announce(7, again="-sweep-1")

    ids = [message["Attributes"]["MessageDeduplicationId"] for message in received(client, url)]
    assert len(ids) == len(set(ids)) == 2


def test_a_single_process_gathers_what_was_announced() -> None:
    queue = RememberingQueue()

    for generation in (2, 3, 1):
        queue.announce(generation)

    assert [queue.take(), queue.take()] == [3, None]


def test_a_hint_that_can_not_be_sent_is_left_to_the_sweep_and_any_other_fault_is_told() -> None:
    class Failing:
        def __init__(self, error: Exception) -> None:
            self.error = error

        def announce(self, generation: int, *, again: str = "") -> None:
            raise self.error

    HintingQueue(Failing(ClientError({"Error": {"Code": "Throttling"}}, "SendMessage"))).announce(7)

    with pytest.raises(TypeError):
        HintingQueue(Failing(TypeError())).announce(7)
