"""Vetoes of titles: what two titles say that one event can't have both of.

A title that leaves unsaid what the other says is no contradiction.
"""

import re
from typing import Final

import numpy as np

from dedup_core.comparisons.pairs import Bits, Mask, Rows
from dedup_core.comparisons.titles import EXACT
from dedup_core.policy import Policy
from dedup_core.subjects import Subjects
from dedup_core.subjects.contrasts import NUMERALS
from dedup_core.vetoes.facts import Facts


def numerals_differ(facts: Facts, subjects: Subjects) -> Mask:
    """Find a second team or part against the first, or a third: `SV Lautental II`. Where no numeral is said and no number at all, the first is meant.

    `Sinfoniekonzert III` is the `3. Sinfoniekonzert`.
    """
    a, b = facts.pairs.a, facts.pairs.b
    numbers = subjects.has_number[a] & subjects.has_number[b]
    counted = (subjects.numeral[a] == subjects.edition[b]) | (subjects.numeral[b] == subjects.edition[a])
    differ: Mask = (subjects.numeral[a] != subjects.numeral[b]) & ~numbers & ~counted
    return differ


def levels_differ(facts: Facts, subjects: Subjects) -> Mask:
    """Find a course for beginners against one for the advanced, women's against men's, the second team against the first."""
    levels = (subjects.level[facts.pairs.a], subjects.level[facts.pairs.b])
    differ: Mask = ((np.minimum(*levels) > 0) & (levels[0] != levels[1])).any(axis=1)
    return differ


def named_besides(facts: Facts, subjects: Subjects, policy: Policy) -> Mask:
    """Find the pairs of which the title with the numeral goes on to name the part, as the other does: `Der Ring II – Die Walküre`."""
    words = (facts.wording.rest_a, facts.wording.rest_b)
    parts = (subjects.numeral[facts.pairs.a] > 0, subjects.numeral[facts.pairs.b] > 0)
    more = [rest >= 1.5 * policy.vetoes.rare_word for rest in words]
    named: Mask = ((parts[0] & more[0]) | (parts[1] & more[1])) & (np.minimum(*words) < EXACT)
    return named & (facts.wording.rarest >= policy.vetoes.rare_word)


def part_alone(facts: Facts, subjects: Subjects, asked: Mask) -> Mask:
    """Find the pairs of a mask of which the one title is what stands behind the numeral of the other, which counts what stands before: `Die Walküre`.

    A loop, over the few pairs of which one has a numeral.
    """
    rows = np.flatnonzero(asked)
    found = np.zeros(len(asked), np.bool_)
    sides = (subjects.texts["title"].gather(side[rows]).to_list() for side in (facts.pairs.a, facts.pairs.b))
    found[rows] = [
        _behind_numeral(one, other) or _behind_numeral(other, one) for one, other in zip(*sides, strict=True)
    ]
    return found


_COUNTED: Final = re.compile(rf"\b(?:{'|'.join(NUMERALS)})\b\W+(.+)$")


def _behind_numeral(one: str, other: str) -> bool:
    behind = _COUNTED.search(one)
    return behind is not None and other.strip().lower() in behind[1].lower()


def one_name_and_minute(facts: Facts, policy: Policy) -> Mask:
    """Find the pairs of one start and one title, with a rare word and more in it: one clown is in one house, and a source has the wrong one."""
    equal = np.maximum(facts.wording.rest_a, facts.wording.rest_b) < EXACT
    rare = facts.wording.rarest >= policy.vetoes.rare_word
    more = facts.wording.shared >= 2 * policy.vetoes.rare_word
    one: Mask = equal & rare & more & (facts.meeting.apart == 0)
    return one


def two_items(facts: Facts, subjects: Subjects, least: float) -> Mask:
    """Find the pairs whose titles share nothing but who invites, or the festival, and each say more than that: two items of one programme.

    least: bits that each must have beside it.
    """
    rests = np.minimum(facts.wording.rest_a, facts.wording.rest_b)
    rows = np.flatnonzero((facts.wording.shared > 0) & (rests >= least))
    items = np.zeros(len(facts.pairs), np.bool_)
    both = subjects.hosts[facts.pairs.a[rows]].multiply(subjects.hosts[facts.pairs.b[rows]] > 0)
    items[rows] = np.asarray(both.sum(axis=1)).ravel() >= facts.wording.shared[rows] - EXACT
    return items


def item_of(facts: Facts, subjects: Subjects, least: float) -> Mask:
    """Find the pairs of which one names nothing but what the other belongs to, as that says itself: `Lange Nacht der Museen: Kinderwerkstatt`.

    least: bits that the item must have beside it.
    """
    rests = (facts.wording.rest_a, facts.wording.rest_b)
    asked = (np.minimum(*rests) < EXACT) & (np.maximum(*rests) >= least)
    return frame_only(facts, subjects, asked)


def frame_only(facts: Facts, subjects: Subjects, asked: Mask) -> Mask:
    """Find the pairs of a mask that share nothing but what frames one of the titles, or the one or the other: the support of an evening has evenings of its own."""
    rows = np.flatnonzero(asked & (facts.wording.shared > 0))
    only = np.zeros(len(asked), np.bool_)
    only[rows] = sum(_framed(rows, facts, subjects)) >= facts.wording.shared[rows] - EXACT
    return only


def turned_around(facts: Facts, subjects: Subjects, asked: Mask) -> Mask:
    """Find the pairs of a mask of which each has as its frame what the other is about: two bands that play before each other, in two houses."""
    rows = np.flatnonzero(frame_only(facts, subjects, asked))
    turned = np.zeros(len(asked), np.bool_)
    turned[rows] = np.minimum(*_framed(rows, facts, subjects)) > 0
    return turned


def _framed(rows: Rows, facts: Facts, subjects: Subjects) -> tuple[Bits, Bits]:
    """Sum the bits of what the one title has as its frame and the other says, and the reverse: (r,) each."""
    a, b = facts.pairs.a[rows], facts.pairs.b[rows]
    framed_a, framed_b = (
        np.asarray(subjects.hosts[one].multiply(subjects.has_word[other]).sum(axis=1), np.float32).ravel()
        for one, other in ((a, b), (b, a))
    )
    return framed_a, framed_b
