"""Tuning, on the project's own hand-written sample: what a spoiled policy costs is found again, on labels that were held out."""

import csv
import json
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from typer.testing import CliRunner

from dedup_core.errors import InvalidPolicy
from dedup_core.evaluating import Pairwise
from dedup_core.labels import NOBODY, LabelledPairs, TrueClusters
from dedup_core.policy import default_policy, parse_policy
from dedup_core.trials import Trials
from dedup_core.tuning import Goal, Tuned, tune
from dedup_core.variants import numbers_of, varied
from handlers.cli import app
from handlers.evaluate import Data, read_data
from handlers.tune import Fitted, Fold, _parted, _without, fit

BREISGAU: Final = Path(__file__).parents[2] / "samples" / "breisgau"
POLICY: Final = default_policy()
SPOILED: Final = varied(
    POLICY, {"evidence.title.disagree": 2.0, "evidence.title.shared": 0.1, "evidence.title.equal": 0.0}
)
"""Differences between titles count more than twice what they should, and what they share a sixth."""


@cache
def sample() -> Data:
    return read_data([BREISGAU], POLICY, labels=None)


@cache
def mended() -> Fitted:
    return fit(sample(), SPOILED, goal=Goal(), folds=2, seed=1, told=quietly)


def quietly(text: str, share: float) -> None:
    assert 0 <= share <= 1, text


def test_a_spoiled_policy_is_mended_and_is_better_on_labels_that_it_has_not_seen() -> None:
    fitted = mended()

    assert fitted.worth is not None
    before, after = fitted.worth
    assert after["f1"] > before["f1"] + 0.02
    assert after["precision"] >= 0.99
    assert fitted.tuned.policy.evidence.title.shared > 2 * SPOILED.evidence.title.shared
    assert fitted.tuned.policy.version == f"{SPOILED.version}-tuned"


def test_the_more_a_change_costs_the_less_is_changed() -> None:
    cautious = tune(Trials(sample().events), sample().truth, SPOILED, goal=Goal(caution=1e9), told=quietly)

    assert {path for path in cautious.changes if not path.startswith("thresholds")} == set()
    assert cautious.loss == cautious.loss_before
    assert mended().tuned.loss < cautious.loss * 0.8


def test_a_fit_is_alike_each_time_and_tells_every_number_that_it_changed() -> None:
    one = tune(Trials(sample().events), sample().truth, SPOILED, goal=Goal(), told=quietly)

    now = numbers_of(one.policy)
    assert now == numbers_of(mended().tuned.policy)
    assert {path: after for path, (_, after) in one.changes.items()} == {
        path: now[path] for path, before in numbers_of(SPOILED).items() if now[path] != before
    }


def test_folds_part_the_true_events_and_leave_none_out() -> None:
    truth = sample().truth
    assert isinstance(truth, TrueClusters)

    folds = _parted(truth, 3, seed=4)

    held = np.array(
        [np.where(isinstance(fold, TrueClusters) and fold.cluster != NOBODY, 1, 0) for fold in folds]
    )
    assert (held.sum(axis=0) == (truth.cluster != NOBODY)).all()
    for fold in folds:
        rest = _without(truth, fold)
        assert isinstance(fold, TrueClusters)
        assert isinstance(rest, TrueClusters)
        assert not set(fold.cluster) & set(rest.cluster) - {NOBODY}


def test_labelled_pairs_are_fitted_as_well_and_the_policy_that_is_written_reads_back(tmp_path: Path) -> None:
    truth = sample().truth
    pairs = sample().events.select("source_code", "id")
    known = Trials(sample().events).candidates(POLICY)
    same = truth.same(known).to_list()
    rows = [
        (*pairs.row(a), *pairs.row(b), "same" if one else "different")
        for (a, b), one in zip(known.iter_rows(), same, strict=True)
        if one is not None
    ]
    labels, out = tmp_path / "pairs.csv", tmp_path / "tuned.yaml"
    with labels.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("a_source_code", "a_id", "b_source_code", "b_id", "label"), *rows])

    run = CliRunner().invoke(
        app,
        ["tune", str(BREISGAU), "--truth", str(labels), "--folds", "1", "--out", str(out), "--json"],
        catch_exceptions=False,
    )

    told = json.loads(run.stdout)
    assert told["held_out"] is None
    assert told["loss"]["after"] <= told["loss"]["before"]
    assert (
        parse_policy(out.read_text(encoding="utf-8"), name="tuned").model_dump(mode="json") == told["policy"]
    )


def of(pairs: int, worth: tuple[Pairwise, Pairwise], **numbers: float) -> Fitted:
    """Give what tuning would, of a policy with other thresholds."""
    changes = {path.replace("__", "."): value for path, value in numbers.items()}
    return Fitted(Tuned(varied(POLICY, changes), {}, 9.0, 8.0, pairs), (Fold(1, *worth),))


@pytest.mark.parametrize(
    ("pairs", "match", "warned"),
    [
        (500, 4.0, []),
        (500, 0.0, ["nobody is asked"]),
        (12, 4.0, ["Only 12"]),
        (12, 0.0, ["Only 12", "nobody"]),
    ],
)
def test_a_fit_that_asks_nobody_or_rests_on_few_labels_says_so(
    pairs: int, match: float, warned: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    worth = Pairwise(true=100, false=7, missed=0), Pairwise(true=101, false=3, missed=1)
    fitted = of(pairs, worth, thresholds__match=match, thresholds__ambiguous=min(1.0, match))
    monkeypatch.setattr("handlers.tune.fit", lambda *_, **__: fitted)

    told = CliRunner().invoke(app, ["tune", str(BREISGAU)], catch_exceptions=False)
    document = json.loads(CliRunner().invoke(app, ["tune", str(BREISGAU), "--json"]).stdout)

    assert [word in text for word, text in zip(warned, document["warnings"], strict=True)] == [True] * len(
        warned
    )
    assert [word in " ".join(told.stderr.split()) for word in warned] == [True] * len(warned)
    (precision,) = (line.split() for line in told.stdout.splitlines() if line.startswith("precision"))
    assert precision == ["precision", "0.9346", "0.9712", "+0.0366"]


def test_labels_that_say_of_nothing_that_it_is_one_event_or_are_too_few_are_refused() -> None:
    truth = sample().truth
    nothing = LabelledPairs(Trials(sample().events).candidates(POLICY).head(0).with_columns(same=True))

    with pytest.raises(InvalidPolicy, match="nothing to fit"):
        tune(Trials(sample().events), nothing, POLICY, goal=Goal(), told=quietly)
    with pytest.raises(InvalidPolicy, match="too few for 20000 folds"):
        _parted(truth, 20_000, seed=1)
