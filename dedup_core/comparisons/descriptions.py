"""Descriptions: whether both texts speak of the same things.

Sources copy templates, so a text that stands under many different titles counts as no text at all.
"""

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import sparse

from dedup_core.comparisons.pairs import Bits, Pairs, Rows, along
from dedup_core.corpus import words_of_descriptions
from dedup_core.policy import EvidenceWeights
from dedup_core.subjects import Floats, Ints, Subjects

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
    words = _described(rows, subjects)
    codes = words["word"].cast(pl.Categorical).to_physical().cast(pl.Int32).to_numpy()
    ends = (words["event"].cast(pl.Int32).to_numpy(), codes)
    shape = (len(rows), int(codes.max(initial=0)) + 1)
    # Equal places are summed: each word once an event.
    counted = sparse.csr_array((words["count"].cast(pl.Float64).to_numpy(), ends), shape=shape)
    counts = pl.Series("count", counted.data, dtype=pl.Float64).cast(pl.UInt32)
    bits = pl.Series("bits", _bits(words["word"], codes, subjects)[counted.indices])
    weight = (pl.col("bits") * (1 + pl.col("count").log()) * STEPS).round().cast(pl.Float64)
    counted.data[:] = pl.DataFrame([bits, counts]).select(weight).to_series().to_numpy()
    lengths = np.sqrt(np.asarray((counted * counted).sum(axis=1)).ravel())
    enough = np.diff(counted.indptr) >= MIN_WORDS
    return counted, enough & ~subjects.template[rows], lengths


def _bits(words: pl.Series, codes: Ints, subjects: Subjects) -> Floats:
    """Look up what each word weighs: (highest code + 1,), the rarest where the corpus has not met it. codes: (m,) of the words."""
    known = pl.DataFrame([words.rename("word"), pl.Series("code", codes)]).unique("code")
    met = known.join(subjects.text_words, on="word")
    bits = np.full(int(codes.max(initial=0)) + 1, subjects.rarest_text_word, np.float32)
    bits[met["code"].to_numpy()] = met["bits"].to_numpy()
    return bits


def _described(rows: Rows, subjects: Subjects) -> pl.DataFrame:
    """Lay out the words of these events' descriptions: ``event`` (the position in ``rows``, ascending), ``word``, ``count``; those of one may stand twice."""
    if subjects.described is None:
        return words_of_descriptions(subjects.texts[rows]).with_columns(count=pl.lit(1, pl.UInt32))
    position = pl.int_range(len(rows), dtype=pl.UInt32, eager=True)
    asked = pl.DataFrame({"event": rows, "position": position}, schema_overrides={"event": pl.UInt32})
    return subjects.described.join(asked, on="event").select(
        pl.col("position").alias("event"), "word", "count"
    )
