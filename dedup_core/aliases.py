"""Aliases: names of venues that no comparison of letters can join, as the corpus knows that they are one house's.

What is surely one event, whatever its venue is called, takes place at one house: if one source puts it at the `Martin-Luther-Haus` and another at the
`Ev. Gemeindehaus`, the two may be names of one. Once it may be a mistake, or the event was moved; so it takes several events of a town, or of several
towns, and nothing that speaks against it. A house of many halls, whose sources don't say which, is the danger: what is learned there joins its halls.
"""

from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from dedup_core import lexicon
from dedup_core.comparisons.names import BESIDE, ONE_VENUE, OPPOSED, TWO_HOUSES, names_alike
from dedup_core.comparisons.pairs import Mask, Pairs, both_known, same_code
from dedup_core.comparisons.places import districts_differ
from dedup_core.comparisons.titles import title_bits, wording_of
from dedup_core.policy import Policy
from dedup_core.subjects import Subjects
from dedup_core.subjects.houses import Aliases, in_several_districts, numbered

NAMED: Final = 5.0
"""Bits of the titles from which two listings of one minute and town are one event …"""

REST: Final = 5.0
"""… and bits that neither may say alone: of two bands at two clubs, each may be the other's support."""

RARE: Final = 8.5
"""Bits of a word from which it may name an event. What has none, such as a service at ten, begins in many towns at once, and may in two houses of one."""

ALLOWED: Final = 1
"""Other names, with which a name may have been found together and which are not of that house; with more it is of who invites, or a source's default."""

CROWDED: Final = 12
"""Other names, variants included, from which a name is not looked at: what the sources of a large town write for anything."""

USUAL: Final = 0.125
"""Share of the towns with venues of both names in which these must be one house, to be so in the others (a guess: .2 to 1 in worlds of 10,000)."""

FEWER: Final = 4
"""How many towns must say that two names are one house's for each in which they are two (a guess)."""

NEVER_ONE: Final = np.array([OPPOSED, TWO_HOUSES], np.float32)
"""What a comparison of names says of two that no event makes one: two halls by their number, two churches by their saints."""


def with_aliases(subjects: Subjects, candidates: pl.DataFrame, policy: Policy) -> Subjects:
    """Learn which names of venues are one house's in a town. candidates: ``a``, ``b`` (UInt32 row numbers, a < b)."""
    told = _told(candidates, subjects, policy)
    return subjects if told.is_empty() else replace(subjects, aliases=_learned(told, subjects, policy))


NAMES: Final = ("town", "low", "high")


def _told(candidates: pl.DataFrame, subjects: Subjects, policy: Policy) -> pl.DataFrame:
    """List what two sources put at two names of venues: ``town``, ``low``, ``high`` (codes), ``day``, ``title`` (code), ``rare``, ``alike``."""
    pairs = _two_names_one_minute(candidates, subjects)
    wording = wording_of(pairs, subjects, policy.evidence.title)
    bits = title_bits(pairs, wording, subjects, policy.evidence.title)
    sure = (bits >= NAMED) & (np.maximum(wording.rest_a, wording.rest_b) < REST)
    sure &= (wording.rarest >= RARE) | (_in_towns_at_once(pairs, subjects) == 1)
    sure &= ~wording.numbered & ~districts_differ(pairs, subjects)
    pairs = pairs.where(sure)
    alike = names_alike(subjects.venue[pairs.a], subjects.venue[pairs.b], subjects)
    named = (alike < ONE_VENUE) & ~np.isin(alike, NEVER_ONE) & _two_houses(pairs, subjects)
    pairs = pairs.where(named)
    venues = subjects.venue[pairs.a], subjects.venue[pairs.b]
    return pl.DataFrame(
        {
            "town": subjects.city[pairs.a],
            "low": np.minimum(*venues),
            "high": np.maximum(*venues),
            "day": subjects.day[pairs.a],
            "title": subjects.equal_title[pairs.a],
            "rare": wording.rarest[sure][named] >= RARE,
            "alike": alike[named],
        }
    )


