"""Measure the core: seconds, memory and quality of `normalise` and `resolve`, on generated listings.

    python -m bench.run --sizes 10000,100000

Every step runs in a fresh process (`bench.stages`), is repeated, and its median is told. The figures go to
bench/results/core.json, and into docs/PERFORMANCE.md by `python -m bench.report`.
"""

import argparse
import json
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from bench.machine import described, run_python
from bench.report import core_tables

RESULTS: Final = Path(__file__).parent / "results"
REPEATS: Final = 3
"""Runs of a step; a million listings are run once, as their seconds hardly vary."""


def measure(size: int, *, seed: int, shuffle: bool) -> dict[str, Any]:
    """Measure one size. shuffle: whether to resolve a second time, shuffled and with another hash seed."""
    repeats = REPEATS if size < 500_000 else 1
    with tempfile.TemporaryDirectory(prefix="event-dedup-bench-") as folder:
        made = _stage("generate", folder, str(size), str(seed))
        normalised = [_stage("normalise", folder) for _ in range(repeats)]
        resolved = [_stage("resolve", folder, "no") for _ in range(repeats)]
        mixed = _stage("resolve", folder, "7", hash_seed="4711") if shuffle else None
        judged = _stage("evaluate", folder)
    return {
        "listings": size,
        "seed": seed,
        "generate": made,
        "normalise": _median(normalised),
        "resolve": _median(resolved),
        "hash_equal_when_shuffled": mixed and mixed["result_hash"] == resolved[0]["result_hash"],
        "quality": judged,
    }


def _stage(stage: str, folder: str, *arguments: str, hash_seed: str = "0") -> dict[str, Any]:
    run_python("bench.stages", stage, stage, folder, *arguments, hash_seed=hash_seed)
    figures: dict[str, Any] = json.loads((Path(folder) / f"{stage}.json").read_text(encoding="utf-8"))
    return figures


def _median(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Take the run of median seconds."""
    middle = statistics.median_low([run["seconds"] for run in runs])
    return next(run for run in runs if run["seconds"] == middle)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the sizes asked for, print the tables, and keep the figures."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.run",
        description="Measure seconds, memory and quality of the core on generated listings.",
        epilog="example: python -m bench.run --sizes 10000,100000",
    )
    parser.add_argument(
        "--sizes", default="10000,100000,1000000", help="listings, comma-separated (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=1, help="seed of the generator (default: 1)")
    parser.add_argument(
        "--no-shuffle", action="store_true", help="skip the second run that checks the result's hash"
    )
    parser.add_argument("--json", action="store_true", help="print the figures as JSON, and no tables")
    parser.add_argument("--no-save", action="store_true", help="leave bench/results as it is")
    asked = parser.parse_args(arguments)
    sizes = [int(size) for size in asked.sizes.split(",")]
    machine = described()
    runs = [measure(size, seed=asked.seed, shuffle=not asked.no_shuffle) for size in sizes]
    command = f"python -m bench.run --sizes {asked.sizes}"
    figures = {"machine": machine, "command": command, "runs": runs}
    if not asked.no_save:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "core.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(figures) if asked.json else core_tables(figures))


if __name__ == "__main__":
    main()
