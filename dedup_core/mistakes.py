"""Mistakes: the pairs that a trial got wrong, the worst first, and the pairs on which two trials differ, each with its evidence.

A label may be wrong, too: the evidence is there to be read before the matcher is blamed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

import polars as pl

from dedup_core.events import EVIDENCE, IDENTITY
from dedup_core.explaining import Explanation, explained
from dedup_core.labels import Truth
from dedup_core.observations import observed_alone
from dedup_core.scoring import score
from dedup_core.trials import Trial

Outcome = Literal["joined", "review", "apart"]
OUTCOMES: Final[tuple[Outcome, ...]] = ("apart", "review", "joined")


@dataclass(frozen=True, slots=True)
class Mistake:
    """A pair that is joined and should not be (``same`` is false), or the other way round.

    a, b: rows of the trial's events. candidate: whether blocking paired them. outcome: what became of them.
    explanation: as the run saw it; of a pair that the run did not keep, as it would be seen alone.
    """

    a: int
    b: int
    same: bool
    outcome: Outcome
    candidate: bool
    explanation: Explanation

    @property
    def kind(self) -> str:
        """Say in words what is wrong with it."""
        if not self.same:
            decided = self.explanation.decision == "match"
            return "joined, but two events" if decided else "joined by a chain, but two events"
        if not self.candidate:
            return "never compared, but one event"
        return "left to review, but one event" if self.outcome == "review" else "kept apart, but one event"


def mistakes(
    trial: Trial, truth: Truth, events: pl.DataFrame, *, most: int
) -> tuple[list[Mistake], int, int]:
    """List the worst mistakes: wrong merges first, then what was missed, of each the surest first.

    events: the trial's, sorted by identity.   most: how many of each.

    Returns:
        The mistakes, and how many wrong merges and how many misses there are in all.
    """
    every = _with_evidence(truth.mistakes(trial.labels), trial)
    by_weight = [
        every.filter(~pl.col("same")).sort("weight", "a", "b", descending=[True, False, False]),
        every.filter(pl.col("same")).sort("weight", "a", "b"),
    ]
    worst = [mistake for part in by_weight for mistake in _read(part.head(most), trial, events)]
    return worst, by_weight[0].height, by_weight[1].height


def _with_evidence(pairs: pl.DataFrame, trial: Trial) -> pl.DataFrame:
    """Add DECISION_SCHEMA to pairs: as the run decided, or, where it kept nothing, as the pair is seen alone."""
    known = pairs.join(trial.decisions, on=["a", "b"], how="inner")
    unseen = pairs.join(trial.decisions, on=["a", "b"], how="anti").sort("a", "b")
    if unseen.is_empty():
        return known
    alone = score(unseen.select("a", "b"), trial.subjects, trial.policy, keep_all=True).decisions
    return pl.concat([known, unseen.join(alone, on=["a", "b"], how="inner").select(known.columns)])


def _read(pairs: pl.DataFrame, trial: Trial, events: pl.DataFrame) -> Iterator[Mistake]:
    ends, names = pairs.select("a", "b"), events.select(*IDENTITY)
    candidates = ends.join(
        trial.candidates.pairs.with_columns(candidate=True), on=["a", "b"], how="left", maintain_order="left"
    )["candidate"].fill_null(value=False)
    outcome = outcomes(ends, trial)
    told = pairs.with_columns(observed_alone(ends, trial.subjects, trial.policy))
    # A few dozen rows, each put into words.
    for row, candidate, came in zip(told.iter_rows(named=True), candidates, outcome, strict=True):
        a, b = (names.row(row[side]) for side in "ab")
        evidence = explained(row, ((a[0], a[1]), (b[0], b[1])))
        yield Mistake(row["a"], row["b"], row["same"], came, candidate, evidence)


def outcomes(pairs: pl.DataFrame, trial: Trial) -> list[Outcome]:
    """Say what became of each pair ``a``, ``b``."""
    return [OUTCOMES[code] for code in _codes(pairs, trial)]


def _codes(pairs: pl.DataFrame, trial: Trial) -> pl.Series:
    """Number the outcome of each pair in OUTCOMES, the more joined the higher."""
    labels = pl.Series(trial.labels)
    asked = pairs.join(
        trial.review.select("a", "b", asked=True), on=["a", "b"], how="left", maintain_order="left"
    )["asked"]
    joined = labels.gather(pairs["a"]) == labels.gather(pairs["b"])
    return pl.select(pl.when(joined).then(2).when(asked).then(1).otherwise(0).alias("code")).to_series()


CHANGE_SCHEMA: Final = pl.Schema(
    {
        "a": pl.UInt32(),
        "b": pl.UInt32(),
        "before": pl.String(),
        "after": pl.String(),
        "same": pl.Boolean(),
        "better": pl.Boolean(),
        "weight_before": pl.Float32(),
        "weight_after": pl.Float32(),
        **{f"{part}_change": pl.Float32() for part in EVIDENCE},
    }
)
"""A pair whose outcome changes. better: null if nobody labelled it; weights and changes of bits are null where a trial did not keep the pair."""


def changes(before: Trial, after: Trial, truth: Truth) -> pl.DataFrame:
    """List every pair of which two trials of the same events make different things: CHANGE_SCHEMA, worst first.

    Worse come first, then better, then those that nobody labelled.
    """
    pairs = _perhaps_changed(before, after)
    codes = pl.DataFrame({"x": _codes(pairs, before), "y": _codes(pairs, after), "same": truth.same(pairs)})
    told = pairs.hstack(codes).filter(pl.col("x") != pl.col("y"))
    for name, trial in (("before", before), ("after", after)):
        evidence = trial.decisions.select("a", "b", pl.col(*EVIDENCE, "weight").name.suffix(f"_{name}"))
        told = told.join(evidence, on=["a", "b"], how="left", maintain_order="left")
    better = (pl.col("y") > pl.col("x")) == pl.col("same")
    named = pl.col("x", "y").replace_strict(dict(enumerate(OUTCOMES)), return_dtype=pl.String)
    parts = [
        pl.when(pl.all_horizontal(pl.col("weight_before", "weight_after").is_not_null()))
        .then(pl.col(f"{part}_after").fill_null(0) - pl.col(f"{part}_before").fill_null(0))
        .alias(f"{part}_change")
        for part in EVIDENCE
    ]
    return (
        told.with_columns(better=better)
        .with_columns(named.name.keep(), *parts)
        .rename({"x": "before", "y": "after"})
        .select(*CHANGE_SCHEMA)
        .sort("better", "a", "b", nulls_last=True)
    )


def _perhaps_changed(before: Trial, after: Trial) -> pl.DataFrame:
    """List the pairs that only one trial joins, and those that only one asks about: ``a``, ``b``, each once, sorted."""
    found = []
    for one, other in ((before, after), (after, before)):
        rows = pl.DataFrame({"one": one.labels, "other": other.labels}).with_row_index("row")
        within = rows.join(rows, on="one", suffix="_b")
        parted = (pl.col("row") < pl.col("row_b")) & (pl.col("other") != pl.col("other_b"))
        found.append(within.filter(parted).select(a="row", b="row_b"))
        found.append(one.review.select("a", "b"))
    return pl.concat(found).unique().sort("a", "b")


def json_ready(explanation: Explanation) -> dict[str, Any]:
    """Lay an explanation out for JSON: the parts that say something, and the sum."""
    return {
        "decision": explanation.decision,
        "weight": explanation.weight,
        "score": explanation.score,
        "parts": [
            {"name": part.name, "bits": part.bits, "meaning": part.meaning, "seen": part.seen}
            for part in explanation.parts
        ],
        "reasons": list(explanation.reasons),
        "relation": explanation.relation,
        "seen": dict(explanation.seen),
    }
