"""Grammar: write columns of text from templates, a template at a time and not a row at a time.

A template is text with ``{slots}``. A slot is filled from a given column of that name, else from the words of that name,
which may hold slots themselves. ``{noun}`` and ``{noun2}`` are two draws from the same words.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Final

import numpy as np
import polars as pl

from bench import chance
from bench.chance import Floats, Ints, Keys

WEIGHT: Final = re.compile(r" \*(\d+)$")
SLOT: Final = re.compile(r"\{(\w+)\}")

Given = Mapping[str, pl.Series]


@dataclass(frozen=True)
class Templates:
    """Alternatives with weights, parsed once. parts: literal text at even places, names of slots at odd ones."""

    texts: tuple[str, ...]
    weights: tuple[float, ...]
    parts: tuple[tuple[str, ...], ...]

    @cached_property
    def plain(self) -> pl.Series | None:
        """The alternatives as a column, if none has a slot."""
        return pl.Series(self.texts) if all(len(parts) == 1 for parts in self.parts) else None


def templates(lines: Sequence[str]) -> Templates:
    """Parse ``text *3`` lines: the number is the weight."""
    weights = [float(found[1]) if (found := WEIGHT.search(line)) else 1.0 for line in lines]
    texts = [WEIGHT.sub("", line) for line in lines]
    return Templates(tuple(texts), tuple(weights), tuple(tuple(SLOT.split(text)) for text in texts))


@dataclass(frozen=True)
class Bank:
    """Several lists of templates in one, so that each row may draw from another list.

    edges: (lists + 1,) where each list begins; total: (templates + 1,) cumulative weights, from 0.
    """

    lines: Templates
    edges: Ints
    total: Floats

    def chosen(self, keys: Keys, lists: Ints) -> Ints:
        """Draw a template by weight from the list that each row names; no list may be empty."""
        low, high = self.total[self.edges[lists]], self.total[self.edges[lists + 1]]
        point = low + (high - low) * chance.uniform(keys, "template")
        found = np.searchsorted(self.total, point, side="right") - 1
        return np.clip(found, self.edges[lists], self.edges[lists + 1] - 1)


def bank(lists: Sequence[Sequence[str]]) -> Bank:
    """Put lists of templates into one."""
    lines = templates([line for lines in lists for line in lines])
    edges = np.cumsum([0, *(len(lines) for lines in lists)])
    return Bank(lines, edges.astype(np.int64), np.cumsum([0.0, *lines.weights]))


class Grammar:
    """Words, parsed when first used."""

    def __init__(self, words: Mapping[str, Sequence[str]]) -> None:
        self._words = words
        self._parsed: dict[str, Templates] = {}

    def words(self, name: str) -> Templates:
        """Return the alternatives of a slot; a number at the end of its name does not count."""
        if name not in self._parsed:
            self._parsed[name] = templates(self._words[name.rstrip("0123456789")])
        return self._parsed[name]

    def written(self, name: str, keys: Keys, given: Given) -> pl.Series:
        """Draw a text of the words of a name for each key. given: columns of the keys' length."""
        return self._drawn(self.words(name), chance.derived(keys, name), given, np.arange(len(keys)))

    def drawn(self, lists: Bank, which: Ints, keys: Keys, given: Given) -> pl.Series:
        """Draw one template of the list that each row names, and fill it."""
        return self.filled(lists.lines, lists.chosen(keys, which), keys, given)

    def filled(self, lines: Templates, which: Ints, keys: Keys, given: Given) -> pl.Series:
        """Fill the template that each row names."""
        return self._filled(lines, which, keys, given, np.arange(len(keys)))

    def _drawn(self, lines: Templates, keys: Keys, given: Given, rows: Ints) -> pl.Series:
        which = chance.chosen(keys, "template", lines.weights)
        return self._filled(lines, which, keys, given, rows)

    def _filled(self, lines: Templates, which: Ints, keys: Keys, given: Given, rows: Ints) -> pl.Series:
        """rows: for each key, its row in the given columns."""
        if lines.plain is not None:
            return lines.plain.gather(which)

        def slot(name: str, part: Ints) -> pl.Series:
            if name in given:
                return given[name].gather(rows[part])
            return self._drawn(self.words(name), chance.derived(keys[part], name), given, rows[part])

        return by_template(which, lambda number, part: _joined(lines.parts[number], part, slot))


def by_template(which: Ints, write: Callable[[int, Ints], pl.Series]) -> pl.Series:
    """Write the rows of each number at once, and put them back in their order.

    which: (n,) a number a row. write: given a number and the rows that name it, returns their texts.
    """
    order = np.argsort(which, kind="stable")
    edges = np.flatnonzero(np.diff(which[order], prepend=-1, append=np.iinfo(np.int64).max))
    texts = [write(int(which[order[low]]), order[low:high]) for low, high in pairwise(edges)]
    back = np.empty(len(order), np.int64)
    back[order] = np.arange(len(order))
    return pl.concat(texts).gather(back) if texts else pl.Series(dtype=pl.String)


def _joined(parts: tuple[str, ...], rows: Ints, slot: Callable[[str, Ints], pl.Series]) -> pl.Series:
    columns = [
        pl.lit(part) if place % 2 == 0 else slot(part, rows).alias(f"{place}")
        for place, part in enumerate(parts)
        if place % 2 or part
    ]
    if not any(isinstance(column, pl.Series) for column in columns):
        return pl.Series([parts[0]]).gather(np.zeros(len(rows), np.int64))
    return pl.select(pl.concat_str(columns).alias("text")).to_series()
