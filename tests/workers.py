"""Which tests a worker of pytest-xdist runs together.

What is dear to set up, a stack, an image's tree, a browser with its service, is set up once: its folder stays with one worker. Elsewhere a file
stays whole, as its tests may share what a module keeps. The dearest come first, so that at the end no worker waits long for another. Two workers
share nothing: each has a Postgres of its own, and ports are those that are free.
"""

from collections.abc import Sequence
from typing import Final

import pytest
from xdist.scheduler import LoadScopeScheduling

WHOLE: Final = ("tests/stack", "tests/deploy", "tests/page")
"""Folders that one worker runs."""

DEAREST_FIRST: Final = (*WHOLE, "tests/faults", "tests/golden", "tests/handlers", "tests/store", "tests/unit")


def together(nodeid: str) -> str:
    """Name what a test stays with: its folder or its file."""
    file = nodeid.split("::", 1)[0]
    folder = file.rsplit("/", 1)[0]
    return folder if folder in WHOLE else file


def dearest_first(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """Order tests for workers; within a folder they keep their order."""

    def place(item: pytest.Item) -> int:
        folder = item.nodeid.split("::", 1)[0].rsplit("/", 1)[0]
        return DEAREST_FIRST.index(folder) if folder in DEAREST_FIRST else len(DEAREST_FIRST)

    return sorted(items, key=place)


class Together(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Hands a worker what belongs together, in the order of the collection."""

    def __init__(self, config: pytest.Config, log: object = None) -> None:
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        return together(nodeid)
