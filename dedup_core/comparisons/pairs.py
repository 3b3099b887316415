"""Pairs: row numbers of two columns of source events, and small operations that every comparison needs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dedup_core.policy import Curve
from dedup_core.subjects import Ints

Bits = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Pairs:
    """p pairs: row numbers ``a`` and ``b`` (p,)."""

    a: npt.NDArray[np.uint32]
    b: npt.NDArray[np.uint32]

    def __len__(self) -> int:
        return len(self.a)

    def where(self, mask: Mask) -> "Pairs":
        """Keep the pairs of a mask (p,)."""
        return Pairs(self.a[mask], self.b[mask])


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
    same: Mask = (codes[pairs.a] == codes[pairs.b]) & (codes[pairs.a] >= 0)
    return same
