"""Venues: their names as words that can be compared.

Churches have more names than any other building: parish, saint, Münster. What is left out here as saying nothing can no longer tell two
venues apart; address and coordinates still can.
"""

from collections.abc import Collection, Mapping
from functools import cache

import polars as pl

from dedup_core import lexicon
from dedup_core.compounds import stem
from dedup_core.folding import fold
from dedup_core.normalising import words_of


def venue_words(names: pl.Series, towns: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Split folded names into words, as titles are: (n,), space-joined. Any word for a church is one word; "Sankt" is left out.

    They are looked for before names are split: the Münsterplatz is no church. towns: (n,) folded names of the towns and districts where a house
    of the name stands; they are no name of a house.

    Returns:
        the words, and the words in which any word for an inn, a winery and the like is one: (n,), null for what is none of these houses, or has no name of its own.
    """
    church, *others = lexicon.church_words()
    one_word = {**dict.fromkeys(others, church), **lexicon.single_venue_words()}
    table = pl.DataFrame([names.alias("name"), towns.alias("towns")]).with_row_index("row")
    padded = pl.concat_str(pl.lit(" "), "name", pl.lit(" "))
    houses = table.filter(padded.str.contains_any([f" {word} " for word in sorted(_kinds_of_house())]))
    named = _replaced(houses["name"], {**one_word, **lexicon.alike_venue_words()})
    split = title_words_of(pl.concat([_replaced(names, one_word), named, houses["towns"]]))
    plain, alike = (
        _without_saint(part) for part in (split.head(len(names)), split.slice(len(names), houses.height))
    )
    towns_of = split.tail(houses.height)
    words = houses.select("row", kind=alike, said=alike.str.split(" "), towns=towns_of.str.split(" "))
    kinds = pl.lit(list(_nameless()), dtype=pl.List(pl.String))
    telling = words.filter(
        pl.col("said").list.set_difference("towns").list.set_difference(kinds).list.len() > 0
    )
    found = table.join(telling.select("row", "kind"), on="row", how="left", maintain_order="left")
    return plain, found["kind"]


def _replaced(names: pl.Series, one_word: Mapping[str, str]) -> pl.Series:
    """Make words of names that mean the same one."""
    replaced = {f" {other} ": f" {word} " for other, word in one_word.items()}
    padded = pl.concat_str(pl.lit(" "), pl.col("name"), pl.lit(" "))
    # Twice: of two such words side by side the first takes the space between them with it.
    named = padded.str.replace_many(replaced).str.replace_many(replaced)
    return names.to_frame("name").select(named.str.strip_chars(" ")).to_series()


def _without_saint(names: pl.Series) -> pl.Series:
    """Leave "Sankt" out of split names; of nothing else it is kept."""
    saint = _as_in_names()[fold("Sankt")]
    plain = names.str.replace_all(rf"\b{saint}\b ?", "").str.strip_chars(" ")
    return plain.zip_with(plain != "", names)


def title_words_of(names: pl.Series) -> pl.Series:
    """Split folded names into words just as titles are, so that a title that says the name has its words: (n,), space-joined."""
    return words_of(names, pl.repeat(None, len(names), dtype=pl.Int32, eager=True))["title_words"]


@cache
def generic_words() -> frozenset[str]:
    """Give the words, split as names are, that name a kind of venue only."""
    return _words_in(lexicon.generic_venue_words())


@cache
def known_words() -> frozenset[str]:
    """Give the words, as names have them, that name a kind of venue or that the lexicon knows from titles."""
    common = lexicon.compound_parts() | lexicon.synonym_words()
    return generic_words() | {stem(word) for word in common}


@cache
def church_word() -> str:
    """Give the word that stands for any church."""
    return _as_in_names()[lexicon.church_words()[0]]


@cache
def _kinds_of_house() -> frozenset[str]:
    alike = lexicon.alike_venue_words()
    return frozenset(alike) | frozenset(alike.values())


@cache
def _nameless() -> frozenset[str]:
    """Give the words, as names have them, that beside a kind of house are no name of it."""
    return generic_words() | _words_in({*lexicon.alike_venue_words().values(), *lexicon.venue_epithets()})


def _words_in(texts: Collection[str]) -> frozenset[str]:
    return frozenset(word for text in texts for word in _as_in_names()[text].split(" "))


@cache
def _as_in_names() -> Mapping[str, str]:
    """Give what the lexicon says of venues as names have it: folded text -> its words, space-joined. All at once, as each call takes its time."""
    alike = lexicon.alike_venue_words().values()
    texts = sorted(
        {
            fold("Sankt"),
            *lexicon.church_words(),
            *lexicon.generic_venue_words(),
            *lexicon.venue_epithets(),
            *alike,
        }
    )
    return dict(zip(texts, title_words_of(pl.Series(texts, dtype=pl.String)), strict=True))
