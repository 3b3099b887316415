"""Audiences: for whom an event is, as its title says."""

from functools import cache
from typing import Final

import numpy as np
import polars as pl

from dedup_core.compounds import stem
from dedup_core.folding import fold_all
from dedup_core.subjects.columns import Ints

AUDIENCES: Final = (
    ("Kinder", "Kind", "Kindern"),
    ("Jugend", "Jugendliche"),
    ("Senioren", "Senior", "Seniorinnen"),
    ("Frauen", "Frau", "Damen"),
    ("Männer", "Mann", "Herren"),
    ("Familien", "Familie"),
    ("Eltern", "Mütter", "Väter"),
    ("Baby", "Babys"),
)
"""Words for those whom an event is for; parts of compounds, too, as titles are split."""


@cache
def audience_words() -> dict[str, int]:
    """Map these words, as titles have them, to a bit each."""
    return {
        stem(word): 1 << number for number, words in enumerate(AUDIENCES) for word in fold_all(list(words))
    }


def audiences(known: pl.DataFrame, n: int) -> Ints:
    """Tell for whom titles say that they are: (n,), a bit an audience, 0 for all. known: ``event``, ``word``."""
    said = known.select("event", "word").filter(pl.col("word").is_in(list(audience_words())))
    found = np.zeros(n, np.int32)
    bits = said["word"].replace_strict(audience_words(), return_dtype=pl.Int32).to_numpy()
    np.bitwise_or.at(found, said["event"].to_numpy(), bits)
    return found
