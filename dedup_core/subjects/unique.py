"""Unique things: what a town has once on a day: its festival, its council, its Christmas market."""

from functools import cache

import numpy as np
import polars as pl

from dedup_core import lexicon
from dedup_core.phrases import as_in_titles, phrases_in
from dedup_core.subjects.columns import Ints


def unique_things(titles: pl.Series) -> Ints:
    """Tell which such thing titles, as words, name: (n,), numbers from 1 on; 0 for none and for several."""
    phrases = _phrases()
    said = (
        phrases_in(titles, phrases).to_frame("phrase").with_row_index("event").explode("phrase").drop_nulls()
    )
    numbers = {phrase: places[0][1] + 1 for phrase, places in phrases.items()}
    named = said.with_columns(thing=pl.col("phrase").replace_strict(numbers, return_dtype=pl.Int32))
    single = named.group_by("event").agg(pl.col("thing").first(), two=pl.col("thing").n_unique() > 1)
    found = np.zeros(len(titles), np.int32)
    kept = single.filter(~pl.col("two"))
    found[kept["event"].to_numpy()] = kept["thing"].to_numpy()
    return found


@cache
def _phrases() -> lexicon.Things:
    return as_in_titles(lexicon.unique_things())
