"""The rules for listings beyond the types of their fields, as tables: limits of the policy, days, times.

Each rule is evaluated on a whole column; only for the few listings that break one a sentence is built.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import polars as pl

from dedup_core.events import LISTING_SCHEMA
from dedup_core.listing import EXPECTED, VISIBLE
from dedup_core.listing_columns import PATHS
from dedup_core.policy import Intake
from dedup_core.raw_listing import Fault, shown


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that must not be.

    field: its path; of an occurrence, its name. found: what the message shows. broken: null counts as kept.
    """

    field: str
    found: pl.Expr
    broken: pl.Expr
    expected: str


@lru_cache(maxsize=8)
def listing_rules(intake: Intake) -> tuple[Rule, ...]:
    """Give the rules on the rows of `dedup_core.listing_columns.decoded`."""
    dates = pl.col("event_dates").list.len()
    return (
        Rule("event_dates", dates, dates > intake.max_dates, f"at most {intake.max_dates:,} dates"),
        *(
            Rule(PATHS[name], length, length > intake.max_text, f"at most {intake.max_text:,} characters")
            for name, length in _LENGTHS.items()
        ),
    )


_LENGTHS: Final = {
    name: pl.col(name).str.len_chars()
    if kind == pl.String
    else pl.col(name).list.eval(pl.element().str.len_chars()).list.max()
    for name, kind in LISTING_SCHEMA.items()
    if name != "source_code" and kind in (pl.String, pl.List(pl.String))
}


@lru_cache(maxsize=8)
def occurrence_rules(intake: Intake) -> tuple[Rule, ...]:
    """Give the rules on the rows of `dedup_core.listing_columns.occurrences`."""
    day, last_day = pl.col("day"), pl.col("last_day")
    said = pl.col("end_date").str.contains(VISIBLE)
    return (
        Rule("date", pl.col("date"), day.is_null(), EXPECTED["event_dates.*.date"]),
        _within_years("date", day, intake=intake),
        Rule("end_date", pl.col("end_date"), said & last_day.is_null(), EXPECTED["event_dates.*.end_date"]),
        _within_years("end_date", last_day, intake=intake),
        Rule("end_date", pl.col("end_date"), last_day < day, "no day before the date"),
        Rule(
            "end_date",
            pl.col("end_date"),
            (last_day - day).dt.total_days() >= intake.max_days,
            f"a day that makes it at most {intake.max_days:,} days long",
        ),
        *(
            Rule(
                f"{side}_time",
                pl.col(f"{side}_time"),
                ~pl.col(f"{side}_possible"),
                "a time from 00:00 to 29:59",
            )
            for side in ("start", "end")
        ),
    )


def _within_years(name: str, day: pl.Expr, *, intake: Intake) -> Rule:
    years = (intake.earliest_year, intake.latest_year)
    return Rule(
        name, pl.col(name), ~day.dt.year().is_between(*years), "a day in the years {} to {}".format(*years)
    )


def broken(frame: pl.DataFrame, rules: Sequence[Rule], *, path: str = "") -> Iterator[tuple[int, Fault]]:
    """Find what breaks a rule: the ``index`` of the listing and the fault, once a rule and listing.

    path: stands before the rule's field; ``{}`` in it is replaced by the row's ``position``.
    """
    masks = frame.select(
        rule.broken.fill_null(value=False).alias(str(number)) for number, rule in enumerate(rules)
    )
    for mask, rule in zip(masks.iter_columns(), rules, strict=True):
        if not mask.any():
            continue
        position = pl.col("position") if path else pl.lit(0)
        rows = frame.filter(mask).unique("index", keep="first", maintain_order=True)
        for index, number, found in rows.select("index", position, rule.found.alias("found")).iter_rows():
            reason = f"found {shown(found)}, expected {rule.expected}"
            yield index, Fault(path.format(number) + rule.field, reason)
