"""Links: relations that are no merge: a date of a series, an item of a festival."""

from typing import Final

import numpy as np

from dedup_core.comparisons.pairs import Mask, Rows
from dedup_core.comparisons.titles import EXACT
from dedup_core.policy import Policy
from dedup_core.subjects import Subjects
from dedup_core.vetoes.facts import LONG_RUN, Facts
from dedup_core.vetoes.runs import MORE_TO_SAY, kinds_differ

MANY_DATES: Final = 2
"""Dates from which a listing has others beside the one that a single listing tells."""


SERIES_REST: Final = 4.0
"""Bits that the title of a series may have alone."""


def dates_of(facts: Facts, subjects: Subjects, policy: Policy) -> tuple[Mask, Mask]:
    """Find the dates of series: one announces many days, the other is one of them, at its hour and place, and names it."""
    a, b = facts.pairs.a, facts.pairs.b
    many = (subjects.dates >= MANY_DATES) | (subjects.series & (subjects.last_day > subjects.day))
    one = (subjects.dates == 1) & (subjects.days == 1)
    hours = np.nan_to_num(facts.meeting.apart) < policy.vetoes.side_by_side_minutes
    alike = _is_named(facts, subjects) & (facts.meeting.gap == 0) & hours & ~kinds_differ(facts, subjects)
    # A series says how often it takes place, too; a date on a poster says what it is about.
    named = np.minimum(facts.wording.rest_a, facts.wording.rest_b) <= SERIES_REST
    return alike & named & one[a] & many[b], alike & named & one[b] & many[a]


def linked(facts: Facts, subjects: Subjects, policy: Policy) -> Mask:
    """Find the pairs of which the one is a date or a part of the other, whatever their weight."""
    found = np.zeros(len(facts.pairs), np.bool_)
    for one_of_other in (*dates_of(facts, subjects, policy), *parts_of(facts, subjects)):
        found |= one_of_other
    return found


def several_and_one(facts: Facts, subjects: Subjects) -> Mask:
    """Find a listing of several dates against one of them: a series or two evenings of a play, and perhaps not all that the other knows."""
    a, b = facts.pairs.a, facts.pairs.b
    single = (subjects.dates == 1) & (subjects.days == 1)
    many = (subjects.dates > 1) & ~_weekend(subjects)
    several: Mask = (many[a] & single[b]) | (many[b] & single[a])
    return several


def weekend_and_day(facts: Facts, subjects: Subjects) -> Mask:
    """Find two days in a row against one of them: a market of the weekend, of which a source lists the Saturday, or two evenings of a play."""
    a, b = facts.pairs.a, facts.pairs.b
    single, two = (subjects.dates == 1) & (subjects.days == 1), _weekend(subjects)
    found: Mask = (two[a] & single[b]) | (two[b] & single[a])
    return found


def _weekend(subjects: Subjects) -> Mask:
    """Tell which listings have two dates, the one the day after the other."""
    weekend: Mask = (subjects.dates == 2) & (subjects.last_day - subjects.day == 1)
    return weekend


def _is_named(facts: Facts, subjects: Subjects) -> Mask:
    """Find the pairs whose titles share enough to name one of them in the other, in one town and not in two venues."""
    place = (np.nan_to_num(facts.evidence["city"]) >= 0) & (np.nan_to_num(facts.evidence["venue"]) > -1)
    named: Mask = place & (facts.wording.shared >= FESTIVAL_BITS)
    return named


ITEM_BITS: Final = 10.0
"""Information that the title of an item must have on top of its festival's."""


FESTIVAL_BITS: Final = 5.0
"""Information that the title of a series or festival must have to be recognised inside another."""


FESTIVAL_REST: Final = 0.4
"""Share of a festival's title that an item may leave out: "Festival", its subtitle."""


def parts_of(facts: Facts, subjects: Subjects) -> tuple[Mask, Mask]:
    """Find the items of longer events: days within and at most half as many, most of its title in theirs, and more to say."""
    a, b = facts.pairs.a, facts.pairs.b
    rest_a, rest_b = facts.wording.rest_a, facts.wording.rest_b
    place = (np.nan_to_num(facts.evidence["city"]) >= 0) & (facts.wording.shared >= FESTIVAL_BITS)
    short_a, short_b = subjects.days[b] >= 2 * subjects.days[a], subjects.days[a] >= 2 * subjects.days[b]
    # Items do not repeat whose festival it is.
    in_b, in_a = (
        rest - subjects.performer_bits[whole] <= FESTIVAL_REST * subjects.title_bits[whole]
        for rest, whole in ((rest_b, b), (rest_a, a))
    )
    # Who says the whole name of the festival, and more, need not say much more: "Kurzfilmtage: Wettbewerb I".
    more_a, more_b = (
        rest >= np.where(of_whole < EXACT, MORE_TO_SAY, ITEM_BITS)
        for rest, of_whole in ((rest_a, rest_b), (rest_b, rest_a))
    )
    a_item = place & facts.meeting.a_within_b & short_a & in_b & more_a & ~_shown(a, b, subjects)
    b_item = place & facts.meeting.b_within_a & short_b & in_a & more_b & ~_shown(b, a, subjects)
    return a_item, b_item


def _shown(item: Rows, whole: Rows, subjects: Subjects) -> Mask:
    """Find exhibitions with their tours and openings: those are visits, not items."""
    shown: Mask = subjects.visit[item] & (subjects.days[whole] >= LONG_RUN)
    return shown
