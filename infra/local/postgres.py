"""A Postgres of its own for a laptop and for tests: real PostgreSQL out of a Python package, in one folder.

The package is young, so only its programs are used, and only here and in `infra.local.server`. The server listens on a Unix socket
in its data folder, which nobody else may enter; on Windows on a port of 127.0.0.1.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.errors import NoPostgres


@contextmanager
def embedded_postgres(folder: Path) -> Iterator[str]:
    """Run PostgreSQL in a folder and give its URL; the first use creates it, a later one finds the data again.

    Several processes may use one folder at once; when the last of them leaves, however it ends, the server is stopped. Run by
    root, the server runs as a system user that is created, and the folder's parents are made passable for it.

    Raises:
        NoPostgres: the package is missing, or the server did not start; the message says where its log is.
    """
    try:
        if sys.platform == "win32":
            from infra.local.windows import running_server  # noqa: PLC0415 - only what runs locally needs the package
        else:
            from infra.local.server import running_server  # noqa: PLC0415
    except ImportError as error:
        raise NoPostgres(
            "No database: set EVENT_DEDUP_DATABASE_URL, or install the package with its extra `local`."
        ) from error
    folder = folder.expanduser().resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with running_server(folder) as url:
        yield url
