"""When an event takes place: its dates as numbers that can be compared.

A night belongs to the evening on which it began: Saturday 00:30 and Friday 24:30 are the same half hour.
00:00 without an end, or from 00:00 to 23:59, is how many sources write "no time known", so it is read as missing.
"""

from typing import Final

import polars as pl

NIGHT_ENDS: Final = 5 * 60
"""Minutes after midnight until which a start still counts to the evening before (a guess: clubs start by 4, markets from 5)."""

MINUTES_A_DAY: Final = 24 * 60


def minutes(time: pl.Expr) -> pl.Expr:
    """Read ``HH:MM`` as minutes after midnight (Int32, 0 to 1799); null stays null."""
    return time.str.slice(0, 2).cast(pl.Int32) * 60 + time.str.slice(3, 2).cast(pl.Int32)


def occurrences(events: pl.DataFrame) -> pl.DataFrame:
    """Lay out every date of every event, one row an occurrence, sorted by event and day.

    Returns:
        ``event`` (UInt32 row number), ``day`` and ``last_day`` (Int32, days since 1970-01-01, as printed),
        ``night`` (Int32: the day before for a start in the small hours), ``moment`` (Int32: minutes since
        ``day`` 0 began at 1970-01-01 00:00; null without a known start).
    """
    unpacked = (
        events.select(pl.int_range(pl.len(), dtype=pl.UInt32).alias("event"), "event_dates")
        .explode("event_dates")
        .unnest("event_dates")
    )
    start, day = pl.col("start"), pl.col("day")
    return (
        unpacked.select(
            "event",
            pl.col("date").cast(pl.Int32).alias("day"),
            pl.coalesce("end_date", "date").cast(pl.Int32).alias("last_day"),
            pl.when(_is_placeholder()).then(None).otherwise(minutes(pl.col("start_time"))).alias("start"),
        )
        .with_columns(
            (day - (start < NIGHT_ENDS).fill_null(value=False).cast(pl.Int32)).alias("night"),
            (day * MINUTES_A_DAY + start).alias("moment"),
        )
        .drop("start")
        .sort("event", "day", "moment", "last_day")
    )


def _is_placeholder() -> pl.Expr:
    no_end = pl.col("end_time").is_null() | pl.col("end_time").is_in(["00:00", "23:59", "24:00"])
    return (pl.col("start_time") == "00:00") & no_end


def spans(table: pl.DataFrame, n_events: int) -> pl.DataFrame:
    """Sum up an event's occurrences in one row, in the order of the events.

    Returns:
        ``first_day``, ``last_day``, ``first_night`` (Int32), ``moment`` (Int32: of the earliest known start),
        ``dates`` (UInt32: distinct first days), ``days`` (Int32: longest single occurrence, in days),
        ``starts_a_day`` (Int32: most known starts on one day).
    """
    summed = table.group_by("event").agg(
        pl.col("day").min().alias("first_day"),
        pl.col("last_day").max(),
        pl.col("night").min().alias("first_night"),
        pl.col("moment").min(),
        pl.col("day").n_unique().alias("dates"),
        (pl.col("last_day") - pl.col("day") + 1).max().alias("days"),
    )
    starts = (
        table.drop_nulls("moment")
        .group_by("event", "day")
        .agg(pl.col("moment").n_unique().cast(pl.Int32).alias("starts_a_day"))
        .group_by("event")
        .agg(pl.col("starts_a_day").max())
    )
    summed = summed.join(starts, on="event", how="left").with_columns(pl.col("starts_a_day").fill_null(0))
    rows = pl.DataFrame({"event": pl.int_range(n_events, dtype=pl.UInt32, eager=True)})
    return rows.join(summed, on="event", how="left", maintain_order="left").drop("event")
