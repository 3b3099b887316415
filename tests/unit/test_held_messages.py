import threading
import time
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import boto3
import pytest
from moto import mock_aws

from infra.held_messages import SqsMessages, held

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

HALF_AN_HOUR = "1800"


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple["SQSClient", str]]:
    """Give a queue that hides for half an hour what it has given out, with one message in it."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        client = boto3.client("sqs", region_name="eu-central-1")
        attributes = {"VisibilityTimeout": HALF_AN_HOUR}
        url = client.create_queue(QueueName="uploads", Attributes=attributes)["QueueUrl"]  # type: ignore[arg-type]
        client.send_message(QueueUrl=url, MessageBody="1")
        yield client, url


def taken(client: "SQSClient", url: str) -> list[str]:
    found = client.receive_message(QueueUrl=url).get("Messages", [])
    return [message["ReceiptHandle"] for message in found]


@pytest.mark.slow
def test_a_message_stays_hidden_while_it_is_worked_on_and_comes_again_soon_after_its_worker_is_gone(
    queue: tuple["SQSClient", str],
) -> None:
    client, url = queue
    hide = partial(SqsMessages(client, url).hide, taken(client, url))

    with held(hide, held_s=1, beat_s=0.2):
        until = time.monotonic() + 1.6
        while time.monotonic() < until:
            assert taken(client, url) == []
            time.sleep(0.05)
    until = time.monotonic() + 10
    while not (again := taken(client, url)) and time.monotonic() < until:
        time.sleep(0.05)

    assert len(again) == 1


def test_work_begins_when_its_messages_are_held() -> None:
    """A function that is killed in its first step would else leave them hidden for as long as the queue says."""
    told: list[str] = []

    def slowly(_: int) -> None:
        time.sleep(0.2)
        told.append("held")

    with held(slowly):
        told.append("work")

    assert told == ["held", "work"]


def test_work_does_not_wait_for_ever_for_a_queue_that_does_not_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("infra.held_messages.FIRST_BEAT_S", 0.05)
    monkeypatch.setattr("infra.held_messages.LAST_BEAT_S", 0.05)
    answered = threading.Event()

    def hide(_: int) -> None:
        answered.wait(10)

    with held(hide):
        worked = not answered.is_set()
    answered.set()

    assert worked


def test_no_beat_comes_after_the_work_is_done_or_has_failed() -> None:
    beats: list[int] = []

    def work() -> None:
        with held(beats.append, held_s=7, beat_s=0.01):
            time.sleep(0.1)
            raise ValueError("work")

    with pytest.raises(ValueError, match="work"):
        work()
    counted = len(beats)
    time.sleep(0.1)

    assert counted > 1
    assert set(beats) == {7}
    assert len(beats) == counted


def test_a_queue_that_refuses_disturbs_nobody(queue: tuple["SQSClient", str]) -> None:
    client, url = queue
    nowhere = SqsMessages(client, f"{url}-gone")

    with held(partial(nowhere.hide, ["handle"]), beat_s=0.01):
        time.sleep(0.05)
    nowhere.hide([], 30)

    assert len(taken(client, url)) == 1
