"""Unions: the fields to which all listings of a cluster contribute: lists of words, and dates.

Nothing that a listing says is lost here, but for what another one makes obsolete: a day without a start beside the same day with one,
the hour of the doors beside that of the beginning, and a day from which the event was moved. A date that a source got wrong is
therefore kept, too, and named with its source.
"""

from typing import Final

import polars as pl

from dedup_core.beginnings import without_doors
from dedup_core.events import OCCURRENCE
from dedup_core.folding import folded
from dedup_core.strategies import Members

MIDNIGHT: Final = "24:00"
"""Hours from 24 on belong to the next day, so Friday 24:30 is the moment that others write as Saturday 00:30."""


def union_of_texts(members: Members, field: str) -> pl.DataFrame:
    """Join the lists: what most listings say first, then by alphabet; spellings of one word are one, as most write it.

    Capitals, umlauts and signs make spellings: `fuhrung` is `Führung`. Of spellings that as many write, one with its umlauts holds, then the first.

    Returns:
        ``cluster``, the field, ``from_<field>`` and ``all_from_<field>`` (see `_contributors`); no row for a cluster that says nothing.
    """
    said = members.rows.select("cluster", "row", value=field).explode("value").drop_nulls("value")
    said = said.join(_alphabet(said["value"]), on="value", how="left", maintain_order="left")
    spellings = said.group_by("cluster", "letter", "value", "marked", maintain_order=True).agg(
        pl.len().alias("count")
    )
    best = spellings.sort("count", "marked", descending=True, maintain_order=True)
    values = (
        best.group_by("cluster", "letter", maintain_order=True)
        .agg(pl.col("value").first(), pl.col("count").sum())
        .sort("cluster", "count", "letter", descending=[False, True, False])
    )
    lists = values.group_by("cluster", maintain_order=True).agg(pl.col("value").alias(field))
    given = members.rows.select("cluster", "row", given=pl.col(field).list.len()).filter(pl.col("given") > 0)
    return lists.join(_contributors(given, field), on="cluster", how="left", maintain_order="left")


UMLAUT: Final = r"(^|[^aeoq])([aou])e"
"""Letters that may be an umlaut of a folded text, which others write without its marks: no `Feuer`, no `quer`."""


def _alphabet(values: pl.Series) -> pl.DataFrame:
    """Number the distinct values by alphabet, spellings of one word alike: ``value``, ``letter``, ``marked``: whether it has letters beyond ASCII.

    Numbers are grouped faster than texts.
    """
    distinct = values.unique().to_frame("value")
    value, lower = pl.col("value"), pl.col("value").str.to_lowercase()
    plain = folded(value).str.replace_all(UMLAUT, "${1}${2}")
    return distinct.with_columns(
        pl.when(plain == "").then(lower).otherwise(plain).rank("dense").alias("letter"),
        (value.str.len_bytes() > value.str.len_chars()).alias("marked"),
    )


def _contributors(given: pl.DataFrame, field: str) -> pl.DataFrame:
    """Name who gave most as the origin, and all who gave anything, the main one first.

    given: ``cluster``, ``row``, ``given``: how many values of the union a listing has; a cluster's listings in order of trust.

    Returns:
        ``cluster``, ``from_<field>`` (UInt32), ``all_from_<field>`` (List[UInt32]).
    """
    ranked = given.sort("cluster", "given", descending=[False, True], maintain_order=True)
    return ranked.group_by("cluster", maintain_order=True).agg(
        pl.col("row").first().alias(f"from_{field}"), pl.col("row").alias(f"all_from_{field}")
    )


