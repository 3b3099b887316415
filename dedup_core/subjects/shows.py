"""Shows: early and late ones, several a day, their doors and their ends."""

from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from dedup_core import lexicon
from dedup_core.corpus import TEXT_PREFIX
from dedup_core.occurrences import MINUTES_A_DAY, minutes
from dedup_core.subjects.columns import Ints, ints


def sessions(events: pl.DataFrame) -> Ints:
    """Number the show of a day that a marker names: 0 none, 1 early, 2 late, 3 one more."""
    marked = pl.col("markers").fill_null("")
    late = marked.str.contains("late", literal=True)
    early = marked.str.contains("early", literal=True)
    extra = marked.str.contains("extra", literal=True)
    shows = pl.when(late).then(2).when(early).then(1).when(extra).then(3).otherwise(0)
    return ints(events.select(shows).to_series())


SHOW_MINUTES = 40
"""Minutes; a source that lists two starts so far apart lists two shows."""


def several_shows(events: pl.DataFrame, known: pl.DataFrame, spans: pl.DataFrame) -> npt.NDArray[np.bool_]:
    """Tell which events have, in the same town on the same night, two starts in the listings of one source.

    Listings are taken for shows of the same thing if they share the rarest word of their titles.
    """
    shows = events.select(
        "source_code",
        "city_key",
        night=spans["first_night"],
        moment=spans["moment"],
        word=_rarest(known, events.height),
    )
    thing = ["city_key", "night", "word"]
    listed = (
        shows.drop_nulls(["word", "moment"])
        .group_by([*thing, "source_code"])
        .agg((pl.col("moment").max() - pl.col("moment").min()).alias("spread"))
    )
    several = listed.filter(pl.col("spread") >= SHOW_MINUTES).select(thing).unique()
    found = shows.join(
        several.with_columns(pl.lit(value=True).alias("several")),
        on=thing,
        how="left",
        nulls_equal=True,
        maintain_order="left",
    )
    return found["several"].fill_null(value=False).to_numpy()


def _rarest(known: pl.DataFrame, n: int) -> pl.Series:
    """Find the rarest word of each title, of equally rare ones the first in the alphabet: (n,) its token, null for none.

    known: ``event`` (ascending), ``token`` (in the order of the alphabet), ``bits``.
    """
    event, token, bits = (known[name].to_numpy() for name in ("event", "token", "bits"))
    starts = np.flatnonzero(np.diff(event, prepend=-1))
    found = np.full(n, -1, np.int64)
    if len(starts):
        most = np.repeat(np.maximum.reduceat(bits, starts), np.diff(starts, append=len(event)))
        found[event[starts]] = np.minimum.reduceat(np.where(bits == most, token, token.max()), starts)
    return pl.Series(found).set(pl.Series(found < 0), None)


def told_minutes(capture: Literal["doors", "begins"]) -> pl.Expr:
    """Read off a listing's text when the doors open or it begins: minutes of the day (Int32), null where it does not say."""
    text = pl.coalesce("description", "short_description").str.slice(0, TEXT_PREFIX).str.to_lowercase()
    said = [text.str.extract_groups(pattern) for pattern in lexicon.captures()[capture].patterns]
    hour = pl.coalesce([groups.struct.field("hour") for groups in said]).cast(pl.Int32, strict=False)
    minute = pl.coalesce([groups.struct.field("minute") for groups in said]).cast(pl.Int32, strict=False)
    return hour * 60 + minute.fill_null(0)


def doors_given(events: pl.DataFrame, spans: pl.DataFrame) -> npt.NDArray[np.bool_]:
    """Tell which listings give the doors for the start, as their own text says."""
    starts = spans["moment"] % MINUTES_A_DAY
    return events.select((told_minutes("doors") == starts).fill_null(value=False)).to_series().to_numpy()


def ends(events: pl.DataFrame, spans: pl.DataFrame) -> npt.NDArray[np.float64]:
    """Date the end of what has one known start and end: (n,) minutes as ``moment``."""
    end = minutes(pl.col("event_dates").list.first().struct.field("end_time"))
    one = (pl.col("event_dates").list.len() == 1) & (pl.col("days") == 1)
    lasts = (end - pl.col("moment") % MINUTES_A_DAY) % MINUTES_A_DAY
    until = pl.when(one).then(pl.col("moment") + lasts).cast(pl.Float64).fill_null(float("nan"))
    return (
        events.select("event_dates")
        .hstack(spans.select("days", "moment"))
        .select(until)
        .to_series()
        .to_numpy()
    )


def midnights(events: pl.DataFrame, spans: pl.DataFrame) -> npt.NDArray[np.bool_]:
    """Tell which events have no start but 00:00, on a single day: unknown, or the midnight with which the day begins."""
    first = pl.col("event_dates").list.first().struct
    open_end = first.field("end_time").is_null() | (first.field("end_time") == "00:00")
    given = (first.field("start_time") == "00:00") & open_end
    one = (pl.col("event_dates").list.len() == 1) & (pl.col("days") == 1) & pl.col("moment").is_null()
    columns = events.select("event_dates").hstack(spans.select("days", "moment"))
    return columns.select((given & one).fill_null(value=False)).to_series().to_numpy()
