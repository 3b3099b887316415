"""Messages in hand: hidden while somebody works on them, and not for longer.

SQS hides what it has given out for its queue's visibility timeout, which has to be six times as long as a function may run: half an hour. A function
that is killed (memory, time) would leave its messages hidden for that long, and a FIFO queue all those behind them. So whoever works hides them
for half a minute only, again and again.

What may go wrong: a beat fails (the next one makes up for it; where none succeeds, the queue's own timeout holds); the process stands still for
longer than a message is hidden (it comes again while it is worked on: a second match finds the lock taken, a second ingest finds the file stored).
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

HELD_S: Final = 30
"""Seconds until the messages of a function that was killed come again, at most."""

BEAT_S: Final = 10.0
"""Seconds between two beats: one of them may fail."""

FIRST_BEAT_S: Final = 2.0
"""Seconds that the work waits for the first beat, as who is killed before it leaves its messages hidden for half an hour."""

LAST_BEAT_S: Final = 2.0
"""Seconds to wait for a beat that is under way. One that comes later finds its message gone, or shortens its pause to HELD_S."""


class SqsMessages:
    """Messages that a queue has given out, known by their receipt handles."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        """url: the queue's."""
        self._client = client
        self._url = url

    def hide(self, receipt_handles: Sequence[str], seconds: int) -> None:
        """Let messages, ten at most, come again in so many seconds. Where this fails, they come all the same, only at another time."""
        entries = [
            {"Id": str(number), "ReceiptHandle": handle, "VisibilityTimeout": seconds}
            for number, handle in enumerate(receipt_handles)
        ]
        if entries:
            with suppress(ClientError, BotoCoreError):
                self._client.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)  # type: ignore[arg-type]


@contextmanager
def held(hide: Callable[[int], None], *, held_s: int = HELD_S, beat_s: float = BEAT_S) -> Iterator[None]:
    """Keep messages hidden for as long as the block runs, and no longer, from before its first step; by a thread of its own.

    hide: hides them for so many seconds from now on.
    """
    begun, over = threading.Event(), threading.Event()

    def beat() -> None:
        hide(held_s)
        begun.set()
        while not over.wait(beat_s):
            hide(held_s)

    heart = threading.Thread(target=beat, name="heartbeat", daemon=True)
    heart.start()
    begun.wait(FIRST_BEAT_S)
    try:
        yield
    finally:
        over.set()
        heart.join(LAST_BEAT_S)
