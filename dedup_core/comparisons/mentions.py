"""Mentions: title words that the other listing has elsewhere, in its venue, its address or its text.

A headline names no event, but the text below it does; one title says where, another leaves that to the address. A text may speak of
other events, too, so a mention counts less the longer the text is; what differs in day, hour or place stays for the other
comparisons and the vetoes to tell.
"""

from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import sparse

from dedup_core.chunks import each
from dedup_core.comparisons.pairs import Mask, Pairs
from dedup_core.corpus import TEXT_PREFIX
from dedup_core.folding import folded
from dedup_core.normalising import telling_words
from dedup_core.subjects import Floats, Subjects

CHUNK: Final = 100_000
"""Pairs compared at once: keeps the copies of rows under about 100 MB."""


TEXTS: Final = 50_000
"""Texts read at once: about 100 words each."""


@dataclass(frozen=True, slots=True)
class Mentions:
    """Of p pairs, in bits (p,): what of a title's own words the other mentions.

    a, b: information of a's own words that b mentions, and the reverse.   told: what the mentions in texts add, long texts
    less.   rarest: information of the rarest word that a text mentions.   placed: of the words that the other's venue or address has, of
    the side with more.
    """

    a: Floats
    b: Floats
    told: Floats
    rarest: Floats
    placed: Floats


def mentions_of(pairs: Pairs, by_text: Mask, subjects: Subjects) -> Mentions:
    """Look each title's own words up in the other's venue and address, and where ``by_text`` (p,) in its text and its title as written."""
    rows, back = np.unique(np.concatenate([pairs.a, pairs.b]), return_inverse=True)
    places, texts, lengths = _mentioned(rows, subjects)
    left, right = back[: len(pairs)], back[len(pairs) :]
    found = [np.zeros(len(pairs), np.float32) for _ in range(5)]
    for start in range(0, len(pairs), CHUNK):
        part = slice(start, start + CHUNK)
        ends = Pairs(pairs.a[part], pairs.b[part])
        turned = Pairs(ends.b, ends.a)
        asked = by_text[part]
        a, told_a, rare_a, placed_a = _of_one(ends, right[part], asked, places, texts, lengths, subjects)
        b, told_b, rare_b, placed_b = _of_one(turned, left[part], asked, places, texts, lengths, subjects)
        rarest, placed = np.maximum(rare_a, rare_b), np.maximum(placed_a, placed_b)
        for column, values in zip(found, (a, b, told_a + told_b, rarest, placed), strict=True):
            column[part] = values
    return Mentions(*found)


def _of_one(
    pairs: Pairs,
    other: npt.NDArray[np.int64],
    by_text: Mask,
    places: sparse.csr_array,
    texts: sparse.csr_array,
    lengths: Floats,
    subjects: Subjects,
) -> tuple[Floats, Floats, Floats, Floats]:
    """Find what of the titles of ``pairs.a`` the others mention. other: (p,) rows of ``places`` and ``texts``."""
    words = subjects.words[pairs.a]
    own = words - words.multiply(subjects.has_word[pairs.b])
    by_place = own.multiply(places[other])
    left = own - by_place
    asked = sparse.diags_array(by_text.astype(np.float32)).tocsr()
    told = sparse.csr_array(left.multiply(asked @ texts[other]))
    chances = np.repeat(lengths[other], np.diff(told.indptr))
    gain = sparse.csr_array((np.maximum(told.data - chances, 0), told.indices, told.indptr), shape=told.shape)
    placed = _sums(by_place)
    rarest = told.max(axis=1).toarray().ravel().astype(np.float32)
    return placed + _sums(told), _sums(gain), rarest, placed


def _sums(matrix: sparse.csr_array) -> Floats:
    sums: Floats = np.asarray(matrix.sum(axis=1), dtype=np.float32).ravel()
    return sums


def _mentioned(
    rows: npt.NDArray[np.uint32], subjects: Subjects
) -> tuple[sparse.csr_array, sparse.csr_array, Floats]:
    """Read what these events say beside the core of their titles: (len(rows), V) ones for places, for texts; bits of a text's length."""
    slices = [rows[start : start + TEXTS] for start in range(0, max(1, len(rows)), TEXTS)]
    parts = list(each(slices, partial(_read, subjects=subjects)))
    places, texts = (sparse.csr_array(sparse.vstack(side, format="csr")) for side in zip(*parts, strict=True))
    lengths = np.log2(1 + np.diff(texts.indptr)).astype(np.float32)
    return places, texts, lengths


def _read(rows: npt.NDArray[np.uint32], subjects: Subjects) -> tuple[sparse.csr_array, sparse.csr_array]:
    said = subjects.texts[rows].with_columns(template=pl.Series(subjects.template[rows]))
    where = pl.concat_str("venue", "district", "street", separator=" ", ignore_nulls=True)
    own = pl.when(~pl.col("template"))
    text = pl.concat_str(
        "title",
        own.then(pl.col("description").str.slice(0, TEXT_PREFIX)),
        own.then("short_description"),
        separator=" ",
        ignore_nulls=True,
    )
    return _words(said.select(where).to_series(), subjects), _words(said.select(text).to_series(), subjects)


def _words(texts: pl.Series, subjects: Subjects) -> sparse.csr_array:
    """Turn texts into words as titles are, those of no title left out: (n, V), 1 where a word is."""
    tokens = pl.int_range(len(subjects.vocabulary), dtype=pl.Int32, eager=True)
    known = pl.DataFrame({"parts": subjects.vocabulary, "token": tokens})
    plain = texts.to_frame("text").select(folded(pl.col("text")).fill_null("")).to_series()
    words = telling_words(plain).join(known, on="parts").select("row", "token").unique()
    ends = (words["row"].cast(pl.Int32).to_numpy(), words["token"].to_numpy())
    shape = (len(texts), len(subjects.vocabulary))
    return sparse.csr_array((np.ones(words.height, np.float32), ends), shape=shape)
