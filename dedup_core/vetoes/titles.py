"""Vetoes of titles: what two titles say that one event can't have both of.

A title that leaves unsaid what the other says is no contradiction.
"""

import numpy as np

from dedup_core.comparisons.pairs import Mask
from dedup_core.comparisons.titles import EXACT
from dedup_core.policy import Policy
from dedup_core.subjects import Subjects
from dedup_core.vetoes.facts import Facts


def numerals_differ(facts: Facts, subjects: Subjects) -> Mask:
    """Find a second team or part against the first, or a third: `SV Lautental II`. Where no numeral is said and no number at all, the first is meant."""
    a, b = facts.pairs.a, facts.pairs.b
    numbers = subjects.has_number[a] & subjects.has_number[b]
    differ: Mask = (subjects.numeral[a] != subjects.numeral[b]) & ~numbers
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
    framed = np.zeros(len(asked), np.float32)
    for one, other in (
        (facts.pairs.a[rows], facts.pairs.b[rows]),
        (facts.pairs.b[rows], facts.pairs.a[rows]),
    ):
        said = subjects.hosts[one].multiply(subjects.has_word[other])
        framed[rows] += np.asarray(said.sum(axis=1)).ravel()
    only = np.zeros(len(asked), np.bool_)
    only[rows] = framed[rows] >= facts.wording.shared[rows] - EXACT
    return only
