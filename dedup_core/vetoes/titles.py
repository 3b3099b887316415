"""Vetoes of titles: what two titles say that one event can't have both of.

A title that leaves unsaid what the other says is no contradiction.
"""

import re
from typing import Final

import numpy as np
from rapidfuzz import fuzz

from dedup_core.comparisons.names import ONE_VENUE
from dedup_core.comparisons.pairs import Mask
from dedup_core.comparisons.titles import EXACT
from dedup_core.compounds import stem
from dedup_core.folding import fold_all
from dedup_core.policy import Policy
from dedup_core.subjects import Subjects
from dedup_core.subjects.common_words import common_words
from dedup_core.subjects.contrasts import BANDS
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


def hosts_differ(facts: Facts, subjects: Subjects) -> Mask:
    """Find the pairs whose titles name other clubs or bands, but for those at one venue: one invites, the other plays."""
    a, b = facts.pairs.a, facts.pairs.b
    named = np.diff(subjects.bands.indptr) > 0
    differ: Mask = named[a] & named[b] & ~(facts.names.venues >= ONE_VENUE)
    rows = np.flatnonzero(differ)
    shared = subjects.bands[a[rows]].multiply(subjects.bands[b[rows]])
    differ[rows] = np.asarray(shared.sum(axis=1)).ravel() == 0
    return differ


def one_name_and_minute(facts: Facts, policy: Policy) -> Mask:
    """Find the pairs of one start and one title, with more in it than one rare word: one clown is in one house, and a source has the wrong one."""
    equal = np.maximum(facts.wording.rest_a, facts.wording.rest_b) < EXACT
    one: Mask = equal & (facts.wording.shared >= 2 * policy.vetoes.rare_word) & (facts.meeting.apart == 0)
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


ALIKE: Final = 70.0
"""Similarity of letters, of 100, from which two names are one, misspelt or inflected."""


_ENDS: Final = "|".join(f"[{end[0].upper()}{end[0]}]{end[1:]}" for end in BANDS.split("|"))

CLUB: Final = re.compile(rf"([^ :,()]*(?:{_ENDS})) (?:e\. ?V\. )?([A-ZÄÖÜ][a-zäöüß]{{2,}})")
"""A club and its name, as titles write them that are not all in capitals."""


def clubs_differ(facts: Facts, subjects: Subjects, policy: Policy) -> Mask:
    """Find the matches whose titles name two clubs of one kind, wherever they are: `Musikverein Au`, `Musikverein Ried`; the one may invite, and the other play.

    A loop, over the few pairs of two such names.
    """
    named = np.diff(subjects.bands.indptr) > 0
    differ: Mask = named[facts.pairs.a] & named[facts.pairs.b] & (facts.weight >= policy.thresholds.match)
    differ &= np.maximum(facts.wording.rest_a, facts.wording.rest_b) >= policy.vetoes.rest
    rows = np.flatnonzero(differ)
    sides = (subjects.texts["title"].gather(side[rows]).to_list() for side in (facts.pairs.a, facts.pairs.b))
    clubs = [_two_names(one, other) for one, other in zip(*sides, strict=True)]
    known = _known({name for names in clubs for name in names})
    differ[rows] = [bool(names) and known.isdisjoint(names) for names in clubs]
    return differ


def _two_names(one: str, other: str) -> tuple[str, ...]:
    """Give the names of the first club of each title, if both are of one kind and the names are two; else none."""
    left, right = CLUB.search(one), CLUB.search(other)
    if not left or not right or left[1].lower() != right[1].lower() or fuzz.ratio(left[2], right[2]) >= ALIKE:
        return ()
    return left[2], right[2]


def _known(names: set[str]) -> frozenset[str]:
    """Find the common words among names of clubs: `Musikverein Frühschoppen`."""
    listed = sorted(names)
    stems = map(stem, fold_all(listed)) if listed else ()
    return frozenset(name for name, word in zip(listed, stems, strict=True) if word in common_words())
