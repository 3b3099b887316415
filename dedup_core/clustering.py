"""Clustering: scored pairs and verdicts to a partition of the source events.

Chains are the danger: A like B and B like C say nothing if A is clearly not C. So a component of the match graph is joined
as a whole only if no pair inside speaks against it; otherwise it is put together pair by pair, the strongest first, and
what a pair refuses no chain may join. A cluster that is joined with doubts is flagged and goes to a person.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import sparse
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree

from dedup_core.events import IDENTITY
from dedup_core.policy import Clustering

Labels = npt.NDArray[np.uint32]
FLAG_SCHEMA: Final = pl.Schema(
    {"label": pl.UInt32(), "flag": pl.String(), "a": pl.UInt32(), "b": pl.UInt32(), "number": pl.Float64()}
)
"""Why a person should look at a cluster: ``too_large`` (number: source events), ``incoherent`` (number: share of inner pairs that
match), ``cut`` (a, b: a match that was refused), ``contradicting_verdicts`` (a, b: an older verdict that does not hold)."""


@dataclass(frozen=True, slots=True)
class IndexedVerdicts:
    """Verdicts as row numbers: ``kind``, ``a``, ``b``, ``sequence``; unknown: those on source events that are not there."""

    known: pl.DataFrame
    unknown: int


@dataclass(frozen=True, slots=True)
class Clusters:
    """A partition.

    labels: (n,) lowest row number of each event's cluster. confidence: (n,) of each event's cluster, [0, 1]: the weakest
    bridge of its strongest tree; 1 for a single listing. flags: FLAG_SCHEMA.
    """

    labels: Labels
    confidence: npt.NDArray[np.float32]
    flags: pl.DataFrame


def index_verdicts(verdicts: pl.DataFrame, events: pl.DataFrame) -> IndexedVerdicts:
    """Find the rows that verdicts speak of. verdicts: VERDICT_SCHEMA; events: sorted by identity."""
    rows = events.select(*IDENTITY).with_row_index("row")
    found = verdicts.select("kind", "sequence", "a_source_code", "a_id", "b_source_code", "b_id")
    for side in ("a", "b"):
        keys = rows.rename({"row": side, "source_code": f"{side}_source_code", "id": f"{side}_id"})
        found = found.join(keys, on=[f"{side}_source_code", f"{side}_id"], how="inner")
    known = found.select("kind", "a", "b", "sequence").sort("sequence", "kind", "a", "b")
    return IndexedVerdicts(known, unknown=verdicts.height - known.height)


def missing_pairs(
    n_events: int, pairs: pl.DataFrame, verdicts: IndexedVerdicts, *, max_size: int
) -> pl.DataFrame:
    """List the pairs inside components of the match graph that were not scored: ``a``, ``b`` (UInt32), sorted.

    A chain may have joined two listings that share no key. Components over ``max_size`` are left as they are.
    """
    label = _components(n_events, _match_edges(pairs), _must_edges(verdicts))
    grouped = pl.DataFrame({"label": label, "row": np.arange(n_events, dtype=np.uint32)}).with_columns(
        pl.len().over("label").alias("size")
    )
    inner = grouped.filter(pl.col("size").is_between(3, max_size)).select("label", "row")
    every = inner.join(inner, on="label", suffix="_b").filter(pl.col("row") < pl.col("row_b"))
    return (
        every.select(a="row", b="row_b")
        .join(pairs.select("a", "b"), on=["a", "b"], how="anti")
        .sort("a", "b")
    )


def cluster(n_events: int, pairs: pl.DataFrame, verdicts: IndexedVerdicts, *, limits: Clustering) -> Clusters:
    """Partition n events.

    pairs: DECISION_SCHEMA; ``a``, ``b``, ``weight``, ``score`` and ``decision`` are read. The order of pairs does not matter.
    """
    must, cannot, contradicted = _consistent(verdicts)
    component = _components(n_events, _match_edges(pairs), must)
    doubtful = _doubtful(component, pairs, cannot, limits)
    joined, cuts = _put_together(component, doubtful, pairs, must, cannot, limits)
    labels = _lowest(joined)
    inner = pairs.filter(pl.Series(labels[pairs["a"].to_numpy()] == labels[pairs["b"].to_numpy()]))
    flags = pl.concat([_flags(labels, inner, limits), cuts, _contradictions(labels, contradicted)])
    return Clusters(labels, _confidence(labels, inner, must), flags.unique().sort("label", "flag", "a", "b"))


def _match_edges(pairs: pl.DataFrame) -> npt.NDArray[np.uint32]:
    return pairs.filter(pl.col("decision") == "match").select("a", "b").to_numpy().astype(np.uint32)


def _must_edges(verdicts: IndexedVerdicts) -> npt.NDArray[np.uint32]:
    return _consistent(verdicts)[0]


def _components(n: int, *edges: npt.NDArray[np.uint32]) -> npt.NDArray[np.int32]:
    ends = np.concatenate([edge.reshape(-1, 2) for edge in edges])
    graph = sparse.coo_array((np.ones(len(ends), np.int8), (ends[:, 0], ends[:, 1])), shape=(n, n))
    label: npt.NDArray[np.int32] = connected_components(graph, directed=False)[1].astype(np.int32)
    return label


def _lowest(labels: npt.NDArray[np.int64]) -> Labels:
    """Name each cluster by its lowest row number."""
    _, first, back = np.unique(labels, return_index=True, return_inverse=True)
    return first[back].astype(np.uint32)


def _consistent(
    verdicts: IndexedVerdicts,
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32], pl.DataFrame]:
    """Take verdicts newest first, each unless it contradicts those taken: must-links, cannot-links, and the contradicted ones.

    A loop over verdicts: people give thousands, not millions.
    """
    groups = _Groups()
    cannot: list[tuple[int, int]] = []
    must: list[tuple[int, int]] = []
    refused: list[tuple[int, int]] = []
    for kind, a, b, _ in verdicts.known.reverse().iter_rows():
        if kind == "must_link":
            if any({groups.find(a), groups.find(b)} == {groups.find(x), groups.find(y)} for x, y in cannot):
                refused.append((a, b))
            else:
                groups.join(a, b)
                must.append((a, b))
        elif groups.find(a) == groups.find(b):
            refused.append((a, b))
        else:
            cannot.append((a, b))
    schema = {"a": pl.UInt32, "b": pl.UInt32}
    return _edges(must), _edges(cannot), pl.DataFrame(refused, schema=schema, orient="row")


def _edges(pairs: list[tuple[int, int]]) -> npt.NDArray[np.uint32]:
    return np.asarray(pairs, dtype=np.uint32).reshape(-1, 2)


class _Groups:
    """Union-find by path halving; the lowest number leads."""

    def __init__(self) -> None:
        self._leader: dict[int, int] = {}

    def find(self, item: int) -> int:
        leader = self._leader
        while (above := leader.get(item, item)) != item:
            leader[item] = leader.get(above, above)
            item = leader[item]
        return item

    def join(self, a: int, b: int) -> None:
        low, high = sorted((self.find(a), self.find(b)))
        self._leader[high] = low


def _doubtful(
    component: npt.NDArray[np.int32], pairs: pl.DataFrame, cannot: npt.NDArray[np.uint32], limits: Clustering
) -> npt.NDArray[np.int32]:
    """Name the components inside which a pair speaks against joining them as a whole."""
    against = pairs.filter(pl.col("weight") < 0).select("a", "b").to_numpy().astype(np.uint32)
    ends = np.concatenate([against, cannot])
    inside = component[ends[:, 0]] == component[ends[:, 1]]
    return np.unique(component[ends[inside, 0]])


def _put_together(
    component: npt.NDArray[np.int32],
    doubtful: npt.NDArray[np.int32],
    pairs: pl.DataFrame,
    must: npt.NDArray[np.uint32],
    cannot: npt.NDArray[np.uint32],
    limits: Clustering,
) -> tuple[npt.NDArray[np.int64], pl.DataFrame]:
    """Label the events: undoubted components as they are, doubtful ones contracted pair by pair."""
    labels = component.astype(np.int64)
    if not len(doubtful):
        return labels, pl.DataFrame(schema=FLAG_SCHEMA)
    is_doubtful = np.zeros(int(component.max()) + 1, np.bool_)
    is_doubtful[doubtful] = True
    rows = np.flatnonzero(is_doubtful[component])
    labels[rows] = int(component.max()) + 1 + rows
    inside = pairs.filter(
        pl.Series(
            is_doubtful[component[pairs["a"].to_numpy()]]
            & (component[pairs["a"].to_numpy()] == component[pairs["b"].to_numpy()])
        )
    ).sort("a", "b")
    contraction = _Contraction(inside, must, cannot, limits)
    for row in rows.tolist():
        labels[row] = int(component.max()) + 1 + contraction.leader(row)
    return labels, _cuts(labels, inside)


def _cuts(labels: npt.NDArray[np.int64], inside: pl.DataFrame) -> pl.DataFrame:
    """Flag the clusters between which a match was cut."""
    low = _lowest(labels)
    a, b = inside["a"].to_numpy(), inside["b"].to_numpy()
    cut = (inside["decision"] == "match").to_numpy() & (labels[a] != labels[b])
    refused = inside.filter(pl.Series(cut)).select("a", "b")
    return pl.concat([_pair_flags(low, refused, side, "cut") for side in ("a", "b")])


def _pair_flags(labels: Labels, pairs: pl.DataFrame, side: str, flag: str) -> pl.DataFrame:
    """Flag the cluster of one side of each pair."""
    return pairs.select(
        pl.Series("label", labels[pairs[side].to_numpy()], dtype=pl.UInt32),
        pl.lit(flag).alias("flag"),
        "a",
        "b",
        pl.lit(None, pl.Float64).alias("number"),
    )


GAIN_LIMIT: Final = 20.0
"""Bits; one pair's weight counts no more than this for or against a cluster, so that others can still be heard."""


