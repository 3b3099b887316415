"""Columns: texts, numbers and words as arrays, a row an event; -1 codes and NaN numbers stand for missing."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import sparse

Ints = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Ragged:
    """Lists of different lengths, end to end: the list of event ``e`` is ``values[starts[e]:starts[e + 1]]``."""

    starts: npt.NDArray[np.int64]
    values: Ints


def ints(column: pl.Series) -> Ints:
    """Give whole numbers, -1 for missing."""
    return column.cast(pl.Int32).fill_null(-1).to_numpy()


def floats(column: pl.Series) -> Floats:
    """Give numbers, NaN for missing."""
    return column.cast(pl.Float32).fill_null(float("nan")).to_numpy()


def codes(column: pl.Series) -> Ints:
    """Number the distinct texts; equal numbers mean equal texts, nothing more."""
    return ints(column.cast(pl.Categorical).to_physical().cast(pl.Int64))


def shared_codes(first: pl.Series, *more: pl.Series) -> tuple[Ints, Ints, pl.Series]:
    """Number the texts of one or two columns together; the names stand at their number."""
    columns = [first, *more]
    names = pl.concat([column.rename("name") for column in columns]).drop_nulls().unique().sort()
    table = pl.DataFrame({"name": names, "code": pl.int_range(len(names), dtype=pl.Int32, eager=True)})
    numbered = [
        ints(
            column.rename("name").to_frame().join(table, on="name", how="left", maintain_order="left")["code"]
        )
        for column in columns
    ]
    return numbered[0], numbered[-1], names


def matrix(
    rows: pl.Series, columns: pl.Series, values: pl.Series | None, shape: tuple[int, int]
) -> sparse.csr_array:
    """Build a sparse matrix, equal places summed. values: ones if None."""
    filled = np.ones(len(rows), np.float32) if values is None else values.cast(pl.Float32).to_numpy()
    built = sparse.csr_array(
        (filled, (rows.cast(pl.Int32).to_numpy(), columns.cast(pl.Int32).to_numpy())), shape=shape
    )
    built.sum_duplicates()
    return built


def of_words(words: pl.DataFrame, shape: tuple[int, int], *, weighed: bool = False) -> sparse.csr_array:
    """Build the matrix (n, V) of words of titles. words: ``event``, ``token``, and if weighed ``bits``; ones if not."""
    return matrix(words["event"], words["token"], words["bits"] if weighed else None, shape)


def ragged(rows: pl.Series, values: pl.Series, n: int) -> Ragged:
    """rows: ascending event numbers."""
    starts = np.searchsorted(rows.to_numpy(), np.arange(n + 1)).astype(np.int64)
    return Ragged(starts, values.cast(pl.Int32).to_numpy())


def summed(words: pl.DataFrame, n: int) -> Floats:
    """Sum the bits of words an event: (n,)."""
    return np.bincount(words["event"].to_numpy(), weights=words["bits"].to_numpy(), minlength=n).astype(
        np.float32
    )


def as_float(value: object) -> float:
    """Read a number, 0 for anything else."""
    return float(value) if isinstance(value, int | float) else 0.0
