"""Labels: what people say is true of listings, as clusters or as pairs.

Whoever labels may err, and a label that names nothing, or two labels that contradict, would pass for the matcher's fault. So
labels are read strictly: what can't be so is refused with file, line and field. What is not labelled is not judged.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import polars as pl

from dedup_core.errors import WrongLabels
from dedup_core.evaluating import BCubed, Labels, Pairwise, bcubed, pairwise
from dedup_core.events import IDENTITY

CLUSTER_COLUMNS: Final = (*IDENTITY, "cluster")
PAIR_COLUMNS: Final = ("a_source_code", "a_id", "b_source_code", "b_id", "label")
WORDS: Final = {"same": True, "different": False}
TOLD: Final = 20
"""Mistakes that are told at once; a file of the wrong data has one in each line."""

NOBODY: Final = -1
"""Cluster of a source event that nobody labelled."""


@dataclass(frozen=True, slots=True)
class TrueClusters:
    """Which source events are one real event. cluster: (n,) a number a true cluster, NOBODY where none is known."""

    cluster: Labels

    @property
    def size(self) -> int:
        """Source events that are labelled."""
        return int((self.cluster != NOBODY).sum())

    def same(self, pairs: pl.DataFrame) -> pl.Series:
        """Tell of each pair ``a``, ``b`` whether it is one event: null if either side is not labelled."""
        a, b = (self.cluster[pairs[side].to_numpy()] for side in ("a", "b"))
        known = pl.Series((a != NOBODY) & (b != NOBODY), dtype=pl.Boolean)
        return pl.select(pl.when(known).then(pl.Series(a == b, dtype=pl.Boolean)).alias("same")).to_series()

    def counts(self, labels: Labels) -> Pairwise:
        """Count the labelled pairs on which a partition (n,) is right and wrong."""
        rows = self.cluster != NOBODY
        return pairwise(labels[rows], self.cluster[rows])

    def bcubed(self, labels: Labels) -> BCubed | None:
        """Judge each labelled source event by its labelled companions."""
        rows = self.cluster != NOBODY
        return bcubed(labels[rows], self.cluster[rows])

    def met(self, pairs: pl.DataFrame) -> tuple[int, int]:
        """Count the pairs that are one event and stand among ``a``, ``b``, and all that are one event."""
        rows = self.cluster[self.cluster != NOBODY]
        sizes = np.unique(rows, return_counts=True)[1]
        return int(self.same(pairs).sum() or 0), int((sizes * (sizes - 1) // 2).sum())

    def mistakes(self, labels: Labels) -> pl.DataFrame:
        """List the pairs that a partition (n,) joins falsely or misses: ``a`` < ``b``, ``same`` (what is true), sorted."""
        rows = np.flatnonzero(self.cluster != NOBODY).astype(np.uint32)
        known = pl.DataFrame({"row": rows, "found": labels[rows], "true": self.cluster[rows]})
        return pl.concat(
            [_pairs_parted(known, within="found", by="true"), _pairs_parted(known, within="true", by="found")]
        ).sort("a", "b")


def _pairs_parted(known: pl.DataFrame, *, within: str, by: str) -> pl.DataFrame:
    """Pair the rows that one partition joins and the other parts."""
    return (
        known.join(known, on=within, suffix="_b")
        .filter((pl.col("row") < pl.col("row_b")) & (pl.col(by) != pl.col(f"{by}_b")))
        .select(a="row", b="row_b", same=pl.lit(within == "true"))
    )


@dataclass(frozen=True, slots=True)
class LabelledPairs:
    """Which pairs are one real event. pairs: ``a`` < ``b`` (UInt32), ``same`` (Boolean), each pair once."""

    pairs: pl.DataFrame

    @property
    def size(self) -> int:
        """Source events that are labelled."""
        return pl.concat([self.pairs["a"], self.pairs["b"]]).n_unique()

    def same(self, pairs: pl.DataFrame) -> pl.Series:
        """Tell of each pair ``a``, ``b`` whether it is one event: null if nobody said."""
        return pairs.select("a", "b").join(self.pairs, on=["a", "b"], how="left", maintain_order="left")[
            "same"
        ]

    def counts(self, labels: Labels) -> Pairwise:
        """Count the labelled pairs on which a partition (n,) is right and wrong."""
        joined, same = pl.Series(self._joined(labels)), self.pairs["same"]
        true, false, missed = (int(part.sum()) for part in (joined & same, joined & ~same, ~joined & same))
        return Pairwise(true=true, false=false, missed=missed)

    def bcubed(self, labels: Labels) -> BCubed | None:
        """Say nothing: pairs don't tell whole clusters."""
        return None

    def met(self, pairs: pl.DataFrame) -> tuple[int, int]:
        """Count the pairs that are one event and stand among ``a``, ``b``, and all that are one event."""
        return int(self.same(pairs).sum() or 0), int(self.pairs["same"].sum())

    def mistakes(self, labels: Labels) -> pl.DataFrame:
        """List the labelled pairs that a partition (n,) joins falsely or misses: ``a`` < ``b``, ``same``, sorted."""
        return self.pairs.filter(pl.Series(self._joined(labels)) != self.pairs["same"]).sort("a", "b")

    def _joined(self, labels: Labels) -> "np.typing.NDArray[np.bool_]":
        joined: np.typing.NDArray[np.bool_] = (
            labels[self.pairs["a"].to_numpy()] == labels[self.pairs["b"].to_numpy()]
        )
        return joined


