"""Beginnings: one start a day where listings of one event each tell another one.

One tells when the doors open, another when it begins: these are no two performances. What lists several starts itself, or lists them one
by one, means several, and what is hours apart, or begins in a window that is open by day, may: there all are kept. A start taken for
the doors wrongly still stands in its listing.
"""

from typing import Final

import polars as pl

from dedup_core.comparisons.dates import DOORS, EVENING
from dedup_core.occurrences import MINUTES_A_DAY, NIGHT_ENDS, minutes
from dedup_core.subjects.shows import SHOW_MINUTES, told_minutes
from dedup_core.vetoes.times import LATE

A_DAY: Final = ("cluster", "date")
SESSIONS: Final = "early|late|extra"
"""Markers that number the shows of a day."""


def without_doors(said: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Leave one start of each day on which listings with a single start each tell several: no doors, the most told, the later.

    said: as from `dates_said`, without the days given up. rows: those of `Members`.

    Returns:
        said, in its order. What gives the end of an occurrence stays, with the start that holds; without other starts that are left out.
    """
    plain = pl.col("end_date").is_null() | (pl.col("end_date") == pl.col("date"))
    table = said.with_row_index("place").with_columns(
        pl.when(plain).then(minutes(pl.col("start_time"))).alias("start")
    )
    several = pl.col("start").n_unique().over(A_DAY) > 1
    starts = table.drop_nulls("start").filter(several)
    if starts.is_empty():
        return said
    listed = starts.join(rows.select("row", "source_code", "markers"), on="row", maintain_order="left")
    one_show = listed.with_columns(_until().alias("until")).filter(_is_one_show())
    held = _beginnings(one_show, rows)
    outdone = one_show.join(held, on=A_DAY, maintain_order="left").filter(pl.col("start") != pl.col("held"))
    ends = pl.col("end_time").is_not_null() & ~pl.col("ended") & (pl.col("until") > pl.col("held"))
    lent = outdone.select("place", lent=pl.when(ends).then("clock"), outdone=pl.lit(value=True))
    marked = table.join(lent, on="place", how="left", maintain_order="left")
    left = marked.filter(pl.col("outdone").is_null() | pl.col("lent").is_not_null())
    return left.with_columns(pl.coalesce("lent", "start_time").alias("start_time")).select(said.columns)


def _until() -> pl.Expr:
    """Minutes of the day until which a start lasts, beyond 24 hours for what ends in the night; null unknown."""
    end = minutes(pl.col("end_time"))
    return pl.when(end < pl.col("start")).then(end + MINUTES_A_DAY).otherwise(end)


def _is_one_show() -> pl.Expr:
    """Tell whether the starts of a day are those of one show."""
    start, of_source = pl.col("start"), (*A_DAY, "source_code")
    first, last = start.min().over(A_DAY), start.max().over(A_DAY)
    several = start.n_unique().over("row", *A_DAY) > 1
    singly = start.max().over(of_source) - start.min().over(of_source) >= SHOW_MINUTES
    numbered = pl.col("markers").str.contains(SESSIONS).fill_null(value=False)
    window = (start < EVENING) & (pl.col("until") > last) & (last - start > LATE)
    kept_apart = (several | singly | numbered | window.fill_null(value=False)).any().over(A_DAY)
    return ~kept_apart & (first >= NIGHT_ENDS) & (last - first <= DOORS)


def _beginnings(one_show: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Choose the start that holds: ``cluster``, ``date``, ``held`` (minutes), ``clock`` (as written), ``ended``: whether its end is known."""
    told = rows.select("row", doors=told_minutes("doors"), begins=told_minutes("begins"))
    texts = one_show.join(told, on="row", how="left", maintain_order="left")
    texts = texts.with_columns((pl.col("start") % MINUTES_A_DAY).alias("hour"))
    starts = texts.group_by(*A_DAY, "start", "hour", maintain_order=True).agg(
        pl.col("start_time").first().alias("clock"),
        pl.len().alias("listed"),
        pl.col("end_time").is_not_null().any().alias("ended"),
    )
    others = texts.filter(pl.col("begins") != pl.col("hour"))
    counts = (_count(texts, "doors"), _count(others, "begins"))
    for count in counts:
        starts = starts.join(count, on=[*A_DAY, "hour"], how="left", maintain_order="left")
    is_doors = pl.col("doors").is_not_null()
    votes = pl.col("listed") + pl.col("begins").fill_null(0)
    ranked = starts.sort(is_doors, votes, "start", descending=[False, True, True], maintain_order=True)
    return ranked.group_by(A_DAY, maintain_order=True).agg(
        pl.col("start").first().alias("held"), pl.col("clock", "ended").first()
    )


def _count(texts: pl.DataFrame, what: str) -> pl.DataFrame:
    """Count the texts of a day that tell an hour: ``cluster``, ``date``, ``hour``, and how many, named as what they tell."""
    told = texts.select(*A_DAY, hour=pl.col(what)).drop_nulls("hour")
    return told.group_by(*A_DAY, "hour").agg(pl.len().alias(what))
