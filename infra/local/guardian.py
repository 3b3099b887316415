"""The guardian of an embedded Postgres: a small process that stops the server when nobody uses it any more.

Whoever uses the server holds a shared lock on one file. The kernel lets go of it however the user ends, by `kill -9` too, and
the guardian, who waits for the exclusive lock, then stops the server. So no server is left behind, and none is stopped under
another user's hands.

It runs as a script of its own: ``python guardian.py FOLDER``. A folder holds ``data``, the server's; the rest is ours.
"""

import fcntl
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psutil  # type: ignore[import-untyped]

STOP_S: Final = 60
"""Seconds for a shutdown in good order, with its checkpoint; after them the server is stopped as by a power cut, which it survives."""

USERS, DUTY, START = "users.lock", "guardian.lock", "start.lock"
"""Shared by every user of the folder; held by the guardian on duty, so that there is one; held by who starts the server."""


@contextmanager
def opened(folder: Path, name: str) -> Iterator[int]:
    """Open a lock file of a folder; closing it lets go of the lock."""
    lock = os.open(folder / name, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield lock
    finally:
        os.close(lock)


def taken(lock: int) -> bool:
    """Try to take a lock exclusively; false if somebody else holds it. A shared lock of one's own is lost then."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def postmaster(folder: Path) -> "psutil.Process | None":
    """Find the server that runs in a folder. After a power cut the number in its pid file may be anybody's, so the process is looked at."""
    try:
        first, *_ = (folder / "data" / "postmaster.pid").read_text().splitlines()
        process = psutil.Process(int(first))
        ours = "postgres" in process.name() and process.cwd() == str(folder / "data")
        return process if ours and process.status() != psutil.STATUS_ZOMBIE else None
    except (OSError, ValueError, psutil.Error):
        return None


def stop(folder: Path) -> None:
    """Stop the server of a folder, if one runs, and wait until it is gone. The caller holds the users' lock exclusively."""
    for order in (signal.SIGINT, signal.SIGQUIT):
        if (server := postmaster(folder)) is None:
            return
        try:
            server.send_signal(order)
        except psutil.NoSuchProcess:
            return
        until = time.monotonic() + STOP_S
        # Not psutil's wait: where nobody buries the dead, as in many containers, that takes a zombie for alive.
        while postmaster(folder) is not None and time.monotonic() < until:
            time.sleep(0.01)


def guard(folder: Path) -> None:
    """Wait until nobody uses the server, stop it, and end. Where another guardian is on duty, end at once."""
    # The duty is let go of before the users' lock: who starts the server next must find the duty free.
    with opened(folder, USERS) as users, opened(folder, DUTY) as duty:
        if taken(duty):
            fcntl.flock(users, fcntl.LOCK_EX)
            stop(folder)


if __name__ == "__main__":
    guard(Path(sys.argv[1]))
