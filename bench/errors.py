"""Errors: show pairs that the matcher got wrong on generated listings, to see whether it or the generator is to blame.

python -m bench.errors --listings 20000 --false 10 --missed 10 --kind concert
"""

import argparse
from collections.abc import Sequence

import polars as pl

from bench.generator import generate
from dedup_core.events import EVIDENCE, IDENTITY, VERDICT_SCHEMA, Previous
from dedup_core.normalising import normalise
from dedup_core.pipeline import resolve
from dedup_core.policy import default_policy


def wrong_pairs(n: int, seed: int) -> pl.DataFrame:
    """List all pairs joined falsely or missed: ``wrong`` (``false``, ``missed``), both sides' columns, and the decision with its evidence, if any."""
    made = generate(n, seed=seed)
    result = resolve(
        normalise(made.listings),
        pl.DataFrame(schema=dict(VERDICT_SCHEMA)),
        Previous.nothing(),
        default_policy(),
    )
    truth = made.listings.with_columns(truth=made.truth, true_kind=made.kinds)
    table = result.members.join(truth, on=[*IDENTITY]).sort(*IDENTITY).with_row_index("row")
    found, real = _pairs(table, "canonical_id"), _pairs(table, "truth")
    wrong = pl.concat(
        [
            found.join(real, on=["a", "b"], how="anti").with_columns(wrong=pl.lit("false")),
            real.join(found, on=["a", "b"], how="anti").with_columns(wrong=pl.lit("missed")),
        ]
    )
    sides = [
        table.select(pl.col("row").alias(side), pl.exclude("row").name.suffix(f"_{side}"))
        for side in ("a", "b")
    ]
    return (
        wrong.join(result.decisions, on=["a", "b"], how="left")
        .join(sides[0], on="a")
        .join(sides[1], on="b")
        .sort("wrong", "a", "b")
    )


def _pairs(table: pl.DataFrame, by: str) -> pl.DataFrame:
    """List the pairs of rows that are in one cluster."""
    rows = table.select("row", by)
    return rows.join(rows, on=by).filter(pl.col("row") < pl.col("row_right")).select(a="row", b="row_right")


def written(pair: dict[str, object]) -> str:
    """Write a pair for a reader: both listings and the evidence."""
    parts = " ".join(f"{part} {pair[part]:+.1f}" for part in EVIDENCE if pair.get(part))
    head = f"{pair['wrong']}: {pair['decision'] or 'not scored, or far below the floor'} {pair['reasons'] or ''} {parts}"
    return "\n".join([head, _side(pair, "a"), _side(pair, "b")])


def _side(pair: dict[str, object], side: str) -> str:
    dates = pair[f"event_dates_{side}"]
    when = dates[0] if isinstance(dates, list) else {}
    many = f" and {len(dates) - 1} more" if isinstance(dates, list) and len(dates) > 1 else ""
    until = f" to {when['end_date']}" if when["end_date"] else ""
    at = {
        name: pair[f"{name}_{side}"]
        for name in ("venue", "city", "district", "street", "latitude", "longitude", "geo_confidence")
    }
    text = str(pair[f"description_{side}"] or pair[f"short_description_{side}"] or "")[:150]
    return (
        f"  {pair[f'source_code_{side}']} {pair[f'source_type_{side}']} ({pair[f'true_kind_{side}']}) {pair[f'title_{side}']!r}, "
        f"{when['date']} {when['start_time']}{until}{many}, {', '.join(str(value) for value in at.values())}\n      {text}"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Print some wrong pairs."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.errors",
        description="Show pairs of generated listings that the matcher joined falsely or missed.",
        epilog="example: python -m bench.errors --listings 20000 --false 10 --missed 10 --kind concert",
    )
    parser.add_argument("--listings", type=int, default=10_000, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="of the generator (default: 1)")
    parser.add_argument("--kind", help="only pairs of this kind of event")
    parser.add_argument("--false", type=int, default=10, help="how many falsely joined pairs (default: 10)")
    parser.add_argument("--missed", type=int, default=10, help="how many missed pairs (default: 10)")
    asked = parser.parse_args(arguments)
    wrong = wrong_pairs(asked.listings, asked.seed)
    if asked.kind:
        wrong = wrong.filter(pl.col("true_kind_a") == asked.kind)
    for name, many in (("false", asked.false), ("missed", asked.missed)):
        some = wrong.filter(pl.col("wrong") == name)
        print(f"{some.height} {name} pairs")
        for pair in some.sample(min(many, some.height), seed=1).iter_rows(named=True):
            print(written(pair), end="\n\n")


if __name__ == "__main__":
    main()
