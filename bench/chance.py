"""Chance: random draws as a pure function of a key and a purpose.

Every place, event and listing has a 64-bit key; whatever is drawn for it is a hash of that key and of what the draw is
for. So a draw does not depend on the order of work, on the hash seed or on numpy's generators, and whole columns are
drawn at once. SplitMix64 (Steele, Lea, Flood 2014) mixes; its quality is ample for made-up listings, not for secrets.
"""

import zlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

Keys = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def keys(seed: int, purpose: str, n: int) -> Keys:
    """Return n keys of their own: (n,)."""
    start = derived(np.array([seed], np.uint64), purpose)
    return _mixed(start + np.arange(n, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15))


def derived(parents: Keys, purpose: str) -> Keys:
    """Return a key for a purpose for each key: equal parents give equal children."""
    digest = np.uint64(zlib.crc32(purpose.encode()) * 0x9E3779B1 & 0xFFFFFFFFFFFFFFFF)
    return _mixed(parents ^ (digest << np.uint64(17)) ^ digest)


def joined(left: Keys, right: npt.NDArray[np.integer]) -> Keys:
    """Return a key for each pair of a key and a number."""
    return _mixed(left + _mixed(right.astype(np.uint64) + np.uint64(0x632BE59BD9B4E019)))


def uniform(parents: Keys, purpose: str) -> Floats:
    """Draw from [0, 1)."""
    return (derived(parents, purpose) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def normal(parents: Keys, purpose: str) -> Floats:
    """Draw from the standard normal distribution."""
    return np.asarray(ndtri(uniform(parents, purpose) * (1 - 2e-12) + 1e-12), np.float64)


def below(parents: Keys, purpose: str, bound: int | Ints) -> Ints:
    """Draw whole numbers from 0 to bound - 1; 0 where the bound is 0."""
    drawn = (uniform(parents, purpose) * bound).astype(np.int64)
    highest: Ints = np.minimum(drawn, np.maximum(np.asarray(bound) - 1, 0))
    return highest


def chosen(parents: Keys, purpose: str, weights: Sequence[float] | Floats) -> Ints:
    """Draw an index by weight."""
    total = np.cumsum(np.asarray(weights, np.float64))
    found: Ints = np.searchsorted(total, uniform(parents, purpose) * total[-1], side="right").astype(np.int64)
    return found


def happens(parents: Keys, purpose: str, share: float | Floats) -> npt.NDArray[np.bool_]:
    """Draw true with the given probability."""
    return uniform(parents, purpose) < share


def _mixed(state: Keys) -> Keys:
    with np.errstate(over="ignore"):
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return state ^ (state >> np.uint64(31))
