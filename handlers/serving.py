"""Serving: the processes behind `event-dedup serve`: uvicorn, and a matcher beside it that takes the queue's place.

The matcher asks the database every second whether data is ahead of the last run, as the sweep does in AWS: so nothing has to be
announced, and nothing can be lost. It is a process of its own, because a run would slow down every answer of the one that serves.
"""

import multiprocessing
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Event
from typing import Final

import uvicorn
from aws_lambda_powertools import Logger
from uvicorn.supervisors import Multiprocess

from handlers import wiring
from handlers.failures import described
from infra.errors import MatcherBusy
from infra.store import Store

logger = Logger(service="match")

ASKED_EVERY_S: Final = 1.0
GRACE_S: Final = 10
"""Seconds that answers under way get when it is to end."""

BACKLOG: Final = 512
"""Connections that wait to be taken."""

RUN_GRACE_S: Final = 60
"""Seconds that a run in hand gets; after that it is rolled back, and the next start does it again."""

APPLICATION: Final = "handlers.serve:application"


def listening(host: str, port: int) -> socket.socket:
    """Listen; raises OSError. port: 0 for any that is free."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol by its name: without, asyncio leaves the delay of small packets on, and each answer waits for 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(BACKLOG)
    return listener


def run(listener: socket.socket, *, workers: int, match: bool) -> None:
    """Serve until Ctrl-C or SIGTERM, and finish what is being answered. match: match here what changes."""
    config = uvicorn.Config(
        APPLICATION,
        factory=True,
        workers=workers,
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
    )
    # uvicorn ends on a signal and then raises it again, for whom it interrupted: that is nobody, what follows is to be cleaned up.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    with matcher() if match else _nothing():
        if workers > 1:
            Multiprocess(config, sockets=[listener]).run()
        else:
            uvicorn.Server(config).run(sockets=[listener])


@contextmanager
def _nothing() -> Iterator[None]:
    yield


@contextmanager
def matcher() -> Iterator[None]:
    """Run a matcher in a process of its own for as long as the block runs; a run in hand is finished."""
    spawning = multiprocessing.get_context("spawn")  # a fork would share connections
    stop = spawning.Event()
    process = spawning.Process(target=match_what_changes, args=(stop, os.getpid()), daemon=True)
    process.start()
    try:
        yield
    finally:
        stop.set()
        process.join(RUN_GRACE_S)
        process.kill()


def match_what_changes(stop: Event, parent: int) -> None:
    """Match whenever data is ahead, until told to stop or left alone."""
    for number in (signal.SIGINT, signal.SIGTERM):  # the parent says when
        signal.signal(number, signal.SIG_IGN)
    store = wiring.store()
    try:
        follow(store, ended=lambda: stop.wait(ASKED_EVERY_S) or os.getppid() != parent)
    finally:
        store.engine.dispose()


def follow(store: Store, *, ended: Callable[[], bool]) -> None:
    """Match whenever data is ahead. ended: waits a little, and tells whether to stop."""
    while not ended():
        try:
            _match_if_behind(store)
        except MatcherBusy:
            continue  # `event-dedup watch` is at it
        except Exception as error:  # an outage or a bad policy: the record of the run says more, and the next second tries again
            logger.error("run_failed", extra={"errors": 1, **described(error)})


def _match_if_behind(store: Store) -> None:
    ingested, matched = store.generations()
    if ingested <= matched:
        return
    # Heavy, and perhaps never needed.
    from handlers.match import log_run, match  # noqa: PLC0415

    log_run(match(store=store, policy=wiring.policy_of(wiring.settings()), wanted=ingested))
