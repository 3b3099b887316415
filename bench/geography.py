"""Geography: places, their districts and their venues.

The real towns come from towns.csv, nearest to the upper Rhine first; between them lie made-up villages. A larger corpus
reaches further out, so that a town does not get more events a day the more listings there are.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from bench import chance, definitions
from bench.chance import Floats, Ints, Keys
from bench.columns import either, kept
from bench.grammar import Grammar, bank, templates

CENTRE: Final = (48.0, 7.85)
KM_A_DEGREE: Final = 111.32
NEIGHBOURS: Final = 8
SUFFIX: Final = r"( \(.*\)|/.*| (im|am|an der|in der|unter|ob|bei|BL|AG)( .*|$))"
"""What a town's full name adds to the one in use: Breisach am Rhein, Rheinfelden (Baden), Lahr/Schwarzwald."""


@dataclass(frozen=True)
class Places:
    """Towns and villages; rows of the other arrays are rows of ``frame``.

    frame: ``name``, ``short``, ``aliases`` (list), ``latitude``, ``longitude``, ``population``, ``zipcode``, ``country``, ``key``.
    neighbours: (n, 8) the nearest places, nearest first.
    """

    frame: pl.DataFrame
    neighbours: Ints

    @property
    def keys(self) -> Keys:
        """The places' keys."""
        return self.frame["key"].to_numpy()


@dataclass(frozen=True)
class Venues:
    """Venues, sorted by place and kind.

    frame: ``place``, ``district`` (name or null), ``plain``, ``town``, ``long``, ``spelt``, ``at_venue``, ``street``, ``street_no``, ``latitude``,
        ``longitude``, ``zipcode``.
    first, count: (places, kinds of venue) where those of a place and kind stand.
    """

    frame: pl.DataFrame
    kinds: tuple[str, ...]
    first: Ints
    count: Ints


def places(n: int, *, seed: int, grammar: Grammar) -> Places:
    """Return the n places nearest to the centre, as many as there are if n is larger."""
    towns = definitions.towns().with_columns(
        pl.col("aliases").fill_null("").str.split(","), pl.col("districts").fill_null("").str.split(",")
    )
    everywhere = pl.concat([towns, _villages(towns, seed=seed, grammar=grammar)])
    far = _km(everywhere, *CENTRE)
    near = everywhere[np.argsort(far, kind="stable")[:n]]
    frame = near.with_columns(
        short=pl.col("name").str.replace(SUFFIX, ""), key=pl.Series(chance.keys(seed, "places", near.height))
    )
    return Places(frame, _neighbours(frame))


def _km(frame: pl.DataFrame, latitude: float, longitude: float) -> Floats:
    north = (frame["latitude"].to_numpy() - latitude) * KM_A_DEGREE
    east = (frame["longitude"].to_numpy() - longitude) * KM_A_DEGREE * np.cos(np.radians(latitude))
    far: Floats = np.hypot(north, east)
    return far


def _villages(towns: pl.DataFrame, *, seed: int, grammar: Grammar) -> pl.DataFrame:
    """Put zero to three villages 2 to 9 km from each town; as in reality, names come up more than once."""
    many = chance.below(chance.keys(seed, "villages", towns.height), "many", 4)
    near = towns[np.repeat(np.arange(towns.height), many)]
    keys = chance.keys(seed, "village", near.height)
    latitude, longitude = moved(near, keys, least_km=2, most_km=9)
    return near.with_columns(
        name=grammar.written("village", keys, {}),
        latitude=pl.Series(latitude.round(3)),
        longitude=pl.Series(longitude.round(3)),
        population=pl.Series((300 * 12 ** chance.uniform(keys, "population")).astype(np.int64)),
        aliases=pl.lit([""]),
        districts=pl.lit([""]),
    )


def moved(
    frame: pl.DataFrame, keys: Keys, *, least_km: float | Floats, most_km: float | Floats
) -> tuple[Floats, Floats]:
    """Draw coordinates at some distance from those of the frame: latitude, longitude."""
    far = least_km + (most_km - least_km) * chance.uniform(keys, "distance")
    angle = chance.uniform(keys, "direction") * 2 * np.pi
    latitude = frame["latitude"].to_numpy()
    east = far * np.sin(angle) / KM_A_DEGREE / np.cos(np.radians(latitude))
    return latitude + far * np.cos(angle) / KM_A_DEGREE, frame["longitude"].to_numpy() + east


