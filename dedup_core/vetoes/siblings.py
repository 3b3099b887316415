"""Siblings: two events whose titles are made alike, though nothing rare tells them apart.

They are asked about and never parted, as one source may call by another word, or leave unsaid, what the other says.
"""

import re
from collections.abc import Callable
from functools import cache
from typing import Final, TypeAlias

import numpy as np
import polars as pl
from rapidfuzz import fuzz

from dedup_core import lexicon
from dedup_core.comparisons.pairs import Mask
from dedup_core.comparisons.titles import EXACT
from dedup_core.folding import fold
from dedup_core.policy import Policy
from dedup_core.subjects import Subjects
from dedup_core.subjects.audiences import audience_words
from dedup_core.subjects.contrasts import TEAMS
from dedup_core.vetoes.facts import LONG_RUN, Facts
from dedup_core.vetoes.places import is_place

ALIKE: Final = 60.0
"""Similarity of letters, of 100, from which what two titles have alone may be one thing misspelt."""


LONGEST: Final = 2
"""Words of what is replaced: a longer rest says more than another name."""


def one_thing_replaced(facts: Facts, subjects: Subjects, policy: Policy, common: Mask, unsaid: Mask) -> Mask:
    """Find the matches whose titles are one but for one place, where each says another thing: `Frauenfrühstück`, `Männerfrühstück`.

    common: the pairs that share common words only; of the others each must have a name there, as before a rare one there may be two
    labels of one thing. unsaid: the pairs of which the one says what and the other who.
    """
    smaller = np.minimum(facts.wording.rest_a, facts.wording.rest_b)
    found: Mask = (facts.weight >= policy.thresholds.match) & (smaller >= policy.vetoes.rest)
    found &= (facts.wording.shared > 0) & (common | (facts.wording.names >= policy.vetoes.two_names))
    return _of_words(found & ~unsaid, facts, subjects, _replaced)


def audience_differs(facts: Facts, subjects: Subjects, policy: Policy, common: Mask) -> Mask:
    """Find the matches of which the one title says for whom it is, and nothing else that the other lacks: `Stadtführung für Kinder`.

    common: the pairs that share common words only.
    """
    differ: Mask = common & (subjects.audience[facts.pairs.a] != subjects.audience[facts.pairs.b])
    return _of_words(differ & (facts.weight >= policy.thresholds.match), facts, subjects, _but_for_whom)


PARTS: Final = 4
"""Parts that a word has at most."""


def heads_differ(facts: Facts, subjects: Subjects, policy: Policy, common: Mask) -> Mask:
    """Find the matches of one written word each of which the one goes on where the other ends: `Kellerkind`, `Kellerkinderchor`.

    common: the pairs that share common words only.
    """
    rests = (facts.wording.rest_a, facts.wording.rest_b)
    asked = common & (facts.weight >= policy.thresholds.match)
    asked &= (np.minimum(*rests) < EXACT) & (np.maximum(*rests) >= policy.vetoes.rest)
    parts = np.diff(subjects.word_lists.starts)
    asked &= (parts[facts.pairs.a] <= PARTS) & (parts[facts.pairs.b] <= PARTS)
    return _of_titles(_of_words(asked, facts, subjects, _goes_on), facts, subjects, _single)


def runs_of_one(facts: Facts, subjects: Subjects, policy: Policy, common: Mask) -> Mask:
    """Find the matches of two runs of weeks in a programme of which the one goes on where the other ends, as an item does: `Kultursommer: Skulpturenpfad`.

    common: the pairs that share common words only.
    """
    a, b = facts.pairs.a, facts.pairs.b
    runs = (subjects.days[a] >= LONG_RUN) & (subjects.days[b] >= LONG_RUN)
    more = np.maximum(facts.wording.rest_a, facts.wording.rest_b) >= policy.vetoes.rest
    asked = common & runs & more & (facts.weight >= policy.thresholds.match)
    return _of_titles(_of_words(asked, facts, subjects, _end_otherwise), facts, subjects, _programmes)


