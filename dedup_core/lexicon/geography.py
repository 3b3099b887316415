"""Towns, districts and countries: which spellings mean the same place.

An alias too many moves events to another town, where no later stage looks for them; an ambiguous name therefore means only itself.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from functools import cache
from itertools import islice
from types import MappingProxyType
from typing import Final, NamedTuple

from dedup_core.folding import fold_all
from dedup_core.lexicon.entries import Countries, Districts, Landscape, Place, Places
from dedup_core.lexicon.reading import read

ONLINE: Final = "online"
"""Stands for the town of what takes place nowhere."""


class District(NamedTuple):
    """A part of a town, by the keys of both."""

    town: str
    district: str


@cache
def _places() -> Places:
    return read("places.yaml", Places)


@cache
def _countries() -> Countries:
    return read("countries.yaml", Countries)


def _folded_to(names: Mapping[str, str]) -> dict[str, str]:
    """Fold the keys of a mapping, all at once."""
    return dict(zip(fold_all(list(names)), names.values(), strict=True))


@cache
def places() -> Mapping[str, Place]:
    """Return the places by key, which is the folded name."""
    entries = _places().places
    return MappingProxyType(dict(zip(fold_all([place.name for place in entries]), entries, strict=True)))


def _without_umlauts(name: str) -> str:
    """Spell a name as English lists do: Zurich, Dusseldorf."""
    return name.translate(str.maketrans("äöüÄÖÜ", "aouAOU"))


@cache
def place_aliases() -> Mapping[str, str]:
    """Return folded spelling -> key of the place, or `ONLINE`; names and spellings without umlaut dots included."""
    entries = _places()
    given = {name: key for key, place in places().items() for name in (place.name, *place.aliases)}
    undotted = _folded_to({_without_umlauts(name): key for name, key in given.items()})
    for unclear in fold_all(list(entries.ambiguous)):
        undotted.pop(unclear, None)
    return MappingProxyType(
        undotted | _folded_to(given) | dict.fromkeys(fold_all(list(entries.online)), ONLINE)
    )


def _spellings(town: str, district: str) -> list[str]:
    return [
        f"{town} {district}",
        f"{district} {town}",
        f"{town} ot {district}",
        f"{town} ortsteil {district}",
    ]


@cache
def landscapes() -> Mapping[str, Landscape]:
    """Return folded name of a landscape -> where it lies."""
    lands = _places().landscapes
    return MappingProxyType(dict(zip(fold_all([land.name for land in lands]), lands, strict=True)))


@cache
def district_names() -> Mapping[str, frozenset[str]]:
    """Return key of a town -> its folded districts."""
    towns = read("districts.yaml", Districts).districts
    aliases = place_aliases()
    keys = [aliases[town] for town in fold_all(list(towns))]
    folded = iter(fold_all([name for names in towns.values() for name in names]))
    lists = (frozenset(islice(folded, len(names))) for names in towns.values())
    return MappingProxyType(dict(zip(keys, lists, strict=True)))


@cache
def districts() -> Mapping[str, District]:
    """Return folded spelling of a place -> the district that it means: ``kollnau``, ``waldkirch kollnau``.

    A district's bare name is here only if no other town has one of this name and no place is called so.
    """
    needs_town = read("districts.yaml", Districts).needs_town
    unclear = {*fold_all([*needs_town, *_places().ambiguous]), *place_aliases()}
    flat = [District(town, name) for town, names in district_names().items() for name in sorted(names)]
    count = Counter(name for _, name in flat)
    full = {spelling: d for d in flat for spelling in _town_spellings(d)}
    return MappingProxyType(
        full | {d.district: d for d in flat if count[d.district] == 1 and d.district not in unclear}
    )


def _town_spellings(district: District) -> Iterable[str]:
    """Spell a district with each name of its town that is not itself the name of another place."""
    for alias in _aliases_of_towns().get(district.town, ()):
        yield from _spellings(alias, district.district)


@cache
def _aliases_of_towns() -> Mapping[str, list[str]]:
    """Return key of a town -> its names."""
    names: defaultdict[str, list[str]] = defaultdict(list)
    for alias, key in place_aliases().items():
        names[key].append(alias)
    return names


@cache
def countries() -> Mapping[str, str]:
    """Return folded name or ISO code -> ISO 3166 alpha-2 code in capitals."""
    names = {n: c.alpha2 for c in _countries().countries for n in (c.alpha2, c.alpha3, c.name, *c.aliases)}
    return MappingProxyType(_folded_to(names))


@cache
def country_words() -> Mapping[str, str]:
    """Return folded name of a country as a title may hold it -> the one that stands for all.

    Of the codes only those that are listed for titles: ``it`` is a word.
    """
    listed = _countries().countries
    canonical_names = fold_all([country.name for country in listed])
    named = {country.alpha2: name for country, name in zip(listed, canonical_names, strict=True)}
    codes = frozenset(fold_all(list(_countries().codes_in_titles)))
    words = {name: named[alpha2] for name, alpha2 in countries().items() if len(name) > 3 or name in codes}
    return MappingProxyType({name: canonical for name, canonical in words.items() if name != canonical})


@cache
def regions() -> Mapping[str, str]:
    """Return folded code or name of a state or province -> its folded name: ``tn`` -> ``tennessee``."""
    named = [(code, name) for codes in _countries().regions.values() for code, name in codes.items()]
    keys = fold_all([code for code, _ in named]) + fold_all([name for _, name in named])
    return MappingProxyType(dict(zip(keys, fold_all([name for _, name in named]) * 2, strict=True)))
