"""Asked: what few answers are worth, if all that `event-dedup label` would ask is answered by the truth.

    python -m bench.asked /path/to/conf-events --ask 80

The policy is fitted to the answers as `event-dedup tune --truth labels.csv` does, and measured on the whole set; its pairs are some of that.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import polars as pl

from dedup_core.asking import worth_asking
from dedup_core.evaluating import Pairwise
from dedup_core.labels import LabelledPairs
from dedup_core.policy import Policy, default_policy
from dedup_core.trials import Trials
from dedup_core.tuning import Goal, tune
from handlers.evaluate import Data, read_data

NOTHING: Final = pl.DataFrame(schema={"a": pl.UInt32, "b": pl.UInt32})


def answered(data: Data, trials: Trials, policy: Policy, *, many: int) -> LabelledPairs:
    """Answer what would be asked; a pair of which the truth says nothing is left out."""
    asked = worth_asking(trials.trial(policy), NOTHING, many=many).select("a", "b")
    return LabelledPairs(asked.with_columns(same=data.truth.same(asked)).drop_nulls())


def worth(data: Data, *, many: int) -> tuple[Pairwise, Pairwise]:
    """Measure the default policy and one that is fitted to so many answers."""
    policy, trials = default_policy(), Trials(data.events)
    known = answered(data, trials, policy, many=many)
    tuned = tune(trials, known, policy, goal=Goal(), told=lambda text, share: None).policy
    before, after = (data.truth.counts(trials.trial(rules).labels) for rules in (policy, tuned))
    return before, after


def main(arguments: Sequence[str] | None = None) -> None:
    """Print precision, recall and F1 before and after."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.asked", description="Tell what few answers are worth."
    )
    parser.add_argument("data", type=Path, help="a folder of input files with truth.csv in it")
    parser.add_argument("--ask", type=int, default=80, help="answers (default: %(default)s)")
    asked = parser.parse_args(arguments)
    data = read_data([asked.data], default_policy(), labels=None)
    for name, counts in zip(("before", "after"), worth(data, many=asked.ask), strict=True):
        print(f"{name}: precision {counts.precision:.4f}, recall {counts.recall:.4f}, F1 {counts.f1:.4f}")


if __name__ == "__main__":
    main()
