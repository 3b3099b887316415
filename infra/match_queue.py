"""The queue that wakes the matcher: a message is only a hint, the truth is the generation in Postgres."""

from contextlib import suppress
from typing import TYPE_CHECKING, Final, Protocol

import orjson
from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

GROUP: Final = "match"
"""One message group: SQS then hands out one message at a time."""


class MatchQueue(Protocol):
    """What the use cases ask of the queue."""

    def announce(self, generation: int, *, again: str = "") -> None:
        """Say that the data has reached a generation. again: makes a repeated announcement count as new."""


class SqsMatchQueue:
    """SQS FIFO. A failure to send raises botocore's error; the sweep announces again what was lost."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        """url: the queue's."""
        self._client = client
        self._url = url

    def announce(self, generation: int, *, again: str = "") -> None:
        """Send the generation; SQS drops the same one within five minutes, so a new one has an id of its own."""
        self._client.send_message(
            QueueUrl=self._url,
            MessageBody=orjson.dumps({"generation": generation}).decode(),
            MessageGroupId=GROUP,
            MessageDeduplicationId=f"generation-{generation}{again}",
        )


class HintingQueue:
    """A queue that may fail: what it is told of is stored by then, and the sweep announces again what was lost."""

    def __init__(self, queue: MatchQueue) -> None:
        """queue: the one that is told."""
        self._queue = queue

    def announce(self, generation: int, *, again: str = "") -> None:
        """Send the generation, if that can be."""
        with suppress(ClientError, BotoCoreError):
            self._queue.announce(generation, again=again)


class RememberingQueue:
    """The queue of a single process: remembers the newest generation until it is taken."""

    def __init__(self) -> None:
        """Begin with nothing announced."""
        self._newest: int | None = None

    def announce(self, generation: int, *, again: str = "") -> None:
        """Remember the newest generation."""
        self._newest = max(generation, self._newest or 0)

    def take(self) -> int | None:
        """Return what was announced since the last call, gathered into one; null if nothing was."""
        newest, self._newest = self._newest, None
        return newest
