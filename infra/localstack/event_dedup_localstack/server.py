"""LocalStack, started so that it ends with who started it, until that one says that it may stay.

``python server.py``, in LocalStack's environment. A line ``stay`` on standard input lets it live on; if standard input closes before, who
started it was cut off half-way, and nobody would know of what is left.
"""

import os
import signal
import sys
import threading


def end_unless_told_to_stay() -> None:
    """Wait for the word; without it, end in good order."""
    if sys.stdin.readline() != "stay\n":
        os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    from localstack.runtime.main import main

    threading.Thread(target=end_unless_told_to_stay, daemon=True).start()
    main()
