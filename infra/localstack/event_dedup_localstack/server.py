"""LocalStack, started so that it ends with who started it, until that one says that it may stay.

``python -m event_dedup_localstack.server``, in LocalStack's environment. A line ``stay`` on standard input lets it live on; if standard input closes before, who
started it was cut off half-way, and nobody would know of what is left.
"""

import os
import signal
import sys
import threading
import time
from typing import Final

GRACE_S: Final = 5
"""Seconds for an end in good order, which takes three; cut off while its services start, LocalStack may never come to it."""


def end_unless_told_to_stay() -> None:
    """Wait for the word; without it, end. Functions end by themselves when this process is gone."""
    if sys.stdin.readline() != "stay\n":
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(GRACE_S)
        os._exit(1)


if __name__ == "__main__":
    from localstack.runtime.main import main

    threading.Thread(target=end_unless_told_to_stay, daemon=True).start()
    main()
