"""The labelled samples, each in one run against its true clusters.

The labels of ``samples/conferences`` come from the conferences' URLs, which the matcher never sees; some noise remains in
them, so a small fall may be the labels' fault: read the pairs before you blame the matcher. ``samples/breisgau`` is written by hand.
"""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from pydantic import BaseModel, ConfigDict

from dedup_core.evaluating import Labels, pairwise
from dedup_core.events import Resolution
from dedup_core.hard_cases import Identity
from dedup_core.policy import Policy, default_policy
from tests.golden.running import resolution_of

SAMPLES: Final = Path(__file__).parents[2] / "samples"
SAMPLE_NAMES: Final = ("breisgau", "conferences")


class SampleFigures(BaseModel):
    """Pairwise figures in [0, 1] over all listings; asked: pairs in review."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    listings: int
    precision: float
    recall: float
    f1: float
    asked: int


def sample_files(name: str) -> dict[str, bytes]:
    """Return the files of a sample, content by file name."""
    return {path.name: path.read_bytes() for path in sorted((SAMPLES / name).glob("*.json"))}


def sample_truth(name: str) -> dict[Identity, str]:
    """Return the name of the true cluster of each listing of a sample."""
    with (SAMPLES / name / "truth.csv").open(encoding="utf-8", newline="") as lines:
        return {(row["source_code"], row["id"]): row["cluster"] for row in csv.DictReader(lines)}


def sample_figures(name: str, policy: Policy | None = None) -> SampleFigures:
    """Resolve a sample and count, with the policy that the package ships unless another is given."""
    resolution = resolution_of(sample_files(name), policy or default_policy())
    counts = pairwise(*_labels(resolution, sample_truth(name)))
    return SampleFigures(
        listings=resolution.members.height,
        precision=round(counts.precision, 4),
        recall=round(counts.recall, 4),
        f1=round(counts.f1, 4),
        asked=int((resolution.decisions["decision"] == "ambiguous").sum()),
    )


def _labels(resolution: Resolution, truth: Mapping[Identity, str]) -> tuple[Labels, Labels]:
    """Return the found and the true cluster of each listing as numbers, both (n,)."""
    known = [truth[source, id_] for source, id_ in resolution.members.select("source_code", "id").rows()]
    return _numbers(resolution.members["canonical_id"].to_list()), _numbers(known)


def _numbers(names: Sequence[str]) -> Labels:
    return np.unique(names, return_inverse=True)[1].astype(np.int64)
