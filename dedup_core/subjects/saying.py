"""Saying: the words of titles by what they say beside what takes place: where it is, who invites, who plays, what kind it is."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from dedup_core.chunks import each
from dedup_core.policy import Policy
from dedup_core.subjects.common_words import common_words, genre_words
from dedup_core.subjects.framing import FRAMES, WORKS, framing_words
from dedup_core.subjects.localities import area_words, country_codes, names_district, place_words


@dataclass(frozen=True, slots=True)
class Saying:
    """Words of titles, each table as ``known``; a word may stand in several.

    towns: where it is; halls: the house, where the town is not called so, too; places: both; hosts: who invites, and to what; performers; works:
    what is played; names: what is neither an everyday word nor one of places; genres.   names_district: (n,) whether a title names its district.
    """

    towns: pl.DataFrame
    halls: pl.DataFrame
    places: pl.DataFrame
    hosts: pl.DataFrame
    performers: pl.DataFrame
    works: pl.DataFrame
    names: pl.DataFrame
    genres: pl.DataFrame
    names_district: npt.NDArray[np.bool_]


WORD: Final = ("event", "token")


def saying_of(known: pl.DataFrame, events: pl.DataFrame, lowered: pl.Series, policy: Policy) -> Saying:
    """Sort the words of titles by what they say. known: as from `dedup_core.corpus.title_words`. lowered: the titles as written, lowered."""
    named_after = (["city_key", "district_key"], ["venue_key"])
    towns, halls = each(named_after, lambda columns: place_words(known, events, columns), rows=events.height)
    district_named = names_district(towns, events)
    elsewhere = [area_words(known, lowered, policy.vetoes.rare_word), country_codes(known, events)]
    towns, halls = pl.concat([towns.select(known.columns), *elsewhere]), halls.select(known.columns)
    towns, places = (_each_once(words) for words in (towns, pl.concat([towns, halls])))
    frames = framing_words(known, places, lowered)
    performs, plays = pl.col("role") == len(FRAMES) - 1, pl.col("role") == WORKS
    telling = known.filter(~pl.col("word").is_in(list(common_words())), ~pl.col("word").str.contains(r"\d"))
    return Saying(
        towns=towns,
        # What the venue is called after its town is said once.
        halls=_without(halls, towns),
        places=places,
        hosts=_each_once(frames.filter(~performs, ~plays)),
        performers=frames.filter(performs),
        works=frames.filter(plays),
        names=_without(telling, places),
        genres=known.filter(pl.col("word").is_in(list(genre_words()))),
        names_district=district_named,
    )


def _each_once(words: pl.DataFrame) -> pl.DataFrame:
    return words.unique(WORD, maintain_order=True)


def _without(words: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    return words.join(others.select(WORD), on=WORD, how="anti", maintain_order="left")
