"""Alternatives: things of one kind of which an event is about one: `Realschule`, `Grundschule`; the meetings of two clubs.

A row that the lexicon lacks leaves the pair to a person; a row that holds what one event may have several of parts it.
"""

import re
from collections.abc import Callable
from functools import cache
from typing import Final

import numpy as np
import polars as pl

from dedup_core import lexicon
from dedup_core.comparisons.pairs import Mask, Rows
from dedup_core.comparisons.titles import EXACT
from dedup_core.phrases import Named, as_in_titles, named_in, split
from dedup_core.policy import Policy
from dedup_core.subjects import Subjects
from dedup_core.subjects.contrasts import BANDS
from dedup_core.vetoes.facts import Facts


def alternatives_differ(facts: Facts, subjects: Subjects, policy: Policy, asked: Mask) -> Mask:
    """Find the pairs of a mask whose titles name two things of a row, and none of it in common; what is neither match nor question is not read."""
    rows = np.flatnonzero(asked & (facts.weight >= policy.thresholds.ambiguous))
    found = np.zeros(len(asked), np.bool_)
    written = [_lowered(side[rows], subjects) for side in (facts.pairs.a, facts.pairs.b)]
    said = lexicon.rules().titles
    several = [side.str.contains(said.several.pattern).to_numpy() for side in written]
    taught = [side.str.contains(said.taught.pattern).to_numpy() for side in written]
    found[rows] = ~several[0] & ~several[1]
    told = np.zeros(len(asked), np.bool_)
    told[rows] = taught[0] | taught[1]
    return _excluding(
        found, facts, lambda said: named_in(subjects.titles.gather(said), _alternatives()), told
    )


def _lowered(rows: Rows, subjects: Subjects) -> pl.Series:
    return subjects.texts["title"].gather(rows).str.to_lowercase()


def clubs_meet(facts: Facts, subjects: Subjects, policy: Policy) -> Mask:
    """Find the pairs of what each club does by itself, as a general meeting, that name two clubs: in one inn, at one hour, they are two."""
    perhaps = facts.weight >= policy.thresholds.ambiguous
    perhaps &= np.maximum(facts.wording.rest_a, facts.wording.rest_b) >= EXACT
    titles = subjects.texts["title"]
    rows = np.flatnonzero(perhaps)
    for side in (facts.pairs.a, facts.pairs.b):
        rows = rows[_is_affair(titles.gather(side[rows]))]
    own = np.zeros(len(perhaps), np.bool_)
    own[rows] = True
    return _excluding(own, facts, lambda said: named_in(_hosts_split(said, subjects), _clubs()))


def two_clubs(facts: Facts, subjects: Subjects, asked: Mask) -> Mask:
    """Find the pairs of a mask whose titles name two clubs of the lexicon, that can't be one."""
    return _excluding(asked, facts, lambda rows: named_in(_hosts_split(rows, subjects), _clubs()))


def _hosts_split(rows: Rows, subjects: Subjects) -> pl.Series:
    """Split titles as written, as who invites is cut out of their words, but for what says where they meet, and with whom."""
    where = rf"(?i)(?:{lexicon.rules().titles.where.pattern}).*$"
    titles = subjects.texts["title"].gather(rows).str.replace(where, "")
    return split([f"{title} {_halves(title)}" for title in titles.to_list()])


LISTED: Final = re.compile(
    rf"((?:\w+-(?:, ?| ?[/&] ?| (?:und|u\.) ))+)\w*?({BANDS}|club|gesellschaft|gilde|bund)(?=(?:e?s)?\b)",
    re.IGNORECASE,
)
"""Clubs of which only the last is written out: `Bürger- und Heimatverein`."""


def _halves(title: str) -> str:
    """Write out the clubs that a title only begins."""
    return " ".join(
        f"{first}{end}" for firsts, end in LISTED.findall(title) for first in re.findall(r"(\w+)-", firsts)
    )


def _is_affair(titles: pl.Series) -> Mask:
    found: Mask = titles.str.to_lowercase().str.contains(lexicon.affairs().pattern).to_numpy()
    return found


def _excluding(
    asked: Mask, facts: Facts, read: Callable[[Rows], list[Named]], taught: Mask | None = None
) -> Mask:
    """Tell which pairs of a mask name two things of a row, and none in common. A loop, over the few asked.

    taught: (p,) whether rows of what is taught speak, too; null: no row is such.
    """
    rows = np.flatnonzero(asked)
    found = np.zeros(len(asked), np.bool_)
    if len(rows):
        silent = [frozenset() if taught is None or taught[row] else lexicon.taught_rows() for row in rows]
        named = read(np.concatenate([facts.pairs.a[rows], facts.pairs.b[rows]]))
        both = zip(named[: len(rows)], named[len(rows) :], silent, strict=True)
        found[rows] = [_exclude(*each) for each in both]
    return found


def _exclude(one: Named, other: Named, silent: frozenset[int]) -> bool:
    return any(one[row].isdisjoint(other[row]) for row in (one.keys() & other.keys()) - silent)


@cache
def _alternatives() -> lexicon.Things:
    return as_in_titles(lexicon.alternatives())


@cache
def _clubs() -> lexicon.Things:
    return as_in_titles(lexicon.clubs())
