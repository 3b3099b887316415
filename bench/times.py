"""Times: which dates and hours each source writes for an event."""

import numpy as np
import polars as pl

from bench import calendar, chance
from bench.chance import Ints
from bench.columns import Mask
from bench.habits import Rows


def dates(day: Ints) -> pl.Series:
    """Turn days of the window into dates."""
    return pl.Series((day + calendar.FIRST_DAY.toordinal() - calendar.EPOCH).astype(np.int32)).cast(pl.Date)


def stale(rows: Rows) -> Mask:
    """Tell which listings don't know that their event was moved."""
    moved: Mask = rows.truth.moved_from[rows.event] != -1
    return moved & chance.happens(rows.key, "stale", 0.25)


def when(rows: Rows) -> pl.Series:
    """Write the dates and times, with the slips and habits of each source."""
    at = rows.truth.at
    day = np.where(stale(rows), rows.truth.moved_from[rows.event], at.day[rows.event])
    start, night = _start(rows)
    last = at.last[rows.event] + day - at.day[rows.event]
    wrong = rows.happens("day wrong", lambda source: source.day_wrong)
    slip = np.where(wrong, 1 - 2 * chance.below(rows.key, "which day", 2), 0)
    late = (last > day + 6) & chance.happens(rows.habit, "running", 0.2)
    begins = (
        day + slip + night + np.where(late, chance.below(rows.habit, "since", np.maximum(last - day, 1)), 0)
    )
    ends = (
        rows.happens("ends", lambda source: source.ends, habit=True)
        & (start >= 0)
        & (last == day)
        & (start != 0)
    )
    return _occurrences(
        pl.DataFrame(
            {
                "date": dates(begins),
                "start_time": calendar.hhmm(start),
                "end_time": calendar.hhmm(np.where(ends, _end(start, at.lasts[rows.event]), -1)),
                "end_date": pl.select(
                    pl.when(pl.lit(pl.Series(last > day))).then(pl.lit(dates(last + slip)))
                ).to_series(),
            }
        ),
        at.repeats[rows.event],
        at.every[rows.event],
    )


def _end(start: Ints, lasts: Ints) -> Ints:
    """Add the length; an end after midnight is written as the hour of the next day."""
    end = start + lasts
    return np.where(end >= 24 * 60, end % (24 * 60), end)


def _start(rows: Rows) -> tuple[Ints, Ints]:
    """Write the start in minutes (-1: none), and how many days later the listing's date is (a party after midnight)."""
    at = rows.truth.at
    start = at.start[rows.event]
    group = np.array([kind.group in ("music", "party", "stage", "fest", "custom") for kind in rows.kinds])[
        rows.kind
    ]
    doors = rows.happens("doors", lambda source: source.doors, habit=True) & group & (start > 0)
    start = np.where(doors, start - 30 * (1 + chance.chosen(rows.habit, "how early", [3, 5, 1, 1])), start)
    wrong = rows.happens("hour wrong", lambda source: source.hour_wrong) & (start > 120)
    start = np.where(
        wrong,
        start + np.array([-60, 60, -30, 30, -720])[chance.chosen(rows.key, "hour", [3, 3, 2, 2, 1])],
        start,
    )
    start = np.where((start < 0) & (at.start[rows.event] >= 0), at.start[rows.event], start)
    night = (start >= 24 * 60) & ~chance.happens(rows.habit, "counts on", 0.3)
    start = np.where(night, start - 24 * 60, start)
    # Who lists two shows of a day says when they are.
    told = night | rows.two_shows
    none = rows.happens("no time", lambda source: source.no_time, habit=True) & ~told
    midnight = rows.happens("midnight", lambda source: source.midnight, habit=True) & ~told
    start = np.where(none, -1, np.where(midnight, 0, start))
    return start, night.astype(np.int64)


def _occurrences(first: pl.DataFrame, repeats: Ints, every: Ints) -> pl.Series:
    """Write lists of occurrences; only whole series have more than one."""
    single = first.select(pl.concat_list(pl.struct(pl.all()))).to_series()
    many = np.flatnonzero(repeats > 1)
    row = np.repeat(many, repeats[many])
    number = np.arange(len(row)) - np.repeat(np.cumsum(repeats[many]) - repeats[many], repeats[many])
    listed = first[row].with_columns(
        pl.col("date") + pl.duration(days=pl.lit(pl.Series(number * every[row])))
    )
    series = (
        listed.select(pl.struct(pl.all()).alias("when"), row=row)
        .group_by("row", maintain_order=True)
        .agg("when")
    )
    back = np.arange(len(repeats))
    back[many] = len(repeats) + np.arange(len(many))
    return pl.concat([single, series["when"]]).gather(back)
