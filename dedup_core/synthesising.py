"""Synthesising: one canonical event from all listings of it, each field with the listing that gave it.

More listings never make an event poorer: a field that one of them fills stays filled, texts only grow, lists only gain. What is
chosen wrongly can be traced, as every value names its source event. Clusters of one listing are that listing.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from dedup_core.places import shown_city, shown_district
from dedup_core.policy import Strategy, Synthesis

PLACE_FIELDS: Final = (
    "venue",
    "city",
    "district",
    "street",
    "street_no",
    "zipcode",
    "latitude",
    "longitude",
    "geo_confidence",
    "country",
)
CHOSEN_FIELDS: Final = (
    "title",
    "short_description",
    "description",
    "highlights",
    "categories",
    "is_family_event",
    "is_child_focused",
    "admission_free",
    "registration_required",
    "registration_contact",
    "source_type",
    "confidence_score",
)
FIELDS: Final = (*CHOSEN_FIELDS, "event_dates", *PLACE_FIELDS)
"""The fields of a canonical event; each has a column ``from_<field>`` with the row number of the source event that gave it."""

UNIONS: Final = ("highlights", "categories", "event_dates")
"""Fields to which several listings contribute: ``also_<field>`` (List[UInt32]) names the others."""


def synthesise(events: pl.DataFrame, labels: npt.NDArray[np.uint32], *, policy: Synthesis) -> pl.DataFrame:
    """Make one canonical event of each cluster.

    events: EVENT_SCHEMA, sorted by identity. labels: (n,) lowest row number of each event's cluster.

    Returns:
        one row a cluster, sorted by ``label``: FIELDS with their provenance, ``status``, ``previous_date``, ``first_day``,
        ``last_day``, ``n_sources``, ``members`` (List[UInt32] row numbers, ascending).
    """
    rows = _with_preferences(events, labels, policy)
    single = rows.filter(pl.col("size") == 1)
    several = rows.filter(pl.col("size") > 1)
    together = pl.concat([_of_one(single), _of_several(several, policy)], how="diagonal_relaxed").sort(
        "label"
    )
    return together.with_columns(
        pl.col("event_dates").list.eval(pl.element().struct.field("date")).list.min().alias("first_day"),
        pl.col("event_dates")
        .list.eval(pl.coalesce(pl.element().struct.field("end_date"), pl.element().struct.field("date")))
        .list.max()
        .alias("last_day"),
    )


def _with_preferences(
    events: pl.DataFrame, labels: npt.NDArray[np.uint32], policy: Synthesis
) -> pl.DataFrame:
    return events.with_columns(
        pl.int_range(pl.len(), dtype=pl.UInt32).alias("row"),
        pl.Series("label", labels, dtype=pl.UInt32),
        pl.col("source_code")
        .replace_strict(dict(policy.sources), default=0.0, return_dtype=pl.Float64)
        .alias("preference"),
        pl.col("source_type")
        .replace_strict(dict(policy.source_types), default=0.0, return_dtype=pl.Float64)
        .fill_null(0.0)
        .alias("title_preference"),
        shown_city().alias("city"),
        shown_district().alias("district"),
        pl.col("markers").fill_null(""),
    ).with_columns(pl.len().over("label").alias("size"))


def _status(markers: pl.Expr) -> pl.Expr:
    """Read the status off all markers of a cluster: one cancellation suffices, as nobody announces one lightly."""
    return (
        pl.when(markers.str.contains("cancelled", literal=True))
        .then(pl.lit("cancelled"))
        .when(markers.str.contains("moved", literal=True))
        .then(pl.lit("moved"))
        .when(markers.str.contains("sold_out", literal=True))
        .then(pl.lit("sold_out"))
        .otherwise(pl.lit("scheduled"))
        .alias("status")
    )


def _of_one(single: pl.DataFrame) -> pl.DataFrame:
    """Take a listing as it is; every value comes from it."""
    origins = [pl.when(pl.col(field).is_not_null()).then("row").alias(f"from_{field}") for field in FIELDS]
    return single.select(
        "label",
        *FIELDS,
        *origins,
        _status(pl.col("markers")),
        pl.col("previous_day").alias("previous_date"),
        pl.lit(1, pl.UInt32).alias("n_sources"),
        pl.concat_list("row").alias("members"),
    )


def _of_several(several: pl.DataFrame, policy: Synthesis) -> pl.DataFrame:
    ordered = several.sort("label", "preference", "row", descending=[False, True, False])
    clusters = ordered.group_by("label", maintain_order=True).agg(
        pl.col("markers").str.join(" "),
        pl.col("previous_day").sort().drop_nulls().first().alias("previous_date"),
        pl.len().cast(pl.UInt32).alias("n_sources"),
        pl.col("row").sort().alias("members"),
    )
    canonical = clusters.with_columns(_status(pl.col("markers"))).drop("markers")
    parts = [STRATEGIES[strategy](ordered, field) for field, strategy in policy.fields.items()]
    parts += [_place(ordered), _dates(ordered, clusters)]
    for part in parts:
        canonical = canonical.join(part, on="label", how="left", maintain_order="left")
    return canonical


def _first(rows: pl.DataFrame, field: str, *keys: pl.Expr) -> pl.DataFrame:
    """Choose the first row of each cluster by descending keys; ties by preference, then identity (the order of the rows)."""
    best = rows.sort("label", *keys, descending=[False, *[True] * len(keys)], maintain_order=True)
    return best.unique("label", keep="first", maintain_order=True).select(
        "label", field, pl.col("row").alias(f"from_{field}")
    )


def _longest(rows: pl.DataFrame, field: str) -> pl.DataFrame:
    return _first(rows.filter(pl.col(field).is_not_null()), field, pl.col(field).str.len_chars())


def _most_frequent(rows: pl.DataFrame, field: str) -> pl.DataFrame:
    return _first(rows.filter(pl.col(field).is_not_null()), field, pl.len().over("label", field))


def _highest(rows: pl.DataFrame, field: str) -> pl.DataFrame:
    return _first(rows.filter(pl.col(field).is_not_null()), field, pl.col(field))


def _best_title(rows: pl.DataFrame, field: str) -> pl.DataFrame:
    """Prefer a title without a marker, not in capitals, of a source that names events, that most agree on, and the longer one."""
    shouting = (pl.col(field).str.to_uppercase() == pl.col(field)) & (pl.col(field).str.len_chars() > 4)
    return _first(
        rows,
        field,
        pl.col("markers") == "",
        ~shouting,
        pl.col("title_preference"),
        pl.len().over("label", "title_words"),
        pl.col(field).str.len_chars(),
    )


def _union(rows: pl.DataFrame, field: str) -> pl.DataFrame:
    """Join the lists, most frequent value first, then by alphabet; values that differ in capitals only are one."""
    values = rows.select("label", "row", pl.col(field).alias("value")).explode("value").drop_nulls("value")
    values = values.with_columns(pl.col("value").str.to_lowercase().alias("key"))
    kept = (
        values.group_by("label", "key", maintain_order=True)
        .agg(pl.col("value").first(), pl.len().alias("count"))
        .sort("label", "count", "key", descending=[False, True, False])
    )
    lists = kept.group_by("label", maintain_order=True).agg(pl.col("value").alias(field))
    return lists.join(_contributors(values, field), on="label", how="left", maintain_order="left")


def _contributors(values: pl.DataFrame, field: str) -> pl.DataFrame:
    """Name who gave most values as the origin, all others beside it."""
    counted = (
        values.group_by("label", "row", maintain_order=True)
        .agg(pl.len().alias("given"))
        .sort("label", "given", descending=[False, True], maintain_order=True)
        .group_by("label", maintain_order=True)
        .agg(pl.col("row"))
    )
    return counted.select(
        "label",
        pl.col("row").list.first().alias(f"from_{field}"),
        pl.col("row").list.slice(1).alias(f"also_{field}"),
    )


STRATEGIES: Final[dict[Strategy, Callable[[pl.DataFrame, str], pl.DataFrame]]] = {
    "best_title": _best_title,
    "longest": _longest,
    "most_frequent": _most_frequent,
    "majority": _most_frequent,
    "any_true": _highest,
    "highest_confidence": _highest,
    "union": _union,
}


def _place(rows: pl.DataFrame) -> pl.DataFrame:
    """Choose a place as a whole: of the listings that agree on the most frequent town, the most complete one.

    What it lacks comes from listings of the same town that name the same venue or none, so that no street gets another hall's number.
    """
    towns = _most_frequent(rows, "city_key").select("label", pl.col("city_key").alias("town"))
    there = rows.join(towns, on="label", how="left", maintain_order="left").filter(
        pl.col("town").is_null() | pl.col("city_key").is_null() | (pl.col("city_key") == pl.col("town"))
    )
    filled = pl.sum_horizontal([pl.col(field).is_not_null().cast(pl.Int32) for field in PLACE_FIELDS])
    main = there.sort(
        "label", pl.col("city_key").is_not_null(), filled, descending=[False, True, True], maintain_order=True
    )
    chosen = main.unique("label", keep="first", maintain_order=True).select("label", chosen_venue="venue_key")
    compatible = main.join(chosen, on="label", how="left", maintain_order="left").filter(
        pl.col("chosen_venue").is_null()
        | pl.col("venue_key").is_null()
        | (pl.col("venue_key") == pl.col("chosen_venue"))
    )
    place = towns.select("label")
    place = rows.select("label").unique(maintain_order=True)
    for unit in (("venue",), ("city",), ("district",), ("street", "street_no"), ("zipcode",)):
        place = place.join(_first_filled(compatible, unit), on="label", how="left", maintain_order="left")
    by_trust = compatible.sort(
        "label", pl.col("geo_confidence").fill_null(0), descending=[False, True], maintain_order=True
    )
    geo = _first_filled(by_trust, ("latitude", "longitude", "geo_confidence"))
    country = _first_filled(compatible, ("country",))
    return place.join(geo, on="label", how="left", maintain_order="left").join(
        country, on="label", how="left", maintain_order="left"
    )


def _first_filled(rows: pl.DataFrame, unit: tuple[str, ...]) -> pl.DataFrame:
    """Take fields that belong together from the first row that has the first of them."""
    found = rows.filter(pl.col(unit[0]).is_not_null()).unique("label", keep="first", maintain_order=True)
    origins = [pl.when(pl.col(field).is_not_null()).then("row").alias(f"from_{field}") for field in unit]
    return found.select("label", *unit, *origins)


def _dates(rows: pl.DataFrame, clusters: pl.DataFrame) -> pl.DataFrame:
    """Join the dates: both starts are kept where sources differ, a start beats none, a day that was given up is dropped."""
    spread = (
        rows.select("label", "row", pl.col("event_dates").alias("occurrence"))
        .explode("occurrence")
        .unnest("occurrence")
        .join(clusters.select("label", "previous_date"), on="label", how="left", maintain_order="left")
    )
    no_time = (pl.col("start_time") == "00:00") & (
        pl.col("end_time").is_null() | (pl.col("end_time") == "00:00")
    )
    spread = spread.with_columns(
        pl.when(~no_time.fill_null(value=False)).then("start_time").alias("start_time"),
        pl.when(~no_time.fill_null(value=False)).then("end_time").alias("end_time"),
    )
    other_days = (pl.col("date") != pl.col("previous_date")).any().over("label")
    given_up = (pl.col("date") == pl.col("previous_date")).fill_null(value=False) & other_days.fill_null(
        value=False
    )
    timed = pl.col("start_time").is_not_null().any().over("label", "date")
    kept = spread.filter(~given_up).filter(pl.col("start_time").is_not_null() | ~timed)
    ends = spread.group_by("label", "date").agg(pl.col("end_date").max())
    merged = (
        kept.group_by("label", "date", "start_time", maintain_order=True)
        .agg(pl.col("end_time").drop_nulls().first())
        .join(ends, on=["label", "date"], how="left", maintain_order="left")
        .sort("label", "date", "start_time", nulls_last=True)
    )
    lists = merged.group_by("label", maintain_order=True).agg(
        pl.struct("date", "start_time", "end_time", "end_date").alias("event_dates")
    )
    return lists.join(_contributors(kept, "event_dates"), on="label", how="left", maintain_order="left")
