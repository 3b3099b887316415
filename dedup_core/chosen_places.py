"""Chosen places: one place for each cluster, as a whole.

Of the listings that name the most frequent town, those that can't be of one place are parted, and the most complete part gives the place.
So a gap is filled from other listings, but no street gets another hall's coordinates. A place never loses a field to a new listing as long
as most listings name the same town; when they come to name another, that town's place is shown, complete or not.
"""

from typing import Final

import numpy as np
import polars as pl

from dedup_core.policy import Synthesis
from dedup_core.strategies import Mask, Members, Numbers, Positions, value_at

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
GEO_FIELDS: Final = ("latitude", "longitude", "geo_confidence")
"""They are one value and come from one listing."""

KEYS: Final = ("district_key", "venue_key", "street_key", "spot")
"""What two listings of a town must not contradict each other in, to be of one place."""

MOST_WEIGHED: Final = 32
"""Listings of a cluster, most complete first, that are parted by their places: bounds the work, which grows with their
combinations. (Clusters near that size are flagged as too large anyway.)"""

KM_A_DEGREE: Final = 111.32
"""Kilometres a degree of latitude, and of longitude at the equator."""


def choose_places(members: Members, *, policy: Synthesis) -> dict[str, Positions]:
    """Choose the listing that gives each field of the place: field -> (c,) positions."""
    complete = members.numbers(pl.sum_horizontal(pl.col(*PLACE_FIELDS).is_not_null()))
    there = _of_the_town(members, complete)
    there &= _of_one_place(members, there, complete, policy)
    spelling = members.frequency("city")
    chosen = {field: members.first(there & members.filled(field), complete) for field in PLACE_FIELDS}
    chosen["city"] = members.first(there & members.filled("city"), spelling, complete)
    trust = members.numbers(pl.col("geo_confidence"))
    geo = members.first(there & members.filled("latitude"), trust, complete)
    return chosen | dict.fromkeys(GEO_FIELDS, geo)


def _of_the_town(members: Members, complete: Numbers) -> Mask:
    """Tell which listings name the town that most name (tied: the one with the most complete listing), or none."""
    named = members.filled("city_key")
    chosen = members.first(named, members.frequency("city_key"), complete)
    town = value_at(members.rows["city_key"], chosen[members.cluster])
    return members.rows.select((pl.col("city_key") == town).fill_null(value=True)).to_series().to_numpy()


def _of_one_place(members: Members, there: Mask, complete: Numbers, policy: Synthesis) -> Mask:
    """Tell which listings of the town belong to the part that gives the place: (m,)."""
    spots = _spots(members, there, policy)
    keyed = members.rows.select("cluster", *KEYS[:-1], pl.Series("spot", spots)).with_row_index("position")
    contradicted = members.any(_contradicting(members, keyed, there))[members.cluster]
    disputed = keyed.with_columns(
        _filled_fields(members).alias("filled"), pl.Series("complete", complete)
    ).filter(pl.Series(there & contradicted))
    weighed = (
        disputed.sort("cluster", "complete", descending=[False, True], maintain_order=True)
        .filter(pl.int_range(pl.len()).over("cluster") < MOST_WEIGHED)
        .sort("position")
    )
    chosen = ~contradicted
    chosen[_best_part(_parted(weighed))["position"].to_numpy()] = True
    return chosen


def _contradicting(members: Members, keyed: pl.DataFrame, there: Mask) -> Mask:
    """Tell which listings differ in a key from the first listing of their cluster that has it: (m,)."""
    found = np.zeros(len(there), np.bool_)
    for key in KEYS:
        known = there & keyed[key].is_not_null().to_numpy()
        first = value_at(keyed[key], members.first(known)[members.cluster])
        found |= known & (keyed[key] != first).fill_null(value=False).to_numpy()
    return found


def _filled_fields(members: Members) -> pl.Series:
    """Write down which fields a listing fills, a bit each: (m,) Int32."""
    bits = [pl.col(field).is_not_null().cast(pl.Int32) * 2**bit for bit, field in enumerate(PLACE_FIELDS)]
    return members.rows.select(pl.sum_horizontal(bits)).to_series()


def _parted(listings: pl.DataFrame) -> pl.DataFrame:
    """Part the listings of each cluster key by key; one that has no such key goes with each part.

    So no two listings of a part contradict each other, and no listing could be added to a part.

    listings: ``cluster``, ``position``, KEYS, ``filled``.

    Returns:
        the listings with ``part``, one row for each part that a listing is in; parts of a cluster by trust in their listings.
    """
    parted = listings.with_columns(pl.col("cluster").alias("part"))
    for key in KEYS:
        values = parted.select("part", value=key).unique(maintain_order=True)
        nothing = pl.col("value").is_null()
        values = values.filter(~nothing | nothing.all().over("part")).with_row_index("next")
        parted = (
            parted.join(values, on="part", maintain_order="left")
            .filter(pl.col(key).is_null() | (pl.col(key) == pl.col("value")))
            .drop("part", "value")
            .rename({"next": "part"})
        )
    return parted


def _best_part(parted: pl.DataFrame) -> pl.DataFrame:
    """Keep of each cluster the part that fills most fields; tied: the one of most listings, then the most trusted."""
    parts = parted.group_by("part", maintain_order=True).agg(
        pl.col("cluster").first(),
        pl.col("filled").bitwise_or().bitwise_count_ones(),
        pl.len().alias("listings"),
        pl.col("position").min(),
    )
    best = parts.sort("cluster", "filled", "listings", "position", descending=[False, True, True, False])
    best = best.unique("cluster", keep="first", maintain_order=True)
    return parted.join(best, on="part", how="semi")


def _spots(members: Members, there: Mask, policy: Synthesis) -> pl.Series:
    """Number the spots that sure coordinates mark: (m,), null without any.

    Coordinates belong to one spot if others of the cluster lie between them so that no gap is wider than the policy's, north and east alone.
    """
    sure = there & members.mask(pl.col("geo_confidence") >= policy.sure_geo) & members.filled("latitude")
    north = members.numbers(pl.col("latitude") * KM_A_DEGREE)
    east = members.numbers(pl.col("longitude") * KM_A_DEGREE * pl.col("latitude").radians().cos())
    runs = [_linked(members.cluster, np.where(sure, axis, np.nan), policy.apart_km) for axis in (north, east)]
    return pl.Series(runs[0] * (len(sure) + 1) + runs[1]).set(pl.Series(~sure), None)


def _linked(cluster: Positions, values: Numbers, gap: float) -> Positions:
    """Number runs of values within a cluster that have no gap wider than ``gap``; NaN comes last."""
    order = np.lexsort((values, cluster))
    new = (np.diff(cluster[order], prepend=-1) != 0) | ~(np.diff(values[order], prepend=-np.inf) <= gap)
    run = np.empty(len(order), np.int64)
    run[order] = np.cumsum(new)
    return run
