"""Queues are asked as Lambda asks them: a call waits at the queue until a message comes.

LocalStack asks queues without waiting, and pauses for 0.5 to 1.5 s after each empty answer, whatever is configured: its pause begins at a second and is
drawn at random. That is half a second a queue on average, and a file passes two. A wait of a second costs as few calls, and is over at once.
"""

from typing import Any, Final

from localstack.services.lambda_.event_source_mapping import esm_worker
from localstack.services.lambda_.event_source_mapping.pollers import sqs_poller

WAIT_S: Final = 1
"""Seconds for which a call waits; a mapping that is switched off takes as long to end. Whole ones, as SQS has it."""

PAUSE_S: Final = 0.01
"""Seconds from an empty answer to the next call, but for the first: that one keeps LocalStack's."""

_begun = sqs_poller.SqsPoller.__init__


def _begin(poller: Any, *arguments: Any, **named: Any) -> None:
    _begun(poller, *arguments, **named)
    # Up to twenty seconds LocalStack takes the batching window for the time to wait, and answers with the first message.
    poller.maximum_batching_window = poller.maximum_batching_window or WAIT_S


def wait_at_queues() -> None:
    """Let all mappings that are made from now on wait; a second call changes nothing."""
    sqs_poller.SqsPoller.__init__ = _begin
    esm_worker.LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_EMPTY_POLL_SEC = PAUSE_S
