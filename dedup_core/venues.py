"""Venues: their names as words that can be compared.

Churches have more names than any other building: parish, saint, Münster. What is left out here as saying nothing can no longer tell two
venues apart; address and coordinates still can.
"""

from functools import cache

import polars as pl

from dedup_core import lexicon
from dedup_core.folding import fold
from dedup_core.normalising import words_of


def venue_words(names: pl.Series) -> pl.Series:
    """Split folded names into words, as titles are: (n,), space-joined. Any word for a church is one word; "Sankt" is left out."""
    split = _split(names)
    padded = pl.concat_str(pl.lit(" "), pl.col("name"), pl.lit(" ")).str.replace_many(_church_phrases())
    unsainted = padded.str.replace_all(rf" {_split(_series([fold('Sankt')])).item()} ", " ")
    plain = split.to_frame("name").select(unsainted.str.strip_chars(" ")).to_series()
    return plain.zip_with(plain != "", split)


def generic_words() -> frozenset[str]:
    """Give the words, split as names are, that name a kind of venue only."""
    texts = _split(_series(sorted(lexicon.generic_venue_words())))
    return frozenset(word for text in texts for word in text.split(" "))


@cache
def church_word() -> str:
    """Give the word that stands for any church."""
    return str(_split(_series(list(lexicon.church_words()[:1]))).item())


def _split(names: pl.Series) -> pl.Series:
    return words_of(names, pl.repeat(None, len(names), dtype=pl.Int32, eager=True))["title_words"]


def _series(texts: list[str]) -> pl.Series:
    return pl.Series(texts, dtype=pl.String)


@cache
def _church_phrases() -> dict[str, str]:
    """Map the words for churches; the longest first, as the engine takes the first that fits."""
    church = church_word()
    others = {phrase for phrase in _split(_series(list(lexicon.church_words()))) if phrase != church}
    return {
        f" {phrase} ": f" {church} " for phrase in sorted(others, key=lambda phrase: (-len(phrase), phrase))
    }
