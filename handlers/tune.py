"""Tune: fit a policy to labelled listings, and say what it is worth on labels that it has not seen.

Nothing is stored and nothing changed; a second run finds the same policy. The labels are parted into folds; for each fold a policy is fitted to
the others and measured on it. The policy that is given back is fitted to all labels, so its own figures flatter it: believe those of the folds.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from dedup_core.errors import InvalidPolicy
from dedup_core.evaluating import Pairwise
from dedup_core.labels import NOBODY, LabelledPairs, TrueClusters, Truth
from dedup_core.policy import Policy
from dedup_core.trials import Trials
from dedup_core.tuning import Goal, Tuned, tune
from handlers.evaluate import Data

Told = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Fold:
    """What tuning on the other folds makes of one. before, after: counts on the labels held out."""

    number: int
    before: Pairwise
    after: Pairwise


@dataclass(frozen=True, slots=True)
class Fitted:
    """The policy fitted to all labels, and what such a fit is worth. folds: empty if nothing was held out."""

    tuned: Tuned
    folds: tuple[Fold, ...]

    @property
    def worth(self) -> tuple[dict[str, float], dict[str, float]] | None:
        """Means over the folds of precision, recall and F1, before and after; null without folds."""
        if not self.folds:
            return None
        return _means([fold.before for fold in self.folds]), _means([fold.after for fold in self.folds])


def _means(counts: list[Pairwise]) -> dict[str, float]:
    return {
        name: float(np.mean([getattr(one, name) for one in counts])) for name in ("precision", "recall", "f1")
    }


def fit(
    data: Data, policy: Policy, *, goal: Goal, folds: int, seed: int, told: Told = lambda text, share: None
) -> Fitted:
    """Fit a policy to the data's labels; hold out a fold at a time to learn what that is worth. folds: 1 holds nothing out.

    Raises:
        InvalidPolicy: too few labels for so many folds.
    """
    trials = Trials(data.events)
    parts = _parted(data.truth, folds, seed) if folds > 1 else []
    measured = []
    for number, held in enumerate(parts):
        share = number / (folds + 1)
        others = _without(data.truth, held)
        tuned = tune(
            trials, others, policy, goal=goal, told=_within(told, f"fold {number + 1}: ", share, folds)
        )
        before, after = (held.counts(trials.trial(one).labels) for one in (policy, tuned.policy))
        measured.append(Fold(number + 1, before, after))
    share = len(parts) / (folds + 1)
    tuned = tune(trials, data.truth, policy, goal=goal, told=_within(told, "all labels: ", share, folds))
    return Fitted(replace(tuned, policy=_renamed(tuned.policy, policy)), tuple(measured))


def _within(told: Told, prefix: str, start: float, folds: int) -> Told:
    """Tell of a part of the work as of a part of the whole."""
    return lambda text, share: told(prefix + text, start + share / (folds + 1))


def _renamed(tuned: Policy, before: Policy) -> Policy:
    """Name a policy that differs: a version stands for its numbers."""
    return tuned if tuned == before else tuned.model_copy(update={"version": f"{before.version}-tuned"})


def _parted(truth: Truth, folds: int, seed: int) -> list[Truth]:
    """Part the labels by whole clusters, or pairs, in random order, alike for a seed.

    Raises:
        InvalidPolicy: fewer of them than folds.
    """
    if isinstance(truth, LabelledPairs):
        fold_of = _folds(truth.pairs.height, folds, seed)
        return [LabelledPairs(truth.pairs.filter(pl.Series(fold_of == fold))) for fold in range(folds)]
    clusters = np.unique(truth.cluster[truth.cluster != NOBODY])
    fold_of = _folds(len(clusters), folds, seed)
    held = [np.isin(truth.cluster, clusters[fold_of == fold]) for fold in range(folds)]
    return [TrueClusters(np.where(rows, truth.cluster, NOBODY)) for rows in held]


def _folds(many: int, folds: int, seed: int) -> "np.typing.NDArray[np.int64]":
    if many < folds:
        raise InvalidPolicy(f"{many} labelled events or pairs are too few for {folds} folds")
    return np.random.default_rng(seed).permutation(np.arange(many) % folds)


def _without(truth: Truth, held: Truth) -> Truth:
    """Take the labels that are not held out."""
    if isinstance(truth, TrueClusters) and isinstance(held, TrueClusters):
        return TrueClusters(np.where(held.cluster == NOBODY, truth.cluster, NOBODY))
    if isinstance(truth, LabelledPairs) and isinstance(held, LabelledPairs):
        return LabelledPairs(truth.pairs.join(held.pairs, on=["a", "b"], how="anti", maintain_order="left"))
    raise TypeError("labels of two sorts")
