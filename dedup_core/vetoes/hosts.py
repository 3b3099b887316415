"""Vetoes of hosts: titles that name two clubs, bands or houses.

The one may invite and the other play, so nothing but a person may part them, unless something else says that they are two.
"""

import re
from typing import Final

import numpy as np
from rapidfuzz import fuzz

from dedup_core import lexicon
from dedup_core.comparisons.names import ONE_VENUE
from dedup_core.comparisons.pairs import Mask
from dedup_core.compounds import stem
from dedup_core.folding import fold_all
from dedup_core.policy import Policy
from dedup_core.subjects import Subjects
from dedup_core.subjects.common_words import common_words
from dedup_core.subjects.contrasts import BANDS
from dedup_core.vetoes.alternatives import two_clubs
from dedup_core.vetoes.facts import Facts
from dedup_core.vetoes.places import is_place


def hosts_differ(facts: Facts, subjects: Subjects) -> Mask:
    """Find the pairs whose titles name other clubs or bands, but for those at one venue: one invites, the other plays."""
    a, b = facts.pairs.a, facts.pairs.b
    named = np.diff(subjects.bands.indptr) > 0
    differ: Mask = named[a] & named[b] & ~(facts.names.venues >= ONE_VENUE)
    rows = np.flatnonzero(differ)
    shared = subjects.bands[a[rows]].multiply(subjects.bands[b[rows]])
    differ[rows] = np.asarray(shared.sum(axis=1)).ravel() == 0
    return differ


OTHER_START: Final = 30
"""Minutes; two clubs that are surely two, and begin as far apart as this, begin two things."""


def start_apart(facts: Facts, subjects: Subjects, policy: Policy, hosts: Mask) -> Mask:
    """Find the pairs of a mask whose starts differ by as much as doors and start do, and whose hosts the lexicon knows as two: no Musikverein and its Stadtkapelle."""
    asked = hosts & (facts.weight >= policy.thresholds.ambiguous)
    return two_clubs(facts, subjects, asked & (facts.meeting.apart >= OTHER_START))


ALIKE: Final = 70.0
"""Similarity of letters, of 100, from which two names are one, misspelt or inflected."""

_ENDS: Final = "|".join(f"[{end[0].upper()}{end[0]}]{end[1:]}" for end in BANDS.split("|"))

CLUB: Final = re.compile(rf"([^ :,()]*(?:{_ENDS})) (?:e\. ?V\. )?([A-ZÄÖÜ][a-zäöüß]{{2,}})")
"""A club and its name, as titles write them that are not all in capitals."""


HOUSE: Final = re.compile(
    r"\b(Kita|Kindergarten|Kindertagesstätte|Kinderhaus|Kinderkrippe|Hort|Grundschule|Pfadfinder|Altenheim|Seniorenheim) "
    r"[\"„“»]?([A-ZÄÖÜ][a-zäöüß]{2,})"
)
"""A house of which a place has several, and its name."""


def clubs_differ(facts: Facts, subjects: Subjects, policy: Policy) -> Mask:
    """Find the matches whose titles name two clubs of one kind, wherever they are: `Musikverein Au`, `Musikverein Ried`; the one may invite, and the other play.

    A loop, over the few pairs of two such names.
    """
    named = np.diff(subjects.bands.indptr) > 0
    differ: Mask = named[facts.pairs.a] & named[facts.pairs.b] & (facts.weight >= policy.thresholds.match)
    differ &= np.maximum(facts.wording.rest_a, facts.wording.rest_b) >= policy.vetoes.rest
    return _of_two_names(differ, facts, subjects, known=1)


def two_of_a_kind(facts: Facts, subjects: Subjects, asked: Mask) -> Mask:
    """Find the pairs of a mask whose titles name two clubs or two houses of one kind, and none of them after a place: of titles that are one but for these, each has its own."""
    return _of_two_names(asked, facts, subjects, known=2, placed=False)


def _of_two_names(asked: Mask, facts: Facts, subjects: Subjects, *, known: int, placed: bool = True) -> Mask:
    """Ask for two names, of which fewer than ``known`` are common words: `Kita Regenbogen` is a name, `Musikverein Frühschoppen` is none.

    placed: whether one of them may be the name of a place: the Musikverein Kollnau may be the Musikverein Harmonie, but none in Buchholz.
    """
    rows = np.flatnonzero(asked)
    found = np.zeros(len(asked), np.bool_)
    sides = (subjects.texts["title"].gather(side[rows]).to_list() for side in (facts.pairs.a, facts.pairs.b))
    clubs = [_two_names(one, other) for one, other in zip(*sides, strict=True)]
    common = _known({name for names in clubs for name in names})
    found[rows] = [
        bool(names) and len(common.intersection(names)) < known and (placed or not _one_place(names))
        for names in clubs
    ]
    return found


def _one_place(names: tuple[str, ...]) -> bool:
    """Tell whether just one of two names is that of a known town or district, or sounds like one."""
    known = lexicon.place_aliases().keys() | lexicon.districts().keys()
    return sum(name in known or is_place(name) for name in fold_all(list(names))) == 1


def _two_names(one: str, other: str) -> tuple[str, ...]:
    """Give the names of the first club or house of each title, if both are of one kind and the names are two; else none."""
    left, right = (CLUB.search(title) or HOUSE.search(title) for title in (one, other))
    if not left or not right or left[1].lower() != right[1].lower() or fuzz.ratio(left[2], right[2]) >= ALIKE:
        return ()
    return left[2], right[2]


def _known(names: set[str]) -> frozenset[str]:
    """Find the common words among names of clubs: `Musikverein Frühschoppen`."""
    listed = sorted(names)
    stems = map(stem, fold_all(listed)) if listed else ()
    return frozenset(name for name, word in zip(listed, stems, strict=True) if word in common_words())
