"""What runs in a function's process: awslambdaric, and a watch on the process that started it.

Standard input is a pipe that only LocalStack holds. When it closes, LocalStack is gone, however it ended, and this process ends as well:
so that none is left behind. It runs as a script of its own, in the project's environment: ``python bootstrap.py handlers.ingest.lambda_handler``.
"""

import os
import sys
import threading


def end_with_parent() -> None:
    """End at once when standard input closes; what was in hand is rolled back, as when Lambda ends a function."""
    while os.read(0, 1024):
        pass
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=end_with_parent, daemon=True).start()
    sys.path[0] = os.getcwd()  # the function's folder, not this file's
    # Imported late: it connects to the Runtime API, which AWS_LAMBDA_RUNTIME_API names.
    from awslambdaric.__main__ import main

    main(sys.argv)
