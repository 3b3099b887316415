"""Clustering: scored pairs and verdicts to a partition of the source events.

Chains are the danger: A like B and B like C say nothing if A is clearly not C. So a component of the match graph is joined
as a whole only if no pair inside speaks against it; otherwise it is put together pair by pair, the strongest first, and
what a pair refuses no chain may join. A cluster that is joined with doubts is flagged and goes to a person.

It can only heed what was scored: `missing_pairs` names what chains brought together unscored, and a component too large
for that is flagged.
"""

import heapq
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import sparse
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree

from dedup_core.policy import Clustering
from dedup_core.verdicts import Accord, IndexedVerdicts, RowPairs, accord_of, index_verdicts, row_pairs

__all__ = ["Clusters", "IndexedVerdicts", "cluster", "index_verdicts", "missing_pairs"]

Labels = npt.NDArray[np.uint32]
Numbers = npt.NDArray[np.int32]
FLAG_SCHEMA: Final = pl.Schema(
    {"label": pl.UInt32(), "flag": pl.String(), "a": pl.UInt32(), "b": pl.UInt32(), "number": pl.Float64()}
)
"""Why a person should look at a cluster: ``too_large`` (number: source events in it, or in the component that it was cut out of
with pairs unscored), ``incoherent`` (number: share of inner pairs that match), ``cut`` (a, b: a match that lies across two
clusters), ``contradicting_verdicts`` (a, b: an older verdict that does not hold)."""


@dataclass(frozen=True, slots=True)
class Clusters:
    """A partition.

    labels: (n,) lowest row number of each event's cluster. confidence: (n,) of each event's cluster, [0, 1]: the weakest
    bridge of its strongest tree; 1 for a single listing. flags: FLAG_SCHEMA, sorted.
    """

    labels: Labels
    confidence: npt.NDArray[np.float32]
    flags: pl.DataFrame


def missing_pairs(n_events: int, pairs: pl.DataFrame, *, max_size: int) -> pl.DataFrame:
    """List the pairs inside components of the match graph that were not scored: ``a``, ``b`` (UInt32), sorted.

    A chain may have joined two listings that share no key. Components over ``max_size`` are left as they are: a thousand
    events would cost half a million scores. `cluster` flags what comes of them.

    Must-links make no component here. Who joins two events means all of them; and what is scored then depends on no verdict, so that
    a verdict can be followed up from the decisions that are stored.
    """
    component = _components(n_events, _matches(pairs))
    size = np.bincount(component)[component] if n_events else np.empty(0, np.int64)
    rows = np.flatnonzero((size >= 3) & (size <= max_size)).astype(np.uint32)
    rows = rows[np.argsort(component[rows], kind="stable")]
    every = _pairs_within(rows, component[rows])
    return every.join(pairs.select("a", "b"), on=["a", "b"], how="anti").sort("a", "b")


def _pairs_within(rows: Labels, component: Numbers) -> pl.DataFrame:
    """Pair the rows of each component: ``a`` < ``b``. rows: sorted by (component, row)."""
    place = np.arange(len(rows))
    last = np.searchsorted(component, component, side="right") - 1
    later = last - place
    first = np.repeat(place, later)
    start = np.repeat(np.cumsum(later) - later, later)
    second = first + 1 + np.arange(len(first)) - start
    return pl.DataFrame({"a": rows[first], "b": rows[second]}, schema={"a": pl.UInt32, "b": pl.UInt32})


def cluster(n_events: int, pairs: pl.DataFrame, verdicts: IndexedVerdicts, *, limits: Clustering) -> Clusters:
    """Partition n events.

    pairs: DECISION_SCHEMA; ``a``, ``b``, ``weight``, ``score`` and ``decision`` are read; each pair once, in any order.
    verdicts: must-links are joined before any score is looked at, cannot-links are never crossed. Of contradicting ones the
    newer holds.
    """
    accord = accord_of(verdicts)
    matches = _matches(pairs)
    camp = _lowest(_components(n_events, accord.must))
    component = _components(n_events, matches, accord.must)
    doubtful = _doubtful(component, pairs, accord, limits)[component]
    sound = matches[~doubtful[matches[:, 0]]]
    inner = pairs.filter(_inside(component, pairs) & pl.Series(doubtful[pairs["a"].to_numpy()]))
    contracted = _Contraction(_edges_between(camp, inner, accord, limits)).joined
    labels = _lowest(_components(n_events, sound, accord.must, row_pairs(contracted)))
    flags = [
        _too_large(labels, component, limits),
        _incoherent(labels, camp, pairs, limits),
        _pair_flags(labels, _cut(labels, camp, pairs, accord), "cut"),
        _pair_flags(labels, accord.contradicted, "contradicting_verdicts"),
    ]
    return Clusters(labels, _confidence(labels, pairs, accord), pl.concat(flags).unique().sort(*FLAG_SCHEMA))


def _matches(pairs: pl.DataFrame) -> RowPairs:
    return pairs.filter(pl.col("decision") == "match").select("a", "b").to_numpy().astype(np.uint32)