def items_of_programmes(facts: Facts, subjects: Subjects, runs: Mask) -> tuple[Mask, Mask]:
    """Of two runs of a mask on the same days, find those of which the one is named as an item of the other: `Kultursommer: Skulpturenpfad`.

    Returns:
        (p,) each: whether the first is an item of the second, and the reverse.
    """
    a, b = facts.pairs.a, facts.pairs.b
    same = runs & (subjects.day[a] == subjects.day[b]) & (subjects.last_day[a] == subjects.last_day[b])
    rest_a, rest_b = facts.wording.rest_a, facts.wording.rest_b
    return (
        _of_titles(same & (rest_b < EXACT), facts, subjects, _is_item),
        _of_titles(same & (rest_a < EXACT), facts, subjects, lambda one, other: _is_item(other, one)),
    )


ITEM: Final = re.compile(r"^([^:–]{5,}?)(?:: | – ).{3,}")
"""A lowered title that names a programme, and an item of it."""


def _is_item(item: str, whole: str) -> bool:
    named = ITEM.search(item)
    return bool(named and _programme().search(named[1]) and whole.startswith(named[1].strip()))


ONE_PLACE: Final = 80.0
"""The same for names of places, many of which end alike."""

LAST_WORD: Final = re.compile(r"^(.*?)(?: in)? ([a-zäöüß]+)$")
"""What stands before the last word of a lowered title, and that."""


def town_and_place(facts: Facts, subjects: Subjects, policy: Policy, common: Mask) -> Mask:
    """Find the matches of which the one title ends with its town's name and the other with what sounds like another place; no match of two clubs.

    common: the pairs that share common words only.
    """
    a, b = facts.pairs.a, facts.pairs.b
    found = common & (facts.weight >= policy.thresholds.match)
    found &= (subjects.town_bits[a] > 0) != (subjects.town_bits[b] > 0)
    found &= np.maximum(facts.wording.rest_a, facts.wording.rest_b) >= policy.vetoes.two_names
    found &= (subjects.level[a, TEAMS] == 0) & (subjects.level[b, TEAMS] == 0)
    return _of_titles(found, facts, subjects, _two_places)


Words: TypeAlias = list[str]


def _of_words(asked: Mask, facts: Facts, subjects: Subjects, holds: Callable[[Words, Words], bool]) -> Mask:
    """Ask something of the words of both titles, of the few pairs of a mask."""
    return _of(asked, facts, subjects.titles, lambda one, other: holds(one.split(" "), other.split(" ")))


def _of_titles(asked: Mask, facts: Facts, subjects: Subjects, holds: Callable[[str, str], bool]) -> Mask:
    """Ask something of both titles as written, but lowered, of the few pairs of a mask."""
    return _of(asked, facts, subjects.texts["title"], lambda one, other: holds(one.lower(), other.lower()))


def _of(asked: Mask, facts: Facts, texts: pl.Series, holds: Callable[[str, str], bool]) -> Mask:
    rows = np.flatnonzero(asked)
    found = np.zeros(len(asked), np.bool_)
    if len(rows):
        one, other = (texts.gather(side[rows]).to_list() for side in (facts.pairs.a, facts.pairs.b))
        found[rows] = list(map(holds, one, other))
    return found


def _single(one: str, other: str) -> bool:
    return not re.search(r"[\s-]", one + other)


@cache
def _programme() -> re.Pattern[str]:
    return re.compile(lexicon.rules().titles.programme.pattern)


def _programmes(one: str, other: str) -> bool:
    return bool(_programme().search(one) and _programme().search(other))


def _two_places(one: str, other: str) -> bool:
    """Tell whether two titles are one but for the last word, which in each sounds like a place: `Seniorennachmittag Unterlach`."""
    left, right = LAST_WORD.search(one), LAST_WORD.search(other)
    if not left or not right or left[1] != right[1]:
        return False
    names = (fold(left[2]), fold(right[2]))
    return all(map(is_place, names)) and fuzz.ratio(*names) < ONE_PLACE


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
