"""Habits: what categories and sources say of a pair."""

import numpy as np

from dedup_core.comparisons.pairs import Bits, Mask, Pairs, same_code
from dedup_core.policy import EvidenceWeights
from dedup_core.subjects import Subjects


def category_bits(pairs: Pairs, subjects: Subjects, weights: EvidenceWeights) -> Bits:
    """A common category adds a little, none in common takes a little away: every source has its own. Missing is neutral."""
    left, right = subjects.categories[pairs.a], subjects.categories[pairs.b]
    shared = np.asarray(left.multiply(right).sum(axis=1)).ravel() > 0
    known = (np.diff(left.indptr) > 0) & (np.diff(right.indptr) > 0)
    bits = np.where(shared, np.float32(weights.categories_shared), np.float32(weights.categories_differ))
    return np.where(known, bits, np.float32(np.nan)).astype(np.float32)


def source_bits(pairs: Pairs, identical: Mask, subjects: Subjects, weights: EvidenceWeights) -> Bits:
    """A source seldom lists an event twice, so two of its listings need more than two sources' to be one event.

    identical: (p,) same title, day and start: then it did list it twice. Missing for two different sources.
    """
    same = same_code(subjects.source, pairs)
    bits = np.where(identical, np.float32(0), np.float32(weights.same_source))
    return np.where(same, bits, np.float32(np.nan)).astype(np.float32)
