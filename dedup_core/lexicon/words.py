"""Words: which mean the same, which are parts of others, which say nothing.

A word wrongly joined with another can still be told apart by date and place; so can a compound that was split wrongly, for it is
split alike everywhere.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import islice
from types import MappingProxyType

from dedup_core.folding import fold_all
from dedup_core.lexicon.entries import Alternatives, Compounds, Marker, Patrons, Stopwords, Synonyms, Venues
from dedup_core.lexicon.geography import countries, country_words, districts, place_aliases, places, regions
from dedup_core.lexicon.reading import read


@cache
def _compounds() -> Compounds:
    return read("compounds.yaml", Compounds)


@cache
def _synonyms() -> Synonyms:
    return read("synonyms.yaml", Synonyms)


@cache
def _listed_synonyms() -> Mapping[str, str]:
    pairs: dict[str, str] = {}
    listed = [*(group.words for group in _synonyms().groups), *_synonyms().forms]
    folded = iter(fold_all([word for words in listed for word in words]))
    for words in listed:
        canonical, *others = islice(folded, len(words))
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
def stopwords() -> frozenset[str]:
    """Return the folded words that never tell events apart."""
    return frozenset(
        fold_all([word for words in read("stopwords.yaml", Stopwords).stopwords.values() for word in words])
    )


@cache
def genre_words() -> frozenset[str]:
    """Return the folded words that say what kind of event a name stands for."""
    return frozenset(fold_all(list(read("stopwords.yaml", Stopwords).genres)))


@cache
def _alternatives() -> Alternatives:
    return read("alternatives.yaml", Alternatives)


Things = Mapping[str, tuple[tuple[int, int], ...]]
"""Folded word or phrase -> the rows that it stands in, and its thing in each: two things of a row exclude each other."""


@cache
def alternatives() -> Things:
    """Return the things of which an event is about one."""
    return _by_word([row.things for row in _alternatives().alternatives])


@cache
def taught_rows() -> frozenset[int]:
    """Return the rows of `alternatives` that speak in titles of courses and groups only."""
    return frozenset(number for number, row in enumerate(_alternatives().alternatives) if row.taught)


@cache
def clubs() -> Things:
    """Return the clubs of which a town has one: a single row."""
    return _by_word([_alternatives().clubs])


@cache
def unique_things() -> Things:
    """Return what a town has once on a day: a single row."""
    return _by_word([_alternatives().unique])


@cache
def unique_words() -> tuple[str, ...]:
    """Return the folded words for what a town has once on a day, and those that mean the same."""
    words = fold_all([word for words in _alternatives().unique for word in words])
    same = {synonyms().get(word, word) for word in words}
    return (*words, *(word for word, to in synonyms().items() if to in same))


@cache
def large_towns() -> frozenset[str]:
    """Return the keys of towns that have of these more than one."""
    return frozenset(fold_all(list(_alternatives().large_towns)))


@cache
def affairs() -> Marker:
    """Return the patterns for what each club does by itself, for lowered titles."""
    return _alternatives().affairs


def _by_word(rows: Sequence[Sequence[Sequence[str]]]) -> Things:
    named = [
        (word, (number, thing))
        for number, things in enumerate(rows)
        for thing, words in enumerate(things)
        for word in words
    ]
    found: dict[str, tuple[tuple[int, int], ...]] = {}
    for word, (_, place) in zip(fold_all([word for word, _ in named]), named, strict=True):
        found[word] = (*found.get(word, ()), place)
    return MappingProxyType(found)


@cache
def _venues() -> Venues:
    return read("venues.yaml", Venues)


@cache
def church_words() -> tuple[str, ...]:
    """Return the folded words for a church; the first replaces the others."""
    return tuple(fold_all(list(_venues().church)))


@cache
def alike_venue_words() -> Mapping[str, str]:
    """Return folded word for a kind of house -> the one that stands for its group beside a name; several words among them."""
    return _to_first(_venues().alike)


@cache
def single_venue_words() -> Mapping[str, str]:
    """Return folded word for a house of which a place has one -> the one that stands for its group; several words among them."""
    return _to_first(_venues().single)


def _to_first(groups: Iterable[Sequence[str]]) -> Mapping[str, str]:
    listed = list(groups)
    names = iter(fold_all([word for group in listed for word in group]))
    folded = [tuple(islice(names, len(group))) for group in listed]
    return MappingProxyType({word: group[0] for group in folded for word in group[1:] if word != group[0]})


@cache
def venue_epithets() -> frozenset[str]:
    """Return the folded words beside a kind of house that are no name of it."""
    return frozenset(fold_all(list(_venues().epithets)))


@cache
def generic_venue_words() -> frozenset[str]:
    """Return the folded words that name a kind of venue, and so none."""
    return frozenset(fold_all(list(_venues().generic)))


@cache
def area_names() -> frozenset[str]:
    """Return the folded names that mean a whole place and not one venue in it."""
    return frozenset(fold_all(list(_venues().areas)))


@cache
def unknown_venues() -> frozenset[str]:
    """Return the folded texts that stand where a venue should and name none."""
    return frozenset(fold_all(list(_venues().unknown)))


@cache
def patrons() -> tuple[Patrons, ...]:
    """Return the names of which a house has one, as rows, the names and endings folded; all at once, as each call takes its time."""
    rows = _venues().patrons
    listed = sorted({word for row in rows for words in (row.endings, *row.names) for word in words})
    folds = dict(zip(listed, fold_all(listed), strict=True))
    return tuple(
        Patrons(
            endings=tuple(folds[word] for word in row.endings),
            names=tuple(tuple(folds[word] for word in words) for words in row.names),
        )
        for row in rows
    )