Truth: TypeAlias = TrueClusters | LabelledPairs


def clusters_of(events: pl.DataFrame, known: pl.DataFrame) -> TrueClusters:
    """Number true clusters. events: sorted by identity; known: IDENTITY and ``cluster``, each listing once."""
    table = events.select(IDENTITY).join(known, on=IDENTITY, how="left", maintain_order="left")
    number = table["cluster"].rank("dense").cast(pl.Int64).fill_null(NOBODY)
    return TrueClusters(number.to_numpy())


def read_labels(
    content: bytes, events: pl.DataFrame, *, name: str, refused: pl.DataFrame
) -> tuple[Truth, int]:
    """Read labels from CSV: ``source_code,id,cluster`` a listing, or ``a_source_code,a_id,b_source_code,b_id,label`` a pair.

    A pair's label is ``same`` or ``different``. events: sorted by identity; what they don't hold can't be labelled.
    refused: IDENTITY of the listings that were refused as bad: lines that name one are left out and counted.

    Returns:
        The truth, and how many lines were left out.

    Raises:
        WrongLabels: a mistake; the message has a line ``file:line: field: what`` for each, TOLD at most.
    """
    table = _table(content, name)
    rows = events.select(IDENTITY).with_row_index("row")
    refused = refused.join(rows, on=IDENTITY, how="anti")
    if set(CLUSTER_COLUMNS) <= set(table.columns):
        usable = _usable(table.select("line", *CLUSTER_COLUMNS), refused, [list(IDENTITY)])
        mistakes, read = _clusters(usable, rows)
    elif set(PAIR_COLUMNS) <= set(table.columns):
        sides = [[f"{side}_{part}" for part in IDENTITY] for side in ("a", "b")]
        usable = _usable(table.select("line", *PAIR_COLUMNS), refused, sides)
        mistakes, read = _pairs(usable, rows)
    else:
        raise WrongLabels(
            f"{name}:1: the columns must be {','.join(CLUSTER_COLUMNS)} or {','.join(PAIR_COLUMNS)}"
        )
    _refuse(mistakes, name)
    truth = clusters_of(events, read) if "cluster" in read.columns else LabelledPairs(read)
    return truth, table.height - usable.height


def _usable(table: pl.DataFrame, refused: pl.DataFrame, named: list[list[str]]) -> pl.DataFrame:
    for columns in named:
        table = table.join(
            refused, left_on=columns, right_on=list(IDENTITY), how="anti", maintain_order="left"
        )
    return table


def _table(content: bytes, name: str) -> pl.DataFrame:
    """Read CSV as text, with the ``line`` on which each row stands. No field of these files holds a line break."""
    try:
        table = pl.read_csv(content, infer_schema=False, encoding="utf8")
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        raise WrongLabels(f"{name}: not CSV in UTF-8: {str(error).splitlines()[0]}") from error
    return table.rename(lambda column: column.strip().removeprefix("\ufeff")).with_row_index("line", offset=2)