def _components(n: int, *edges: RowPairs) -> Numbers:
    """Number the groups that edges connect: (n,) from 0."""
    ends = np.concatenate(edges)
    graph = sparse.coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(n, n))
    number: Numbers = connected_components(graph, directed=False)[1].astype(np.int32)
    return number


def _lowest(numbers: Numbers) -> Labels:
    """Name each group by its lowest row number."""
    first = np.full(len(numbers), len(numbers), np.uint32)
    np.minimum.at(first, numbers, np.arange(len(numbers), dtype=np.uint32))
    return first[numbers]


def _inside(group: npt.NDArray[np.generic], pairs: pl.DataFrame) -> pl.Series:
    """Tell of each pair whether both ends lie in one group."""
    return pl.Series(group[pairs["a"].to_numpy()] == group[pairs["b"].to_numpy()], dtype=pl.Boolean)


ROUNDING: Final = 0.001
"""Bits; by no more than this the sum of a weight's 32-bit parts misses the limit that a veto cut it to."""


def _refused(limits: Clustering) -> pl.Expr:
    return pl.col("weight") <= limits.refuse_below + ROUNDING


def _doubtful(
    component: Numbers, pairs: pl.DataFrame, accord: Accord, limits: Clustering
) -> npt.NDArray[np.bool_]:
    """Mark the components inside which a pair speaks against joining them as a whole."""
    against = pairs.filter((pl.col("weight") < 0) | _refused(limits)).select("a", "b").to_numpy()
    ends = np.concatenate([against.astype(np.uint32), accord.cannot])
    inside = component[ends[:, 0]] == component[ends[:, 1]]
    doubtful = np.zeros(len(component), np.bool_)
    doubtful[component[ends[inside, 0]]] = True
    return doubtful


GAIN_LIMIT: Final = 20.0
"""Bits; one pair's weight counts no more than this for or against a cluster, so that others can still be heard."""

STEPS_A_BIT: Final = 1 << 16
"""Weights are added up as whole numbers of these steps: such sums do not depend on their order."""

NEVER: Final = -(1 << 60)
"""Steps; far below what any weights can add up to."""


def _edges_between(camp: Labels, inner: pl.DataFrame, accord: Accord, limits: Clustering) -> pl.DataFrame:
    """Sum up the pairs between each two camps, the groups that must-links made.

    camp: (n,) lowest row number of each event's camp.

    Returns:
        ``u``, ``v`` (UInt32): two camps, u < v; ``gain`` (Int64): steps, NEVER if any pair refuses;
        ``first`` (UInt64): the first pair between them; ``matched``: whether any pair between them is a match.
    """
    said = inner.select(
        "a",
        "b",
        steps=(pl.col("weight").cast(pl.Float64).clip(-GAIN_LIMIT, GAIN_LIMIT) * STEPS_A_BIT)
        .round()
        .cast(pl.Int64),
        refused=_refused(limits),
        matched=pl.col("decision") == "match",
    )
    forbidden = _pair_frame(accord.cannot).with_columns(
        steps=pl.lit(0, pl.Int64), refused=pl.lit(True), matched=pl.lit(False)
    )
    return (
        _between_camps(pl.concat([said, forbidden]), camp)
        .filter(pl.col("u") != pl.col("v"))
        .group_by("u", "v")
        .agg(
            gain=pl.when(pl.col("refused").any()).then(NEVER).otherwise(pl.col("steps").sum()),
            first=(pl.col("a").cast(pl.UInt64) * 2**32 + pl.col("b")).min(),
            matched=pl.col("matched").any(),
        )
    )


Edge: TypeAlias = tuple[int, int, bool]
"""What lies between two groups: gain, first pair, whether any pair matches."""


class _Contraction:
    """Greedy additive edge contraction (Keuper et al. 2015) with pairs that may never meet.

    Two groups join while the sum of the weights between them is positive, a match is among them and no pair between them is refused.
    The largest sum goes first, of equal ones the one whose first pair is first. This approximates correlation clustering
    (Bansal et al. 2004), whose optimum is NP-hard. Python loops over the edges of doubtful components only: a few in a
    hundred; the group with fewer edges is poured into the other, so that each edge moves at most log2(n) times.
    """

    def __init__(self, edges: pl.DataFrame) -> None:
        self.joined: list[tuple[int, int]] = []
        self._edges: dict[int, dict[int, Edge]] = {}
        self._heap: list[tuple[int, int, int, int]] = []
        for u, v, gain, first, matched in edges.iter_rows():
            self._put(u, v, (gain, first, matched))
        while self._heap:
            negative, first, u, v = heapq.heappop(self._heap)
            # An entry whose edge has since moved or changed is passed over; the change has its own.
            if self._edges.get(u, {}).get(v, (0, 0))[:2] == (-negative, first):
                self._join(u, v)

    def _put(self, u: int, v: int, edge: Edge) -> None:
        self._edges.setdefault(u, {})[v] = edge
        self._edges.setdefault(v, {})[u] = edge
        if edge[0] > 0 and edge[2]:
            heapq.heappush(self._heap, (-edge[0], edge[1], u, v))

    def _join(self, u: int, v: int) -> None:
        self.joined.append((u, v))
        keep, gone = (u, v) if len(self._edges[u]) >= len(self._edges[v]) else (v, u)
        del self._edges[keep][gone]
        for other, (gain, first, matched) in self._edges.pop(gone).items():
            if other == keep:
                continue
            del self._edges[other][gone]
            more = self._edges[keep].get(other, (0, first, False))
            self._put(keep, other, (gain + more[0], min(first, more[1]), matched or more[2]))


