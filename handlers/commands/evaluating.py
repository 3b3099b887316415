"""The command that tells how good a policy is: evaluate."""
# ruff: noqa: PLC0415 - heavy imports stand inside, so that --help and completion answer at once

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from handlers.commands.listings import LISTING_COLUMNS, told_apart
from handlers.commands.options import AsJson, InputFiles, PolicyFile, chosen_policy

if TYPE_CHECKING:
    import polars as pl

    from handlers.evaluate import Evaluation

PAIRS_SHOWN: Final = 5
Truth = Annotated[
    Path,
    typer.Option(help="CSV of source_code, id and cluster: which listings are one event.", exists=True, dir_okay=False),
]  # fmt: skip


def evaluate(files: InputFiles, truth: Truth, policy: PolicyFile = None, as_json: AsJson = False) -> None:
    """Deduplicate files and compare with the truth: precision, recall, F1, and each pair that is wrong.

    Precision and recall count pairs of listings; B-cubed counts each listing alike, so that a large cluster weighs no more than its size.

    **Example:** `event-dedup evaluate samples/breisgau --truth samples/breisgau/truth.csv`
    """
    from handlers.dedupe import dedupe, input_paths
    from handlers.evaluate import evaluate as evaluated
    from handlers.evaluate import read_truth
    from handlers.terminal import facts, print_json, progress_bar, table

    rules, true = chosen_policy(policy), read_truth(truth)
    with progress_bar() as show:
        result = dedupe(input_paths(files), rules, progress=show)
    told = evaluated(result.resolution, true)
    figures = {"policy": rules.version, **_figures(told), "asked": result.resolution.review.height}
    wrong, missed = (_rows(pairs, result.resolution.events) for pairs in (told.wrong, told.missed))
    if as_json:
        print_json({**figures, "wrong": _named(wrong), "missed": _named(missed)})
        return
    facts("Against the truth", figures, NAMES)
    for title, rows in (("Joined, but should not be", wrong), ("Not joined, but should be", missed)):
        more = f" (the first {PAIRS_SHOWN} of {len(rows) // 2} pairs)" if len(rows) > 2 * PAIRS_SHOWN else ""
        table(title + more, rows[: 2 * PAIRS_SHOWN], LISTING_COLUMNS)


NAMES: Final = {
    "labelled": "listings with a label",
    "unlabelled": "listings without",
    "absent": "labels without a listing",
    "right_pairs": "pairs joined rightly",
    "wrong_pairs": "pairs joined wrongly",
    "missed_pairs": "pairs missed",
    "f1": "F1",
    "bcubed_f1": "B-cubed F1",
    "asked": "pairs to review",
}


def _figures(told: "Evaluation") -> dict[str, float | int]:
    pairs, listings = told.pairs, told.listings
    return {
        "labelled": told.labelled,
        "unlabelled": told.unlabelled,
        "absent": told.absent,
        "right_pairs": pairs.true,
        "wrong_pairs": pairs.false,
        "missed_pairs": pairs.missed,
        "precision": round(pairs.precision, 4),
        "recall": round(pairs.recall, 4),
        "f1": round(pairs.f1, 4),
        "bcubed_f1": round(listings.f1, 4),
    }


def _rows(pairs: "pl.DataFrame", events: "pl.DataFrame") -> list[dict[str, Any]]:
    """Lay pairs out for LISTING_COLUMNS, two rows each."""
    return [told_apart(events.row(row, named=True)) for pair in pairs.rows() for row in pair]


def _named(rows: list[dict[str, Any]]) -> list[list[str]]:
    names = [row["listing"] for row in rows]
    return [list(pair) for pair in zip(names[::2], names[1::2], strict=True)]
