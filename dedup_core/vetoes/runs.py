"""Vetoes of runs: what lasts for weeks, against a single show, a visit, or another run."""

from typing import Final

import numpy as np

from dedup_core.comparisons.pairs import Mask
from dedup_core.policy import Policy
from dedup_core.subjects import Subjects
from dedup_core.vetoes.facts import LONG_RUN, Facts

MORE_TO_SAY: Final = 5.0
"""Bits that the title of an item has on top of its festival's, its genre among them: "Lesung – Zelt-Musik-Festival"."""


def item_or_whole(facts: Facts, subjects: Subjects) -> Mask:
    """Find the pairs of which one lasts at least twice as long and the other, within it, says more than it and the place.

    Two exhibitions that end together are one: sources list what is left of a run.
    """
    a, b = facts.pairs.a, facts.pairs.b
    place = subjects.town_bits + subjects.hall_bits
    more_a, more_b = (
        subjects.title_bits[item] - place[item] - facts.wording.shared >= MORE_TO_SAY for item in (a, b)
    )
    a_item = facts.meeting.a_within_b & (subjects.days[b] >= 2 * subjects.days[a]) & more_a
    b_item = facts.meeting.b_within_a & (subjects.days[a] >= 2 * subjects.days[b]) & more_b
    ruled: Mask = (a_item | b_item) & ~_rest_of_a_run(facts, subjects)
    return ruled


def _rest_of_a_run(facts: Facts, subjects: Subjects) -> Mask:
    """Find two runs up to the same day that both last for weeks, or of which one is called an exhibition."""
    a, b = facts.pairs.a, facts.pairs.b
    runs = (subjects.days[a] > 1) & (subjects.days[b] > 1)
    shown = subjects.exhibition[a] | subjects.exhibition[b]
    shown |= (subjects.days[a] >= LONG_RUN) & (subjects.days[b] >= LONG_RUN)
    rest: Mask = runs & shown & (subjects.last_day[a] == subjects.last_day[b])
    return rest


def run_and_show(facts: Facts, subjects: Subjects) -> Mask:
    """Find a single day with a start against a run of weeks: a performance, an opening, a guided tour of it."""
    a, b = facts.pairs.a, facts.pairs.b
    run, show = subjects.days >= LONG_RUN, (subjects.days == 1) & ~np.isnan(subjects.moment)
    ruled: Mask = (run[a] & show[b]) | (run[b] & show[a])
    return ruled


def run_and_day(facts: Facts, subjects: Subjects) -> Mask:
    """Find a single day without a start against a run of weeks: one show of it, or the day on which it begins."""
    a, b = facts.pairs.a, facts.pairs.b
    run, day = subjects.days >= LONG_RUN, (subjects.days == 1) & (subjects.dates == 1)
    ruled: Mask = (run[a] & day[b]) | (run[b] & day[a])
    return ruled


def two_runs(facts: Facts, subjects: Subjects, policy: Policy) -> Mask:
    """Find two runs at two venues that neither begin nor end together: one source may err in a day or a venue, not in all of them."""
    a, b = facts.pairs.a, facts.pairs.b
    other_days = (subjects.day[a] != subjects.day[b]) & (subjects.last_day[a] != subjects.last_day[b])
    runs = (subjects.days[a] >= LONG_RUN) & (subjects.days[b] >= LONG_RUN)
    two: Mask = runs & other_days & (np.nan_to_num(facts.evidence["venue"]) <= policy.vetoes.venue_differs)
    return two


def kinds_differ(facts: Facts, subjects: Subjects) -> Mask:
    """Find two kinds of event, and visits to what lasts for weeks; a series may be of any, a play be shown in a festival."""
    a, b = facts.pairs.a, facts.pairs.b
    known = (subjects.kind[a] >= 0) & (subjects.kind[b] >= 0)
    any_kind = subjects.series | subjects.play
    different = known & (subjects.kind[a] != subjects.kind[b]) & ~(any_kind[a] | any_kind[b])
    visit = (subjects.visit[a] & (subjects.days[b] >= LONG_RUN)) | (
        subjects.visit[b] & (subjects.days[a] >= LONG_RUN)
    )
    ruled: Mask = different | visit
    return ruled
