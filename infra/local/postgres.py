"""A Postgres of its own for a laptop and for tests: real PostgreSQL out of a Python package, in one folder.

The package is young, so only its programs are used, and only here and in `infra.local.server`. The server listens on a Unix socket
in its data folder, which nobody else may enter. Its locks and its socket are those of Unix: Windows has none, but for WSL.
"""

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
        NoPostgres: the package is missing, this is Windows, or the server did not start; the message says where its log is.
    """
    try:
        from infra.local.server import running_server  # noqa: PLC0415 - only what runs locally needs the package
    except ImportError as error:
        raise NoPostgres(
            "No database: set EVENT_DEDUP_DATABASE_URL, or install the package with its extra `local`; on Windows that works in WSL."
        ) from error
    folder = folder.expanduser().resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with running_server(folder) as url:
        yield url
