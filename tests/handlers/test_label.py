"""Labelling at the terminal: each key is kept at once, what was answered is not asked again, and few labels say much."""

import csv
from pathlib import Path
from typing import Final

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from bench.asked import answered
from dedup_core.asking import CONTROL, worth_asking
from dedup_core.policy import default_policy
from dedup_core.trials import Trials
from handlers.cli import app
from handlers.evaluate import read_data

BREISGAU: Final = Path(__file__).parents[2] / "samples" / "breisgau"
POLICY: Final = default_policy()
NONE: Final = pl.DataFrame(schema={"a": pl.UInt32, "b": pl.UInt32})


def label(keys: str, out: Path, ask: int) -> Result:
    words = ["label", str(BREISGAU), "--ask", str(ask), "--out", str(out)]
    return CliRunner().invoke(app, words, input=keys, catch_exceptions=False)


def rows(path: Path) -> list[tuple[str, ...]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [tuple(row) for row in csv.reader(file)][1:]


def test_each_key_is_kept_undo_takes_one_back_and_a_key_that_means_nothing_asks_again(tmp_path: Path) -> None:
    out = tmp_path / "labels.csv"

    run = label("sxdkuusq", out, ask=6)

    assert [row[-1] for row in rows(out)] == ["same", "same"]
    assert "2 labelled pairs" in run.stderr
    assert run.stdout.count("one event?") == 7


def test_a_second_run_goes_on_where_the_first_one_stopped_and_loses_nothing(tmp_path: Path) -> None:
    out = tmp_path / "labels.csv"
    label("sdq", out, ask=5)
    first = rows(out)

    label("ddd", out, ask=3)

    later = rows(out)
    assert later[:2] == first
    assert len(later) == 5
    listings = [listing for row in later for listing in (row[:2], row[2:4])]
    assert len(set(listings)) == 10


def test_pairs_in_doubt_are_asked_first_and_every_fourth_is_one_that_is_sure() -> None:
    data = read_data([BREISGAU], POLICY, labels=None)
    trial = Trials(data.events).trial(POLICY)

    asked = worth_asking(trial, NONE, many=12)

    weights = asked.join(trial.decisions, on=["a", "b"], maintain_order="left")["weight"].to_list()
    middle = (POLICY.thresholds.match + POLICY.thresholds.ambiguous) / 2
    doubts = [abs(weight - middle) for number, weight in enumerate(weights, 1) if number % CONTROL]
    assert doubts == pytest.approx(sorted(doubts))  # weights are Float32: equal doubts differ by a rounding
    assert all(weight >= POLICY.thresholds.match for weight in weights[CONTROL - 1 :: CONTROL])
    events = [trial.labels[row] for side in ("a", "b") for row in asked[side].to_list()]
    assert len(asked) == 12
    for side, other in zip(events[:12], events[12:], strict=True):
        assert events.count(side) == (2 if side == other else 1)
    assert worth_asking(trial, asked.select("a", "b"), many=1)["a"].item() not in asked["a"].to_list()


def test_the_truth_answers_all_that_would_be_asked() -> None:
    data = read_data([BREISGAU], POLICY, labels=None)
    trials = Trials(data.events)

    labels = answered(data, trials, POLICY, many=8)

    assert labels.pairs.select("a", "b").equals(
        worth_asking(trials.trial(POLICY), NONE, many=8).select("a", "b")
    )
    assert labels.pairs["same"].to_list() == data.truth.same(labels.pairs.select("a", "b")).to_list()