def _too_large(labels: Labels, component: Numbers, limits: Clustering) -> pl.DataFrame:
    heads = np.flatnonzero(labels == np.arange(len(labels)))
    size = np.bincount(labels, minlength=len(labels))[heads]
    origin = np.bincount(component, minlength=len(labels))[component[heads]]
    unchecked = (origin > limits.max_completed_size) & (size > 1)
    large = pl.DataFrame({"label": labels[heads], "number": np.where(size > limits.max_size, size, origin)})
    return _cluster_flags(large.filter(pl.Series((size > limits.max_size) | unchecked)), "too_large")


def _incoherent(labels: Labels, camp: Labels, pairs: pl.DataFrame, limits: Clustering) -> pl.DataFrame:
    """Find the clusters of few matches. What a person joined counts as a match: they have looked already."""
    agrees = (pairs["decision"] == "match") | _inside(camp, pairs)
    share = (
        pairs.select(agrees.alias("agrees"), pl.Series("label", labels[pairs["a"].to_numpy()]))
        .filter(_inside(labels, pairs))
        .group_by("label")
        .agg(number=pl.col("agrees").mean())
    )
    return _cluster_flags(share.filter(pl.col("number") < limits.min_coherence), "incoherent")


def _cluster_flags(clusters: pl.DataFrame, flag: str) -> pl.DataFrame:
    """Flag whole clusters. clusters: ``label``, ``number``."""
    nobody = pl.lit(None, pl.UInt32)
    return clusters.select(
        "label", flag=pl.lit(flag), a=nobody, b=nobody, number=pl.col("number").cast(pl.Float64)
    )


def _cut(labels: Labels, camp: Labels, pairs: pl.DataFrame, accord: Accord) -> pl.DataFrame:
    """List the matches that lie across two clusters, but for those that a person parted: ``a``, ``b``."""
    across = pairs.filter((pl.col("decision") == "match") & ~_inside(labels, pairs)).select("a", "b")
    return _between_camps(across, camp).join(
        _between_camps(_pair_frame(accord.cannot), camp), on=["u", "v"], how="anti"
    )


def _between_camps(pairs: pl.DataFrame, camp: Labels) -> pl.DataFrame:
    ends = [pl.Series(camp[pairs[side].to_numpy()], dtype=pl.UInt32) for side in ("a", "b")]
    return pairs.with_columns(u=pl.min_horizontal(*ends), v=pl.max_horizontal(*ends))


def _pair_frame(pairs: RowPairs) -> pl.DataFrame:
    return pl.DataFrame(pairs, schema={"a": pl.UInt32, "b": pl.UInt32})


def _pair_flags(labels: Labels, pairs: pl.DataFrame, flag: str) -> pl.DataFrame:
    """Flag the clusters of both ends of each pair."""
    return pl.concat(
        pairs.select(
            pl.Series("label", labels[pairs[side].to_numpy()], dtype=pl.UInt32),
            pl.lit(flag).alias("flag"),
            "a",
            "b",
            pl.lit(None, pl.Float64).alias("number"),
        )
        for side in ("a", "b")
    )


def _confidence(labels: Labels, pairs: pl.DataFrame, accord: Accord) -> npt.NDArray[np.float32]:
    """Find the weakest edge of each cluster's maximum spanning tree, by probability; a must-link counts 1."""
    n = len(labels)
    scored = pairs.filter(_inside(labels, pairs)).select("a", "b", "score")
    sure = (
        _pair_frame(accord.must).filter(pl.col("a") < pl.col("b")).with_columns(score=pl.lit(1.0, pl.Float32))
    )
    # scipy adds up doubled entries and reads 0 as no edge: so each pair once, at a cost from 1 (sure) to 2.
    best = pl.concat([scored, sure]).group_by("a", "b").agg(pl.col("score").max()).sort("a", "b")
    cost = 2.0 - best["score"].to_numpy().astype(np.float64)
    graph = sparse.coo_array((cost, (best["a"].to_numpy(), best["b"].to_numpy())), shape=(n, n))
    tree = minimum_spanning_tree(graph.tocsr()).tocoo()
    confidence = np.ones(n, np.float32)
    np.minimum.at(confidence, labels[tree.coords[0]], (2.0 - tree.data).astype(np.float32))
    return confidence[labels]
