"""Pairs: row numbers of two columns of source events, and small operations that every comparison needs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from dedup_core.policy import Curve
from dedup_core.subjects import Ints

Bits = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Rows: TypeAlias = npt.NDArray[np.intp]
"""Row numbers in the machine's own integers: NumPy gathers by others in twice the time, as it translates them at each step."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """p pairs: row numbers ``a`` and ``b`` (p,)."""

    a: Rows
    b: Rows

    def __len__(self) -> int:
        return len(self.a)

    def where(self, mask: Mask) -> "Pairs":
        """Keep the pairs of a mask (p,)."""
        kept = np.flatnonzero(mask)  # five times as fast as the mask itself
        return Pairs(self.a[kept], self.b[kept])


def together(parts: Sequence[Pairs]) -> Pairs:
    """Put parts into one, in their order. parts: one at least."""
    return Pairs(np.concatenate([part.a for part in parts]), np.concatenate([part.b for part in parts]))


def along(curve: Curve, x: npt.NDArray[np.floating]) -> Bits:
    """Read bits off a curve at each x; NaN stays NaN."""
    points = np.asarray(curve)
    bits: Bits = np.interp(x, points[:, 0], points[:, 1]).astype(np.float32)
    return bits


def both_known(codes: Ints, pairs: Pairs) -> Mask:
    """Tell where both sides have a code."""
    both: Mask = (codes[pairs.a] >= 0) & (codes[pairs.b] >= 0)
    return both


def same_code(codes: Ints, pairs: Pairs) -> Mask:
    """Tell where both sides have a code and it is the same."""
    left = codes[pairs.a]
    same: Mask = (left == codes[pairs.b]) & (left >= 0)
    return same