def _two_houses(pairs: Pairs, subjects: Subjects) -> Mask:
    """Tell where both venues are houses, or both are places out of doors, and neither is the middle of the place, in which all are.

    What rain drives from the square into the hall makes no house of the two.
    """
    names, named = subjects.venue_keys, lexicon.rules().venues
    outside = names.str.contains(named.outdoors.pattern)
    inside = ~outside & names.str.contains(named.indoors.pattern)
    kinds = (outside.cast(pl.Int8) - inside.cast(pl.Int8)).to_numpy()
    kinds = np.where(names.is_in(sorted(lexicon.area_names())).to_numpy(), 2, kinds)
    one, other = (kinds[subjects.venue[rows]] for rows in (pairs.a, pairs.b))
    fit: Mask = (one * other >= 0) & (np.maximum(one, other) < 2)
    return fit


def _in_towns_at_once(pairs: Pairs, subjects: Subjects) -> npt.NDArray[np.uint32]:
    """Count the towns in which something of either title begins at the minute of a pair: (p,)."""
    listed = pl.DataFrame({"title": subjects.equal_title, "moment": subjects.moment, "town": subjects.city})
    towns = listed.group_by("title", "moment").agg(pl.col("town").n_unique())
    asked = (listed.select("title", "moment")[rows] for rows in (pairs.a, pairs.b))
    counts = [
        each.join(towns, on=["title", "moment"], how="left", maintain_order="left")["town"] for each in asked
    ]
    one, other = (count.to_numpy() for count in counts)
    most: npt.NDArray[np.uint32] = np.maximum(one, other)
    return most


def _two_names_one_minute(candidates: pl.DataFrame, subjects: Subjects) -> Pairs:
    """Choose the pairs of two sources that begin at one minute in one town, at venues of two names."""
    pairs = Pairs(*(candidates[side].to_numpy() for side in ("a", "b")))
    pairs = pairs.where(subjects.moment[pairs.a] == subjects.moment[pairs.b])
    pairs = Pairs(pairs.a.astype(np.intp), pairs.b.astype(np.intp))
    two = same_code(subjects.city, pairs) & both_known(subjects.venue, pairs)
    two &= ~same_code(subjects.venue, pairs) & ~same_code(subjects.source, pairs)
    widely = _knows_several_houses(subjects)
    return pairs.where(two & (widely[pairs.a] | widely[pairs.b]))


def _knows_several_houses(subjects: Subjects) -> Mask:
    """Tell of which listings the source names several venues in their town: (n,).

    Where each of two sources tells of one house only, as two parishes do, what both do at one hour are two things.
    """
    listed = pl.DataFrame({"town": subjects.city, "source": subjects.source, "venue": subjects.venue})
    known = pl.col("venue").replace(-1, None)
    several: Mask = (
        listed.select((known.drop_nulls().n_unique() > 1).over("town", "source")).to_series().to_numpy()
    )
    return several


def _learned(told: pl.DataFrame, subjects: Subjects, policy: Policy) -> Aliases:
    """Choose what to believe: enough events of the town, one with a rare word among them, or enough towns; nothing against it; no third house."""
    needed = policy.evidence.place.alias_occasions
    houses = _houses(subjects)
    counts = told.group_by(NAMES).agg(
        pl.col("alike").first(), occasions=_different("day", "title"), rare=pl.col("rare").any()
    )
    known = _in_towns(_uncrowded(counts), houses, needed)
    known = known.with_columns(apart=_contradicted(known, houses, subjects), others=_others(known, subjects))
    here = (pl.col("occasions") >= needed) & pl.col("rare")
    towns, of_both = pl.col("towns"), pl.len().over("low", "high")
    usual = (towns >= FEWER * pl.col("apart").sum().over("low", "high")) & (towns >= USUAL * of_both)
    most = pl.when(here).then(ALLOWED).otherwise(0)
    learned = known.filter(here | ((towns >= needed) & usual)).filter(
        ~pl.col("apart"), pl.col("others") <= most
    )
    two = _numbered(learned, subjects)
    learned = learned.select(
        pl.when(here).then("occasions").otherwise(0).cast(pl.Int32), towns.cast(pl.Int32)
    )
    order = np.argsort(two)
    return Aliases(two[order], *(learned[name].to_numpy()[order] for name in ("occasions", "towns")))


def _different(*columns: str) -> pl.Expr:
    """Count what is different in each of the columns: a service each Sunday is one title, a festival of many items one day."""
    return pl.min_horizontal(pl.col(columns).n_unique())


