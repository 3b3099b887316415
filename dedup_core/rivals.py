"""Rivals: two listings that are not one event, and a third that fits both.

A source that lists 15:00 and 19:00 decides for everybody: what fits the one better is not the other, and what fits both equally
is for a person to tell; what says all that both say, and no hour, announces both. This looks at pairs of pairs, so it runs once all are scored; a rival that no block
paired is not seen, and `dedup_core.clustering` then keeps the two apart by the pair that is refused.
"""

import re
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from dedup_core.occurrences import MINUTES_A_DAY
from dedup_core.policy import Policy
from dedup_core.subjects import Subjects

OUTDONE: Final = "outdone"
TORN: Final = "torn"
COVERED: Final = "covered"
RIVALS: Final = {
    COVERED: "It says no hour and all that two listings of one source say, which begin at two: it announces both, and is linked to them.",
    OUTDONE: "Another listing fits clearly better, and it is not the same event as this one.",
    TORN: "It fits two listings that are not one event, so a person should look.",
}
"""Why a weight was cut, in the words that a reviewer is shown."""


def with_rivals(scored: pl.DataFrame, subjects: Subjects, policy: Policy) -> pl.DataFrame:
    """Cut the weights of pairs that have a rival: same rows, same order.

    scored: DECISION_SCHEMA and ``plain`` (Float32: the weight before any veto), sorted; each pair once.
    """
    contested = _contested(scored, subjects, policy)
    if contested.is_empty():
        return scored
    numbered = scored.select("a", "b").with_row_index("row")
    found = numbered.join(contested, on=["a", "b"], maintain_order="left")
    changed = _cut(scored[found["row"]].hstack(found.select("outdone", "covered")), policy)
    # Few of many rows: only their values are written anew.
    return scored.with_columns(scored[name].scatter(found["row"], changed[name]) for name in changed.columns)


