"""Initials: words that a title's initials form, as VLDB those of Very Large Data Bases."""

import itertools
from collections.abc import Sequence
from functools import partial

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import sparse

from dedup_core.chunks import each
from dedup_core.compounds import stem
from dedup_core.corpus import Corpus
from dedup_core.subjects.columns import matrix
from dedup_core.subjects.common_words import common_words

MIN_INITIALS = 3
"""Letters; a shorter abbreviation fits too many titles."""


OPENERS = frozenset(
    stem(word)
    for word in (
        "international", "european", "national", "world", "annual", "conference", "congress", "symposium", "workshop",
        "internationale", "europaeische", "deutsche", "konferenz", "kongress", "tagung", "ieee", "acm",
    )
)  # fmt: skip
"""Words with which long names begin, and which abbreviations leave out."""


EVENTS_AT_ONCE = 100_000
"""Titles whose initials are joined at once: a million at once take a gigabyte."""


def initials(words: pl.DataFrame, corpus: Corpus, n: int) -> sparse.csr_array:
    """Find the words that a title's initials form: of all its words, of those after the openers, of all but the first.

    words: ``event``, ``word`` of n titles, ascending, in the order of each title.

    Returns:
        (n, V) ones; only words that a title has, and that no lexicon knows.
    """
    common = common_words()
    tokens = corpus.words.select("word", "token").filter(
        pl.col("word").str.len_chars() >= MIN_INITIALS, ~pl.col("word").is_in(list(common))
    )
    words = words.filter(pl.Series(_perhaps_formed(words, tokens["word"])))
    ends = np.searchsorted(
        words["event"].to_numpy(), np.arange(0, max(1, n) + EVENTS_AT_ONCE, EVENTS_AT_ONCE)
    )
    slices = [words.slice(start, end - start) for start, end in itertools.pairwise(ends.tolist())]
    formed = pl.concat(list(each(slices, partial(_formed, tokens=tokens))))
    return matrix(formed["event"], formed["token"], None, (n, corpus.words.height))


def _perhaps_formed(words: pl.DataFrame, tokens: pl.Series) -> npt.NDArray[np.bool_]:
    """Tell which words are of a title that has as many as one of the tokens has letters, its first three initials those of the token: (m,).

    One title in ten is left, and need not be joined for nothing; among them those that begin with an opener.
    """
    event, letters = words["event"].to_numpy(), _letters(words["word"].str.head(1))
    begins = np.flatnonzero(np.diff(event, prepend=-1))
    lengths = np.diff(begins, append=len(event))
    known = np.unique(
        _key(list(_letters(tokens.str.head(3)).reshape(-1, 3).T), tokens.str.len_chars().to_numpy())
    )
    perhaps = words["word"].gather(begins).is_in(list(OPENERS)).to_numpy().copy()
    for start in range(2):
        rows = np.flatnonzero(lengths - start >= MIN_INITIALS)
        first = begins[rows] + start
        keys = _key([letters[first + place] for place in range(3)], lengths[rows] - start)
        perhaps[rows] |= np.isin(keys, known)
    found: npt.NDArray[np.bool_] = np.repeat(perhaps, lengths)
    return found


def _letters(texts: pl.Series) -> npt.NDArray[np.uint32]:
    """Lay the letters of texts end to end, as their numbers in Unicode."""
    return np.frombuffer(texts.str.join("").item().encode("utf-32-le"), np.uint32)


def _key(letters: Sequence[npt.NDArray[np.uint32]], length: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """Put three letters and a length into one number, which others may share: it only tells what need not be looked up."""
    key = length.astype(np.int64)
    for letter in letters:
        key = (key << 16) + (letter & 0xFFFF)
    return key


def _formed(words: pl.DataFrame, *, tokens: pl.DataFrame) -> pl.DataFrame:
    """Look up what the initials of some titles form: ``event``, ``token``, sorted. tokens: the words that count."""
    opens = pl.col("word").is_in(list(OPENERS)).cast(pl.Int8).cum_prod().sum()
    begun = words.group_by("event", maintain_order=True).agg(
        pl.col("word").str.head(1).str.join("").alias("letters"), opens.alias("openers")
    )
    starts = (pl.lit(0), pl.lit(1), pl.col("openers"))
    letters = pl.concat(begun.select("event", word=pl.col("letters").str.slice(start)) for start in starts)
    return letters.join(tokens, on="word").select("event", "token").unique().sort("event", "token")
