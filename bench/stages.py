"""Stages: one measured step of the core in a process of its own, so that none pays for another's memory.

    generate -> normalise -> resolve [-> resolve, shuffled] -> evaluate

They hand on Arrow files in a folder and leave their figures in ``<stage>.json`` beside them. `bench.run` calls them.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from bench.generator import generate
from bench.machine import peak_mib
from dedup_core.blocking import blocking_keys, candidate_pairs
from dedup_core.evaluating import Labels, bcubed, pairwise
from dedup_core.events import IDENTITY, LISTING_SCHEMA, VERDICT_SCHEMA, Previous
from dedup_core.labels import TrueClusters
from dedup_core.normalising import normalise
from dedup_core.pipeline import resolve, subjects_and_words
from dedup_core.policy import default_policy

Figures = dict[str, object]


class Clock:
    """Wall-clock and processor seconds since it was made: the second, of all threads, hardly depends on what else runs."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def figures(self) -> Figures:
        """Tell both, and the peak of memory."""
        seconds, cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
        return {"seconds": seconds, "cpu_seconds": cpu, "peak_mib": peak_mib()}


def _generate(folder: Path, listings: str, seed: str) -> Figures:
    clock = Clock()
    made = generate(int(listings), seed=int(seed))
    figures = clock.figures()
    made.listings.with_columns(truth=made.truth, true_kind=made.kinds).write_ipc(folder / "listings.arrow")
    return figures


def _normalise(folder: Path) -> Figures:
    listings = pl.read_ipc(folder / "listings.arrow", columns=[*LISTING_SCHEMA])
    clock = Clock()
    events = normalise(listings)
    figures = clock.figures()
    # In the order in which the store gives them.
    events.sort(*IDENTITY).write_ipc(folder / "events.arrow")
    return figures


def _resolve(folder: Path, shuffled: str) -> Figures:
    """Resolve the events. shuffled: a seed to shuffle them by, or ``no``; only what is not shuffled is kept."""
    events = pl.read_ipc(folder / "events.arrow")
    if shuffled != "no":
        events = events.sample(fraction=1, shuffle=True, seed=int(shuffled))
    marks: list[tuple[str, float]] = []
    verdicts = pl.DataFrame(schema=dict(VERDICT_SCHEMA))
    clock = Clock()
    result = resolve(
        events,
        verdicts,
        Previous.nothing(),
        default_policy(),
        progress=lambda stage, _: marks.append((stage, time.perf_counter())),
    )
    figures, ended = clock.figures(), time.perf_counter()
    if shuffled == "no":
        result.members.write_ipc(folder / "members.arrow")
        result.decisions.select("a", "b", "decision").write_ipc(folder / "decisions.arrow")
    until = [mark for _, mark in marks[1:]] + [ended]
    return {
        **figures,
        "stages": {stage: stop - mark for (stage, mark), stop in zip(marks, until, strict=True)},
        "result_hash": result.result_hash,
        "policy": result.policy_version,
        "statistics": result.statistics,
    }


def _evaluate(folder: Path) -> Figures:
    """Judge the result against the truth: pairs, B-cubed, decisions, blocking, and each kind of event."""
    truth_of = pl.read_ipc(folder / "listings.arrow", columns=[*IDENTITY, "truth", "true_kind"])
    members = pl.read_ipc(folder / "members.arrow")
    table = members.join(truth_of, on=[*IDENTITY]).sort(*IDENTITY)
    labels = table["canonical_id"].rank("dense").cast(pl.Int64).to_numpy()
    truth = table["truth"].to_numpy()
    pairs, cubed = pairwise(labels, truth), bcubed(labels, truth)
    return {
        "pairwise": {"precision": pairs.precision, "recall": pairs.recall, "f1": pairs.f1},
        "bcubed": {"precision": cubed.precision, "recall": cubed.recall, "f1": cubed.f1},
        "true_events": int(table["truth"].n_unique()),
        "decisions": _decisions(pl.read_ipc(folder / "decisions.arrow"), truth),
        "blocking_recall": _blocking_recall(folder, truth),
        "by_kind": _by_kind(labels, truth, table["true_kind"]),
    }


def _decisions(decisions: pl.DataFrame, truth: Labels) -> Figures:
    """Count the pairs of each decision, and the share of them that are one event."""
    equal = truth[decisions["a"].to_numpy()] == truth[decisions["b"].to_numpy()]
    counted = (
        decisions.with_columns(equal=equal)
        .group_by("decision")
        .agg(pl.len(), pl.col("equal").mean())
        .sort("decision")
    )
    return {
        row["decision"]: {"pairs": row["len"], "share_true": row["equal"]}
        for row in counted.iter_rows(named=True)
    }


def _blocking_recall(folder: Path, truth: Labels) -> float:
    policy = default_policy()
    events = pl.read_ipc(folder / "events.arrow").sort(*IDENTITY)
    subjects, tokens = subjects_and_words(events, policy)
    keys = blocking_keys(events, subjects.occurrences, tokens, limits=policy.blocking)
    met, same = TrueClusters(truth).met(
        candidate_pairs(keys, max_block_size=policy.blocking.max_block_size).pairs
    )
    return met / same


def _by_kind(labels: Labels, truth: Labels, kinds: pl.Series) -> dict[str, dict[str, float]]:
    """Judge the listings of each kind among themselves: false pairs of two kinds are not seen here."""
    table = {}
    for kind in sorted(kinds.unique().to_list()):
        rows = np.flatnonzero((kinds == kind).to_numpy())
        counted = pairwise(labels[rows], truth[rows])
        table[kind] = {
            "listings": len(rows),
            "precision": counted.precision,
            "recall": counted.recall,
            "false": counted.false,
            "missed": counted.missed,
        }
    return table


STAGES: Final[dict[str, Callable[..., Figures]]] = {
    "generate": _generate,
    "normalise": _normalise,
    "resolve": _resolve,
    "evaluate": _evaluate,
}


def main() -> None:
    """Run ``STAGE NAME FOLDER ARGUMENT…``: the figures go to NAME.json in the folder."""
    stage, name, folder, *arguments = sys.argv[1:]
    figures = STAGES[stage](Path(folder), *arguments)
    (Path(folder) / f"{name}.json").write_text(json.dumps(figures), encoding="utf-8")


if __name__ == "__main__":
    main()
