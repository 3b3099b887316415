"""Whereabouts: how each source writes where an event takes place."""

import numpy as np
import polars as pl

from bench import chance, definitions
from bench.columns import either, kept
from bench.habits import Rows
from bench.titles import slips


def whereabouts(rows: Rows) -> dict[str, pl.Series]:
    """Write venue, town, address, the upstream's normalised place, and coordinates."""
    place = rows.world.places.frame[rows.place].select(
        "name", "short", "aliases", "country", "latitude", "longitude"
    )
    venue = rows.world.venues.frame[rows.venue]
    return {
        "venue": slips(_venue_names(rows, venue), rows, "venue"),
        **_cities(rows, place, venue),
        **_addresses(rows, venue),
        **_sanitised(rows, place, venue),
        **_coordinates(rows, place, venue),
    }


def _venue_names(rows: Rows, venue: pl.DataFrame) -> pl.Series:
    forms = definitions.FORMS
    form = rows.drawn("venue", [[source.venue[name] for name in forms] for source in rows.sources])
    names = venue[forms[0]]
    for number, name in enumerate(forms[1:], start=1):
        names = either(form == number, venue[name], names)
    return kept(~rows.happens("no venue", lambda source: source.no_venue, habit=True), names)


def _cities(rows: Rows, place: pl.DataFrame, venue: pl.DataFrame) -> dict[str, pl.Series]:
    """Write town and district: the district as the town, an alias, the full name or the short one."""
    district = venue["district"].fill_null("")
    as_city = rows.happens("district as city", lambda source: source.district_as_city, habit=True)
    as_city &= (district != "").to_numpy()
    alias = rows.happens("alias", lambda source: source.city_alias, habit=True)
    which = chance.below(rows.habit, "which alias", place["aliases"].list.len().to_numpy().astype(np.int64))
    aliases = place.select(
        pl.col("aliases").list.get(pl.lit(pl.Series(which)), null_on_oob=True).replace("", None)
    ).to_series()
    aliases = pl.select(pl.coalesce(pl.lit(aliases), pl.lit(place["short"]))).to_series()
    city = either(alias, aliases, place["name"])
    known = chance.happens(rows.habit, "district", 0.6)
    return {
        "city": slips(either(as_city, district, city), rows, "city"),
        "district": kept(known & ~as_city & (district != "").to_numpy(), district),
    }


def _addresses(rows: Rows, venue: pl.DataFrame) -> dict[str, pl.Series]:
    shown = rows.happens("address", lambda source: source.address, habit=True)
    short = chance.happens(rows.habit, "str.", 0.3)
    street = either(
        short, venue["street"].str.replace("straße", "str.").str.replace("Straße", "Str."), venue["street"]
    )
    joined = shown & chance.happens(rows.habit, "number in street", 0.15)
    zips = shown | rows.happens("zip", lambda source: source.address / 2, habit=True)
    return {
        "street": kept(shown, either(joined, street + " " + venue["street_no"], street)),
        "street_no": kept(shown & ~joined, venue["street_no"]),
        "zipcode": kept(zips, venue["zipcode"]),
    }


def _sanitised(rows: Rows, place: pl.DataFrame, venue: pl.DataFrame) -> dict[str, pl.Series]:
    """Write the upstream's normalised place; now and then it is wrong, and then not sure."""
    there = rows.happens("sanitised", lambda source: source.sanitised)
    wrong = chance.happens(rows.key, "sanitised wrong", 0.004)
    other = rows.world.places.frame["name"].gather(rows.world.places.neighbours[rows.place, 0])
    sure = np.where(
        wrong,
        0.3 + 0.3 * chance.uniform(rows.key, "unsure"),
        0.9 + 0.1 * (chance.uniform(rows.key, "sure") < 0.8),
    )
    knows = there & chance.happens(rows.key, "knows district", 0.5) & ~wrong
    return {
        "sanitized_city": kept(there, either(wrong, other, place["name"])),
        "sanitized_district": kept(knows, venue["district"]),
        "sanitized_confidence": kept(there, pl.Series(sure.round(2))),
    }


def _coordinates(rows: Rows, place: pl.DataFrame, venue: pl.DataFrame) -> dict[str, pl.Series]:
    """Write coordinates: the venue as the source's geocoder has it, the middle of the town, another place, or none."""
    none = rows.happens("no geo", lambda source: source.no_geo, habit=True)
    vague = rows.happens("vague geo", lambda source: source.vague_geo, habit=True)
    wrong = rows.happens("wrong geo", lambda source: source.wrong_geo)
    geocoder = chance.joined(
        chance.derived(rows.world.places.keys[:1], "geocoder"), rows.venue * 64 + rows.source
    )
    elsewhere = rows.world.places.frame[chance.below(rows.key, "elsewhere", rows.world.places.frame.height)]
    columns = {}
    for name in ("latitude", "longitude"):
        exact = venue[name].to_numpy() + 0.00025 * chance.normal(geocoder, name)
        shown = np.where(wrong, elsewhere[name].to_numpy(), np.where(vague, place[name].to_numpy(), exact))
        columns[name] = kept(~none, pl.Series(shown.round(5)))
    sure = np.where(
        wrong, 0.2 + 0.3 * chance.uniform(rows.key, "geo wrong"),
        np.where(vague, 0.3 + 0.3 * chance.uniform(rows.key, "geo vague"), 0.85 + 0.14 * chance.uniform(rows.key, "geo")),
    )  # fmt: skip
    return {
        **columns,
        "geo_confidence": kept(~none, pl.Series(sure.round(2))),
        "country": kept(~none, place["country"]),
    }
