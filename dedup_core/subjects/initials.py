"""Initials: words that a title's initials form, as VLDB those of Very Large Data Bases."""

import itertools
from functools import partial

import numpy as np
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
    ends = np.searchsorted(
        words["event"].to_numpy(), np.arange(0, max(1, n) + EVENTS_AT_ONCE, EVENTS_AT_ONCE)
    )
    slices = [words.slice(start, end - start) for start, end in itertools.pairwise(ends.tolist())]
    formed = pl.concat(list(each(slices, partial(_formed, tokens=tokens))))
    return matrix(formed["event"], formed["token"], None, (n, corpus.words.height))


def _formed(words: pl.DataFrame, *, tokens: pl.DataFrame) -> pl.DataFrame:
    """Look up what the initials of some titles form: ``event``, ``token``, sorted. tokens: the words that count."""
    opens = pl.col("word").is_in(list(OPENERS)).cast(pl.Int8).cum_prod().sum()
    begun = words.group_by("event", maintain_order=True).agg(
        pl.col("word").str.head(1).str.join("").alias("letters"), opens.alias("openers")
    )
    starts = (pl.lit(0), pl.lit(1), pl.col("openers"))
    letters = pl.concat(begun.select("event", word=pl.col("letters").str.slice(start)) for start in starts)
    return letters.join(tokens, on="word").select("event", "token").unique().sort("event", "token")
