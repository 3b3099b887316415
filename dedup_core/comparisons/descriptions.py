"""Descriptions: whether both texts speak of the same things.

Sources copy templates, so a text that stands under many different titles counts as no text at all.
"""

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import sparse

from dedup_core.comparisons.pairs import Bits, Pairs, along
from dedup_core.corpus import description_words
from dedup_core.policy import EvidenceWeights
from dedup_core.subjects import Subjects

MIN_WORDS = 4
"""Words that a text must have to be compared."""


def description_bits(pairs: Pairs, subjects: Subjects, weights: EvidenceWeights) -> Bits:
    """Rare words that both descriptions use add; two full texts without common words take a little away.

    Compared by the cosine of word vectors weighed by rarity (Salton & Buckley 1988). The short description stands in
    for a missing long one. Missing where a side has no text, or only a template that stands under other titles too.
    """
    rows, back = np.unique(np.concatenate([pairs.a, pairs.b]), return_inverse=True)
    vectors, usable = _vectors(rows, subjects)
    left, right = back[: len(pairs)], back[len(pairs) :]
    known = usable[left] & usable[right]
    bits = np.full(len(pairs), np.nan, np.float32)
    cosine = vectors[left[known]].multiply(vectors[right[known]]).sum(axis=1)
    bits[known] = along(weights.description, np.asarray(cosine).ravel())
    return bits


def _vectors(
    rows: npt.NDArray[np.uint32], subjects: Subjects
) -> tuple[sparse.csr_array, npt.NDArray[np.bool_]]:
    """Turn the texts of these events into unit vectors: (len(rows), words), and which of them are usable."""
    words = (
        description_words(subjects.texts[rows])
        .join(subjects.text_words, on="word", how="left")
        .with_columns(
            (pl.col("bits").fill_null(subjects.rarest_text_word) * (1 + pl.col("count").log())).alias("value")
        )
    )
    counts = words.group_by("event").agg(
        pl.len().alias("words"), (pl.col("value") ** 2).sum().sqrt().alias("norm")
    )
    words = words.join(counts, on="event")
    codes = words["word"].cast(pl.Categorical).to_physical().rank("dense").cast(pl.Int32).to_numpy() - 1
    matrix = sparse.csr_array(
        (
            (words["value"] / words["norm"]).cast(pl.Float32).to_numpy(),
            (words["event"].cast(pl.Int32).to_numpy(), codes),
        ),
        shape=(len(rows), int(codes.max(initial=0)) + 1),
    )
    enough = np.zeros(len(rows), np.bool_)
    enough[counts.filter(pl.col("words") >= MIN_WORDS)["event"].to_numpy()] = True
    return matrix, enough & ~subjects.template[rows]
