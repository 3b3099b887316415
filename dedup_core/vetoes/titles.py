"""Vetoes of titles: what two titles say that one event can't have both of.

A title that leaves unsaid what the other says is no contradiction.
"""

import numpy as np

from dedup_core.comparisons.pairs import Mask
from dedup_core.comparisons.titles import EXACT
from dedup_core.subjects import Subjects
from dedup_core.vetoes.facts import ONE_VENUE, Facts


def numerals_differ(facts: Facts, subjects: Subjects) -> Mask:
    """Find a second team or part against the first, or a third, `SV Lautental II`, a course for beginners against one for the advanced, women's against men's.

    Where no numeral is said and no number at all, the first is meant.
    """
    a, b = facts.pairs.a, facts.pairs.b
    numeral = (subjects.numeral[a] > 0) | (subjects.numeral[b] > 0)
    digits = subjects.has_number[a] | subjects.has_number[b]
    differ: Mask = numeral & (subjects.numeral[a] != subjects.numeral[b]) & ~digits
    levels = (subjects.level[a], subjects.level[b])
    differ |= ((np.minimum(*levels) > 0) & (levels[0] != levels[1])).any(axis=1)
    return differ


def hosts_differ(facts: Facts, subjects: Subjects) -> Mask:
    """Find the pairs whose titles name other clubs or bands, but for those at one venue: one invites, the other plays."""
    a, b = facts.pairs.a, facts.pairs.b
    named = np.diff(subjects.bands.indptr) > 0
    differ: Mask = named[a] & named[b] & ~(facts.names.venues >= ONE_VENUE)
    rows = np.flatnonzero(differ)
    shared = subjects.bands[a[rows]].multiply(subjects.bands[b[rows]])
    differ[rows] = np.asarray(shared.sum(axis=1)).ravel() == 0
    return differ


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


def frame_only(facts: Facts, subjects: Subjects, asked: Mask) -> Mask:
    """Find the pairs of a mask that share nothing but what frames one of the titles: the support of an evening has evenings of its own."""
    rows = np.flatnonzero(asked & (facts.wording.shared > 0))
    framed = np.zeros(len(asked), np.bool_)
    for one, other in (
        (facts.pairs.a[rows], facts.pairs.b[rows]),
        (facts.pairs.b[rows], facts.pairs.a[rows]),
    ):
        said = subjects.hosts[one].multiply(subjects.has_word[other])
        framed[rows] |= np.asarray(said.sum(axis=1)).ravel() >= facts.wording.shared[rows] - EXACT
    return framed
