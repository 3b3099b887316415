"""Places: bring the names of towns, districts, venues and streets to keys that can be compared.

A name that the lexicon does not know is its own key, so an unknown town still meets itself. A district that is taken for a
town, or a hall for a town, is caught by coordinates and by the other places of the pair.
"""

from functools import cache
from typing import Final, NamedTuple

import polars as pl

from dedup_core import lexicon
from dedup_core.folding import fold_all, folded

SURE: Final = 0.8
"""Confidence from which the upstream's normalised place beats the raw one (a guess: upstream documents none)."""

LONGEST_NAME: Final = 3
"""Words of a place's name that are looked for inside a longer text, as in "Messe Wien Exhibition Center"."""


class Town(NamedTuple):
    """A town's key and, if the name said so, the key of its district."""

    city: str | None
    district: str | None = None


def shown_city() -> pl.Expr:
    """Choose between the raw town and the upstream's, which holds where it is sure or alone."""
    sure = pl.col("sanitized_confidence") >= SURE
    return (
        pl.when(sure)
        .then(pl.coalesce("sanitized_city", "city"))
        .otherwise(pl.coalesce("city", "sanitized_city"))
    )


def shown_district() -> pl.Expr:
    """Choose the district as `shown_city` chooses the town."""
    sure = pl.col("sanitized_confidence") >= SURE
    return pl.when(sure).then(pl.coalesce("sanitized_district", "district")).otherwise("district")


def place_keys(listings: pl.DataFrame) -> pl.DataFrame:
    """Give each listing its places: ``city_key``, ``district_key``, ``venue_key``, ``street_key``, same rows and order."""
    chosen = listings.select(
        shown_city().alias("city"),
        shown_district().alias("district"),
        folded(pl.col("venue")).alias("venue"),
        _street().alias("street_key"),
    )
    towns = _lookup(chosen["city"], "city_key", "named_district")
    parts = _lookup(chosen["district"], "town_of_district", "part")
    keys = pl.concat([chosen, towns, parts], how="horizontal").with_columns(
        online=pl.col("city_key").is_null() & pl.col("venue").is_in(sorted(_online_names()))
    )
    found = keys.with_columns(_city().alias("city_key"), _district().alias("district_key"))
    part = (
        pl.when(pl.col("district_key").ne_missing(pl.col("city_key")))
        .then("district_key")
        .alias("district_key")
    )
    return found.select("city_key", part, _venues(found), "street_key")


def _city() -> pl.Expr:
    known = pl.coalesce("city_key", "town_of_district")
    return pl.when(pl.col("online")).then(pl.lit(lexicon.ONLINE)).otherwise(known)


def _district() -> pl.Expr:
    """Prefer the district's own field; a name that is no known district stands for itself."""
    return pl.coalesce("part", "town_of_district", "named_district")


def _venues(keys: pl.DataFrame) -> pl.Series:
    """Leave out the town's name, unless the venue has no other: "Stadthalle Waldkirch" is the "Stadthalle", "Ortsmitte Waldkirch" nothing.

    Each distinct pair of venue and town is looked at once.
    """
    pairs = keys.select("venue", "city_key").unique().drop_nulls("venue")
    named = [_without_town(venue, town) for venue, town in pairs.iter_rows()]
    table = pairs.with_columns(pl.Series("venue_key", named, dtype=pl.String))
    joined = keys.select("venue", "city_key").join(
        table, on=["venue", "city_key"], how="left", nulls_equal=True, maintain_order="left"
    )
    return joined["venue_key"]


def _without_town(venue: str, town: str | None) -> str | None:
    if not venue or venue in _online_names() or venue in lexicon.unknown_venues():
        return None
    words = venue.split(" ")
    left = [word for word in words if word not in (town or "").split(" ")]
    named = " ".join(left or words)
    return None if venue == town or named in lexicon.unknown_venues() else named


NUMBERED: Final = r"^(.*\p{L}{2}\D*?)\s\d+\s?[a-z]?(?:\s(?:\d+\s?)?[a-z]?)?$"
"""A folded street and its number, or two: "hauptstrasse 5 7", "hauptstrasse 5 b d". In Mannheim "C 4" is the name of a street."""


def _street() -> pl.Expr:
    street = folded(pl.col("street")).str.replace_all(r"str\b", "strasse").str.replace(NUMBERED, "$1")
    return pl.when(street != "").then(street)


def _lookup(names: pl.Series, city: str, district: str) -> pl.DataFrame:
    """Look each distinct name up once: two columns of keys in the order of the names."""
    distinct = names.drop_nulls().unique().to_list()
    found = towns(distinct)
    table = pl.DataFrame(
        {"name": distinct, city: [town.city for town in found], district: [town.district for town in found]},
        schema={"name": pl.String, city: pl.String, district: pl.String},
    )
    return (
        names.rename("name").to_frame().join(table, on="name", how="left", maintain_order="left").drop("name")
    )


def towns(names: list[str]) -> list[Town]:
    """Find the town that each name of a place means: exonyms, abbreviations, districts, "Nashville, TN"."""
    whole, before_comma = fold_all(names), fold_all([name.partition(",")[0] for name in names])
    hyphenated = [name.partition("-") for name in names]
    first, second = (fold_all([parts[side] for parts in hyphenated]) for side in (0, 2))
    return [_town(*texts) for texts in zip(whole, before_comma, first, second, strict=True)]


MIN_HYPHENATED: Final = 4
"""Letters of both parts of a town and its district, as in "Endingen-Amoltern"; "Neu-Ulm" is one name …"""

ONE_NAME: Final = frozenset(
    [
        "gross",
        "klein",
        "hoch",
        "ober",
        "unter",
        "nieder",
        "mittel",
        "hinter",
        "vorder",
        "nord",
        "sued",
        "west",
        "sankt",
        "markt",
        "burg",
        "kloster",
        "schloss",
    ]
)
"""… and so is "Groß-Gerau": words with which the names of towns begin."""


def _town(text: str, before_comma: str, first: str, second: str) -> Town:
    """Find a town. first, second: what stands before and behind the name's first hyphen."""
    if not text:
        return Town(None)
    for name in (text, before_comma, _without_region(text)):
        if name in lexicon.place_aliases():
            return Town(lexicon.place_aliases()[name])
        if name in lexicon.districts():
            return Town(*lexicon.districts()[name])
    if known := _known_inside(text):
        return Town(known)
    if min(len(first), len(second)) >= MIN_HYPHENATED and first not in ONE_NAME and " " not in second:
        return Town(lexicon.place_aliases().get(first, first), second)
    return Town(_without_region(before_comma) or text)


def _without_region(text: str) -> str:
    """Cut a state or country off the end: "nashville tn"."""
    words = text.split(" ")
    for n in (1, 2):
        end = " ".join(words[-n:])
        if len(words) > n and (end in lexicon.regions() or end in lexicon.countries()):
            return " ".join(words[:-n])
    return text


def _known_inside(text: str) -> str | None:
    """Find a known town in a longer text, the longest name first."""
    words = text.split(" ")
    if len(words) <= 2:
        return None
    for length in range(LONGEST_NAME, 0, -1):
        for start in range(len(words) - length + 1):
            name = " ".join(words[start : start + length])
            if len(name) > 3 and name in lexicon.place_aliases():
                return lexicon.place_aliases()[name]
    return None


@cache
def _online_names() -> frozenset[str]:
    return frozenset(name for name, key in lexicon.place_aliases().items() if key == lexicon.ONLINE)
