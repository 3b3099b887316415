"""Patrons: the saint of a church, the sign of an inn, the name of a hall: of these a house has one.

`Gemeindehaus Johannes` and `Gemeindehaus Paulus` are two houses, though most of their letters are alike. A house that has two of the names
and is called by the one here and by the other there is taken for two, unless other listings tell that it is one. Of names that the lexicon lacks
the letters tell; so its rows hold the ways to write one name that have few letters in common.
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
        ``patron_0`` …: a column a row of the lexicon, a bit a name; ``patron_church``, ``patron_hall``: list of the names before that word, null for none.
    """
    table = names.alias("venue").to_frame().with_row_index("row")
    bits = [_bits(table, number) for number in range(len(lexicon.patrons()))]
    return pl.DataFrame([*bits, *(_own(table, kind) for kind in OWN)])


def two_patrons(one: pl.DataFrame, two: pl.DataFrame) -> Mask:
    """Tell where two venues have names of one row, or as a church or a hall, and none in common: (d,). one, two: as from `patrons_of`."""
    rows = [name for name, dtype in one.schema.items() if dtype == pl.UInt64]
    both = one.select(rows).hstack(two.select(rows).rename(lambda name: f"{name}_two"))
    named = {name: (pl.col(name) > 0) & (pl.col(f"{name}_two") > 0) for name in rows}
    shared = {name: (pl.col(name) & pl.col(f"{name}_two")) > 0 for name in rows}
    told = both.select(
        two=pl.any_horizontal(named[name] & ~shared[name] for name in rows),
        known=pl.any_horizontal(named.values()),
    )
    differ: Mask = told["two"].to_numpy().copy()
    for kind in OWN:
        differ |= _other_letters(one[f"patron_{kind}"], two[f"patron_{kind}"]) & ~told["known"].to_numpy()
    return differ


OWN: Final = {
    "church": r"\b(?:st|sankt) [a-z]{3,}(?: und (?:st |sankt )?[a-z]{3,})?|\b[a-z]{4,}kirche\b",
    "hall": r"\b[a-z]{3,}halle\b",
}
"""What holds the names of a church, of a hall."""

WITHOUT: Final = r"^(?:st|sankt) |(?:kirche|halle)$"
"""What of it is no name."""

OTHER: Final = 60.0
"""Similarity of letters, of 100, below which two such names are two."""


def _own(table: pl.DataFrame, kind: str) -> pl.Series:
    """List the names of houses, without the letters that link them: (n,) lists, null for none. What only says what kind of house it is, is no name."""
    held = table.select("row", name=pl.col("venue").str.extract_all(OWN[kind])).explode("name").drop_nulls()
    each = held.select("row", pl.col("name").str.split(" und ")).explode("name")
    plain = each.select("row", pl.col("name").str.replace(WITHOUT, ""))
    telling = plain.filter(~pl.col("name").str.contains(lexicon.rules().venues.nameless.pattern))
    names = telling.group_by("row").agg(pl.col("name").str.replace(f"{INFLECTED}$", ""))
    return table.join(names, on="row", how="left", maintain_order="left")["name"].alias(f"patron_{kind}")


def _other_letters(one: pl.Series, two: pl.Series) -> Mask:
    """Tell where both sides have names, and each of the one is unlike each of the other, letter by letter."""
    sides = pl.DataFrame([one.alias("one"), two.alias("two")]).with_row_index("row").drop_nulls()
    each = sides.explode("one").explode("two")
    alike = process.cpdist(each["one"].to_list(), each["two"].to_list(), scorer=fuzz.ratio, dtype=np.float32)
    nearest = each.with_columns(pl.Series("alike", alike)).group_by("row").agg(pl.col("alike").max())
    other = np.zeros(len(one), np.bool_)
    other[nearest.filter(pl.col("alike") < OTHER)["row"].to_numpy()] = True
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
