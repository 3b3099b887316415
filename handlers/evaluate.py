"""Evaluate: a resolution of files against the clusters that people say are true.

What it may get wrong is what the labels get wrong: read the pairs that it names before you blame the matcher.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from dedup_core.errors import UnreadableFile
from dedup_core.evaluating import BCubed, Pairwise, bcubed, pairwise
from dedup_core.events import IDENTITY, Resolution

TRUTH_COLUMNS: Final = (*IDENTITY, "cluster")


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How well a resolution agrees with the truth, over the listings that the truth names.

    unlabelled: listings that it does not name; absent: those that it names and no file holds.
    wrong, missed: ``a``, ``b``: rows of the resolution's events that are joined and should not be, and the other way round.
    """

    labelled: int
    unlabelled: int
    absent: int
    pairs: Pairwise
    listings: BCubed
    wrong: pl.DataFrame
    missed: pl.DataFrame


def read_truth(path: Path) -> pl.DataFrame:
    """Read true clusters: CSV with the columns ``source_code``, ``id`` and ``cluster``, one line a listing.

    Raises:
        UnreadableFile: not such a file, or one that names a listing twice.
    """
    try:
        truth = pl.read_csv(path, infer_schema=False).select(TRUTH_COLUMNS)
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        raise UnreadableFile(f"{path}: is not CSV with the columns {', '.join(TRUTH_COLUMNS)}") from error
    twice = truth.filter(truth.select(IDENTITY).is_duplicated())
    if twice.height:
        raise UnreadableFile(f"{path}: names {':'.join(twice.row(0)[:2])} twice")
    return truth


def evaluate(resolution: Resolution, truth: pl.DataFrame) -> Evaluation:
    """Compare. truth: as from `read_truth`."""
    rows = resolution.events.select(IDENTITY).with_row_index("row")
    found = resolution.members.join(rows, on=IDENTITY)
    known = found.join(truth, on=IDENTITY).sort("row")
    labels, true = (
        known[name].rank("dense").cast(pl.Int64).to_numpy() for name in ("canonical_id", "cluster")
    )
    return Evaluation(
        labelled=known.height,
        unlabelled=found.height - known.height,
        absent=truth.height - known.height,
        pairs=pairwise(labels, true),
        listings=bcubed(labels, true),
        wrong=_pairs(known, same="canonical_id", other="cluster"),
        missed=_pairs(known, same="cluster", other="canonical_id"),
    )


def _pairs(known: pl.DataFrame, *, same: str, other: str) -> pl.DataFrame:
    side = known.select("row", same, other)
    both = side.join(side, on=same, suffix="_b").filter(
        (pl.col("row") < pl.col("row_b")) & (pl.col(other) != pl.col(f"{other}_b"))
    )
    return both.select(pl.col("row").alias("a"), pl.col("row_b").alias("b")).sort("a", "b")