def dates_said(members: Members) -> pl.DataFrame:
    """Lay out the dates of all listings, one row an occurrence, in order of trust; 00:00 without an end is read as no time.

    Returns:
        ``cluster``, ``row``, the fields of OCCURRENCE, ``given_up``: whether the event was moved away from that day. An event that was
        moved away from each of its days was moved from none.
    """
    said = members.rows.select("cluster", "row", "event_dates").explode("event_dates").unnest("event_dates")
    known = ~((pl.col("start_time") == "00:00") & (pl.col("end_time").fill_null("00:00") == "00:00"))
    timed = known.fill_null(value=True)
    said = said.with_columns(pl.when(timed).then(pl.col("start_time", "end_time")))
    left = members.rows.filter(pl.col("previous_day").is_not_null())
    left = left.select("cluster", date="previous_day").unique().with_columns(given_up=True)
    marked = said.join(left, on=["cluster", "date"], how="left", maintain_order="left")
    given_up = pl.col("given_up").fill_null(value=False)
    return marked.with_columns(given_up & ~given_up.all().over("cluster"))


def union_of_dates(said: pl.DataFrame, members: Members) -> pl.DataFrame:
    """Join the dates, sorted by day and start; where listings of a single start each tell several, doors give way to the beginning.

    said: as from `dates_said`. Other starts that differ are all kept; an equal start is one occurrence, with the first known end and
    the longest range. A day without a start gives way to one with a start that lasts as long.

    Returns:
        ``cluster``, ``event_dates``, ``from_event_dates``, ``all_from_event_dates``.
    """
    kept = without_doors(said.filter(~pl.col("given_up")), members.rows)
    kept = kept.with_columns(pl.coalesce("end_date", "date").alias("last"))
    timed = kept.filter(pl.col("start_time").is_not_null())
    untimed = _without_equals(kept.filter(pl.col("start_time").is_null()), timed)
    occurrences = pl.concat([_moments(timed), _days(untimed)])
    ordered = occurrences.sort("cluster", "date", "start_time", nulls_last=True)
    lists = ordered.group_by("cluster", maintain_order=True).agg(pl.struct(*_FIELDS).alias("event_dates"))
    used = pl.concat([timed, untimed]).group_by("cluster", "row").agg(pl.len().alias("given"))
    given = (
        said.select("cluster", "row")
        .unique(maintain_order=True)
        .join(used, on=["cluster", "row"], maintain_order="left")
    )
    return lists.join(_contributors(given, "event_dates"), on="cluster", how="left", maintain_order="left")


_FIELDS: Final = tuple(field.name for field in OCCURRENCE.fields)


def _without_equals(untimed: pl.DataFrame, timed: pl.DataFrame) -> pl.DataFrame:
    """Drop the days that one with a start begins on too, and that it outlasts."""
    known = timed.group_by("cluster", "date").agg(pl.col("last").max().alias("known"))
    beside = untimed.join(known, on=["cluster", "date"], how="left", maintain_order="left")
    return beside.filter((pl.col("known") < pl.col("last")).fill_null(value=True)).drop("known")


def _moments(timed: pl.DataFrame) -> pl.DataFrame:
    """Make one occurrence of each moment at which something starts."""
    late = pl.col("start_time") >= MIDNIGHT
    hour = pl.col("start_time").str.head(2).cast(pl.Int32)
    day = pl.when(late).then(pl.col("date").dt.offset_by("1d")).otherwise("date")
    clock = (
        pl.when(late)
        .then(pl.format("{}{}", (hour - 24).cast(pl.String).str.zfill(2), pl.col("start_time").str.slice(2)))
        .otherwise("start_time")
    )
    joined = timed.group_by("cluster", day.alias("day"), clock.alias("clock"), maintain_order=True).agg(
        pl.col("date", "start_time").first(),
        pl.col("end_time").drop_nulls().first(),
        pl.col("end_date").max(),
    )
    end_date = pl.when(pl.col("end_date") >= pl.col("date")).then("end_date")
    return joined.select("cluster", "date", "start_time", "end_time", end_date)


def _days(untimed: pl.DataFrame) -> pl.DataFrame:
    """Make one occurrence of each day for which no start is known; a plain day is part of a range that begins on it."""
    return (
        untimed.group_by("cluster", "date", maintain_order=True)
        .agg(pl.col("end_time").drop_nulls().first(), pl.col("end_date").max())
        .select("cluster", "date", pl.lit(None, pl.String).alias("start_time"), "end_time", "end_date")
    )
