"""Unique things: what a town has once on a day: its festival, its council, its Christmas market."""

from functools import cache

import numpy as np
import numpy.typing as npt
import polars as pl

from dedup_core import lexicon
from dedup_core.folding import fold_all
from dedup_core.phrases import as_in_titles, phrases_in
from dedup_core.subjects.columns import Ints


def unique_things(events: pl.DataFrame, days: Ints) -> Ints:
    """Tell which such thing titles name: (n,), numbers from 1 on; 0 for none and for several, for a longer word, and where a source lists the town's in two places on the day.

    days: (n,) of the events.
    """
    named = _named(events["title_tokens"])
    rows = np.flatnonzero(named)
    named[rows[_in_longer_words(events["title"].gather(rows))]] = 0
    listed = events.select("source_code", "city_key", "venue_key").with_columns(
        thing=pl.Series(named), day=pl.Series(days)
    )
    places = pl.col("venue_key").n_unique().over("source_code", "city_key", "day", "thing")
    twice = (places > 1).any().over("city_key", "day", "thing")
    several = listed.filter(pl.col("thing") > 0).select(twice).to_series().to_numpy()
    named[np.flatnonzero(named)[several]] = 0
    return named


def _in_longer_words(titles: pl.Series) -> npt.NDArray[np.bool_]:
    """Tell which titles have such a thing's word as the end of a longer one: the Kirchengemeinderat is no Gemeinderat."""
    words = "|".join(lexicon.unique_words())
    rests = pl.Series(fold_all(titles.to_list()), dtype=pl.String).str.replace_all(rf"\b(?:{words})", "")
    longer: npt.NDArray[np.bool_] = rests.str.contains(words).to_numpy()
    return longer


def _named(titles: pl.Series) -> Ints:
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
