"""Patrons: the saint of a church, the sign of an inn: names of which a house has one.

`Gemeindehaus Johannes` and `Gemeindehaus Paulus` are two houses, though most of their letters are alike. A house that has two of the names
and is called by the one here and by the other there is taken for two.
"""

from functools import cache
from typing import Final

import polars as pl

from dedup_core import lexicon
from dedup_core.comparisons.pairs import Mask

INFLECTED: Final = "(?:s|n|en)?"


def patrons_of(names: pl.Series) -> pl.DataFrame:
    """Tell which names of the lexicon's rows folded names of venues hold: a column a row of it, a bit a name."""
    table = names.alias("venue").to_frame().with_row_index("row")
    return table.select(_bits(table, number) for number in range(len(lexicon.patrons())))


def two_patrons(one: pl.DataFrame, two: pl.DataFrame) -> Mask:
    """Tell where two venues have names of one row, and none in common: (d,). one, two: as from `patrons_of`."""
    found = pl.any_horizontal(
        (pl.col(name) > 0) & (pl.col(f"{name}_two") > 0) & ((pl.col(name) & pl.col(f"{name}_two")) == 0)
        for name in one.columns
    )
    both = one.hstack(two.rename(lambda name: f"{name}_two"))
    differ: Mask = both.select(found).to_series().to_numpy()
    return differ


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
