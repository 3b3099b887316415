"""Vetoes of times: starts hours apart, several shows of a day, early and late ones."""

from typing import Final

import numpy as np

from dedup_core import lexicon
from dedup_core.comparisons.dates import EVENING
from dedup_core.comparisons.names import ONE_VENUE
from dedup_core.comparisons.pairs import Mask
from dedup_core.occurrences import MINUTES_A_DAY
from dedup_core.policy import Policy
from dedup_core.subjects import Subjects
from dedup_core.vetoes.facts import Facts
from dedup_core.vetoes.places import towns_differ

LATE: Final = 120.0
"""Minutes after which what begins by day in an open window is a slot in it, and no longer what its doors were opened for."""


def hours_apart(facts: Facts, policy: Policy) -> Mask:
    """Find the pairs whose starts are so far apart that they may be two shows of a day; not what was moved, nor an evening that still lasts.

    By day, less is enough where the one begins while the other is open: a slot, or the whole of it.
    """
    apart: Mask = facts.meeting.apart >= policy.vetoes.hours_apart_minutes
    in_window = facts.meeting.window & (facts.meeting.apart > LATE)
    return (apart & ~facts.meeting.announced & ~facts.meeting.during) | in_window


NEXT_SHOWING: Final = 75.0
"""Minutes between two starts in a cinema from which they are two showings: it opens its doors shortly before."""


def two_showings(facts: Facts, subjects: Subjects) -> Mask:
    """Find two starts in one cinema far enough apart for two showings."""
    a = facts.pairs.a
    found: Mask = (facts.meeting.apart >= NEXT_SHOWING) & (facts.names.venues >= ONE_VENUE)
    # What was moved has another hour, too, and the hour of the doors is told in a text.
    found &= (facts.meeting.gap == 0) & ~facts.meeting.announced & (np.nan_to_num(facts.evidence["time"]) < 0)
    rows = np.flatnonzero(found)
    names = subjects.venue_keys.gather(subjects.venue[a[rows]])
    found[rows] = names.str.contains(lexicon.rules().venues.cinema.pattern).fill_null(value=False).to_numpy()
    return found


def one_evening(facts: Facts, subjects: Subjects, policy: Policy) -> Mask:
    """Find two starts at one venue in the evening with no room for two shows between them: perhaps the doors and the start.

    Whether it is one, a source that lists both should be asked; the titles must agree, and venues, not only towns, be the same.
    """
    a, b = facts.pairs.a, facts.pairs.b
    evening = np.fmin(subjects.moment[a], subjects.moment[b]) % MINUTES_A_DAY >= EVENING
    near = (facts.meeting.apart > 0) & (facts.meeting.apart < policy.vetoes.two_shows_minutes)
    alike = np.minimum(facts.wording.rest_a, facts.wording.rest_b) < policy.vetoes.rest
    same_day = (facts.meeting.gap == 0) & (facts.meeting.common == 1)
    venue = (facts.names.venues >= ONE_VENUE) & ~towns_differ(facts, subjects, policy)
    one: Mask = evening & near & alike & same_day & venue & (np.nan_to_num(facts.evidence["title"]) >= 0)
    return one


def two_shows(facts: Facts, subjects: Subjects, policy: Policy) -> Mask:
    """Two starts of a day that any source lists as several shows are two shows for everybody, and neither is the doors."""
    several = subjects.several_shows[facts.pairs.a] | subjects.several_shows[facts.pairs.b]
    two: Mask = several & (facts.meeting.apart >= policy.vetoes.two_shows_minutes) & (facts.meeting.gap == 0)
    return two


def shows_together(facts: Facts, subjects: Subjects) -> Mask:
    """Find several shows of a day in one listing against a single one."""
    several = subjects.starts_a_day > 1
    single = (subjects.starts_a_day == 1) & (subjects.dates == 1)
    a, b = facts.pairs.a, facts.pairs.b
    ruled: Mask = (several[a] & single[b]) | (several[b] & single[a])
    return ruled


def listed_singly(facts: Facts, subjects: Subjects) -> Mask:
    """Find several shows in one listing against one of them, where a source lists them one by one: so it is none of them alone."""
    a, b = facts.pairs.a, facts.pairs.b
    single = (subjects.starts_a_day == 1) & subjects.several_shows
    singly: Mask = (single[a] | single[b]) & shows_together(facts, subjects)
    return singly


def sessions_differ(facts: Facts, subjects: Subjects) -> Mask:
    """Find the pairs of which one is the early, late or additional show and the other does not say so, unless the start settles it."""
    a, b = facts.pairs.a, facts.pairs.b
    differ: Mask = (subjects.session[a] != subjects.session[b]) & ~(subjects.moment[a] == subjects.moment[b])
    return differ
