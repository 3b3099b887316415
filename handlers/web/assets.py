"""Assets: the page's own files, under names that hold the hash of their content: who has one need never ask again.

Compressed at their first request and kept. Whoever asks by an old name gets nothing: the page that names it is as old, and so is its cache.
"""

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import PurePosixPath
from typing import Final

FOLDER: Final = resources.files("handlers").joinpath("web", "static")
TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}
FOR_EVER: Final = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is sent."""

    content: bytes
    compressed: bytes
    content_type: str


@cache
def address(name: str) -> str:
    """Name a file as pages do: its path below the page's root, with the hash of its content. name: such as ``vendor/htmx.min.js``."""
    path = PurePosixPath(name)
    return f"static/{path.stem}.{_hash(name)}{path.suffix}"


@cache
def _hash(name: str) -> str:
    return hashlib.blake2b(FOLDER.joinpath(*name.split("/")).read_bytes(), digest_size=8).hexdigest()


@cache
def _by_address() -> dict[str, str]:
    names = [entry.name for entry in FOLDER.iterdir() if entry.is_file()]
    names += [f"vendor/{entry.name}" for entry in FOLDER.joinpath("vendor").iterdir()]
    return {address(name): name for name in names if PurePosixPath(name).suffix in TYPES}


@cache
def _read(name: str) -> Asset:
    content = FOLDER.joinpath(*name.split("/")).read_bytes()
    return Asset(content, gzip.compress(content, 9, mtime=0), TYPES[PurePosixPath(name).suffix])


def find(path: str) -> Asset | None:
    """Find a file by its address, or null."""
    name = _by_address().get(path)
    return None if name is None else _read(name)
