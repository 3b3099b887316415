"""Patrons: the saint of a church, the sign of an inn, the name of a hall: of these a house has one.

`Gemeindehaus Johannes` and `Gemeindehaus Paulus` are two houses, though most of their letters are alike. A house that has two of the names
and is called by the one here and by the other there is taken for two, unless other listings tell that it is one.
"""

from functools import cache
from typing import Final

import numpy as np
import polars as pl
from rapidfuzz import fuzz, process

from dedup_core import lexicon
from dedup_core.comparisons.pairs import Mask

INFLECTED: Final = "(?:s|n|en)?"
"""Letters that link a name to what follows it: `Paulskirche`, `Katharinenkapelle`."""


def patrons_of(names: pl.Series) -> pl.DataFrame:
    """Tell which names of houses folded names of venues hold.

    Returns:
        ``patron_0`` …: a column a row of the lexicon, a bit a name; ``patron_church``, ``patron_hall``: the name before that word, null for none.
    """
    table = names.alias("venue").to_frame().with_row_index("row")
    own = table.select(_own(kind).alias(f"patron_{kind}") for kind in OWN)
    return own.with_columns(_bits(table, number) for number in range(len(lexicon.patrons())))


def two_patrons(one: pl.DataFrame, two: pl.DataFrame) -> Mask:
    """Tell where two venues have names of one row, or as a church or a hall, and none in common: (d,). one, two: as from `patrons_of`."""
    rows = [name for name, dtype in one.schema.items() if dtype == pl.UInt64]
    found = pl.any_horizontal(
        (pl.col(name) > 0) & (pl.col(f"{name}_two") > 0) & ((pl.col(name) & pl.col(f"{name}_two")) == 0)
        for name in rows
    )
    both = one.select(rows).hstack(two.select(rows).rename(lambda name: f"{name}_two"))
    differ: Mask = both.select(found).to_series().to_numpy().copy()
    for kind in OWN:
        differ |= _other_letters(one[f"patron_{kind}"], two[f"patron_{kind}"])
    return differ


OWN: Final = {
    "church": r"\b(?:st|sankt) ([a-z]{3,})|\b([a-z]{4,}?)(?:s|n|en)?kirche\b",
    "hall": r"\b([a-z]{3,}?)(?:s|n|en)?halle\b",
}
"""The name of a church, of a hall."""

OTHER: Final = 60.0
"""Similarity of letters, of 100, below which two such names are two."""


def _own(kind: str) -> pl.Expr:
    first = pl.col("venue").str.extract(OWN[kind], 1)
    name = pl.coalesce(first, pl.col("venue").str.extract(OWN[kind], 2)) if kind == "church" else first
    return pl.when(~name.str.contains(lexicon.rules().venues.nameless.pattern)).then(name)


def _other_letters(one: pl.Series, two: pl.Series) -> Mask:
    """Tell where both names are known and unlike, letter by letter."""
    both = (one.is_not_null() & two.is_not_null()).to_numpy()
    asked = pl.Series(both)
    alike = process.cpdist(
        one.filter(asked).to_list(), two.filter(asked).to_list(), scorer=fuzz.ratio, dtype=np.float32
    )
    other: Mask = both.copy()
    other[both] = alike < OTHER
    return other


def _bits(table: pl.DataFrame, number: int) -> pl.Series:
    said = table.select("row", name=pl.col("venue").str.extract_all(_pattern(number))).explode("name")
    bit = pl.col("name").str.strip_chars(" ").replace_strict(_numbers(number), default=None)
    found = said.drop_nulls().select("row", name=pl.col("name").str.extract(_pattern(number)))
    bits = found.select("row", bit=bit.cast(pl.UInt64)).group_by("row").agg(pl.col("bit").bitwise_or())
    return (
        table.join(bits, on="row", how="left", maintain_order="left")["bit"]
        .fill_null(0)
        .alias(f"patron_{number}")
    )


@cache
def _pattern(number: int) -> str:
    row = lexicon.patrons()[number]
    names = sorted(_numbers(number), key=len, reverse=True)
    ends = "|".join(row.endings)
    return rf"\b({'|'.join(names)}){INFLECTED}(?:{ends})?\b" if ends else rf"\b({'|'.join(names)})\b"


@cache
def _numbers(number: int) -> dict[str, int]:
    """Map each name of a row to its bit."""
    return {word: 1 << n for n, words in enumerate(lexicon.patrons()[number].names) for word in words}
