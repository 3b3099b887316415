from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup_core.evaluating import Labels, bcubed, pairwise

partitions = st.integers(0, 12).flatmap(
    lambda n: st.tuples(*[st.lists(st.integers(-3, 5), min_size=n, max_size=n)] * 2)
)


def as_labels(values: list[int]) -> Labels:
    return np.array(values, np.int64)


@given(partitions)
def test_pairwise_counts_equal_those_of_looking_at_every_pair(both: tuple[list[int], list[int]]) -> None:
    labels, truth = both
    joined = {(i, j) for i, j in combinations(range(len(labels)), 2) if labels[i] == labels[j]}
    real = {(i, j) for i, j in combinations(range(len(truth)), 2) if truth[i] == truth[j]}

    counted = pairwise(as_labels(labels), as_labels(truth))

    assert (counted.true, counted.false, counted.missed) == (
        len(joined & real),
        len(joined - real),
        len(real - joined),
    )


@given(partitions)
def test_bcubed_equals_the_mean_over_each_event_with_its_companions(
    both: tuple[list[int], list[int]],
) -> None:
    labels, truth = both
    n = len(labels)
    found = [{j for j in range(n) if labels[j] == labels[i]} for i in range(n)]
    real = [{j for j in range(n) if truth[j] == truth[i]} for i in range(n)]
    precision = sum(len(f & r) / len(f) for f, r in zip(found, real, strict=True)) / n if n else 1.0
    recall = sum(len(f & r) / len(r) for f, r in zip(found, real, strict=True)) / n if n else 1.0

    judged = bcubed(as_labels(labels), as_labels(truth))

    assert judged.precision == pytest.approx(precision)
    assert judged.recall == pytest.approx(recall)


def test_one_false_bridge_costs_pairwise_more_than_bcubed() -> None:
    truth = as_labels([0] * 10 + [1] * 10)
    joined = as_labels([0] * 20)

    assert pairwise(joined, truth).precision == pytest.approx(90 / 190)
    assert bcubed(joined, truth).precision == pytest.approx(0.5)
