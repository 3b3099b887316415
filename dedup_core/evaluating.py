"""Evaluating: how far a partition of the source events is from the true one.

Everything is counted from the table of how many source events each pair of (found, true) cluster shares, so a million
source events cost a sort and not their half a billion pairs. A figure here is only as good as the labels: labels made by
the matcher's own rules prove nothing, and no later stage sees that.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Labels = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Pairwise:
    """Counts of pairs of source events: joined in truth and result (true), only in the result (false), only in truth (missed)."""

    true: int
    false: int
    missed: int

    @property
    def precision(self) -> float:
        """Share of the joined pairs that belong together, in [0, 1]; 1 if nothing was joined."""
        return _share(self.true, self.true + self.false)

    @property
    def recall(self) -> float:
        """Share of the pairs that belong together and were joined, in [0, 1]; 1 if there are none."""
        return _share(self.true, self.true + self.missed)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, in [0, 1]."""
        return _share(2 * self.true, 2 * self.true + self.false + self.missed)


@dataclass(frozen=True, slots=True)
class BCubed:
    """Means over source events of the share of companions that are right (precision) and found (recall), in [0, 1]."""

    precision: float
    recall: float

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, in [0, 1]."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


def pairwise(labels: Labels, truth: Labels) -> Pairwise:
    """Count the pairs on which two partitions of the same n source events agree and differ.

    labels, truth: (n,) cluster numbers of any value; only their equality counts.
    """
    both, found, real = _table(labels, truth)
    true = _pairs(both)
    return Pairwise(true=true, false=_pairs(found) - true, missed=_pairs(real) - true)


def bcubed(labels: Labels, truth: Labels) -> BCubed:
    """Judge each source event by its own cluster, itself included (Bagga and Baldwin, 1998): large clusters count no more than their size.

    labels, truth: (n,) cluster numbers of any value; only their equality counts. Nothing at all is perfect.
    """
    if not len(labels):
        return BCubed(1.0, 1.0)
    found = _codes(labels)
    real = _codes(truth)
    cells, counts = np.unique(found * (real.max() + 1) + real, return_counts=True)
    in_found = np.bincount(found)[cells // (real.max() + 1)]
    in_real = np.bincount(real)[cells % (real.max() + 1)]
    squares = counts.astype(np.float64) ** 2
    return BCubed(
        precision=float((squares / in_found).sum() / len(labels)),
        recall=float((squares / in_real).sum() / len(labels)),
    )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 1.0


def _pairs(sizes: npt.NDArray[np.int64]) -> int:
    return int((sizes * (sizes - 1) // 2).sum())


def _codes(labels: Labels) -> Labels:
    """Number the clusters from 0: (n,) int64."""
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)


def _table(labels: Labels, truth: Labels) -> tuple[Labels, Labels, Labels]:
    """Return the sizes of the cells of the table (found x true), and of its rows and columns."""
    if not len(labels):
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64)
    found, real = _codes(labels), _codes(truth)
    both = np.unique(found * (real.max() + 1) + real, return_counts=True)[1]
    return both.astype(np.int64), np.bincount(found), np.bincount(real)
