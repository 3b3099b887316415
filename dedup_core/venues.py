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
    """Split folded names into words, as titles are: (n,), space-joined. Any word for a church is one word; "Sankt" is left out.

    So is any word for an inn, a winery and the like. They are looked for before names are split: the Münsterplatz is no church.
    """
    padded = pl.concat_str(pl.lit(" "), pl.col("name"), pl.lit(" "))
    # Twice: of two such words side by side the first takes the space between them with it.
    named = padded.str.replace_many(_one_word()).str.replace_many(_one_word())
    split = title_words_of(names.to_frame("name").select(named.str.strip_chars(" ")).to_series())
    saint = title_words_of(_series([fold("Sankt")])).item()
    plain = split.str.replace_all(rf"\b{saint}\b ?", "").str.strip_chars(" ")
    return plain.zip_with(plain != "", split)


def title_words_of(names: pl.Series) -> pl.Series:
    """Split folded names into words just as titles are, so that a title that says the name has its words: (n,), space-joined."""
    return words_of(names, pl.repeat(None, len(names), dtype=pl.Int32, eager=True))["title_words"]


@cache
def generic_words() -> frozenset[str]:
    """Give the words, split as names are, that name a kind of venue only."""
    texts = title_words_of(_series(sorted(lexicon.generic_venue_words())))
    return frozenset(word for text in texts for word in text.split(" "))


@cache
def church_word() -> str:
    """Give the word that stands for any church."""
    return str(title_words_of(_series(list(lexicon.church_words()[:1]))).item())


def _series(texts: list[str]) -> pl.Series:
    return pl.Series(texts, dtype=pl.String)


@cache
def _one_word() -> dict[str, str]:
    church, *others = lexicon.church_words()
    words = {**dict.fromkeys(others, church), **lexicon.alike_venue_words()}
    return {f" {other} ": f" {word} " for other, word in words.items()}
