"""Contrasts: what titles say that has an opposite: the second team, a club's name, a course for beginners."""

from typing import Final

import numpy as np
import polars as pl
from scipy import sparse

from dedup_core.folding import folded
from dedup_core.subjects.columns import Ints, matrix

NUMERALS: Final = {"II": 2, "III": 3, "IV": 4, "VI": 6, "VII": 7, "VIII": 8, "IX": 9}
"""Roman numerals that are hardly anything else."""


def numerals(events: pl.DataFrame) -> Ints:
    """Read the first Roman numeral of each title as written, since who invites may be a second team: (n,), 0 for none.

    An edition is none, nor is what a point makes an ordinal: `Ludwig II.` is a king, whom another source calls by his name alone.
    """
    said = pl.col("title").str.extract(rf"\b({'|'.join(NUMERALS)})(?:[^.\w]|$)")
    number = said.replace_strict(NUMERALS, default=None, return_dtype=pl.Int32)
    part = pl.when(number.ne_missing(pl.col("edition"))).then(number)
    return events.select(part.fill_null(0)).to_series().to_numpy()


BANDS: Final = "verein|verband|zunft|feuerwehr|kapelle|stadtmusik|blasmusik|guggemusik|guggenmusik|chor|kantorei|orchester|landfrauen"
"""With what the names of clubs and bands end."""


NAMED: Final = rf"[^ :,()]*(?:{BANDS})(?:e?s)?(?:[ :,()]|$)"


def bands(lowered: pl.Series) -> sparse.csr_array:
    """List the clubs and bands that titles name as written, wherever they stand: (n, k) ones, a column a word."""
    titles = lowered.to_frame("title").with_row_index("event")
    naming = titles.filter(pl.col("title").str.contains(BANDS))
    said = naming.select("event", band=pl.col("title").str.extract_all(NAMED)).explode("band").drop_nulls()
    plain = said.select(folded(pl.col("band"))).to_series().str.replace(r"e?s$", "")
    named = said.select("event", plain.alias("band")).unique()
    codes = named["band"].rank("dense").cast(pl.Int32) - 1
    return matrix(named["event"], codes, None, (len(lowered), int(codes.max() or 0) + 1))  # type: ignore[arg-type]


LEVELS: Final = (
    (
        r"einsteiger|anfänger|anfaenger|beginner|grundkurs|grundlagen|basiskurs|\bbasics?\b",
        "mittelstufe|intermediate",
        "fortgeschritten|aufbaukurs|advanced",
    ),
    (r"\b(?:damen|frauen)\b", r"\b(?:herren|männer|maenner)\b"),
    tuple(rf"\b{letter}-(?:jugend|junior)" for letter in "abcdefg"),
    (
        r"\b(?:1|i|erste)\.? mannschaft\b",
        r"\b(?:2|ii|zweite)\.? mannschaft\b",
        r"\b(?:3|iii|dritte)\.? mannschaft\b",
    ),
    (r"\bnord\b", r"\bs(?:ü|ue)d\b", r"\bost\b", r"\bwest\b"),
)
"""What titles say of whom a course or a match is for: of each row one thing excludes the others."""


def levels(lowered: pl.Series) -> Ints:
    """Read whom each title is for: (n, k), a column a row of `LEVELS`, the number of what is said from 1 on, 0 for none and for several. lowered: the titles."""
    levels = np.zeros((len(lowered), len(LEVELS)), np.int32)
    for column, words in enumerate(LEVELS):
        rows = lowered.str.contains("|".join(words)).arg_true()
        said = np.array([lowered.gather(rows).str.contains(one).to_numpy() for one in words])
        levels[rows.to_numpy(), column] = np.where(said.sum(axis=0) == 1, said.argmax(axis=0) + 1, 0)
    return levels
