"""Alternatives: things of one kind of which an event is about one: `Realschule`, `Grundschule`; the meetings of two clubs.

A row that the lexicon lacks leaves the pair to a person; a row that holds what one event may have several of parts it.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
import polars as pl

from dedup_core import lexicon
from dedup_core.comparisons.pairs import Mask, Rows
from dedup_core.comparisons.titles import EXACT
from dedup_core.phrases import Named, as_in_titles, named_in, split
from dedup_core.policy import Policy
from dedup_core.subjects import Subjects
from dedup_core.vetoes.facts import Facts


def alternatives_differ(facts: Facts, subjects: Subjects, policy: Policy, asked: Mask) -> Mask:
    """Find the pairs of a mask whose titles name two things of a row, and none of it in common; what is neither match nor question is not read."""
    perhaps = asked & (facts.weight >= policy.thresholds.ambiguous)
    return _excluding(perhaps, facts, lambda rows: named_in(subjects.titles.gather(rows), _alternatives()))


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
    # Who invites is cut out of the titles' words.
    return _excluding(own, facts, lambda said: named_in(split(titles.gather(said).to_list()), _clubs()))


def _is_affair(titles: pl.Series) -> Mask:
    found: Mask = titles.str.to_lowercase().str.contains("|".join(lexicon.affairs().patterns)).to_numpy()
    return found


def _excluding(asked: Mask, facts: Facts, read: Callable[[Rows], list[Named]]) -> Mask:
    """Tell which pairs of a mask name two things of a row, and none in common. A loop, over the few asked."""
    rows = np.flatnonzero(asked)
    found = np.zeros(len(asked), np.bool_)
    if len(rows):
        both = zip(read(facts.pairs.a[rows]), read(facts.pairs.b[rows]), strict=True)
        found[rows] = [_exclude(one, other) for one, other in both]
    return found


def _exclude(one: Named, other: Named) -> bool:
    return any(one[row].isdisjoint(other[row]) for row in one.keys() & other.keys())


@cache
def _alternatives() -> lexicon.Things:
    return as_in_titles(lexicon.alternatives())


@cache
def _clubs() -> lexicon.Things:
    return as_in_titles(lexicon.clubs())
