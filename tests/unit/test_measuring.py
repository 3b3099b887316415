"""Trials, figures, mistakes and changes, on the project's own samples: small, and with all that real listings do."""

from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
import pytest

from dedup_core.events import VERDICT_SCHEMA, Previous, Resolution
from dedup_core.labels import Truth
from dedup_core.measuring import contributions, curve, figures, histogram
from dedup_core.mistakes import changes, mistakes
from dedup_core.pipeline import resolve
from dedup_core.policy import Policy, default_policy
from dedup_core.trials import Trial, Trials
from dedup_core.variants import varied
from handlers.evaluate import Data, read_data

SAMPLE: Final = Path(__file__).parents[2] / "samples" / "breisgau"
VARIANTS: Final[tuple[dict[str, float], ...]] = (
    {},
    {"thresholds.match": 7},
    {"thresholds.match": 1.5, "thresholds.ambiguous": -2, "thresholds.floor": -3},
    {"thresholds.floor": -20},
    {"thresholds.match": 30},
    {"clustering.refuse_below": -3},
    {"vetoes.rest": 2},
    {"evidence.title.shared": 0.3},
    {"blocking.rare_tokens": 0},
)


@cache
def data() -> Data:
    return read_data([SAMPLE], default_policy(), labels=None)


def resolved(policy: Policy) -> Resolution:
    return resolve(data().events, pl.DataFrame(schema=dict(VERDICT_SCHEMA)), Previous.nothing(), policy)


def trial_of(changes: dict[str, float]) -> Trial:
    return Trials(data().events).trial(varied(default_policy(), changes))


@pytest.mark.slow
@pytest.mark.parametrize("first", [0, 2, 3])
def test_trials_one_after_the_other_find_what_a_whole_run_finds(first: int) -> None:
    trials = Trials(data().events.sample(fraction=1, shuffle=True, seed=7))
    order = [*VARIANTS[first:], *VARIANTS[:first]]

    for changed in order:
        policy = varied(default_policy(), changed)
        trial, run = trials.trial(policy), resolved(policy)

        assert trial.decisions.equals(run.decisions), changed
        assert trial.review.equals(run.review), changed
        members = (
            data()
            .events.select("source_code", "id", label=trial.labels)
            .join(run.members, on=["source_code", "id"])
        )
        assert members.select("label", "canonical_id").unique().height == members["label"].n_unique(), changed
        assert members["canonical_id"].n_unique() == members["label"].n_unique(), changed


def by_hand(trial: Trial, truth: Truth) -> tuple[dict[str, int], set[tuple[int, int, bool]]]:
    """Look at every pair of listings."""
    n = len(trial.labels)
    every = pl.DataFrame(
        list(combinations(range(n), 2)), schema={"a": pl.UInt32, "b": pl.UInt32}, orient="row"
    )
    candidates = set(trial.candidates.pairs.rows())
    count = dict.fromkeys(("true", "false", "missed", "met", "same"), 0)
    wrong = set()
    for (a, b), same in zip(every.rows(), truth.same(every), strict=True):
        if same is None:
            continue
        joined = trial.labels[a] == trial.labels[b]
        count["true"] += joined and same
        count["false"] += joined and not same
        count["missed"] += same and not joined
        count["met"] += same and (a, b) in candidates
        count["same"] += same
        if joined != same:
            wrong.add((a, b, same))
    return count, wrong


@pytest.mark.parametrize("changed", [{}, {"thresholds.match": -1, "thresholds.ambiguous": -3}])
def test_figures_and_mistakes_are_those_of_looking_at_every_pair(changed: dict[str, float]) -> None:
    trial, truth = trial_of(changed), data().truth
    count, wrong = by_hand(trial, truth)

    measured = figures(trial, truth)
    told, merges, missed = mistakes(trial, truth, data().events, most=1000)

    assert (measured.pairs.true, measured.pairs.false, measured.pairs.missed) == (
        count["true"],
        count["false"],
        count["missed"],
    )
    assert (measured.blocking_met, measured.blocking_true) == (count["met"], count["same"])
    assert {(one.a, one.b, one.same) for one in told} == wrong
    assert (merges, missed) == (count["false"], count["missed"])
    assert [one.same for one in told] == [False] * merges + [True] * missed
    for one in told:
        parts = sum(part.bits or 0.0 for part in one.explanation.parts)
        assert parts == pytest.approx(one.explanation.weight, abs=1e-3)


def share_of(same: pl.Series) -> float:
    return int(same.sum()) / same.drop_nulls().len()


def test_the_curve_and_the_histogram_count_the_same_pairs() -> None:
    trial, truth = trial_of({}), data().truth

    points, bars = curve(trial, truth), histogram(trial, truth)

    same = truth.same(trial.decisions)
    assert (bars["same"].sum(), bars["different"].sum()) == (same.sum(), (~same).sum())
    assert points["weight"].is_sorted(descending=True)
    assert points["recall"].is_sorted()
    last = points.row(-1, named=True)
    assert last["recall"] * truth.met(trial.candidates.pairs)[1] == pytest.approx(float(same.sum()))
    assert last["precision"] == pytest.approx(share_of(same))
    third = points.row(2, named=True)
    above = trial.decisions.filter(pl.col("weight") >= third["weight"] - 1e-6)
    assert third["precision"] == pytest.approx(share_of(truth.same(above)))


def test_evidence_of_one_event_says_more_than_that_of_two() -> None:
    told = contributions(trial_of({}), data().truth)

    title = {row["same"]: row for row in told.filter(pl.col("part") == "title").iter_rows(named=True)}
    assert title[True]["median"] > title[False]["median"]
    assert told["known"].is_between(0, 1).all()
    assert (told.drop_nulls("low")["low"] <= told.drop_nulls("low")["high"]).all()


@pytest.mark.slow
def test_a_comparison_lists_each_pair_of_another_outcome_and_no_other() -> None:
    before, after = trial_of({}), trial_of({"thresholds.match": 20})

    def outcome(trial: Trial, a: int, b: int) -> str:
        if trial.labels[a] == trial.labels[b]:
            return "joined"
        return "review" if (a, b) in set(trial.review.select("a", "b").rows()) else "apart"

    changed = changes(before, after, data().truth)

    every = combinations(range(len(before.labels)), 2)
    expected = {(a, b): (outcome(before, a, b), outcome(after, a, b)) for a, b in every}
    expected = {pair: both for pair, both in expected.items() if both[0] != both[1]}
    assert {
        (row["a"], row["b"]): (row["before"], row["after"]) for row in changed.iter_rows(named=True)
    } == expected
    assert len(expected) > 3
    one = changed.filter(pl.col("same")).row(0, named=True)
    assert (one["before"], one["better"]) == ("joined", False)
    assert changes(before, before, data().truth).is_empty()


def test_nothing_labelled_is_measured_without_dividing_by_it() -> None:
    read = data()
    truth = type(read.truth)(np.full(read.events.height, -1, np.int64))  # type: ignore[arg-type]
    trial = trial_of({})

    measured = figures(trial, truth)

    assert (measured.pairs.f1, measured.blocking_recall, measured.match_precision) == (1, 1, 1)
    assert curve(trial, truth).is_empty()
    assert mistakes(trial, truth, read.events, most=5) == ([], 0, 0)
