"""Measure the way through Postgres: files to rows, a run over what is stored, a new batch on top of it.

    python -m bench.pipeline

The database is a real PostgreSQL in a temporary folder, with the settings that the package starts it with, on the same
machine: so the figures hold the server's work too, but no network. They go to bench/results/pipeline.json.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from bench.batches import write_files
from bench.generator import Generated, generate
from bench.machine import described
from bench.report import pipeline_tables
from bench.run import RESULTS
from dedup_core.policy import default_policy
from handlers.ingest import Announcement, ingest
from handlers.match import RunReport, match
from infra.local.postgres import embedded_postgres
from infra.match_queue import RememberingQueue
from infra.object_store import FolderObjects
from infra.store import Store

Case = dict[str, Any]


def store_and_match(listings: int, *, seed: int) -> list[Case]:
    """Measure ingest, the first run (everything is new) and a run that finds nothing new."""
    made = generate(listings, seed=seed)
    with _database() as (store, folder):
        paths = write_files(made.listings, made.day, folder / "in", batch_size=20_000)
        seconds = sum(_ingested(store, path, folder) for path in paths)
        first, first_s = _matched(store)
        again, again_s = _matched(store)
    rate = f"{listings / seconds:,.0f} listings a second, {len(paths)} files"
    created = f"{first.events_created:,} canonical events written; {_seconds(first)}"
    return [
        _case("ingest", listings, seconds, rate),
        _case("match, all new", listings, first_s, created),
        _case(
            "match, nothing new", listings, again_s, f"{again.events_changed:,} changed; {_seconds(again)}"
        ),
    ]


def batch_on_top(stored: int, new: int, *, seed: int) -> list[Case]:
    """Measure a new batch of one source, from its file to the canonical events."""
    made = generate(stored + new, seed=seed)
    fresh = _newest_of_one_source(made, new)
    policy = default_policy()
    with _database() as (store, folder):
        for path in write_files(
            made.listings.filter(~fresh), made.day[~fresh.to_numpy()], folder / "old", batch_size=20_000
        ):
            _ingested(store, path, folder)
        match(store=store, policy=policy)
        (path,) = write_files(
            made.listings.filter(fresh), made.day[fresh.to_numpy()], folder / "new", batch_size=new
        )
        began = time.perf_counter()
        ingest_s = _ingested(store, path, folder)
        report, _ = _matched(store)
        seconds = time.perf_counter() - began
    note = f"ingest {ingest_s:.2f} s; {report.events_created:,} new, {report.events_changed:,} changed, {report.events_gone:,} gone; {_seconds(report)}"
    return [_case(f"{new:,} new on {stored:,} stored, file to canonical events", stored + new, seconds, note)]


def _newest_of_one_source(made: Generated, new: int) -> pl.Series:
    """Choose the listings that the source with the most of them published last: (n,) booleans."""
    source = made.listings["source_code"]
    largest = source.value_counts(sort=True).sort("count", "source_code", descending=[True, False])[
        "source_code"
    ][0]
    rows = np.flatnonzero((source == largest).to_numpy())[-new:]
    if len(rows) < new:
        raise SystemExit(f"no source has {new} of the listings; store more of them")
    mask = np.zeros(len(source), bool)
    mask[rows] = True
    return pl.Series(mask)


@contextmanager
def _database() -> Iterator[tuple[Store, Path]]:
    """Start an empty database at the newest schema, and give a folder for files."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="event-dedup-bench-")))
        store = Store.at(stack.enter_context(embedded_postgres(folder / "postgres")))
        stack.callback(store.engine.dispose)
        store.upgrade()
        yield store, folder


def _ingested(store: Store, path: Path, folder: Path) -> float:
    """Ingest a file; returns its seconds, from reading to the commit."""
    began = time.perf_counter()
    report = ingest(
        Announcement(str(path.parent), path.name),
        objects=FolderObjects(folder / "aside"),
        store=store,
        queue=RememberingQueue(),
        policy=default_policy(),
        quarantine="quarantine/",
    )
    if report.status != "stored" or report.rejected:
        raise SystemExit(f"{path.name}: {report}")
    return time.perf_counter() - began


def _matched(store: Store) -> tuple[RunReport, float]:
    began = time.perf_counter()
    report = match(store=store, policy=default_policy())
    return report, time.perf_counter() - began


def _seconds(report: RunReport) -> str:
    stages = ", ".join(
        f"{stage} {seconds:.2f}" for stage, seconds in report.seconds.items() if stage != "total"
    )
    return f"s by stage: {stages}"


def _case(name: str, listings: int, seconds: float, note: str) -> Case:
    return {"name": name, "listings": listings, "seconds": seconds, "note": note}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the table, and keep the figures."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.pipeline",
        description="Measure ingest and match on a PostgreSQL of its own.",
        epilog="example: python -m bench.pipeline --listings 20000",
    )
    parser.add_argument(
        "--listings", type=int, default=100_000, help="stored listings (default: %(default)s)"
    )
    parser.add_argument(
        "--batch", type=int, default=2_000, help="new listings on top of 20,000 (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=1, help="seed of the generator (default: 1)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON, and no table")
    parser.add_argument("--no-save", action="store_true", help="leave bench/results as it is")
    asked = parser.parse_args(arguments)
    machine = described()
    cases = store_and_match(asked.listings, seed=asked.seed) + batch_on_top(
        20_000, asked.batch, seed=asked.seed
    )
    command = f"python -m bench.pipeline --listings {asked.listings}"
    figures = {"machine": machine, "command": command, "cases": cases}
    if not asked.no_save:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "pipeline.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(figures) if asked.json else pipeline_tables(figures))


if __name__ == "__main__":
    main()
