"""The lexicon: what the matcher knows of language and places, as YAML files beside this one.

Entries are written naturally and folded here by the matcher's own folding, so that what a listing writes is what is
looked up. A word that is missing costs a match that the letters may still find; a word too many joins events that are
different, which no later stage can see. So when in doubt, a word stays out.

Everything is read once a process and never changes. Every function raises `InvalidLexicon`, which names file and path.
"""

import hashlib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeVar

import yaml
from pydantic import ValidationError

from dedup_core.errors import InvalidLexicon
from dedup_core.folding import fold, fold_all
from dedup_core.lexicon.entries import (
    Capture,
    Compounds,
    Countries,
    Districts,
    Entry,
    Kind,
    Kinds,
    Marker,
    Markers,
    Organisers,
    Place,
    Places,
    Stopwords,
    Synonyms,
)

ONLINE: Final = "online"
"""Stands for the town of what takes place nowhere."""

FILES: Final[Mapping[str, type[Entry]]] = {
    "synonyms.yaml": Synonyms,
    "compounds.yaml": Compounds,
    "places.yaml": Places,
    "districts.yaml": Districts,
    "countries.yaml": Countries,
    "organisers.yaml": Organisers,
    "markers.yaml": Markers,
    "kinds.yaml": Kinds,
    "stopwords.yaml": Stopwords,
}

E = TypeVar("E", bound=Entry)


class District(NamedTuple):
    """A part of a town, by the keys of both."""

    town: str
    district: str


def parse(text: str, model: type[E], *, name: str) -> E:
    """Read one file of the lexicon.

    Raises:
        InvalidLexicon: not YAML, or a rule broken; the message names the file and each path, e.g. ``groups.3.words``.
    """
    try:
        document: Any = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
        return model.model_validate(document)
    except yaml.YAMLError as error:
        raise InvalidLexicon(f"{name}: not YAML: {error}") from error
    except ValidationError as error:
        lines = [f"{name}: {'.'.join(str(part) for part in e['loc'])}: {e['msg']}" for e in error.errors()]
        raise InvalidLexicon("\n".join(lines)) from error


def _text(name: str) -> str:
    return resources.files(__name__).joinpath(name).read_text(encoding="utf-8")


def _read(name: str, model: type[E]) -> E:
    return parse(_text(name), model, name=name)


@cache
def _places() -> Places:
    return _read("places.yaml", Places)


@cache
def _countries() -> Countries:
    return _read("countries.yaml", Countries)


@cache
def _compounds() -> Compounds:
    return _read("compounds.yaml", Compounds)


@cache
def _markers() -> Markers:
    return _read("markers.yaml", Markers)


def _folded_to(names: Mapping[str, str]) -> dict[str, str]:
    """Fold the keys of a mapping, all at once."""
    return dict(zip(fold_all(list(names)), names.values(), strict=True))


@cache
def _synonyms() -> Synonyms:
    return _read("synonyms.yaml", Synonyms)


@cache
def _listed_synonyms() -> Mapping[str, str]:
    pairs: dict[str, str] = {}
    for words in (*(group.words for group in _synonyms().groups), *_synonyms().forms):
        canonical, *others = fold_all(list(words))
        pairs |= dict.fromkeys(others, canonical)
        pairs.pop(canonical, None)
    return MappingProxyType(pairs)


def _hyphenations(word: str) -> Iterable[str]:
    """Spell a compound of two known parts as two words, as ``Floh-Markt`` folds; the first keeps its linking letters."""
    parts = compound_parts()
    for cut in range(3, len(word) - 2):
        head, tail = word[:cut], word[cut:]
        if tail in parts and any(
            head.removesuffix(link) in parts for link in ("", "s", "es", "n", "en", "er", "e")
        ):
            yield f"{head} {tail}"


@cache
def synonyms() -> Mapping[str, str]:
    """Return folded word or phrase -> the word or phrase that stands for its group, which is never a key itself.

    Compounds are found with a hyphen or a space in them, too.
    """
    listed = _listed_synonyms()
    words = {**listed, **{canonical: canonical for canonical in listed.values()}}
    apart = {phrase: to for word, to in words.items() if " " not in word for phrase in _hyphenations(word)}
    return MappingProxyType(
        {phrase: to for phrase, to in apart.items() if phrase not in words} | dict(listed)
    )


@cache
def synonym_words() -> frozenset[str]:
    """Return the folded words and phrases of all groups but the rare ones: the everyday words of titles, canonical ones included."""
    everyday = [word for group in _synonyms().groups if not group.rare for word in group.words]
    return frozenset(fold_all([*everyday, *(word for words in _synonyms().forms for word in words)]))


