"""Witnesses: a third listing that has both names.

`Glenn-Miller-Abend` and `Swing Orchester Harz` share no word, and nothing but a third listing, `Glenn-Miller-Abend mit dem Swing Orchester Harz`,
says that they are one. Who names two things in one breath may also mean two events: so only what agrees in its day, and in hour and venue as far as both
tell them, is heard, and a witness takes away what spoke against a pair but makes no match of it.
"""

from typing import Final

import numpy as np
import polars as pl

from dedup_core.policy import Policy

WITNESSED: Final = "witnessed"
"""The reason as it is stored; `dedup_core.vetoes.reasons` has its words."""

BY_TITLES: Final = r"^(?:(?:title_differs|headline_differs|two_names|kind_only) ?)+$"
"""Vetoes that speak of titles only."""

NAMED: Final = 5.0
"""Bits of the titles from which a listing has the other's name."""

RAISED: Final = "once_in_town|who_plays"
"""Rules that raise what titles say: of no name that both have."""

APART: Final = -1.5
"""Bits of the time down to which two starts are doors and start, half an hour apart."""


def with_witnesses(decisions: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """Take back what differing titles took away from pairs that a third listing names together: same rows, same order.

    decisions: DECISION_SCHEMA, each pair once. Short of a match, and never of pairs that anything but their titles parts.
    """
    has_name = (pl.col("title") >= NAMED) & ~pl.col("reasons").str.contains(RAISED).fill_null(value=False)
    named = decisions.filter(pl.col("decision") == "match", has_name).select("a", "b")
    if named.is_empty():
        return decisions
    ends = pl.concat([named.select(witness="a", end="b"), named.select(witness="b", end="a")])
    parted = decisions.filter(_parted_by_titles()).select("a", "b")
    both = parted.join(ends, left_on="a", right_on="end").join(
        ends, left_on=["b", "witness"], right_on=["end", "witness"], how="semi"
    )
    told = both.select("a", "b", witnessed=pl.lit(value=True)).unique()
    return _heard(decisions, told, policy) if told.height else decisions


def _parted_by_titles() -> pl.Expr:
    titles_only = pl.col("reasons").is_null() | pl.col("reasons").str.contains(BY_TITLES)
    agree = (
        (pl.col("date") > 0) & (pl.col("time").fill_null(0) >= APART) & (pl.col("venue").fill_null(0) >= 0)
    )
    return (
        (pl.col("decision") != "match")
        & (pl.col("title") < 0)
        & titles_only
        & agree
        & pl.col("relation").is_null()
    )


def _heard(decisions: pl.DataFrame, told: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    limits = policy.thresholds
    room = (limits.match - 0.05 - pl.col("weight")).clip(lower_bound=0)
    more = pl.when(pl.col("witnessed")).then(pl.min_horizontal(-pl.col("title"), room)).cast(pl.Float32)
    weight = pl.col("weight") + pl.col("more")
    decision = pl.when(weight >= limits.ambiguous).then(pl.lit("ambiguous")).otherwise("decision")
    changed = pl.col("more").is_not_null()
    return (
        decisions.join(told, on=["a", "b"], how="left", maintain_order="left")
        .with_columns(more=more)
        .with_columns(
            title=pl.when(changed).then(pl.col("title") + pl.col("more")).otherwise("title"),
            decision=pl.when(changed).then(decision).otherwise("decision"),
            score=pl.when(changed)
            .then(1 / (1 + (-weight.cast(pl.Float64) * np.log(2)).exp()))
            .otherwise("score")
            .cast(pl.Float32),
            weight=pl.when(changed).then(weight).otherwise("weight"),
            reasons=pl.when(changed)
            .then(pl.concat_str("reasons", pl.lit(WITNESSED), separator=" ", ignore_nulls=True))
            .otherwise("reasons"),
        )
        .select(decisions.columns)
    )
