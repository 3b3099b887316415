"""Common words: those that the lexicon knows, as titles have them."""

from functools import cache

import polars as pl

from dedup_core import lexicon
from dedup_core.compounds import stem
from dedup_core.normalising import words_of


@cache
def common_words() -> frozenset[str]:
    """Give the words that the lexicon knows, as titles have them."""
    return frozenset(stem(word) for word in lexicon.compound_parts() | lexicon.synonym_words())


@cache
def genre_words() -> frozenset[str]:
    """Give the words for genres, as titles have them."""
    words = pl.Series(sorted(lexicon.genre_words()), dtype=pl.String)
    split = words_of(words, pl.repeat(None, len(words), dtype=pl.Int32, eager=True))["title_tokens"]
    return frozenset(text for text in split if " " not in text)
