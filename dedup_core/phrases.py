"""Phrases: the lexicon's words and phrases, found in titles that are split into words.

They are split as titles are, so what a title writes as a compound, with a hyphen or inflected is found; a phrase whose words stand apart is not.
"""

from collections.abc import Iterable, Mapping

import polars as pl

from dedup_core.folding import fold_all
from dedup_core.lexicon import Things
from dedup_core.normalising import words_of

Named = Mapping[int, set[int]]
"""Row of the lexicon -> things of it that a title names."""


def split(texts: list[str]) -> pl.Series:
    """Split texts as written into words, as titles are: space-joined, in order."""
    folded = pl.Series(fold_all(texts), dtype=pl.String)
    return words_of(folded, pl.repeat(None, len(folded), dtype=pl.Int32, eager=True))["title_tokens"]


def as_in_titles(things: Things) -> Things:
    """Give the lexicon's words as titles have them, between blanks."""
    found: dict[str, tuple[tuple[int, int], ...]] = {}
    for words, places in zip(split(list(things)), things.values(), strict=True):
        phrase = f" {words} "
        found[phrase] = (*found.get(phrase, ()), *places)
    return found


def phrases_in(titles: pl.Series, known: Things) -> pl.Series:
    """List the phrases that titles, as words, hold: (n,) lists of text. known: as from `as_in_titles`."""
    padded = pl.concat_str(pl.lit(" "), pl.col("title"), pl.lit(" "))
    found = titles.alias("title").to_frame().select(padded.str.extract_many(list(known), overlapping=True))
    return found.to_series()


def named_in(titles: pl.Series, known: Things) -> list[Named]:
    """Tell which things titles, as words, name. A loop, for few titles."""
    return [_by_row(phrases, known) for phrases in phrases_in(titles, known).to_list()]


def _by_row(phrases: Iterable[str], known: Things) -> Named:
    things: dict[int, set[int]] = {}
    for phrase in phrases:
        for row, thing in known[phrase]:
            things.setdefault(row, set()).add(thing)
    return things
