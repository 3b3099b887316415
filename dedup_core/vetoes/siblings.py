"""Siblings: two events whose titles are made alike, though nothing rare tells them apart.

They are asked about and never parted, as one source may call by another word, or leave unsaid, what the other says.
"""

from collections.abc import Callable
from typing import Final, TypeAlias

import numpy as np
import polars as pl
from rapidfuzz import fuzz

from dedup_core.comparisons.pairs import Mask, Rows
from dedup_core.comparisons.titles import EXACT
from dedup_core.policy import Policy
from dedup_core.subjects import Subjects
from dedup_core.subjects.audiences import audience_words
from dedup_core.subjects.contrasts import TEAMS
from dedup_core.vetoes.facts import LONG_RUN, Facts
from dedup_core.vetoes.one_stage import who_and_what
from dedup_core.vetoes.places import PLACE_ENDS

ALIKE: Final = 60.0
"""Similarity of letters, of 100, from which what two titles have alone may be one thing misspelt."""


LONGEST: Final = 2
"""Words of what is replaced: a longer rest says more than another name."""


def one_thing_replaced(facts: Facts, subjects: Subjects, policy: Policy, common: Mask) -> Mask:
    """Find the matches whose titles are one but for one place, where each says another thing: `Frauenfrühstück`, `Männerfrühstück`.

    common: the pairs that share common words only; of the others each must have a name there, as before a rare one there may be two
    labels of one thing.
    """
    smaller = np.minimum(facts.wording.rest_a, facts.wording.rest_b)
    found: Mask = (facts.weight >= policy.thresholds.match) & (smaller >= policy.vetoes.rest)
    found &= (facts.wording.shared > 0) & (common | (facts.wording.names >= policy.vetoes.two_names))
    found[found] = ~who_and_what(facts.where(found), subjects, policy)
    return _of_words(found, facts, subjects, _replaced)


def audience_differs(facts: Facts, subjects: Subjects, policy: Policy, common: Mask) -> Mask:
    """Find the matches of which the one title says for whom it is, and nothing else that the other lacks: `Stadtführung für Kinder`.

    common: the pairs that share common words only.
    """
    differ: Mask = common & (subjects.audience[facts.pairs.a] != subjects.audience[facts.pairs.b])
    return _of_words(differ & (facts.weight >= policy.thresholds.match), facts, subjects, _but_for_whom)


def heads_differ(facts: Facts, subjects: Subjects, policy: Policy, common: Mask) -> Mask:
    """Find the matches of one written word each of which the one goes on where the other ends: `Kellerkind`, `Kellerkinderchor`.

    common: the pairs that share common words only.
    """
    rests = (facts.wording.rest_a, facts.wording.rest_b)
    asked = common & (facts.weight >= policy.thresholds.match)
    asked &= (np.minimum(*rests) < EXACT) & (np.maximum(*rests) >= policy.vetoes.rest)
    goes_on = _of_words(asked, facts, subjects, _goes_on)
    for side in (facts.pairs.a, facts.pairs.b):
        goes_on[goes_on] = ~_titles(side[goes_on], subjects).str.contains(r"[\s-]").to_numpy()
    return goes_on


PROGRAMME: Final = "sommer|herbst|frühling|frühjahr|winter|akademie|tage|wochen|festival|festspiele|gartenschau|triennale|biennale"
"""What names the programme of weeks, whose items may last for weeks, too."""


def runs_of_one(facts: Facts, subjects: Subjects, policy: Policy, common: Mask) -> Mask:
    """Find the matches of two runs of weeks in a programme of which the one goes on where the other ends, as an item does: `Kultursommer: Skulpturenpfad`.

    common: the pairs that share common words only.
    """
    a, b = facts.pairs.a, facts.pairs.b
    runs = (subjects.days[a] >= LONG_RUN) & (subjects.days[b] >= LONG_RUN)
    more = np.maximum(facts.wording.rest_a, facts.wording.rest_b) >= policy.vetoes.rest
    asked = _of_words(
        common & runs & more & (facts.weight >= policy.thresholds.match), facts, subjects, _end_otherwise
    )
    for side in (a, b):
        asked[asked] = _titles(side[asked], subjects).str.to_lowercase().str.contains(PROGRAMME).to_numpy()
    return asked


ONE_PLACE: Final = 80.0
"""The same for names of places, many of which end alike."""

LAST_PLACE: Final = rf" ([a-zäöüß]{{2,}}(?:{'|'.join(PLACE_ENDS)}))$"
"""A place at the end of a lowered title."""


def town_and_place(facts: Facts, subjects: Subjects, policy: Policy, common: Mask) -> Mask:
    """Find the matches of which the one title ends with its town's name and the other with what sounds like another place; no match of two clubs.

    common: the pairs that share common words only.
    """
    a, b = facts.pairs.a, facts.pairs.b
    found = common & (facts.weight >= policy.thresholds.match)
    found &= (subjects.town_bits[a] > 0) != (subjects.town_bits[b] > 0)
    found &= np.maximum(facts.wording.rest_a, facts.wording.rest_b) >= policy.vetoes.two_names
    found &= (subjects.level[a, TEAMS] == 0) & (subjects.level[b, TEAMS] == 0)
    rows = np.flatnonzero(found)
    one, other = (_titles(side[rows], subjects).str.to_lowercase().str.extract(LAST_PLACE) for side in (a, b))
    found[rows] = [
        left is not None and right is not None and fuzz.ratio(left, right) < ONE_PLACE
        for left, right in zip(one.to_list(), other.to_list(), strict=True)
    ]
    return found


def _titles(rows: Rows, subjects: Subjects) -> pl.Series:
    return subjects.texts["title"].gather(rows)


Words: TypeAlias = list[str]


def _of_words(asked: Mask, facts: Facts, subjects: Subjects, holds: Callable[[Words, Words], bool]) -> Mask:
    """Ask something of the words of both titles, of the few pairs of a mask."""
    rows = np.flatnonzero(asked)
    one, other = (subjects.titles[side[rows]].to_list() for side in (facts.pairs.a, facts.pairs.b))
    found = np.zeros(len(asked), np.bool_)
    found[rows] = [holds(left.split(" "), right.split(" ")) for left, right in zip(one, other, strict=True)]
    return found


def _replaced(one: Words, other: Words) -> bool:
    """Tell whether two titles begin or end alike, and have in between what the other lacks altogether."""
    head = _begun_alike(one, other)
    tail = _begun_alike(one[head:][::-1], other[head:][::-1])
    left, right = one[head : len(one) - tail], other[head : len(other) - tail]
    apart = 0 < len(left) <= LONGEST and 0 < len(right) <= LONGEST and not set(left) & set(right)
    return head + tail > 0 and apart and fuzz.ratio("".join(left), "".join(right)) < ALIKE


def _begun_alike(one: Words, other: Words) -> int:
    """Count the words with which both begin."""
    return next(
        (n for n, (left, right) in enumerate(zip(one, other, strict=False)) if left != right),
        min(len(one), len(other)),
    )


def _but_for_whom(one: Words, other: Words) -> bool:
    return (set(one) ^ set(other)) <= audience_words().keys()


def _end_otherwise(one: Words, other: Words) -> bool:
    return one[-1] != other[-1]


def _goes_on(one: Words, other: Words) -> bool:
    short, long = sorted((one, other), key=len)
    return len(short) < len(long) and short == long[: len(short)]
