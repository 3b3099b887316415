"""Signatures: 128 bits for the words of a title, and 128 for its letters, that tell quickly what two titles can't share.

After Bloom (1970): two sets without a common bit have nothing in common; with one they may have. So a signature only ever
spares a comparison that would find nothing.
"""

from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from dedup_core.chunks import each

Signatures: TypeAlias = npt.NDArray[np.uint64]
"""(n, 2): two halves of 64 bits for each of n events."""

Rows: TypeAlias = npt.NDArray[np.integer]

CHUNK: Final = 10_000
"""Titles whose letters are laid out at once: their copies of some MB stay within reach of the processor."""

SPREAD: Final = np.uint64(0x9E3779B97F4A7C15)
"""2**64 over the golden ratio: neighbouring numbers, multiplied by it, differ in their first bits (Knuth 1998, 6.4)."""


def word_signatures(events: npt.NDArray[np.uint32], words: npt.NDArray[np.int32], n: int) -> Signatures:
    """Sign each event's words. events: (m,) ascending event of each word; words: (m,) numbers of the words."""
    return _signed(np.bincount(events, minlength=n), words.astype(np.uint64))


def letter_signatures(titles: pl.Series) -> Signatures:
    """Sign the runs of three letters (bytes of UTF-8) in each title, spaces left out. titles: (n,), without nulls."""
    parts = [titles.slice(start, CHUNK) for start in range(0, max(1, len(titles)), CHUNK)]
    return np.concatenate(list(each(parts, _letters_signed)))


def _letters_signed(titles: pl.Series) -> Signatures:
    joined = titles.str.replace_all(" ", "", literal=True)
    lengths = joined.str.len_bytes().to_numpy().astype(np.int64)
    letters = np.frombuffer(joined.str.join("").item().encode(), np.uint8).astype(np.uint64)
    runs = (letters[:-2] << np.uint64(16)) | (letters[1:-1] << np.uint64(8)) | letters[2:]
    ends = np.cumsum(lengths)
    within = np.ones(len(letters), np.bool_)
    for last in (1, 2):
        within[(ends - last)[lengths >= last]] = False
    return _signed(np.maximum(lengths - 2, 0), runs[within[: len(runs)]])


def _signed(counts: npt.NDArray[np.int64], values: npt.NDArray[np.uint64]) -> Signatures:
    """Set the bit of each value in its event's signature. counts: (n,) values of each event, which stand in their order."""
    place = (values * SPREAD) >> np.uint64(57)
    bits = np.uint64(1) << (place & np.uint64(63))
    signatures = np.zeros((len(counts), 2), np.uint64)
    some = counts > 0
    starts = (np.cumsum(counts) - counts)[some]
    for half in range(2):
        mine = np.where(place >> np.uint64(6) == half, bits, np.uint64(0))
        if len(starts):
            signatures[some, half] = np.bitwise_or.reduceat(mine, starts)
    return signatures


def may_share(signatures: Signatures, a: Rows, b: Rows) -> npt.NDArray[np.bool_]:
    """Tell which pairs of rows (p,) may have something in common: all that do, and a few more."""
    common = signatures[a]
    common &= signatures[b]
    shared: npt.NDArray[np.bool_] = (common[:, 0] | common[:, 1]) != 0
    return shared


def shared_part(signatures: Signatures, a: Rows, b: Rows) -> npt.NDArray[np.float32]:
    """Estimate how much of the smaller set of each pair of rows lies in the other: (p,) in [0, 1].

    Rather too much than too little; too little only where what both have shares a bit with more of what both have.
    """
    left, right = signatures[a], signatures[b]
    smaller = np.maximum(np.minimum(_size(left), _size(right)), 1)
    left &= right
    part: npt.NDArray[np.float32] = np.divide(_size(left), smaller, dtype=np.float32)
    return part


def _size(signatures: Signatures) -> npt.NDArray[np.uint8]:
    """Count the bits of each: (p,). Two halves added, since NumPy sums along so short an axis slowly."""
    halves = np.bitwise_count(signatures)
    size: npt.NDArray[np.uint8] = halves[:, 0] + halves[:, 1]
    return size