def _houses(subjects: Subjects) -> pl.DataFrame:
    """List the venues of each town: ``town``, ``venue``, ``house`` (code of its address, -1 unknown); without those that several districts have."""
    listed = pl.DataFrame(
        {
            "town": subjects.city,
            "venue": subjects.venue,
            "house": subjects.house,
            "district": np.where(subjects.own_district, subjects.district, -1),
        }
    )
    venues = listed.filter(pl.min_horizontal("town", "venue") >= 0).unique(["town", "venue"])
    several = in_several_districts(listed)
    return venues.drop("district").join(several, on=["town", "venue"], how="anti")


def _uncrowded(counts: pl.DataFrame) -> pl.DataFrame:
    ends = pl.concat([counts.select("town", venue=side) for side in NAMES[1:]])
    crowded = ends.group_by("town", "venue").len().filter(pl.col("len") >= CROWDED)
    for side in NAMES[1:]:
        counts = counts.join(crowded, left_on=["town", side], right_on=["town", "venue"], how="anti")
    return counts


def _in_towns(counts: pl.DataFrame, houses: pl.DataFrame, needed: int) -> pl.DataFrame:
    """Add the towns that have both of two names of which several others tell: NAMES, ``occasions``, ``rare``, ``towns``, the houses of both.

    Names that share a word and differ in the kind of room are left to the town's own listings.
    """
    elsewhere = (
        counts.filter(pl.col("alike") != np.float32(BESIDE))
        .group_by("low", "high")
        .agg(towns=pl.len())
        .filter(pl.col("towns") >= needed)
    )
    both = elsewhere.join(houses, left_on="low", right_on="venue").select("town", "low", "high", "towns")
    known = counts.select(*NAMES, "occasions", "rare").join(both, on=NAMES, how="full", coalesce=True)
    for side in NAMES[1:]:
        house = houses.select("town", pl.col("venue").alias(side), pl.col("house").alias(f"house_{side}"))
        known = known.join(house, on=["town", side])
    return known.with_columns(
        pl.col("occasions", "towns").fill_null(0), pl.col("rare").fill_null(value=False)
    )


def _contradicted(known: pl.DataFrame, houses: pl.DataFrame, subjects: Subjects) -> pl.Series:
    """Tell of two names in a town whether they have two addresses, or whether a source lists two events at both at one minute: (k,)."""
    addresses = known.select(
        (pl.col("house_low") != pl.col("house_high")) & (pl.min_horizontal("house_low", "house_high") >= 0)
    ).to_series()
    columns = {"town": subjects.city, "source": subjects.source, "moment": subjects.moment}
    listed = pl.DataFrame({**columns, "venue": subjects.venue, "title": subjects.equal_title})
    listed = listed.filter(pl.col("moment").is_not_nan()).unique()
    rows = known.select(NAMES).with_row_index("row")
    beside = (
        rows.join(listed, left_on=["town", "low"], right_on=["town", "venue"])
        .join(
            listed,
            left_on=["town", "high", "source", "moment"],
            right_on=["town", "venue", "source", "moment"],
            suffix="_2",
        )
        .filter(pl.col("title") != pl.col("title_2"))["row"]
    )
    return addresses | rows["row"].is_in(beside.unique().implode())


def _others(known: pl.DataFrame, subjects: Subjects) -> pl.Series:
    """Count the other names with which either of the two was found together, and which are none of the house of the other of the two: (k,)."""
    rows = known.select(*NAMES).with_row_index("row")
    low, high = NAMES[1:]
    ends = pl.concat([rows.select("row", "town", x=low, y=high), rows.select("row", "town", x=high, y=low)])
    three = ends.join(ends, on=["town", "x"], suffix="_2").filter(pl.col("y") != pl.col("y_2"))
    two = three.select("town", low="y", high="y_2")
    one_name = names_alike(two["low"].to_numpy(), two["high"].to_numpy(), subjects) >= ONE_VENUE
    third = ~one_name & ~np.isin(_numbered(two, subjects), _numbered(known, subjects))
    counted = three.filter(pl.Series(third)).group_by("row").agg(others=pl.col("y_2").n_unique())
    return rows.join(counted, on="row", how="left", maintain_order="left")["others"].fill_null(0)


def _numbered(names: pl.DataFrame, subjects: Subjects) -> npt.NDArray[np.int64]:
    town, low, high = (names[name].to_numpy() for name in NAMES)
    return numbered(town, low, high, len(subjects.venue_keys))