class _Contraction:
    """Greedy additive edge contraction (Keuper et al. 2015) with pairs that may never meet.

    Two groups join while the sum of the weights between them is positive and no pair between them is refused; the pair of
    groups with the largest sum goes first, ties by lowest row numbers. This approximates correlation clustering (Bansal et al. 2004).
    Python loops over the edges of doubtful components only: a few in a thousand.
    """

    def __init__(
        self,
        pairs: pl.DataFrame,
        must: npt.NDArray[np.uint32],
        cannot: npt.NDArray[np.uint32],
        limits: Clustering,
    ) -> None:
        self._groups = _Groups()
        self._gain: dict[int, dict[int, float]] = {}
        self._refused: dict[int, set[int]] = {}
        self._matched: dict[int, set[int]] = {}
        for a, b, weight, decision in pairs.select("a", "b", "weight", "decision").iter_rows():
            self._add(a, b, float(np.clip(weight, -GAIN_LIMIT, GAIN_LIMIT)))
            if weight <= limits.refuse_below:
                self._mark(self._refused, a, b)
            if decision == "match":
                self._mark(self._matched, a, b)
        for a, b in must.tolist():
            self._contract(self.leader(a), self.leader(b))
        for a, b in cannot.tolist():
            self._mark(self._refused, self.leader(a), self.leader(b))
        self._run()

    def leader(self, row: int) -> int:
        """Return the row that leads the group of this one."""
        return self._groups.find(row)

    def _add(self, a: int, b: int, gain: float) -> None:
        for x, y in ((a, b), (b, a)):
            edges = self._gain.setdefault(x, {})
            edges[y] = edges.get(y, 0.0) + gain

    @staticmethod
    def _mark(marks: dict[int, set[int]], a: int, b: int) -> None:
        marks.setdefault(a, set()).add(b)
        marks.setdefault(b, set()).add(a)

    def _run(self) -> None:
        heap = [
            (-gain, a, b)
            for a, edges in self._gain.items()
            for b, gain in edges.items()
            if a < b and gain > 0
        ]
        heapq.heapify(heap)
        while heap:
            negative, a, b = heapq.heappop(heap)
            if self._gain.get(a, {}).get(b) != -negative or not self._may_join(a, b):
                continue
            for other in self._contract(a, b):
                low, high = sorted((self.leader(a), other))
                if (gain := self._gain[low][high]) > 0:
                    heapq.heappush(heap, (-gain, low, high))

    def _may_join(self, a: int, b: int) -> bool:
        return b not in self._refused.get(a, ()) and b in self._matched.get(a, ())

    def _contract(self, a: int, b: int) -> Iterator[int]:
        """Join two groups; the lower row leads. Returns the neighbours whose edge changed."""
        keep, gone = sorted((a, b))
        if keep == gone:
            return iter(())
        self._groups.join(keep, gone)
        for marks in (self._refused, self._matched):
            for other in marks.pop(gone, set()):
                marks[other].discard(gone)
                if other != keep:
                    self._mark(marks, keep, other)
        changed = []
        for other, gain in self._gain.pop(gone, {}).items():
            del self._gain[other][gone]
            if other != keep:
                self._add(keep, other, gain)
                changed.append(other)
        return iter(sorted(changed))


