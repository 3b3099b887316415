"""Clustering: laws under random graphs, brute-force twins, and the cases that chains get wrong."""

import math
from collections.abc import Iterable, Iterator
from functools import cache
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

PAIRS = list(combinations(range(N), 2))
some_pair = st.sampled_from(PAIRS)
# Crowded on purpose: it is between groups that have already grown that greedy steps go wrong.
maybe = st.sampled_from([None, None, -20.0, -12.0, -3.0, -1.0, 2.0, 3.0, 5.0, 5.0, 9.0])
weights = st.lists(maybe, min_size=len(PAIRS), max_size=len(PAIRS)).map(
    lambda drawn: {pair: weight for pair, weight in zip(PAIRS, drawn, strict=True) if weight is not None}
)
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
def test_verdicts_hold_against_any_score_and_the_others_are_reported(
    scored: Weights, given_verdicts: list[tuple[str, Pair]]
) -> None:
    accepted, contradicted = agreed(given_verdicts)

    clusters = clusters_of(scored, given_verdicts)

    assert all(together(clusters, *pair) == (kind == "must_link") for kind, pair in accepted)
    assert set(flagged(clusters, "contradicting_verdicts")) == {pair for _, pair in contradicted}
    assert clusters.flags.is_unique().all()


def test_a_refusal_that_adding_up_its_parts_rounded_is_a_refusal() -> None:
    """32-bit parts that are cut to -12 sum to -11.999999."""
    bridged = {(0, 1): 9.0, (0, 2): 9.0, (1, 2): 9.0, (1, 3): 9.0, (2, 3): 9.0}

    refused, doubted = (clusters_of({**bridged, (0, 3): weight}) for weight in (-11.999999046325684, -11.9))

    assert not together(refused, 0, 3)
    assert together(doubted, 0, 3)


@given(weights, verdict_lists)
def test_only_a_person_puts_together_what_a_pair_refuses(
    scored: Weights, given_verdicts: list[tuple[str, Pair]]
) -> None:
    accepted, _ = agreed(given_verdicts)
    camp = reachable({pair: 9.0 for kind, pair in accepted if kind == "must_link"})

    clusters = clusters_of(scored, given_verdicts)

    assert not [
        (a, b)
        for (a, b), weight in scored.items()
        if weight <= -12 and together(clusters, a, b) and camp[a] != camp[b]
    ]


def agreed(
    given_verdicts: list[tuple[str, Pair]],
) -> tuple[list[tuple[str, Pair]], list[tuple[str, Pair]]]:
    """Accept each verdict, newest first, that those after it leave possible; the others contradict."""
    accepted: list[tuple[str, Pair]] = []
    contradicted: list[tuple[str, Pair]] = []
    for verdict in reversed(given_verdicts):
        (accepted if is_possible([*accepted, verdict]) else contradicted).append(verdict)
    return accepted, contradicted


def is_possible(given_verdicts: list[tuple[str, Pair]]) -> bool:
    joined = reachable({pair: 9.0 for kind, pair in given_verdicts if kind == "must_link"})
    return all(joined[a] != joined[b] for kind, (a, b) in given_verdicts if kind == "cannot_link")


def flagged(clusters: Clusters, flag: str) -> list[Pair]:
    return clusters.flags.filter(pl.col("flag") == flag).select("a", "b").unique().sort("a", "b").rows()


def test_what_a_person_parted_is_no_doubt_any_more() -> None:
    chain = {(0, 1): 8.0, (1, 2): 6.0, (0, 2): -15.0}

    in_words = clusters_of(chain, [("cannot_link", (1, 2))])
    by_way_of_another = clusters_of(chain, [("must_link", (0, 1)), ("cannot_link", (0, 2))])

    assert in_words.labels.tolist()[:3] == by_way_of_another.labels.tolist()[:3] == [0, 0, 2]
    assert in_words.flags.is_empty()
    assert by_way_of_another.flags.is_empty()


def test_what_a_person_joined_is_coherent_and_certain() -> None:
    clusters = clusters_of({(0, 1): -15.0}, [("must_link", (0, 1))])

    assert clusters.labels.tolist()[:2] == [0, 0]
    assert clusters.confidence[0] == 1.0
    assert clusters.flags.is_empty()


def test_a_cannot_link_lets_the_weaker_side_of_a_chain_go() -> None:
    clusters = clusters_of({(0, 1): 5.0, (1, 2): 8.0, (2, 3): 5.0}, [("cannot_link", (0, 3))])

    assert clusters.labels.tolist()[:4] == [0, 0, 0, 3]
    assert flagged(clusters, "cut") == [(2, 3)]


@given(weights)
def test_greedy_contraction_does_what_recounting_everything_at_each_step_would(scored: Weights) -> None:
    assert clusters_of(scored).labels.tolist() == contracted_naively(scored)


def contracted_naively(scored: Weights) -> list[int]:
    """Join the two groups with the largest sum between them, as long as one is positive: the brute-force twin."""
    groups = [{row} for row in range(N)]
    while choices := list(joinable(groups, scored)):
        _, _, one, other = min(choices, key=lambda choice: choice[:2])
        groups = [group for group in groups if group not in (one, other)] + [one | other]
    return [min(next(group for group in groups if row in group)) for row in range(N)]


