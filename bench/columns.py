"""Columns: two ways to choose between columns by a mask."""

import numpy as np
import numpy.typing as npt
import polars as pl

Mask = npt.NDArray[np.bool_]


def kept(keep: Mask, texts: pl.Series) -> pl.Series:
    """Keep the texts that the mask names; the others are null."""
    return pl.select(pl.when(pl.lit(pl.Series(keep))).then(pl.lit(texts))).to_series()


def either(first: Mask, left: pl.Series, right: pl.Series) -> pl.Series:
    """Take the left column where the mask holds, else the right one."""
    return pl.select(
        pl.when(pl.lit(pl.Series(first))).then(pl.lit(left)).otherwise(pl.lit(right))
    ).to_series()
