"""LocalStack, for whose process the services of Docker Compose have the names that Docker gives them. Run in LocalStack's environment.

NAMES in the environment: JSON, name -> address on this machine.
"""

import json
import os
import socket
from typing import Any

NAMES = json.loads(os.environ.get("NAMES", "{}"))
by_name = socket.getaddrinfo


def found(host: Any, *more: Any, **named: Any) -> Any:
    """Look a name up here first."""
    return by_name(NAMES.get(host, host), *more, **named)


if __name__ == "__main__":
    socket.getaddrinfo = found
    from localstack.runtime.main import main

    main()