def joinable(groups: list[set[int]], scored: Weights) -> Iterator[tuple[float, Pair, set[int], set[int]]]:
    for one, other in combinations(groups, 2):
        between = {pair: w for pair, w in scored.items() if set(pair) & one and set(pair) & other}
        if sum(between.values()) > 0 and max(between.values()) >= 4 and min(between.values()) > -12:
            yield -sum(between.values()), min(between), one, other


@given(weights, st.permutations(range(N)))
def test_the_order_of_rows_does_not_matter_where_no_sums_tie(scored: Weights, place: list[int]) -> None:
    # Powers of two, so that no two sums are equal; no more of them than one bit has steps.
    sixteen = sorted(scored.items())[:16]
    distinct = {pair: w + 2.0**-number for number, (pair, w) in enumerate(sixteen, start=1)}
    moved = {
        (min(place[a], place[b]), max(place[a], place[b])): weight for (a, b), weight in distinct.items()
    }

    one, other = clusters_of(distinct), clusters_of(moved)

    assert groups_of(one.labels[row] for row in range(N)) == groups_of(
        other.labels[place[row]] for row in range(N)
    )
    assert one.confidence.tolist() == [other.confidence[place[row]] for row in range(N)]


def groups_of(labels: Iterable[int]) -> set[frozenset[int]]:
    listed = list(labels)
    return {frozenset(row for row in range(N) if listed[row] == label) for label in listed}


@given(st.lists(st.integers(0, 3), min_size=N, max_size=N), st.data())
def test_where_one_partition_is_right_for_all_pairs_it_is_found_and_it_is_the_optimum(
    truth: list[int], data: st.DataObject
) -> None:
    scored = {
        (a, b): data.draw(st.sampled_from([5.0, 9.0] if truth[a] == truth[b] else [-3.0, -20.0]))
        for a, b in combinations(range(N), 2)
    }

    clusters = clusters_of(scored)

    assert clusters.labels.tolist() == [truth.index(group) for group in truth] == best_partition(scored)


def best_partition(scored: Weights) -> list[int]:
    """Try every partition: the one with the largest sum of weights inside its clusters, none of them refused."""
    return max(every_partition(N), key=lambda labels: inner_sum(labels, scored))


def inner_sum(labels: list[int], scored: Weights) -> float:
    inside = [weight for (a, b), weight in scored.items() if labels[a] == labels[b]]
    return -math.inf if min(inside, default=0) <= -12 else sum(inside)


@cache
def every_partition(n: int) -> list[list[int]]:
    if n == 0:
        return [[]]
    return [[*labels, label] for labels in every_partition(n - 1) for label in sorted({*labels, n - 1})]


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


def test_no_single_pair_shouts_down_many() -> None:
    scored = {(0, 1): 30.0, (2, 3): 30.0, (1, 2): 59.0} | dict.fromkeys([(0, 2), (1, 3), (0, 3)], -11.0)

    clusters = clusters_of(scored)

    assert clusters.labels.tolist()[:4] == [0, 0, 2, 2]


def test_the_confidence_is_that_of_the_weakest_bridge_of_the_strongest_tree() -> None:
    clusters = clusters_of({(0, 1): 9.0, (1, 2): 5.0, (0, 2): 4.0})

    assert np.allclose(clusters.confidence[:4], [1 / (1 + 2**-5)] * 3 + [1.0])


def test_large_and_incoherent_clusters_are_flagged() -> None:
    chain = {(number, number + 1): 5.0 for number in range(N - 1)}
    doubts = {(0, other): 2.0 for other in range(2, N)} | {(1, other): 2.0 for other in range(3, N)}

    clusters = clusters_of(chain | doubts)

    assert clusters.flags.select("flag", "number").rows() == [("incoherent", 6 / 15), ("too_large", 7.0)]


def test_what_is_cut_out_of_a_component_too_large_to_be_completed_is_flagged() -> None:
    limits = LIMITS.model_copy(update={"max_completed_size": 3})
    scored = {(0, 1): 9.0, (1, 2): 9.0, (2, 3): 5.0, (1, 3): -15.0}

    clusters = cluster(N, pair_frame(scored), verdict_frame([]), limits=limits)

    large = clusters.flags.filter(pl.col("flag") == "too_large")
    assert large.select("label", "number").rows() == [(0, 4.0)]


@given(weights, st.integers(3, N))
def test_missing_pairs_are_those_inside_a_component_that_nobody_scored(scored: Weights, limit: int) -> None:
    labels = reachable(scored)
    expected = [
        (a, b)
        for a, b in combinations(range(N), 2)
        if labels[a] == labels[b] and (a, b) not in scored and labels.count(labels[a]) <= limit
    ]

    found = missing_pairs(N, pair_frame(scored), max_size=limit)

    assert found.rows() == expected


def test_no_events_are_no_clusters() -> None:
    nothing = pair_frame({})

    clusters = cluster(0, nothing, verdict_frame([]), limits=LIMITS)

    assert len(clusters.labels) == len(clusters.confidence) == clusters.flags.height == 0
    assert missing_pairs(0, nothing, max_size=N).is_empty()
