"""Chunks: long columns worked on a part at a time, as many parts at once as there are cores.

Threads do, since columns are worked on outside of Python's lock. Memory is that of as many chunks in work as there are cores, and of
what comes of all of them.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import polars as pl

Chunk = TypeVar("Chunk")
Done = TypeVar("Done")


def each(chunks: Sequence[Chunk], work: Callable[[Chunk], Done]) -> Iterator[Done]:
    """Work on each chunk; the results come in the order of the chunks, whoever is done first."""
    if len(chunks) < 2:
        yield from map(work, chunks)
        return
    with ThreadPoolExecutor(pl.thread_pool_size()) as threads:
        yield from threads.map(work, chunks)