@cache
def compound_parts() -> frozenset[str]:
    """Return the folded nouns that compounds are made of."""
    return frozenset(fold_all([part for parts in _compounds().parts.values() for part in parts]))


@cache
def whole_words() -> frozenset[str]:
    """Return folded words that look like compounds and must not be split: names of places, words that stand for a group.

    If ``Flohmarkt`` fell into parts it would not meet ``Trödelmarkt``, which becomes ``flohmarkt``.
    """
    names = [
        *_listed_synonyms().values(),
        *countries(),
        *country_words().values(),
        *regions().values(),
        *places(),
        *place_aliases(),
        *districts(),
        *fold_all(list(_compounds().whole)),
    ]
    return frozenset(name for name in names if " " not in name)


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
def district_names() -> Mapping[str, frozenset[str]]:
    """Return key of a town -> its folded districts."""
    towns = _read("districts.yaml", Districts).districts
    aliases = place_aliases()
    return MappingProxyType(
        {aliases[fold(t)]: frozenset(fold_all(list(names))) for t, names in towns.items()}
    )


@cache
def districts() -> Mapping[str, District]:
    """Return folded spelling of a place -> the district that it means: ``kollnau``, ``waldkirch kollnau``.

    A district's bare name is here only if no other town has one of this name and no place is called so.
    """
    needs_town = _read("districts.yaml", Districts).needs_town
    unclear = {*fold_all([*needs_town, *_places().ambiguous]), *place_aliases()}
    flat = [District(town, name) for town, names in district_names().items() for name in sorted(names)]
    count = {name: sum(d.district == name for d in flat) for _, name in flat}
    full = {spelling: d for d in flat for spelling in _town_spellings(d)}
    return MappingProxyType(
        full | {d.district: d for d in flat if count[d.district] == 1 and d.district not in unclear}
    )


def _town_spellings(district: District) -> Iterable[str]:
    """Spell a district with each name of its town that is not itself the name of another place."""
    for alias, key in place_aliases().items():
        if key == district.town:
            yield from _spellings(alias, district.district)


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
    named = {country.alpha2: fold(country.name) for country in _countries().countries}
    codes = frozenset(fold_all(list(_countries().codes_in_titles)))
    words = {name: named[alpha2] for name, alpha2 in countries().items() if len(name) > 3 or name in codes}
    return MappingProxyType({name: canonical for name, canonical in words.items() if name != canonical})


@cache
def regions() -> Mapping[str, str]:
    """Return folded code or name of a state or province -> its folded name: ``tn`` -> ``tennessee``."""
    named = [(code, name) for codes in _countries().regions.values() for code, name in codes.items()]
    keys = fold_all([code for code, _ in named]) + fold_all([name for _, name in named])
    return MappingProxyType(dict(zip(keys, fold_all([name for _, name in named]) * 2, strict=True)))


@cache
def organiser_prefixes() -> tuple[str, ...]:
    """Return the patterns of what organisers put before a title, to be cut from lowered text, in this order."""
    return tuple(prefix.pattern for prefix in _read("organisers.yaml", Organisers).prefixes)


@cache
def markers() -> Mapping[str, Marker]:
    """Return name of a marker (``cancelled`` …) -> its patterns for lowered titles."""
    return MappingProxyType(dict(_markers().markers))


@cache
def captures() -> Mapping[str, Capture]:
    """Return name (``previous_date``, ``edition``, ``year``, ``support`` …) -> patterns with named groups for lowered titles."""
    return MappingProxyType(dict(_markers().captures))


@cache
def months() -> Mapping[str, int]:
    """Return month as a capture holds it, lowered and folded alike -> its number."""
    names = _markers().months
    return MappingProxyType(
        {name.lower(): number for name, number in names.items()}
        | dict(zip(fold_all(list(names)), names.values(), strict=True))
    )


@cache
def kinds() -> Mapping[str, Kind]:
    """Return name of a kind -> its patterns for lowered titles; of several that fit, the first in order holds."""
    return MappingProxyType(dict(_read("kinds.yaml", Kinds).kinds))


@cache
def stopwords() -> frozenset[str]:
    """Return the folded words that never tell events apart."""
    return frozenset(
        fold_all([word for words in _read("stopwords.yaml", Stopwords).stopwords.values() for word in words])
    )


@cache
def fingerprint() -> str:
    """Return the SHA-256 of all files, hex: listings normalised with another lexicon can't be compared."""
    return hashlib.sha256("\0".join(f"{name}\0{_text(name)}" for name in FILES).encode()).hexdigest()
