"""Vetoes of sources: what one source lists twice is two, unless it is a true copy."""

import numpy as np

from dedup_core.comparisons.pairs import Mask, same_code
from dedup_core.policy import Policy
from dedup_core.subjects import Subjects
from dedup_core.vetoes.facts import Facts
from dedup_core.vetoes.places import places_differ, towns_differ


def side_by_side(facts: Facts, subjects: Subjects, policy: Policy) -> Mask:
    """A source that lists two starts, two titles or two places means two events; only a true copy is one.

    An event that was moved may stand in it twice, with the new day and the old one; an article and the entry in the calendar may be of
    one issue.
    """
    two_starts = (facts.meeting.apart >= policy.vetoes.side_by_side_minutes) & ~facts.meeting.announced
    smaller = np.minimum(facts.wording.rest_a, facts.wording.rest_b)
    article = subjects.headline[facts.pairs.a] != subjects.headline[facts.pairs.b]
    two_titles = (np.nan_to_num(facts.evidence["title"]) < 0) | (smaller >= policy.vetoes.rest)
    two_days = ((facts.meeting.gap > 0) | _within(facts)) & ~facts.meeting.announced
    two_places = towns_differ(facts, subjects, policy) | places_differ(facts, subjects, 0)
    two: Mask = two_starts | (two_titles & ~article) | two_days | two_places
    return same_code(subjects.source, facts.pairs) & two


def _within(facts: Facts) -> Mask:
    """Find the pairs of which one lasts while the other takes place: a run and a show, a festival and an item."""
    within: Mask = (facts.meeting.a_within_b | facts.meeting.b_within_a) & (facts.meeting.common < 1)
    return within


def says_more(facts: Facts, subjects: Subjects, policy: Policy) -> Mask:
    """Find two entries of one source of which one has a word more than the other, and another text: `Fachtag Pflege`, `Fachtag Pflegekinder`."""
    larger = np.maximum(facts.wording.rest_a, facts.wording.rest_b)
    article = subjects.headline[facts.pairs.a] != subjects.headline[facts.pairs.b]
    more: Mask = same_code(subjects.source, facts.pairs) & (larger >= policy.vetoes.rest) & ~article
    more &= np.nan_to_num(facts.evidence["description"]) < 0
    return more


def for_two_audiences(facts: Facts, subjects: Subjects) -> Mask:
    """Find two entries of one source, with two texts, of which one is for others than the other: `Erste Hilfe`, `Erste Hilfe am Kind`."""
    a, b = facts.pairs.a, facts.pairs.b
    two: Mask = same_code(subjects.source, facts.pairs) & (subjects.audience[a] != subjects.audience[b])
    return two & (np.nan_to_num(facts.evidence["description"]) < 0)
