"""Memory: what was let go goes back to the system, though something that is still held lies behind it."""

import sys
from pathlib import Path

import numpy as np
import pytest

from dedup_core.memory import give_back

PIECES, PIECE = 3_000, 60_000
"""180 MB in pieces that are too small for the C library to ask the system for each of them."""


def held() -> int:
    """Give the bytes of this process that lie in memory and in no file."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's /proc, and is about the GNU C library")
def test_memory_between_what_is_still_held_goes_back() -> None:
    pieces = [np.ones(PIECE, np.uint8) for _ in range(PIECES)]
    last, before = pieces.pop(), held()

    pieces.clear()
    give_back(1_000_000)

    assert held() < before - PIECES * PIECE // 2
    assert last.all()
