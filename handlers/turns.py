"""Turns: work that is large and seldom, done for one at a time in a process, so that it never takes the threads and connections of all.

Who comes meanwhile is sent away at once and not kept waiting, as whoever waits holds a thread, too. Several processes, as functions and
workers are, know nothing of each other: each has a connection of its own to lose.
"""

import threading
from collections.abc import Callable
from functools import wraps
from typing import Final, ParamSpec, TypeVar

from dedup_core.errors import EventDedupError

RETRY_AFTER_S: Final = 10
"""What those who are sent away are told: a guess, about what a plan of 20,000 listings takes."""

P = ParamSpec("P")
R = TypeVar("R")


class Busy(EventDedupError):  # noqa: N818
    """Somebody else's is under way. Come again after RETRY_AFTER_S; nothing was done."""


def one_at_a_time(work: Callable[P, R]) -> Callable[P, R]:
    """Let a function run once at a time; who calls it meanwhile gets Busy."""
    turn = threading.Lock()

    @wraps(work)
    def alone(*args: P.args, **named: P.kwargs) -> R:
        if not turn.acquire(blocking=False):
            raise Busy("another one is under way: come again in a while")
        try:
            return work(*args, **named)
        finally:
            turn.release()

    return alone
