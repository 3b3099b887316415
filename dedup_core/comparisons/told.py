"""Told: where a listing without a venue, or with another one, takes place, as its text says.

Texts name places for other reasons, too: where tickets are sold, where a festival's other stages stand. So what a text tells counts half, and a name that
only says what kind of place it is counts nothing.
"""

from typing import Final

import numpy as np
import polars as pl

from dedup_core.comparisons.pairs import Bits, Mask, Pairs
from dedup_core.corpus import TEXT_PREFIX
from dedup_core.folding import folded
from dedup_core.policy import PlaceWeights
from dedup_core.subjects import Subjects
from dedup_core.venues import generic_words

TOLD: Final = 0.5
"""Share of its bits that a venue counts which a text names."""

NOTHING: Final = pl.Series([None], dtype=pl.String)


def with_told_venues(
    venue: Bits, asked: Mask, pairs: Pairs, subjects: Subjects, weights: PlaceWeights
) -> Bits:
    """Count a venue that the other's text names in part, where the fields know of none in common: (p,).

    venue: (p,) bits from the fields. asked: (p,) pairs for which it is worth reading.
    """
    unsaid = asked & ~(venue > 0)
    told = np.flatnonzero(unsaid)[_named(pairs.where(unsaid), subjects)]
    ends = Pairs(pairs.a[told], pairs.b[told])
    rarity = np.fmin(subjects.venue_bits[ends.a], subjects.venue_bits[ends.b])
    found = venue.copy()
    found[told] = TOLD * np.clip(rarity, 0.5, weights.venue_cap)
    return found


def _named(pairs: Pairs, subjects: Subjects) -> Mask:
    """Tell where the text of one names the venue of the other: (p,)."""
    rows, back = np.unique(np.concatenate([pairs.a, pairs.b]), return_inverse=True)
    said = subjects.texts[rows]
    text = pl.coalesce("description", "short_description").str.slice(0, TEXT_PREFIX)
    texts = said.select(text=pl.concat_str(pl.lit(" "), folded(text), pl.lit(" "))).to_series()
    texts = texts.zip_with(pl.Series(~subjects.template[rows]), NOTHING)
    venues = said.select(pl.concat_str(pl.lit(" "), "venue_key", pl.lit(" "))).to_series()
    venues = venues.zip_with(_has_name(rows, subjects), NOTHING)
    left, right = back[: len(pairs)], back[len(pairs) :]
    named = np.zeros(len(pairs), np.bool_)
    for one, other in ((left, right), (right, left)):
        both = pl.DataFrame({"text": texts.gather(one), "venue": venues.gather(other)})
        named |= (
            both.select(pl.col("text").str.contains(pl.col("venue"), literal=True).fill_null(value=False))
            .to_series()
            .to_numpy()
        )
    return named


def _has_name(rows: np.ndarray, subjects: Subjects) -> pl.Series:
    """Tell which events have a venue with a name of its own: (r,)."""
    words = subjects.venue_names.str.split(" ").list.set_difference(list(generic_words()))
    named = np.append(words.list.len().to_numpy() > 0, False)
    return pl.Series(named[subjects.venue[rows]])
