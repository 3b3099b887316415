"""START HERE. The generator: listings of regional events in German, with the truth, as many as one wants.

    geography -> happenings -> truth -> habits -> batches

A world (towns, venues, days) is drawn from the seed, then true events, then what each source writes of them. The
listings are harder than they look where real ones are: see the hard negatives in `bench.happenings`. A matcher tuned on
them learns this world's habits; the real samples and the hand-written cases keep it honest.

    python -m bench.generator --listings 100000 --seed 1 --out /tmp/listings
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from bench import definitions, geography
from bench.batches import published, write_files
from bench.calendar import Calendar
from bench.chance import Ints
from bench.grammar import Grammar
from bench.habits import Rows, rows_of
from bench.happenings import World
from bench.listings import listings
from bench.truth import true_events
from dedup_core.events import LISTING_SCHEMA


@dataclass(frozen=True)
class Generated:
    """Listings and their truth.

    listings: LISTING_SCHEMA, n rows, source by source in order of publication; truth: (n,) the true event of each;
    kinds: (n,) its kind's name; day: (n,) when it is published, days after the window's first.
    """

    listings: pl.DataFrame
    truth: Ints
    kinds: pl.Series
    day: Ints


def generate(n: int, *, seed: int, sources: int = 10) -> Generated:
    """Generate exactly n listings; the same arguments give the same listings, byte for byte."""
    grammar = Grammar(definitions.words())
    rows = _rows(n, seed, sources, grammar)
    order = published(rows)
    written = (
        listings(rows, grammar)[order.order].with_columns(order.ids.alias("id")).select(list(LISTING_SCHEMA))
    )
    names = pl.Series([kind.name for kind in rows.kinds]).gather(rows.kind[order.order])
    return Generated(written, rows.event[order.order], names, order.day)


def generate_frame(n: int, seed: int, sources: int = 10) -> tuple[pl.DataFrame, Ints]:
    """Return n listings (LISTING_SCHEMA) and the true event of each: (n,)."""
    generated = generate(n, seed=seed, sources=sources)
    return generated.listings, generated.truth


def _rows(n: int, seed: int, sources: int, grammar: Grammar) -> Rows:
    """Draw true events until their listings are enough."""
    scale = n / 10_000
    places = geography.places(round(150 * scale**0.36) + 2, seed=seed, grammar=grammar)
    venues = geography.venues(places, grammar=grammar)
    world = World(seed, places, venues, Calendar(max(14, round(42 * scale**0.62))))
    habits = definitions.sources(sources)
    events = n * 0.62 + 30
    while True:
        rows = rows_of(true_events(round(events), world, grammar), world, habits, n)
        if len(rows.event) == n:
            return rows
        events *= 1.02 * n / max(len(rows.event), n // 4, 1)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write listings as input files, and truth.csv (source_code, id, cluster) beside them."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.generator",
        description="Generate listings of regional events in German, with known truth.",
        epilog="example: python -m bench.generator --listings 100000 --seed 1 --out /tmp/listings",
    )
    parser.add_argument("--listings", type=int, required=True, help="how many, in all")
    parser.add_argument("--seed", type=int, default=1, help="another seed is another world (default: 1)")
    parser.add_argument("--out", type=Path, required=True, help="folder for the files and truth.csv")
    parser.add_argument("--sources", type=int, default=10, help="how many sources (default: 10)")
    parser.add_argument(
        "--batch-size", type=int, default=20_000, help="listings a file at most (default: 20000)"
    )
    asked = parser.parse_args(arguments)
    if min(asked.listings, asked.sources, asked.batch_size) < 1:
        parser.error("--listings, --sources and --batch-size must be at least 1")
    began = time.perf_counter()
    made = generate(asked.listings, seed=asked.seed, sources=asked.sources)
    files = write_files(made.listings, made.day, asked.out, batch_size=asked.batch_size)
    made.listings.select("source_code", "id", cluster=made.truth).write_csv(asked.out / "truth.csv")
    print(
        f"{asked.listings} listings in {len(files)} files, {time.perf_counter() - began:.1f} s: {asked.out}"
    )


if __name__ == "__main__":
    main()