def _flags(labels: Labels, inner: pl.DataFrame, limits: Clustering) -> pl.DataFrame:
    sizes = pl.DataFrame({"label": labels}).group_by("label").agg(pl.len().alias("size"))
    large = sizes.filter(pl.col("size") > limits.max_size)
    share = (
        inner.with_columns(pl.Series("label", labels[inner["a"].to_numpy()]))
        .group_by("label")
        .agg((pl.col("decision") == "match").mean().alias("share"))
        .filter(pl.col("share") < limits.min_coherence)
    )
    return pl.concat(
        [_cluster_flags(large, "too_large", "size"), _cluster_flags(share, "incoherent", "share")]
    )


def _cluster_flags(clusters: pl.DataFrame, flag: str, number: str) -> pl.DataFrame:
    nobody = pl.lit(None, pl.UInt32)
    return clusters.select(
        "label",
        pl.lit(flag).alias("flag"),
        nobody.alias("a"),
        nobody.alias("b"),
        pl.col(number).cast(pl.Float64).alias("number"),
    )


def _contradictions(labels: Labels, contradicted: pl.DataFrame) -> pl.DataFrame:
    return pl.concat(
        [_pair_flags(labels, contradicted, side, "contradicting_verdicts") for side in ("a", "b")]
    )


def _confidence(labels: Labels, inner: pl.DataFrame, must: npt.NDArray[np.uint32]) -> npt.NDArray[np.float32]:
    """Find the weakest edge of each cluster's maximum spanning tree, by probability; a must-link counts 1."""
    n = len(labels)
    a = np.concatenate([inner["a"].to_numpy(), must[:, 0]])
    b = np.concatenate([inner["b"].to_numpy(), must[:, 1]])
    # scipy sums doubled entries and reads 0 as no edge: each pair once, costs between 1 (sure) and 2.
    edges = pl.DataFrame(
        {
            "a": np.minimum(a, b),
            "b": np.maximum(a, b),
            "p": np.concatenate([inner["score"].to_numpy(), np.ones(len(must), np.float32)]),
        }
    )
    best = edges.group_by("a", "b").agg(pl.col("p").max()).sort("a", "b")
    graph = sparse.coo_array(
        (2.0 - best["p"].to_numpy().astype(np.float64), (best["a"].to_numpy(), best["b"].to_numpy())),
        shape=(n, n),
    )
    tree = minimum_spanning_tree(graph.tocsr()).tocoo()
    confidence = np.ones(n, np.float32)
    np.minimum.at(confidence, labels[tree.coords[0]], (2.0 - tree.data).astype(np.float32))
    return confidence[labels]
