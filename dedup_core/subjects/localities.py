"""Localities: what titles and venues say of town and district."""

import numpy as np
import numpy.typing as npt
import polars as pl

from dedup_core import lexicon
from dedup_core.folding import folded
from dedup_core.normalising import words_of
from dedup_core.subjects.columns import Ints, ints
from dedup_core.subjects.common_words import common_words


def districts(events: pl.DataFrame) -> pl.Series:
    """Give the districts; of a listing without one that which its venue names, if another listing of the town knows it."""
    known = events.select("city_key", named="district_key").drop_nulls().unique()
    venues = (
        events.filter(pl.col("district_key").is_null()).select("city_key", "venue_key").drop_nulls().unique()
    )
    padded = pl.concat_str(pl.lit(" "), "venue_key", pl.lit(" "))
    name = pl.concat_str(pl.lit(" "), "named", pl.lit(" "))
    told = (
        venues.join(known, on="city_key")
        .filter(padded.str.contains(name, literal=True), pl.col("named") != pl.col("venue_key"))
        .group_by("city_key", "venue_key")
        .agg(pl.col("named").min(), several=pl.len())
        .filter(pl.col("several") == 1)
    )
    joined = events.select("city_key", "venue_key", "district_key").join(
        told, on=["city_key", "venue_key"], how="left", maintain_order="left"
    )
    return joined.select(pl.coalesce("district_key", "named").alias("district_key")).to_series()


def towns_of(venues: pl.Series, events: pl.DataFrame) -> pl.Series:
    """Name the towns and districts in which there is a venue of each name: (k,), space-joined."""
    town = pl.concat_str("city_key", "district_key", separator=" ", ignore_nulls=True)
    places = events.select(venue="venue_key", town=town).drop_nulls().unique().sort("venue", "town")
    towns = places.group_by("venue").agg(pl.col("town").str.join(" "))
    named = venues.rename("venue").to_frame().join(towns, on="venue", how="left", maintain_order="left")
    return named["town"].fill_null("")


def place_words(known: pl.DataFrame, events: pl.DataFrame, columns: list[str]) -> pl.DataFrame:
    """List the title words that only name the event's own town or venue, as ``known``: one source says where, another doesn't."""
    names = pl.concat_str(columns, separator=" ", ignore_nulls=True)
    written = events.select(names.fill_null("").alias("written"))["written"]
    distinct = written.unique()
    number = pl.DataFrame([distinct, pl.int_range(len(distinct), dtype=pl.Int64, eager=True).alias("place")])
    places = written.to_frame().join(number, on="written", how="left", maintain_order="left")["place"]
    split = words_of(distinct, pl.repeat(None, len(distinct), dtype=pl.Int32, eager=True))["title_tokens"]
    parts = number.select("place", word=split.str.split(" ")).explode("word")
    said = known.select("word", "token", place=places.gather(known["event"]))
    named = _in_both(said, parts.join(known.select("word", "token").unique("token"), on="word"))
    if "city_key" not in columns:
        return known.filter(named)
    begins = pl.col("written").str.starts_with(pl.col("word"))
    shortened = begins & (pl.col("word").str.len_chars() >= SHORTENED)
    begun = said.with_columns(written=distinct.gather(said["place"])).select(shortened).to_series()
    # `Faust` in Faustlach is no town where a title says nothing else.
    more = known.select(pl.len().over("event") > 1).to_series()
    return known.filter((named | (begun & ~pl.col("word").is_in(list(common_words())))) & more)


def _in_both(these: pl.DataFrame, those: pl.DataFrame) -> pl.Series:
    """Tell which rows have a ``place`` and ``token`` that others have, too."""
    both = pl.col("place") * 2**32 + pl.col("token")
    return these.select(both.is_in(those.select(both).to_series().implode())).to_series()


AREA = r"\b(?:in der|im|am) (innenstadt|altstadt|ortsmitte|stadtmitte|dorfmitte|fußgängerzone|ortskern|stadtkern|dorfkern|zentrum|stadtzentrum|ortszentrum)\s*(?:$|[,.;:(–|-])"
"""Where in its town an event is, as lowered titles say it that mean no venue."""


def area_words(known: pl.DataFrame, lowered: pl.Series, rare: float) -> pl.DataFrame:
    """List the title words that only say that it is in the middle of its town, where a rare word says what it is: as ``known``.

    lowered: the titles as written, lowered. rare: bits of such a word. `Yoga im Zentrum` is another than `Yoga im Park`.
    """
    titles = lowered.alias("title").to_frame().with_row_index("event")
    said = titles.select("event", area=pl.col("title").str.extract(AREA)).drop_nulls()
    areas = said["area"].unique()
    folds = areas.alias("area").to_frame().select(folded(pl.col("area"))).to_series()
    words = words_of(folds, pl.repeat(None, len(areas), dtype=pl.Int32, eager=True))["title_tokens"]
    named = said.join(pl.DataFrame({"area": areas, "named": words.str.split(" ")}), on="area")
    both = known.join(named, on="event", maintain_order="left")
    within = pl.col("word").is_in(pl.col("named"))
    telling = (pl.col("bits").filter(~within).max().over("event") >= rare).fill_null(value=False)
    return both.filter(within & telling).select(known.columns)


CODE = r"\s\(?(US|USA|UK|DE|AT|CH|FR|ES|NL|PL|CZ|JP|BR|NZ)\)?$"
"""A code of a country at the end of a title."""


def country_codes(known: pl.DataFrame, events: pl.DataFrame) -> pl.DataFrame:
    """List the title words that are the code of the event's own country, behind its name: as ``known``. `PyCon US` is the one of that year there."""
    titles = events.select("title", "country").with_row_index("event").drop_nulls()
    coded = titles.select(
        "event", code=pl.col("title").str.extract(CODE), country=folded(pl.col("country"))
    ).drop_nulls()
    keys = dict(lexicon.countries())
    same = pl.col("code").str.to_lowercase().replace_strict(keys, default=None) == pl.col(
        "country"
    ).replace_strict(keys, default=None)
    own = coded.filter(same).select("event", word=pl.col("code").str.to_lowercase())
    return known.join(own, on=["event", "word"], how="semi", maintain_order="left")


SHORTENED = 5
"""Letters of the beginning of a place's name that may stand for it: Ödsbach for Ödsbachtal; but not the Kirche of Kirchental."""


def landscape(events: pl.DataFrame) -> Ints:
    """Number the landscape with which the name of a town ends: (n,), -1 for none."""
    numbers = {name: number for number, name in enumerate(lexicon.landscapes())}
    said = events["city_key"].str.extract(rf" (?:im|am|in der|in|vorm|i|a) ({'|'.join(numbers)})$")
    return ints(said.replace_strict(numbers, default=None, return_dtype=pl.Int32))


def names_district(towns: pl.DataFrame, events: pl.DataFrame) -> npt.NDArray[np.bool_]:
    """Tell which titles name the event's district: (n,). towns: the words that name its town or district."""
    said = towns.select("event", "word", city=events["city_key"].fill_null("").gather(towns["event"]))
    found = np.zeros(events.height, np.bool_)
    found[said.filter(~pl.col("city").str.contains(pl.col("word"), literal=True))["event"].to_numpy()] = True
    return found
