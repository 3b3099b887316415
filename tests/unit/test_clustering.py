"""Clustering: laws under random graphs, and the cases that chains get wrong."""

from itertools import combinations
from random import Random

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from dedup_core.clustering import Clusters, IndexedVerdicts, cluster, missing_pairs
from dedup_core.policy import Clustering

LIMITS = Clustering(max_size=5, refuse_below=-12, min_coherence=0.5, max_completed_size=60)
N = 7

Pair = tuple[int, int]
Weights = dict[Pair, float]

some_pair = st.tuples(st.integers(0, N - 1), st.integers(0, N - 1)).filter(lambda p: p[0] < p[1])
weights = st.dictionaries(some_pair, st.sampled_from([-20.0, -12.0, -3.0, 2.0, 5.0, 9.0]), max_size=15)
verdict_lists = st.lists(st.tuples(st.sampled_from(["must_link", "cannot_link"]), some_pair), max_size=5)


def pair_frame(scored: Weights) -> pl.DataFrame:
    rows = [
        (
            a,
            b,
            weight,
            1 / (1 + 2**-weight),
            "match" if weight >= 4 else "ambiguous" if weight >= 1 else "no_match",
        )
        for (a, b), weight in scored.items()
    ]
    schema = {
        "a": pl.UInt32,
        "b": pl.UInt32,
        "weight": pl.Float32,
        "score": pl.Float32,
        "decision": pl.String,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def verdict_frame(given_verdicts: list[tuple[str, Pair]]) -> IndexedVerdicts:
    rows = [(kind, a, b, number) for number, (kind, (a, b)) in enumerate(given_verdicts)]
    schema = {"kind": pl.String, "a": pl.UInt32, "b": pl.UInt32, "sequence": pl.Int64}
    return IndexedVerdicts(pl.DataFrame(rows, schema=schema, orient="row"), unknown=0)


def clusters_of(scored: Weights, given_verdicts: list[tuple[str, Pair]] | None = None) -> Clusters:
    return cluster(N, pair_frame(scored), verdict_frame(given_verdicts or []), limits=LIMITS)


def together(clusters: Clusters, a: int, b: int) -> bool:
    return bool(clusters.labels[a] == clusters.labels[b])


def reachable(scored: Weights) -> list[int]:
    """Label by plain search over matches: the brute-force twin where nothing speaks against."""
    labels = list(range(N))
    for _ in range(N):
        for (a, b), weight in scored.items():
            if weight >= 4:
                labels[a] = labels[b] = min(labels[a], labels[b])
    return labels


@given(weights)
def test_where_no_pair_speaks_against_chains_join(scored: Weights) -> None:
    friendly = {pair: abs(weight) for pair, weight in scored.items()}

    clusters = clusters_of(friendly)

    assert clusters.labels.tolist() == reachable(friendly)


@given(weights)
def test_no_chain_joins_what_a_pair_refuses(scored: Weights) -> None:
    clusters = clusters_of(scored)

    assert not [pair for pair, weight in scored.items() if weight <= -12 and together(clusters, *pair)]


@given(weights)
def test_a_cluster_holds_only_what_matches_connect(scored: Weights) -> None:
    clusters = clusters_of(scored)

    inside = {pair: weight for pair, weight in scored.items() if together(clusters, *pair)}
    assert reachable(inside) == clusters.labels.tolist()


@given(weights, st.randoms(use_true_random=False))
def test_the_order_of_pairs_does_not_matter(scored: Weights, random: Random) -> None:
    shuffled = list(scored.items())
    random.shuffle(shuffled)

    one, other = clusters_of(scored), clusters_of(dict(shuffled))

    assert one.labels.tolist() == other.labels.tolist()
    assert one.flags.equals(other.flags)
    assert one.confidence.tolist() == other.confidence.tolist()


@given(weights, verdict_lists)
def test_verdicts_hold_against_any_score_the_later_over_the_earlier(
    scored: Weights, given_verdicts: list[tuple[str, Pair]]
) -> None:
    clusters = clusters_of(scored, given_verdicts)

    # Newest first, each verdict holds that those after it leave possible.
    accepted: list[tuple[str, Pair]] = []
    for verdict in reversed(given_verdicts):
        if is_possible([*accepted, verdict]):
            accepted.append(verdict)
    assert all(together(clusters, *pair) == (kind == "must_link") for kind, pair in accepted)


def is_possible(given_verdicts: list[tuple[str, Pair]]) -> bool:
    joined = reachable({pair: 9.0 for kind, pair in given_verdicts if kind == "must_link"})
    return all(joined[a] != joined[b] for kind, (a, b) in given_verdicts if kind == "cannot_link")


@given(weights)
def test_greedy_contraction_does_what_recounting_everything_at_each_step_would(scored: Weights) -> None:
    assert clusters_of(scored).labels.tolist() == contracted_naively(scored)


def contracted_naively(scored: Weights) -> list[int]:
    """Join the two groups with the largest sum between them, as long as one is positive: the brute-force twin."""
    groups = [{row} for row in range(N)]
    while True:
        choices = []
        for one, other in combinations(sorted(groups, key=min), 2):
            between = [w for (a, b), w in scored.items() if {a, b} & one and {a, b} & other]
            if sum(between) > 0 and max(between) >= 4 and min(between) > -12:
                choices.append((-sum(between), min(one), min(other)))
        if not choices:
            return [min(next(group for group in groups if row in group)) for row in range(N)]
        _, low, high = min(choices)
        joined = set().union(*(group for group in groups if low in group or high in group))
        groups = [group for group in groups if low not in group and high not in group] + [joined]


def test_a_like_b_and_b_like_c_but_a_clearly_not_c_are_two_events() -> None:
    clusters = clusters_of({(0, 1): 8.0, (1, 2): 6.0, (0, 2): -15.0})

    assert clusters.labels.tolist()[:3] == [0, 0, 2]
    assert clusters.flags.select("label", "flag", "a", "b").rows() == [(0, "cut", 1, 2), (2, "cut", 1, 2)]


def test_many_weak_doubts_outweigh_one_strong_bridge() -> None:
    left, right = (0, 1, 2), (3, 4, 5)
    scored = {pair: 9.0 for side in (left, right) for pair in combinations(side, 2)}
    scored |= {(a, b): -3.0 for a in left for b in right}
    scored[2, 3] = 5.0

    clusters = clusters_of(scored)

    assert clusters.labels.tolist()[:6] == [0, 0, 0, 3, 3, 3]


def test_the_confidence_is_that_of_the_weakest_bridge_of_the_strongest_tree() -> None:
    clusters = clusters_of({(0, 1): 9.0, (1, 2): 5.0, (0, 2): 4.0})

    assert np.allclose(clusters.confidence[:4], [1 / (1 + 2**-5)] * 3 + [1.0])


def test_large_and_incoherent_clusters_are_flagged() -> None:
    chain = {(number, number + 1): 5.0 for number in range(N - 1)}
    doubts = {(0, other): 2.0 for other in range(2, N)} | {(1, other): 2.0 for other in range(3, N)}

    clusters = clusters_of(chain | doubts)

    assert clusters.flags.select("flag", "number").rows() == [("incoherent", 6 / 15), ("too_large", 7.0)]


@given(weights)
def test_missing_pairs_are_those_inside_a_component_that_nobody_scored(scored: Weights) -> None:
    labels = reachable(scored)
    sizes = [labels.count(label) for label in labels]
    expected = [
        (a, b)
        for a, b in combinations(range(N), 2)
        if labels[a] == labels[b] and (a, b) not in scored and 3 <= sizes[a] <= 60
    ]

    found = missing_pairs(N, pair_frame(scored), verdict_frame([]), max_size=60)

    assert found.rows() == expected
