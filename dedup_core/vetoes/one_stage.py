"""One stage: what begins at one minute at one venue, where there is hardly room for two.

A house of many rooms has it: there two events are taken for one, unless their titles tell them apart.
"""

from typing import Final

import numpy as np

from dedup_core import lexicon
from dedup_core.comparisons.names import ONE_VENUE
from dedup_core.comparisons.pairs import Bits, Mask, Rows, same_code
from dedup_core.comparisons.titles import EXACT
from dedup_core.policy import Policy
from dedup_core.subjects import Subjects
from dedup_core.vetoes.facts import Facts

MOSTLY_SHARED: Final = 1.75
"""How much more two titles must share than the shorter rest says: sisters of a conference share the smaller part."""


def one_stage(facts: Facts, subjects: Subjects, unsaid: Mask) -> Mask:
    """Find the pairs that begin at one minute at one venue, where there is hardly room for two, unless their titles tell two apart.

    They don't if they share most, or if each says what the other leaves unsaid: unsaid, (p,).
    """
    smaller = np.minimum(facts.wording.rest_a, facts.wording.rest_b)
    mostly = facts.wording.shared >= MOSTLY_SHARED * smaller
    one: Mask = (_one_minute(facts, subjects) & mostly) | unsaid
    return one


def _one_minute(facts: Facts, subjects: Subjects) -> Mask:
    start = subjects.moment
    one: Mask = (start[facts.pairs.a] == start[facts.pairs.b]) & (facts.names.venues >= ONE_VENUE)
    return one


def who_and_what(facts: Facts, subjects: Subjects, policy: Policy) -> Mask:
    """Find the pairs of one minute, day and venue of which the one says what it is, the other who plays, invites or where.

    Two kinds, or two names, are two events in a house of many rooms.
    """
    a, b = facts.pairs.a, facts.pairs.b
    single = (subjects.days[a] == 1) & (subjects.days[b] == 1)
    found: Mask = _one_minute(facts, subjects) & single & (facts.wording.names < policy.vetoes.two_names)
    rows = np.flatnonzero(found)
    kinds = [
        rest[rows] - _said_of(one[rows], other[rows], subjects)
        for rest, one, other in ((facts.wording.rest_a, a, b), (facts.wording.rest_b, b, a))
    ]
    found[rows] = np.minimum(*kinds) < policy.vetoes.rest
    return found


UNSAID_SHARE: Final = np.float32(0.5)
"""What differing titles count where the one says what, the other who."""


def weigh_unsaid(facts: Facts, subjects: Subjects, policy: Policy) -> None:
    """Let titles that share nothing count less where the one says what and the other who, until a person is asked; none becomes a match.

    Sisters of a conference share a part, and differ in one and the same thing.
    """
    title = facts.evidence["title"]
    asked = (title < 0) & (facts.weight < policy.thresholds.match)
    asked &= ~same_code(subjects.source, facts.pairs) & (facts.wording.shared < EXACT)
    asked &= who_and_what(facts, subjects, policy)
    room = np.float32(policy.thresholds.match - 0.05) - facts.weight
    more = np.where(asked, np.clip(-UNSAID_SHARE * np.nan_to_num(title), 0, np.maximum(room, 0)), 0)
    title += more.astype(np.float32)
    facts.weight[:] += more.astype(np.float32)


def weigh_concerts(facts: Facts, subjects: Subjects) -> None:
    """Let titles say nothing of each other where one is who plays, the other what is played and no more: a choir, and the concert in its church.

    At one minute, in one venue, of two sources; a concert that names who plays, or a work, is not meant.
    """
    title = facts.evidence["title"]
    rows = np.flatnonzero(unnamed_concert(facts, subjects) & (title < 0))
    facts.weight[rows] -= title[rows]
    title[rows] = 0


def unnamed_concert(facts: Facts, subjects: Subjects) -> Mask:
    """Find the pairs at one minute in one venue of which the one is the name of a choir or band, the other a concert of nobody."""
    a, b = facts.pairs.a, facts.pairs.b
    asked = (np.nan_to_num(facts.evidence["title"]) <= 0) & (facts.wording.shared < EXACT)
    asked &= _one_minute(facts, subjects) & ~same_code(subjects.source, facts.pairs)
    rows = np.flatnonzero(asked)
    found = np.zeros(len(asked), np.bool_)
    found[rows] = _plays(a[rows], b[rows], subjects) | _plays(b[rows], a[rows], subjects)
    return found


def _plays(one: Rows, other: Rows, subjects: Subjects) -> Mask:
    """Tell where ``one`` is a choir or band and no concert, and ``other`` a concert, where it is, and nothing and nobody else: (p,)."""
    named = np.diff(subjects.bands.indptr) > 0
    found: Mask = ~named[other] & (subjects.name_bits[other] < EXACT)
    rows = np.flatnonzero(found)
    titles = [subjects.texts["title"].gather(side[rows]).str.to_lowercase() for side in (one, other)]
    said = lexicon.rules().titles
    concerts = [side.str.contains(said.concert.pattern) for side in titles]
    music = titles[0].str.contains(said.musicians.pattern) & ~titles[0].str.contains(
        said.among_themselves.pattern
    )
    theirs = concerts[1] & ~titles[1].str.contains(said.of_others.pattern)
    found[rows] = (music & ~concerts[0] & theirs).to_numpy()
    return found


def _said_of(one: Rows, other: Rows, subjects: Subjects) -> Bits:
    """Sum the bits of what only the title of ``one`` says of who and where: (p,)."""
    names = subjects.names[one]
    shared = np.asarray(names.multiply(subjects.has_word[other]).sum(axis=1)).ravel()
    said: Bits = subjects.name_bits[one] - shared + subjects.host_bits[one] + subjects.town_bits[one]
    return said + subjects.hall_bits[one]
