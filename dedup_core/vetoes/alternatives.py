"""Alternatives: things of one kind of which an event is about one: `Realschule`, `Grundschule`.

A row that the lexicon lacks leaves the pair to a person, as before; a row that holds what one event may have several of parts it.
"""

from collections.abc import Iterable, Mapping
from functools import cache

import numpy as np
import polars as pl

from dedup_core import lexicon
from dedup_core.comparisons.pairs import Mask
from dedup_core.normalising import words_of
from dedup_core.policy import Policy
from dedup_core.subjects import Subjects
from dedup_core.vetoes.facts import Facts


def alternatives_differ(facts: Facts, subjects: Subjects, policy: Policy, asked: Mask) -> Mask:
    """Find the pairs of a mask whose titles name two things of a row, and none of it in common; those that are no match or question are not read."""
    rows = np.flatnonzero(asked & (facts.weight >= policy.thresholds.ambiguous))
    found = np.zeros(len(asked), np.bool_)
    sides = (_things(subjects.titles.gather(side[rows])) for side in (facts.pairs.a, facts.pairs.b))
    found[rows] = [_exclude(one, other) for one, other in zip(*sides, strict=True)]
    return found


Things = Mapping[int, set[int]]


def _things(titles: pl.Series) -> list[Things]:
    """Tell what titles, as words, name: row -> things of it."""
    padded = pl.concat_str(pl.lit(" "), pl.col("title"), pl.lit(" "))
    said = pl.DataFrame({"title": titles}).select(
        padded.str.extract_many(list(_phrases()), overlapping=True).alias("said")
    )
    return [_by_row(phrases) for phrases in said["said"].to_list()]


def _by_row(phrases: Iterable[str]) -> Things:
    things: dict[int, set[int]] = {}
    for phrase in phrases:
        for row, thing in _phrases()[phrase]:
            things.setdefault(row, set()).add(thing)
    return things


def _exclude(one: Things, other: Things) -> bool:
    return any(one[row].isdisjoint(other[row]) for row in one.keys() & other.keys())


@cache
def _phrases() -> Mapping[str, tuple[tuple[int, int], ...]]:
    """Give the lexicon's words as titles have them, between blanks."""
    listed = list(lexicon.alternatives().items())
    texts = pl.Series([word for word, _ in listed], dtype=pl.String)
    split = words_of(texts, pl.repeat(None, len(texts), dtype=pl.Int32, eager=True))["title_tokens"]
    found: dict[str, tuple[tuple[int, int], ...]] = {}
    for words, (_, places) in zip(split, listed, strict=True):
        phrase = f" {words} "
        found[phrase] = (*found.get(phrase, ()), *places)
    return found