Mistakes: TypeAlias = list[pl.DataFrame]
"""Frames of ``line``, ``field``, ``what``."""


def _refuse(mistakes: Mistakes, name: str) -> None:
    found = pl.concat(mistakes).sort("line", "field")
    if found.is_empty():
        return
    lines = [f"{name}:{line}: {field}: {what}" for line, field, what in found.head(TOLD).iter_rows()]
    if found.height > TOLD:
        lines.append(f"{name}: … and {found.height - TOLD} more")
    raise WrongLabels("\n".join(lines))


def _clusters(table: pl.DataFrame, rows: pl.DataFrame) -> tuple[Mistakes, pl.DataFrame]:
    other = table.group_by(IDENTITY).agg(
        first=pl.col("line").min(), named=pl.col("cluster").sort_by("line").first()
    )
    again = table.join(other, on=IDENTITY).filter(pl.col("line") > pl.col("first"))
    listing = pl.concat_str(*IDENTITY, separator=":")
    two = pl.format("{} is in {} already, by line {}", listing, "named", "first")
    mistakes = [
        *_empty(table, CLUSTER_COLUMNS),
        *_unknown(table, rows, dict(zip(IDENTITY, IDENTITY, strict=True))),
        again.select("line", field=pl.lit("cluster"), what=two),
    ]
    return mistakes, table.drop("line")


def _empty(table: pl.DataFrame, columns: tuple[str, ...]) -> Iterator[pl.DataFrame]:
    for column in columns:
        empty = table.filter(pl.col(column).is_null() | (pl.col(column).str.strip_chars() == ""))
        yield empty.select("line", field=pl.lit(column), what=pl.lit("is empty"))


def _unknown(table: pl.DataFrame, rows: pl.DataFrame, named: dict[str, str]) -> Iterator[pl.DataFrame]:
    """Find the lines that name a listing which is not there. named: column of the table -> column of IDENTITY."""
    absent = table.drop_nulls(list(named)).join(
        rows, left_on=list(named), right_on=list(named.values()), how="anti"
    )
    what = pl.format("there is no listing {}:{} in the data", *named)
    yield absent.select("line", field=pl.lit(list(named)[-1]), what=what)


def _pairs(table: pl.DataFrame, rows: pl.DataFrame) -> tuple[Mistakes, pl.DataFrame]:
    sides = {side: {f"{side}_{name}": name for name in IDENTITY} for side in ("a", "b")}
    read = table.with_columns(same=pl.col("label").str.strip_chars().replace_strict(WORDS, default=None))
    for side, named in sides.items():
        found = rows.rename({"row": side, **{name: column for column, name in named.items()}})
        read = read.join(found, on=list(named), how="left", maintain_order="left")
    bad = read.filter(pl.col("same").is_null() & pl.col("label").is_not_null())
    whole = read.drop_nulls(["a", "b"]).with_columns(
        a=pl.min_horizontal("a", "b"), b=pl.max_horizontal("a", "b")
    )
    mistakes = [
        *_empty(table, PAIR_COLUMNS),
        *(frame for named in sides.values() for frame in _unknown(table, rows, named)),
        bad.select(
            "line", field=pl.lit("label"), what=pl.format("{} is neither same nor different", "label")
        ),
        whole.filter(pl.col("a") == pl.col("b")).select(
            "line", field=pl.lit("b_id"), what=pl.lit("is the same listing as a")
        ),
        _said_twice(whole),
    ]
    return mistakes, whole.select("a", "b", "same")


def _said_twice(read: pl.DataFrame) -> pl.DataFrame:
    other = read.group_by("a", "b").agg(
        first=pl.col("line").min(), said=pl.col("label").sort_by("line").first()
    )
    again = read.join(other, on=["a", "b"]).filter(pl.col("line") > pl.col("first"))
    what = pl.format("the pair is labelled {} already, by line {}", "said", "first")
    return again.select("line", field=pl.lit("label"), what=what)