def _neighbours(frame: pl.DataFrame) -> Ints:
    position = np.stack(
        [frame["latitude"].to_numpy(), frame["longitude"].to_numpy() * np.cos(np.radians(CENTRE[0]))], axis=1
    )
    apart = np.hypot(*(position[:, None] - position[None]).transpose(2, 0, 1))
    return np.argsort(apart, axis=1, kind="stable")[:, 1 : NEIGHBOURS + 1].astype(np.int64)


def _districts(there: Places, grammar: Grammar) -> pl.DataFrame:
    """List the districts: ``place``, ``name``, ``latitude``, ``longitude``. Larger towns without named ones get made-up ones."""
    frame = there.frame.with_row_index("place").with_columns(
        districts=pl.col("districts").list.eval(pl.element().filter(pl.element() != ""))
    )
    invented = (
        np.clip(frame["population"].to_numpy() // 2500, 0, 4)
        * (frame["districts"].list.len() == 0).to_numpy()
    )
    named = frame.explode("districts", empty_as_null=False)
    extra = frame[np.repeat(np.arange(frame.height), invented)]
    keys = chance.joined(extra["key"].to_numpy(), np.arange(extra.height))
    both = pl.concat([named, extra.with_columns(districts=grammar.written("village", keys, {}))])
    keys = chance.joined(chance.derived(both["key"].to_numpy(), "district"), np.arange(both.height))
    most = 1.5 + np.sqrt(both["population"].to_numpy() / 1000) / 4
    latitude, longitude = moved(both, keys, least_km=1, most_km=most)
    return both.select(
        "place", name="districts", latitude=pl.Series(latitude), longitude=pl.Series(longitude)
    ).sort("place", maintain_order=True)


def venues(there: Places, *, grammar: Grammar) -> Venues:
    """Give each place its venues, some of them in its districts."""
    kinds = definitions.kinds().venues
    size = np.sqrt(there.frame["population"].to_numpy() / 1000)
    count = np.stack(
        [
            kind.least
            + (kind.growth * size * (0.6 + 0.8 * chance.uniform(there.keys, name))).astype(np.int64)
            for name, kind in kinds.items()
        ],
        axis=1,
    )
    flat = count.ravel()
    place = np.repeat(np.repeat(np.arange(count.shape[0]), count.shape[1]), flat)
    which = np.repeat(np.tile(np.arange(count.shape[1]), count.shape[0]), flat)
    first = (np.cumsum(flat) - flat).reshape(count.shape)
    return Venues(_named(there, place, which, grammar), tuple(kinds), first, count)


def _named(there: Places, place: Ints, which: Ints, grammar: Grammar) -> pl.DataFrame:
    keys = chance.joined(chance.derived(there.keys[place], "venue"), np.arange(len(place)))
    sited = _sited(there, place, keys, grammar)
    given = {"town": there.frame["short"].gather(place), "place": there.frame["short"].gather(place)}
    kinds = list(definitions.kinds().venues.values())
    given["x"] = grammar.drawn(bank([kind.x for kind in kinds]), which, chance.derived(keys, "x"), given)
    names = {
        form: grammar.filled(templates([getattr(kind, form) for kind in kinds]), which, keys, given)
        for form in definitions.FORMS
    }
    at = pl.Series([kind.at for kind in kinds]).gather(which)
    return sited.with_columns(
        **names,
        at_venue=at + " " + names["plain"],
        street=grammar.written("street", keys, given),
        street_no=pl.Series(1 + chance.below(keys, "number", 80)).cast(pl.String),
    )


def _sited(there: Places, place: Ints, keys: Keys, grammar: Grammar) -> pl.DataFrame:
    """Place each venue in the town's core or in a district: ``place``, ``district``, ``latitude``, ``longitude``, ``zipcode``."""
    districts = _districts(there, grammar)
    owner = districts["place"].to_numpy()
    many = np.bincount(owner, minlength=there.frame.height)[place]
    lot = np.searchsorted(owner, place) + chance.below(keys, "district", many)
    outside = (many > 0) & chance.happens(keys, "outside", 0.45)
    lot = np.where(outside, lot, 0)
    centres, inside = there.frame[place], districts[lot]
    centres = pl.DataFrame(
        {name: either(outside, inside[name], centres[name]) for name in ("latitude", "longitude")}
    )
    spread = 0.15 + np.sqrt(there.frame["population"].to_numpy()[place] / 1000) / 12
    latitude, longitude = moved(centres, keys, least_km=0.02, most_km=np.where(outside, 0.6, spread))
    return pl.DataFrame(
        {
            "place": place,
            "district": kept(outside, districts["name"].gather(lot)),
            "latitude": latitude.round(5),
            "longitude": longitude.round(5),
            "zipcode": there.frame["zipcode"].gather(place),
        }
    )