def _cut(contested: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """Cut the weights of pairs that have a rival: the columns that change. contested: rows of ``scored``, with ``outdone`` and ``covered``."""
    limits = policy.thresholds
    covered, outdone = pl.col("covered").is_not_null(), pl.col("outdone")
    bound = (
        pl.when(covered)
        .then(policy.clustering.refuse_below)
        .when(outdone)
        .then(limits.ambiguous - 0.05)
        .otherwise(limits.match - 0.05)
    )
    reason = (
        pl.when(covered).then(pl.lit(COVERED)).when(outdone).then(pl.lit(OUTDONE)).otherwise(pl.lit(TORN))
    )
    limited = contested.with_columns(limited=pl.min_horizontal("weight", bound.cast(pl.Float32)))
    cut = pl.col("limited") - pl.col("weight")
    decision = (
        pl.when(pl.col("limited") >= limits.match)
        .then(pl.lit("match"))
        .when(pl.col("limited") >= limits.ambiguous)
        .then(pl.lit("ambiguous"))
        .otherwise(pl.lit("no_match"))
    )
    return limited.select(
        cap=pl.when(cut < 0).then(pl.col("cap").fill_null(0) + cut).otherwise("cap"),
        weight="limited",
        score=(1 / (1 + (-pl.col("limited").cast(pl.Float64) * LOG_2).exp())).cast(pl.Float32),
        decision=decision,
        relation=pl.coalesce("relation", "covered"),
        reasons=pl.concat_str("reasons", reason, separator=" ", ignore_nulls=True),
    )


CONTRADICTIONS: Final = (
    "places_differ|houses_differ|venues_opposed|towns_differ|far_apart|two_shows|no_common_day|kind_differs|no_event|run_and_show"
    "|alternatives_differ|clubs_meet|two_of_a_kind"
)
"""Vetoes for which two listings are two events; the others only leave it open."""

OTHER_NAMES: Final = "title_differs|two_names|kind_only|number_differs|session_differs"
"""Vetoes for which two listings of one source are two items of it, not an article and the entry in its calendar."""

LOG_2: Final = 0.6931471805599453
"""Natural logarithm of two: weights are in bits."""


def _placed_apart(
    one: npt.NDArray[np.uint32], other: npt.NDArray[np.uint32], subjects: Subjects, policy: Policy
) -> npt.NDArray[np.bool_]:
    """Tell which two listings of one source have other days, starts, venues, districts or streets: (p,)."""
    starts = np.abs(subjects.moment[one] - subjects.moment[other]) >= policy.vetoes.side_by_side_minutes
    days = (subjects.day[one] != subjects.day[other]) | (subjects.last_day[one] != subjects.last_day[other])
    apart: npt.NDArray[np.bool_] = starts | days
    for place in (subjects.venue, subjects.district, subjects.street):
        apart |= (place[one] != place[other]) & (place[one] >= 0) & (place[other] >= 0)
    return apart


def _contested(scored: pl.DataFrame, subjects: Subjects, policy: Policy) -> pl.DataFrame:
    """List the pairs with a rival: ``a``, ``b``, ``outdone`` (whether one is clearly better, else they are as good), ``covered``.

    covered: the relation of a pair of which the one announces what both rivals do; null for none.
    """
    rivals = _apart(_two_that_fit(scored, policy), scored, subjects, policy)
    ahead, margin = pl.col("plain") - pl.col("plain_2"), policy.vetoes.rival
    rivals = rivals.with_columns(covered=_covered(rivals, subjects, policy) & (ahead.abs() < margin))
    sides = pl.concat(
        [
            rivals.filter(ahead < margin).select("x", "y", "covered", outdone=ahead <= -margin),
            rivals.filter(ahead > -margin).select("x", "covered", y="y_2", outdone=ahead >= margin),
        ],
        how="diagonal",
    )
    pair = sides.select(
        "outdone",
        a=pl.min_horizontal("x", "y"),
        b=pl.max_horizontal("x", "y"),
        covered=pl.when("covered").then(_relation_of(sides, subjects)),
    )
    return pair.group_by("a", "b").agg(
        pl.col("outdone").any(),
        covered=pl.when(~pl.col("outdone").any()).then(pl.col("covered").drop_nulls().min()),
    )


def _two_that_fit(scored: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """List the events ``x`` with two, ``y`` < ``y_2``, that fit them by ``plain`` and ``plain_2`` bits."""
    alive = (pl.col("weight") >= policy.thresholds.ambiguous) & pl.col("relation").is_null()
    # What is itself contradicted may leave it open, but outdoes nothing.
    bits = pl.when(_says(CONTRADICTIONS)).then(pl.min_horizontal("plain", policy.thresholds.ambiguous))
    fits = scored.filter(alive).select("a", "b", plain=bits.otherwise("plain").cast(pl.Float32))
    ends = pl.concat([fits.select("plain", x="a", y="b"), fits.select("plain", x="b", y="a")])
    return ends.join(ends, on="x", suffix="_2").filter(pl.col("y") < pl.col("y_2"))


def _says(reasons: str) -> pl.Expr:
    """Tell whether a pair has one of these reasons."""
    return pl.col("reasons").str.contains(reasons).fill_null(value=False)


def _apart(two: pl.DataFrame, scored: pl.DataFrame, subjects: Subjects, policy: Policy) -> pl.DataFrame:
    """Keep those of `_two_that_fit` that are two events: by what was found of them, or as one source lists both. Adds ``one_source``."""
    matched = pl.col("weight") >= policy.thresholds.match
    known = scored.select(
        y="a",
        y_2="b",
        vetoed=_says(CONTRADICTIONS) & ~matched,
        named_apart=_says(OTHER_NAMES),
        # One of a source's two entries that the source tells apart; a copy of it under the same title is not.
        told_apart=_says("side_by_side"),
        copies=matched,
    )
    y, y_2, x = (two[side].to_numpy() for side in ("y", "y_2", "x"))
    headline = subjects.headline
    seen = two.with_columns(
        one_source=subjects.source[y] == subjects.source[y_2],
        two_entries=~(headline[y] | headline[y_2]),
        placed_apart=_placed_apart(y, y_2, subjects, policy),
        # What was moved stands in other listings with the old day, and in others with the new one.
        moved=~np.isnan(subjects.previous_day[x]),
    )
    two_items = (
        pl.col("named_apart").fill_null(value=True)
        | pl.col("placed_apart")
        | (pl.col("two_entries") & pl.col("told_apart").fill_null(value=False))
    )
    # What matches is a source's own copy, if one with an address and one without.
    copies = pl.col("copies").fill_null(value=False)
    apart = pl.col("vetoed").fill_null(value=False) | (pl.col("one_source") & two_items & ~copies)
    return seen.join(known, on=["y", "y_2"], how="left").filter(apart & ~pl.col("moved"))


def _covered(rivals: pl.DataFrame, subjects: Subjects, policy: Policy) -> pl.Series:
    """Tell where ``x`` says no hour, and all words of two entries of one source that begin apart on its day: two shows, or two concerts in one line."""
    x, one, other = (rivals[side].to_numpy() for side in ("x", "y", "y_2"))
    starts = subjects.moment
    covered = np.isnan(starts[x]) & rivals["one_source"].to_numpy()
    covered &= np.abs(starts[one] - starts[other]) >= policy.vetoes.two_shows_minutes
    covered &= (subjects.day[x] == subjects.day[one]) & (subjects.day[x] == subjects.day[other])
    rows = np.flatnonzero(covered)
    ends = x[rows], one[rows], other[rows]
    covered[rows] = _says_all(ends[0], ends[1], subjects) & _says_all(ends[0], ends[2], subjects)
    covered[rows] &= ~_tells_which(*ends, subjects)
    # Two services in two churches are not two showings of one thing.
    equal = subjects.equal_title[one] == subjects.equal_title[other]
    return pl.Series(covered & ~(equal & (subjects.venue[one] != subjects.venue[other])))


def _tells_which(
    events: npt.NDArray[np.uint32],
    one: npt.NDArray[np.uint32],
    other: npt.NDArray[np.uint32],
    subjects: Subjects,
) -> npt.NDArray[np.bool_]:
    """Tell of which events the text names the start of just one of two shows: (p,). Who names both announces both. A loop, over the few such."""
    said = pl.concat_str("title", "short_description", "description", separator=" ", ignore_nulls=True)
    texts = subjects.texts[events].select(said.str.to_lowercase()).to_series().to_list()
    minutes = ((subjects.moment[rows] % MINUTES_A_DAY).astype(int).tolist() for rows in (one, other))
    return np.array(
        [
            _names(text, left) != _names(text, right)
            for text, left, right in zip(texts, *minutes, strict=True)
        ],
        np.bool_,
    )


def _names(text: str, minute: int) -> bool:
    """Tell whether a lowered text names a start: `19.30 Uhr`, `19:30`, `um 15 und 18 Uhr`; 19.30 Euro are none."""
    hour, past = divmod(minute, 60)
    exact = rf"\b0?{hour}[.:]{past:02}\b(?!\.|\s*(?:€|eur))"
    full = rf"\b0?{hour}(?:\s*(?:,|/|&|u\.|und)\s*\d\d?(?:[.:]\d\d)?)*\s*uhr\b"
    return bool(re.search(exact if past else f"{exact}|{full}", text))


def _says_all(
    one: npt.NDArray[np.uint32], other: npt.NDArray[np.uint32], subjects: Subjects
) -> npt.NDArray[np.bool_]:
    """Tell where the one's title has all words of the other's: (p,)."""
    words = subjects.has_word[other]
    both = np.asarray(words.multiply(subjects.has_word[one]).sum(axis=1)).ravel()
    all_said: npt.NDArray[np.bool_] = both >= np.diff(words.indptr)
    return all_said


def _relation_of(sides: pl.DataFrame, subjects: Subjects) -> pl.Series:
    """Name the relation of ``y`` to ``x``, which announces it: one of its dates, or a part of what it says more than."""
    x, y = sides["x"].to_numpy(), sides["y"].to_numpy()
    kind = np.where(_says_all(y, x, subjects), "date", "part")
    first = np.where(y < x, "a", "b")
    return pl.Series(
        [f"{one}_{of}_of_{'b' if one == 'a' else 'a'}" for one, of in zip(first, kind, strict=True)],
        dtype=pl.String,
    )
