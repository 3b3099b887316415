"""The labelled samples, each in one run against its true clusters.

The labels of ``samples/conferences`` come from the conferences' URLs, which the matcher never sees; some noise remains in
them, so a small fall may be the labels' fault: read the pairs before you blame the matcher. ``samples/breisgau`` is written by hand.
"""

from pathlib import Path
from typing import Final

import polars as pl
from pydantic import BaseModel, ConfigDict

from dedup_core.policy import Policy, default_policy
from dedup_core.trials import Trials
from handlers.evaluate import evaluate, read_data

SAMPLES: Final = Path(__file__).parents[2] / "samples"
SAMPLE_NAMES: Final = ("breisgau", "conferences")


class SampleFigures(BaseModel):
    """Pairwise figures in [0, 1] over all listings; asked: pairs that scoring alone leaves to review."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    listings: int
    precision: float
    recall: float
    f1: float
    asked: int


def sample_figures(name: str, policy: Policy | None = None) -> SampleFigures:
    """Measure on a sample, with the policy that the package ships unless another is given."""
    rules = policy or default_policy()
    data = read_data([SAMPLES / name], rules, labels=None)
    found = evaluate(data, Trials(data.events), rules)
    pairs = found.figures.pairs
    return SampleFigures(
        listings=found.figures.listings,
        precision=round(pairs.precision, 4),
        recall=round(pairs.recall, 4),
        f1=round(pairs.f1, 4),
        asked=found.trial.decisions.filter(pl.col("decision") == "ambiguous").height,
    )
