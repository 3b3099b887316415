"""Trials: what policies make of the same source events, without doing twice what a change does not touch.

A trial is the first half of a run: blocking, scoring, clustering. What it finds is what `dedup_core.pipeline.resolve` finds; a
test holds the two together. Where two policies differ in thresholds only, the second looks at the few pairs that
could reach any threshold: as a pair's score is local, the others don't matter to it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import polars as pl

from dedup_core.blocking import Candidates
from dedup_core.clustering import Clusters, cluster, index_verdicts
from dedup_core.evaluating import Labels
from dedup_core.events import IDENTITY, VERDICT_SCHEMA
from dedup_core.pipeline import awaiting_review, blocked, completed
from dedup_core.policy import Policy
from dedup_core.scoring import Scored, score
from dedup_core.subjects import Subjects

UNTOUCHED_BY_BLOCKING: Final = frozenset(
    {"version", "intake", "vetoes", "thresholds", "clustering", "synthesis"}
)
"""Parts of the policy that neither subjects nor candidate pairs depend on."""

UNTOUCHED_BY_SCORING: Final = frozenset({"version", "intake", "thresholds", "clustering", "synthesis"})
"""Parts of the policy that change no evidence, only what is made of it."""

SLACK: Final = 0.1
"""Bits; vetoes limit weights to a twentieth below a threshold, and weights are 32-bit numbers."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What a policy made of the source events.

    candidates: as from blocking; decisions: DECISION_SCHEMA, sorted; review: those that await a person.
    """

    policy: Policy
    subjects: Subjects
    candidates: Candidates
    decisions: pl.DataFrame
    clusters: Clusters
    review: pl.DataFrame

    @property
    def labels(self) -> Labels:
        """Number of each source event's cluster: (n,)."""
        return self.clusters.labels.astype(np.int64)


@dataclass(slots=True)
class _Kept:
    """What the last trial left: its blocking, and the pairs that could reach a threshold from ``floor`` on."""

    blocking: str
    subjects: Subjects
    candidates: Candidates
    scoring: str = ""
    floor: float = 0.0
    pairs: pl.DataFrame | None = None


class Trials:
    """Tries policies, one after the other, on the same source events."""

    def __init__(self, events: pl.DataFrame) -> None:
        """events: EVENT_SCHEMA, in any order."""
        self.events = events.sort(*IDENTITY)
        self._verdicts = index_verdicts(pl.DataFrame(schema=dict(VERDICT_SCHEMA)), self.events)
        self._kept: _Kept | None = None

    def trial(self, policy: Policy, told: Callable[[str], None] = lambda stage: None) -> Trial:
        """Block, score and cluster, or as much of it as differs from the last trial. told: of each stage when it begins."""
        told("blocking")
        kept = self._blocked(policy)
        told("scoring")
        scored = self._scored(kept, policy)
        told("clustering")
        scored = completed(scored, kept.subjects, policy)
        clusters = cluster(self.events.height, scored.decisions, self._verdicts, limits=policy.clustering)
        review = awaiting_review(scored.decisions, clusters, self._verdicts)
        return Trial(policy, kept.subjects, kept.candidates, scored.decisions, clusters, review)

    def subjects(self, policy: Policy) -> Subjects:
        """Lay out what comparisons look at under a policy."""
        return self._blocked(policy).subjects

    def candidates(self, policy: Policy) -> pl.DataFrame:
        """Pair the source events that a policy has scored: ``a``, ``b``."""
        return self._blocked(policy).candidates.pairs

    def _blocked(self, policy: Policy) -> _Kept:
        key = _without(policy, UNTOUCHED_BY_BLOCKING)
        if self._kept is None or self._kept.blocking != key:
            self._kept = _Kept(key, *blocked(self.events, policy))
        return self._kept

    def _scored(self, kept: _Kept, policy: Policy) -> Scored:
        """Score the pairs that can reach a threshold; find them first if they are not known."""
        key, floor = _without(policy, UNTOUCHED_BY_SCORING), _lowest_limit(policy)
        if kept.pairs is None or kept.scoring != key or kept.floor > floor:
            low = policy.model_copy(
                update={"thresholds": policy.thresholds.model_copy(update={"floor": floor})}
            )
            kept.pairs = score(kept.candidates.pairs, kept.subjects, low).decisions.select("a", "b")
            kept.scoring, kept.floor = key, floor
        scored = score(kept.pairs, kept.subjects, policy)
        n = kept.candidates.pairs.height
        return replace(scored, below_floor=n - scored.decisions.height, candidates=n)


def _without(policy: Policy, parts: frozenset[str]) -> str:
    return policy.model_dump_json(exclude=set(parts))


def _lowest_limit(policy: Policy) -> float:
    """Return the bits that no veto pushes a pair below: what can't reach them is heard of nowhere."""
    limits = policy.thresholds
    return min(limits.floor, limits.ambiguous, policy.clustering.refuse_below) - SLACK
