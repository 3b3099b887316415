"""Measuring: a trial against the truth: the figures, and what a plot of it shows.

All of it counts labelled pairs only. The curve and the histogram judge pairs one by one, before clustering makes whole events of them;
so the figures, which judge what users get, lie beside the curve and not on it.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from dedup_core.evaluating import BCubed, Pairwise
from dedup_core.events import EVIDENCE
from dedup_core.labels import Truth
from dedup_core.trials import Trial


@dataclass(frozen=True, slots=True)
class Figures:
    """How good a trial is. Shares lie in [0, 1]; what can't be told from the labels is null.

    pairs: joined by the result against joined in truth; ``pairs.false`` are the wrong automatic merges. wrong_events: canonical
    events that hold one. matches, matches_right: labelled pairs that scoring alone calls a match, and those of them that are one.
    blocking_met, blocking_true: pairs that are one event and were scored, and all that are one event.
    review: pairs that await a person, of ``candidates``; review_same: those of them that are one event.
    """

    listings: int
    labelled: int
    pairs: Pairwise
    bcubed: BCubed | None
    wrong_events: int
    matches: int
    matches_right: int
    blocking_met: int
    blocking_true: int
    candidates: int
    review: int
    review_same: int
    left_out_blocks: int

    @property
    def blocking_recall(self) -> float:
        """Share of the pairs that are one event and were scored; 1 if there are none."""
        return self.blocking_met / self.blocking_true if self.blocking_true else 1.0

    @property
    def reduction(self) -> float:
        """Share of all possible pairs that blocking spared; 1 if there are none."""
        possible = self.listings * (self.listings - 1) // 2
        return 1 - self.candidates / possible if possible else 1.0

    @property
    def review_share(self) -> float:
        """Share of the candidate pairs that await a person."""
        return self.review / self.candidates if self.candidates else 0.0

    @property
    def match_precision(self) -> float:
        """Share of the pairs called a match that are one event; 1 if none was."""
        return self.matches_right / self.matches if self.matches else 1.0


def figures(trial: Trial, truth: Truth) -> Figures:
    """Measure a trial."""
    labels = trial.labels
    matched = truth.same(trial.decisions.filter(pl.col("decision") == "match")).drop_nulls()
    met, true = truth.met(trial.candidates.pairs)
    false = truth.mistakes(labels).filter(~pl.col("same"))
    return Figures(
        listings=len(labels),
        labelled=truth.size,
        pairs=truth.counts(labels),
        bcubed=truth.bcubed(labels),
        wrong_events=len(np.unique(labels[false["a"].to_numpy()])),
        matches=len(matched),
        matches_right=int(matched.sum()),
        blocking_met=met,
        blocking_true=true,
        candidates=trial.candidates.pairs.height,
        review=trial.review.height,
        review_same=int(truth.same(trial.review).sum() or 0),
        left_out_blocks=trial.candidates.left_out.height,
    )


def labelled_decisions(trial: Trial, truth: Truth) -> pl.DataFrame:
    """Return the scored pairs that are labelled: DECISION_SCHEMA and ``same``."""
    return trial.decisions.with_columns(truth.same(trial.decisions).alias("same")).drop_nulls("same")


def curve(trial: Trial, truth: Truth) -> pl.DataFrame:
    """Follow precision and recall down the weights: ``weight``, ``precision``, ``recall`` if all pairs from it on were joined.

    One row a distinct weight, the highest first, down to the policy's floor; recall is of all pairs that are one event.
    """
    total = truth.met(trial.candidates.pairs)[1]
    steps = (
        labelled_decisions(trial, truth)
        .group_by("weight")
        .agg(pl.len().alias("pairs"), pl.col("same").sum().alias("right"))
        .sort("weight", descending=True)
        .with_columns(pl.col("pairs", "right").cast(pl.Int64).cum_sum())
    )
    return steps.select(
        pl.col("weight").cast(pl.Float64),
        precision=pl.col("right") / pl.col("pairs"),
        recall=pl.col("right") / max(total, 1),
    )


BIN: Final = 1.0
"""Bits of a bar of the histogram."""


def histogram(trial: Trial, truth: Truth) -> pl.DataFrame:
    """Count scored pairs by weight: ``weight`` (lower end of BIN bits), ``same``, ``different``, ``unlabelled``, without gaps."""
    bins = trial.decisions.select(
        (pl.col("weight") / BIN).floor().cast(pl.Int64).alias("bin"),
        truth.same(trial.decisions).alias("same"),
    )
    counted = bins.group_by("bin").agg(
        same=pl.col("same").sum(),
        different=(~pl.col("same")).sum(),
        unlabelled=pl.col("same").is_null().sum(),
    )
    if counted.is_empty():
        return counted.select(
            weight=pl.col("bin") * BIN, same="same", different="different", unlabelled="unlabelled"
        )
    first, last = (int(getattr(counted["bin"], end)()) for end in ("min", "max"))
    every = pl.DataFrame({"bin": pl.int_range(first, last + 1, eager=True)})
    full = every.join(counted, on="bin", how="left", maintain_order="left").fill_null(0)
    return full.select(
        weight=pl.col("bin") * BIN, same="same", different="different", unlabelled="unlabelled"
    )


def contributions(trial: Trial, truth: Truth) -> pl.DataFrame:
    """Say what each kind of evidence told of pairs that are one event, and of those that are two.

    Rows: EVIDENCE x ``same``: ``part``, ``same``, ``pairs``, ``known`` (share of the pairs with this evidence), ``low``, ``median``,
    ``high`` (quartiles of its bits where known; null if never). Pairs below the floor are not kept and not among them.
    """
    pairs = labelled_decisions(trial, truth)
    long = pairs.unpivot(on=list(EVIDENCE), index="same", variable_name="part", value_name="bits")
    quartiles = {"low": 0.25, "median": 0.5, "high": 0.75}
    told = long.group_by("part", "same").agg(
        pl.len().alias("pairs"),
        pl.col("bits").is_not_null().mean().alias("known"),
        *(pl.col("bits").quantile(q, "linear").alias(name) for name, q in quartiles.items()),
    )
    order = pl.DataFrame({"part": EVIDENCE}).join(pl.DataFrame({"same": [True, False]}), how="cross")
    return order.join(told, on=["part", "same"], how="left", maintain_order="left").with_columns(
        pl.col("pairs", "known").fill_null(0)
    )
