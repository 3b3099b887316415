"""Noise: what happens to text on its way through editors, keyboards and OCR.

Every function takes a column and a mask of the rows that it may touch, and returns the whole column.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from bench import chance
from bench.chance import Ints, Keys

Mask = npt.NDArray[np.bool_]

OCR: Final = (
    ("rn", "m"), ("m", "rn"), ("ü", "ii"), ("ü", "u"), ("ö", "o"), ("ä", "a"), ("ß", "B"), ("l", "1"), ("i", "l"),
    ("e", "c"), ("h", "b"), ("O", "0"), ("S", "5"), ("cl", "d"), ("ll", "II"), ("f", "t"), (" ", ""), ("a", "o"), ("n", "u"),
)  # fmt: skip
"""What OCR reads for what."""

LETTERS: Final = "enisratdhulgcobmfkwzpv"


def where(rows: Mask, texts: pl.Series, changed: pl.Series) -> pl.Series:
    """Take the changed text in the rows of the mask. changed: as long as the mask has rows."""
    if not len(changed):
        return texts
    return texts.scatter(np.flatnonzero(rows), changed)


def misread(texts: pl.Series, rows: Mask, keys: Keys) -> pl.Series:
    """Let OCR misread one place of each."""
    which = np.where(rows, chance.below(keys, "ocr", len(OCR)), -1)
    for number, (seen, read) in enumerate(OCR):
        hit = which == number
        texts = where(hit, texts, texts.filter(pl.Series(hit)).str.replace(seen, read, literal=True))
    return texts


def mistyped(texts: pl.Series, rows: Mask, keys: Keys) -> pl.Series:
    """Drop, double, swap or replace one letter of each, never the first."""
    hit = texts.filter(pl.Series(rows))
    own = keys[rows]
    length = hit.str.len_chars().fill_null(0).to_numpy().astype(np.int64)
    at = pl.Series(1 + chance.below(own, "at", np.maximum(length - 2, 1))).cast(pl.Int64)
    letter = pl.Series(list(LETTERS)).gather(chance.below(own, "letter", len(LETTERS)))
    frame = pl.DataFrame({"text": hit, "at": at, "letter": letter, "way": chance.below(own, "way", 4)})
    head, tail = pl.col("text").str.slice(0, pl.col("at")), pl.col("text").str.slice(pl.col("at") + 1)
    here = pl.col("text").str.slice(pl.col("at"), 1)
    swapped = pl.concat_str(
        [
            head,
            pl.col("text").str.slice(pl.col("at") + 1, 1),
            here,
            pl.col("text").str.slice(pl.col("at") + 2),
        ]
    )
    changed = frame.select(
        pl.when(pl.col("way") == 0)
        .then(pl.concat_str([head, tail]))
        .when(pl.col("way") == 1)
        .then(pl.concat_str([head, here, here, tail]))
        .when(pl.col("way") == 2)
        .then(swapped)
        .otherwise(pl.concat_str([head, "letter", tail]))
        .str.strip_chars()
    ).to_series()
    return where(rows, texts, changed)


def respelt(texts: pl.Series, rows: Mask, keys: Keys, groups: tuple[tuple[str, ...], ...]) -> pl.Series:
    """Write a word in another way that its group has: the first word of a group gives way to another one of it."""
    for group in groups:
        hit = rows & texts.str.contains(group[0], literal=True).fill_null(value=False).to_numpy()
        other: Ints = np.where(hit, 1 + chance.below(keys, group[0], len(group) - 1), 0)
        for number, word in enumerate(group[1:], start=1):
            chosen = other == number
            texts = where(
                chosen, texts, texts.filter(pl.Series(chosen)).str.replace(group[0], word, literal=True)
            )
    return texts
