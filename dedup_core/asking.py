"""Asking: which pairs a person should label next, so that few labels say much.

Three of four are those of which the policy is least sure (uncertainty sampling: Lewis & Gale 1994), as far as each tells of another event; every
fourth is one that it is sure of, taken evenly over all it joined, since what is wrong there no doubt would ever show. Labels that were chosen so say
nothing of how often the matcher errs: measure that on others.
"""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import polars as pl

from dedup_core.trials import Trial

CONTROL: Final = 4
"""One pair in so many is one that the policy is sure of."""


def worth_asking(trial: Trial, known: pl.DataFrame, *, many: int) -> pl.DataFrame:
    """Choose pairs to label, the most telling first.

    known: ``a``, ``b`` (UInt32): pairs that are labelled already; they and their events are not asked about again.

    Returns:
        at most ``many`` rows ``a``, ``b`` (a < b), ``score``; each canonical event in one of them. The same trial gives the same pairs.
    """
    limits = trial.policy.thresholds
    middle = (limits.match + limits.ambiguous) / 2
    scored = trial.decisions.with_columns(
        (pl.col("weight") - middle).abs().alias("doubt"),
        *(pl.Series(f"event_{side}", trial.labels[trial.decisions[side].to_numpy()]) for side in ("a", "b")),
    ).join(known, on=["a", "b"], how="anti", maintain_order="left")
    told = {int(trial.labels[row]) for side in ("a", "b") for row in known[side].to_numpy()}
    doubtful = scored.filter(pl.col("relation").is_null()).sort("doubt", "a", "b")
    sure = _evenly(scored.filter(pl.col("decision") == "match").sort("weight", "a", "b"), many)
    chosen: list[tuple[Any, ...]] = []
    columns = ("a", "b", "score", "event_a", "event_b")
    queues = [pairs.select(columns).iter_rows() for pairs in (doubtful, sure)]
    while len(chosen) < many:
        first, second = queues if (len(chosen) + 1) % CONTROL else reversed(queues)
        pair = _fresh(first, told) or _fresh(second, told)
        if pair is None:
            break
        told.update(pair[3:])
        chosen.append(pair[:3])
    return pl.DataFrame(chosen, schema={"a": pl.UInt32, "b": pl.UInt32, "score": pl.Float32}, orient="row")


def _fresh(pairs: Iterator[tuple[Any, ...]], told: set[int]) -> tuple[Any, ...] | None:
    """Take the next pair whose events nobody was asked about."""
    return next((pair for pair in pairs if told.isdisjoint(pair[3:])), None)


def _evenly(pairs: pl.DataFrame, many: int) -> pl.DataFrame:
    """Take pairs evenly from the least to the most certain."""
    rows = np.unique(np.linspace(0, max(0, pairs.height - 1), num=min(many, pairs.height)).astype(np.int64))
    return pairs[rows]
