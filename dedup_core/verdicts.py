"""Verdicts: what people said of pairs and listings, as row numbers, and which of it holds.

A verdict beats any score, in every run, until it is taken back. Two verdicts may contradict, also by way of a third (A is B, B is C,
A is not C): then the newer one holds, and the older one is reported, never silently dropped. `dedup_core.contradicting` finds that out
before a verdict is saved.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from dedup_core.events import IDENTITY

PAIRS: Final = ("must_link", "cannot_link")
"""The kinds of verdict that speak of two listings."""

MARK_SCHEMA: Final = pl.Schema(
    {
        "kind": pl.String(),
        "row": pl.UInt32(),
        "field": pl.String(),
        "value": pl.String(),
        "author": pl.String(),
        "sequence": pl.Int64(),
    }
)
"""A verdict on one listing: ``not_an_event``, ``is_event``, or ``pin`` with its field and value."""

RowPairs = npt.NDArray[np.uint32]
"""(m, 2) row numbers of source events."""


@dataclass(frozen=True, slots=True)
class IndexedVerdicts:
    """Verdicts as row numbers.

    known: ``kind``, ``a``, ``b`` (UInt32), ``sequence``. unknown: how many speak of source events that are not there (yet).
    marks: MARK_SCHEMA, sorted.
    """

    known: pl.DataFrame
    unknown: int
    marks: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=MARK_SCHEMA))

    @property
    def no_events(self) -> pl.Series:
        """The rows of listings that somebody called no event, each once."""
        return self._called("not_an_event")

    @property
    def real(self) -> pl.Series:
        """The rows of listings that somebody called an event, whatever they look like, each once."""
        return self._called("is_event")

    def _called(self, word: str) -> pl.Series:
        """Find the rows of which this was said last of all that was said of whether they are events."""
        last = self.marks.filter(pl.col("kind") != "pin").sort("row", "sequence").unique("row", keep="last")
        return last.filter(pl.col("kind") == word)["row"].sort()

    @property
    def pins(self) -> pl.DataFrame:
        """The pins: MARK_SCHEMA."""
        return self.marks.filter(pl.col("kind") == "pin")


@dataclass(frozen=True, slots=True)
class Accord:
    """Verdicts that can all be kept at once, and the older ones that contradict them: ``a``, ``b`` (UInt32)."""

    must: RowPairs
    cannot: RowPairs
    contradicted: pl.DataFrame


def index_verdicts(verdicts: pl.DataFrame, events: pl.DataFrame) -> IndexedVerdicts:
    """Find the rows that verdicts speak of. verdicts: VERDICT_SCHEMA; events: sorted by identity."""
    rows = events.select(*IDENTITY).with_row_index("row")
    on_pairs = pl.col("kind").is_in(PAIRS)
    found = _with_rows(_with_rows(verdicts.filter(on_pairs), rows, "a"), rows, "b")
    known = found.select("kind", "a", "b", "sequence").sort("sequence", "kind", "a", "b")
    marks = _with_rows(verdicts.filter(~on_pairs), rows, "a").rename({"a": "row"})
    unknown = verdicts.height - known.height - marks.height
    return IndexedVerdicts(known, unknown, marks.select(*MARK_SCHEMA).sort("sequence", "kind", "row"))


def _with_rows(verdicts: pl.DataFrame, rows: pl.DataFrame, side: str) -> pl.DataFrame:
    """Add the row number of a side's listing as a column of the side's name; what is not there is left out."""
    keys = rows.rename({"row": side, "source_code": f"{side}_source_code", "id": f"{side}_id"})
    return verdicts.join(keys, on=[f"{side}_source_code", f"{side}_id"], how="inner")


def accord_of(verdicts: IndexedVerdicts) -> Accord:
    """Take verdicts newest first, each unless it contradicts those already taken.

    A loop over verdicts: each may depend on all before it, and people give thousands, not millions. Of equally new ones
    must-links go first, then the higher row numbers, so that the order of rows does not matter.
    """
    camps = _Camps()
    taken: dict[str, list[tuple[int, int]]] = {"must_link": [], "cannot_link": []}
    contradicted: list[tuple[int, int]] = []
    newest_first = verdicts.known.select(
        "kind", "sequence", low=pl.min_horizontal("a", "b"), high=pl.max_horizontal("a", "b")
    ).sort("sequence", "kind", "low", "high", descending=True)
    for kind, _, a, b in newest_first.iter_rows():
        holds = camps.unite(a, b) if kind == "must_link" else camps.part(a, b)
        (taken[kind] if holds else contradicted).append((a, b))
    return Accord(
        row_pairs(taken["must_link"]),
        row_pairs(taken["cannot_link"]),
        pl.DataFrame(contradicted, schema={"a": pl.UInt32, "b": pl.UInt32}, orient="row"),
    )


def row_pairs(pairs: list[tuple[int, int]]) -> RowPairs:
    """Lay pairs out as rows, also if there are none."""
    return np.asarray(pairs, dtype=np.uint32).reshape(-1, 2)


class _Camps:
    """Union-find in which camps can be foes: whoever joins a camp shares its foes."""

    def __init__(self) -> None:
        self._leader: dict[int, int] = {}
        self._foes: dict[int, set[int]] = {}

    def unite(self, a: int, b: int) -> bool:
        """Make two camps one, unless they are foes."""
        keep, gone = self._leader_of(a), self._leader_of(b)
        if gone in self._foes.get(keep, ()):
            return False
        if keep == gone:
            return True
        if len(self._foes.get(keep, ())) < len(self._foes.get(gone, ())):
            keep, gone = gone, keep
        self._leader[gone] = keep
        for foe in self._foes.pop(gone, set()):
            self._foes[foe].discard(gone)
            self._oppose(keep, foe)
        return True

    def part(self, a: int, b: int) -> bool:
        """Make two camps foes, unless they are one."""
        left, right = self._leader_of(a), self._leader_of(b)
        if left == right:
            return False
        self._oppose(left, right)
        return True

    def _oppose(self, a: int, b: int) -> None:
        self._foes.setdefault(a, set()).add(b)
        self._foes.setdefault(b, set()).add(a)

    def _leader_of(self, row: int) -> int:
        """Follow to the leader, halving the path for the next one who asks."""
        leader = self._leader
        while (above := leader.get(row, row)) != row:
            leader[row] = leader.get(above, above)
            row = leader[row]
        return row
