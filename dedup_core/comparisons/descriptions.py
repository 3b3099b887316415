"""Descriptions: whether both texts speak of the same things.

Sources copy templates, so a text that stands under many different titles counts as no text at all.
"""

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import sparse

from dedup_core.comparisons.pairs import Bits, Pairs, Rows, along
from dedup_core.corpus import description_words
from dedup_core.policy import EvidenceWeights
from dedup_core.subjects import Subjects

STEPS = 16
"""Steps of a bit to which the weight of a word is rounded."""

MIN_WORDS = 4
"""Words that a text must have to be compared."""


def description_bits(pairs: Pairs, subjects: Subjects, weights: EvidenceWeights) -> Bits:
    """Rare words that both descriptions use add; two full texts without common words take a little away.

    Compared by the cosine of word vectors weighed by rarity (Salton & Buckley 1988). The short description stands in
    for a missing long one. Missing where a side has no text, or only a template that stands under other titles too.
    """
    rows, back = np.unique(np.concatenate([pairs.a, pairs.b]), return_inverse=True)
    vectors, usable, lengths = _vectors(rows, subjects)
    left, right = back[: len(pairs)], back[len(pairs) :]
    known = usable[left] & usable[right]
    bits = np.full(len(pairs), np.nan, np.float32)
    products = vectors[left[known]].multiply(vectors[right[known]]).sum(axis=1)
    cosine = np.asarray(products).ravel() / np.maximum(lengths[left[known]] * lengths[right[known]], 1)
    bits[known] = along(weights.description, cosine)
    return bits


def _vectors(
    rows: Rows, subjects: Subjects
) -> tuple[sparse.csr_array, npt.NDArray[np.bool_], npt.NDArray[np.float64]]:
    """Turn the texts of these events into vectors (len(rows), words): which of them are usable, and their lengths.

    Weights are whole numbers, so that their sums are exact and the order in which they are added does not matter.
    """
    bits = pl.col("bits").fill_null(subjects.rarest_text_word)
    words = (
        _described(rows, subjects)
        .join(subjects.text_words, on="word", how="left")
        .with_columns((bits * (1 + pl.col("count").log()) * STEPS).round().cast(pl.Float64).alias("value"))
    )
    codes = words["word"].cast(pl.Categorical).to_physical().cast(pl.Int32).to_numpy()
    events = words["event"].cast(pl.Int32).to_numpy()
    matrix = sparse.csr_array(
        (words["value"].to_numpy(), (events, codes)), shape=(len(rows), int(codes.max(initial=0)) + 1)
    )
    lengths = np.sqrt(np.bincount(events, weights=words["value"].to_numpy() ** 2, minlength=len(rows)))
    enough = np.bincount(events, minlength=len(rows)) >= MIN_WORDS
    return matrix, enough & ~subjects.template[rows], lengths


def _described(rows: Rows, subjects: Subjects) -> pl.DataFrame:
    """Lay out the words of these events' descriptions, as `description_words` does: ``event`` is the position in ``rows`` (ascending)."""
    if subjects.described is None:
        return description_words(subjects.texts[rows])
    position = pl.int_range(len(rows), dtype=pl.UInt32, eager=True)
    asked = pl.DataFrame({"event": rows, "position": position}, schema_overrides={"event": pl.UInt32})
    return subjects.described.join(asked, on="event").select(
        pl.col("position").alias("event"), "word", "count"
    )
