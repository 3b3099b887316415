"""Titles: the words that two titles share, and those that only one has.

A rare word in common speaks loudly, a common one hardly; rare words on *both* sides that the other lacks speak for two events.
May be fooled by a headline that names nothing; `dedup_core.scoring` sends those to review.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from dedup_core.comparisons.mentions import Mentions
from dedup_core.comparisons.misspelt import perhaps_misspelt, regained
from dedup_core.comparisons.pairs import Bits, Mask, Pairs, Rows
from dedup_core.policy import TitleWeights
from dedup_core.signatures import may_share
from dedup_core.subjects import Floats, Subjects

CHUNK: Final = 400_000
"""Pairs whose rows are gathered at once: keeps the copies under about 100 MB."""


EXACT: Final = 0.01
"""Bits; a smaller rest is none but for rounding."""

PLACE_SHARE: Final = 0.3
"""What a word counts that only names the place where both are: town and venue have told that already. Not nothing, as it may be
part of the name (a guess; 0.2 to 0.5 make little difference, 1 joined neighbours of one square)."""


@dataclass(frozen=True, slots=True)
class Wording:
    """What the titles of p pairs have in common and what they don't, in bits (p,).

    shared: of the words that both have, misspelt ones in part, but for those that name the place of both; rarest: of the rarest of them.
    place: of the words that name the place of both.
    rest_a, rest_b: of what only the one says; names: of the names that each has and the other lacks, of the side that has less;
    initials: one has a word made of the other's initials; numbered: both hold numbers, and none in common.
    placed: of what the one's title says and the other's venue or address has.
    """

    shared: Floats
    rarest: Floats
    rest_a: Floats
    rest_b: Floats
    names: Floats
    initials: Mask
    numbered: Mask
    placed: Floats
    place: Floats

    def where(self, mask: Mask) -> "Wording":
        """Keep the pairs of a mask (p,)."""
        kept = np.flatnonzero(mask)
        return Wording(*(getattr(self, name)[kept] for name in self.__slots__))

    def take(self, mask: Mask, mentions: Mentions, pairs: Pairs, subjects: Subjects) -> None:
        """Count words of the titles of a mask's pairs that the other listing mentions as said, those in texts in part as shared.

        What went unsaid already is not taken off twice.
        """
        asked, shared = pairs.where(mask), self.shared[mask]
        once_a = np.minimum(
            _unsaid(asked.a, asked.b, shared, subjects), (mentions.places_a, mentions.hosts_a)
        )
        once_b = np.minimum(
            _unsaid(asked.b, asked.a, shared, subjects), (mentions.places_b, mentions.hosts_b)
        )
        self.placed[mask] = mentions.placed
        self.shared[mask] += mentions.told
        self.rarest[mask] = np.maximum(self.rarest[mask], mentions.rarest)
        self.rest_a[mask] = np.maximum(self.rest_a[mask] - (mentions.a - once_a.sum(axis=0)), 0)
        self.rest_b[mask] = np.maximum(self.rest_b[mask] - (mentions.b - once_b.sum(axis=0)), 0)
        self.names[:] = np.minimum(self.names, np.minimum(self.rest_a, self.rest_b))


def wording_of(pairs: Pairs, subjects: Subjects, weights: TitleWeights) -> Wording:
    """Set the words of two titles against each other."""
    asked = list(_may_share(pairs, subjects))
    shared, rarest, place = _shared(pairs, asked, subjects)
    rest_a = _rest(pairs.a, pairs.b, shared + place, subjects)
    rest_b = _rest(pairs.b, pairs.a, shared + place, subjects)
    smaller = np.minimum(rest_a, rest_b)
    gain = np.zeros(len(pairs), np.float32)
    names_a, names_b = _names_left(pairs, asked, subjects)
    unknown = np.maximum(names_a, names_b) > EXACT
    near = perhaps_misspelt(pairs, (smaller > EXACT) & unknown, subjects)
    gain[near] = regained(pairs.where(near), smaller[near], subjects, weights)
    names = np.minimum(np.minimum(names_a, names_b), smaller - gain)
    initials = _initials_fit(pairs, subjects)
    rest_a, rest_b, names = (np.where(initials, 0, rest) for rest in (rest_a - gain, rest_b - gain, names))
    numbered = _numbers_differ(pairs, subjects) & ~initials
    placed = np.zeros(len(pairs), np.float32)
    return Wording(shared + gain, rarest, rest_a, rest_b, names, initials, numbered, placed, place)


def _shared(pairs: Pairs, chunks: Sequence[Rows], subjects: Subjects) -> tuple[Floats, Floats, Floats]:
    """Sum the information of the words that both titles have, and find that of the rarest: (p,) bits each.

    chunks: the numbers of the pairs that may have any. What names the place of both is summed apart.
    """
    shared, rarest, place = (np.zeros(len(pairs), np.float32) for _ in range(3))
    placed = np.diff(subjects.place_words.indptr) > 0
    for asked in chunks:
        a, b = pairs.a[asked], pairs.b[asked]
        both = subjects.words[a].multiply(subjects.has_word[b])
        shared[asked] = np.asarray(both.sum(axis=1)).ravel()
        rarest[asked] = both.max(axis=1).toarray().ravel()
        twice = np.flatnonzero(placed[a] & placed[b])
        if len(twice):
            named = subjects.place_words[a[twice]].multiply(subjects.has_place_word[b[twice]])
            place[asked[twice]] = np.asarray(named.sum(axis=1)).ravel()
            rarest[asked[twice]] = (both[twice] - named).max(axis=1).toarray().ravel()
    shared -= place
    return shared, rarest, place


def _may_share(pairs: Pairs, subjects: Subjects) -> Iterator[Rows]:
    """Find the pairs that may have a word in common: their numbers, a chunk at a time."""
    common = np.flatnonzero(may_share(subjects.word_signs, pairs.a, pairs.b))
    for start in range(0, len(common), CHUNK):
        yield common[start : start + CHUNK]


def _numbers_differ(pairs: Pairs, subjects: Subjects) -> Mask:
    """Tell where both titles hold numbers and none is in both: part 3 and part 4, under 12 and under 14."""
    both = subjects.has_number[pairs.a] & subjects.has_number[pairs.b]
    differ = both.copy()
    shared = subjects.numbers[pairs.a[both]].multiply(subjects.numbers[pairs.b[both]])
    differ[both] = np.asarray(shared.sum(axis=1)).ravel() == 0
    return differ


def title_bits(pairs: Pairs, wording: Wording, subjects: Subjects, weights: TitleWeights) -> Bits:
    """The words that both titles share add by their rarity; rare words that each has and the other lacks subtract.

    Misspelt words count as shared in part; a word made of the other title's initials, or different editions, count apart.

    Missing where a title has no word left besides its markers.
    """
    smaller, larger = np.minimum(wording.rest_a, wording.rest_b), np.maximum(wording.rest_a, wording.rest_b)
    agree = wording.shared + np.float32(PLACE_SHARE) * wording.place
    bits = _words_bits(agree, smaller, larger, weights, subjects, pairs)
    bits = np.where(wording.initials, np.maximum(bits, weights.initials), bits)
    bits += np.where(_editions_differ(pairs, subjects), np.float32(weights.edition), np.float32(0))
    empty = (subjects.title_bits[pairs.a] == 0) | (subjects.title_bits[pairs.b] == 0)
    return np.where(empty, np.float32(np.nan), bits).astype(np.float32)


def _rest(one: Rows, other: Rows, shared: Floats, subjects: Subjects) -> Floats:
    """Sum the bits of what only ``one`` says, but not of its own town or venue, its genre or who invites, which may go without saying.

    Unless the other's title names its own as well, or it has another venue; a genre or a host, too, if the other names any, before or behind.
    That the one names the district and the other the town is no difference.
    """
    genre = np.where(subjects.genre_bits[other] == 0, subjects.genre_bits[one], 0)
    works = np.where(subjects.work_bits[other] == 0, subjects.work_bits[one], 0)
    place, host = _unsaid(one, other, shared, subjects)
    rest: Floats = np.maximum(subjects.title_bits[one] - shared - place - genre - host - works, 0)
    return rest


def _unsaid(one: Rows, other: Rows, shared: Floats, subjects: Subjects) -> tuple[Floats, Floats]:
    """Sum the bits of what only ``one`` says of where it is, and of who invites, that may go without saying: (p,) each."""
    one_hall = (subjects.venue[one] == subjects.venue[other]) | (subjects.venue[other] < 0)
    silent = (subjects.town_bits[other] == 0) & (subjects.hall_bits[other] == 0)
    unsaid = subjects.town_bits[one] + np.where(one_hall, subjects.hall_bits[one], 0)
    within = _district_and_town(one, other, ~silent, subjects)
    place: Floats = np.where(silent, unsaid, np.where(within, subjects.town_bits[one], 0))
    named = (subjects.host_bits[other] > 0) | (subjects.performer_bits[other] > 0)
    said = _shared_hosts(one, other, ~named & (shared > 0), subjects)
    host: Floats = np.where(named, 0, subjects.host_bits[one] - said)
    return place, host


def _district_and_town(one: Rows, other: Rows, asked: Mask, subjects: Subjects) -> Mask:
    """Tell where both titles name the place, the one the town and the other a district of it that may be the one's, and the venue is one: (p,).

    False where not asked: few titles name a place.
    """
    rows = np.flatnonzero(asked & (subjects.town_bits[one] > 0))
    a, b = one[rows], other[rows]
    both = (subjects.town_bits[b] > 0) & (subjects.venue[a] == subjects.venue[b]) & (subjects.venue[a] >= 0)
    both &= subjects.names_district[a] != subjects.names_district[b]
    districts = (subjects.district[a], subjects.district[b])
    fits = (districts[0] == districts[1]) | (np.minimum(*districts) < 0)
    within = np.zeros(len(one), np.bool_)
    within[rows] = both & fits & (subjects.city[a] == subjects.city[b])
    return within


def _shared_hosts(one: Rows, other: Rows, asked: Mask, subjects: Subjects) -> Floats:
    """Sum the bits of the words for the host of ``one`` that ``other`` says somewhere, too: (p,), 0 where not asked."""
    said = np.zeros(len(one), np.float32)
    rows = np.flatnonzero(asked & (subjects.host_bits[one] > 0))
    both = subjects.hosts[one[rows]].multiply(subjects.has_word[other[rows]])
    said[rows] = np.asarray(both.sum(axis=1)).ravel()
    return said


def _names_left(pairs: Pairs, chunks: Sequence[Rows], subjects: Subjects) -> tuple[Floats, Floats]:
    """Sum the bits of the names that only the one and only the other title has: (p,) each.

    chunks: as for `_shared`. Names are words that are neither places nor known from titles of events. A known word is not misspelt.
    """
    left, right = subjects.name_bits[pairs.a], subjects.name_bits[pairs.b]
    for asked in chunks:
        a, b = pairs.a[asked], pairs.b[asked]
        for rest, one, other in ((left, a, b), (right, b, a)):
            both = subjects.names[one].multiply(subjects.has_word[other])
            rest[asked] -= np.asarray(both.sum(axis=1)).ravel()
    return left, right


def _words_bits(
    shared: Floats, smaller: Floats, larger: Floats, weights: TitleWeights, subjects: Subjects, pairs: Pairs
) -> Floats:
    factor = _further_from_one(subjects.title_factor[pairs.a], subjects.title_factor[pairs.b])
    agree = np.minimum(weights.shared * shared, weights.shared_cap)
    agree += np.where((larger < EXACT) & (shared > 0), np.float32(weights.equal), np.float32(0))
    differ = weights.disagree * smaller * factor + weights.rest * larger
    bits: Floats = (agree - np.minimum(differ, weights.disagree_cap)).astype(np.float32)
    return bits


def _further_from_one(left: Floats, right: Floats) -> Floats:
    return np.where(np.abs(left - 1) >= np.abs(right - 1), left, right)


def _editions_differ(pairs: Pairs, subjects: Subjects) -> Mask:
    left, right = subjects.edition[pairs.a], subjects.edition[pairs.b]
    differ: Mask = (left != right) & ~np.isnan(left) & ~np.isnan(right)
    return differ


def _initials_fit(pairs: Pairs, subjects: Subjects) -> Mask:
    """Tell where one title has a word that is made of the other's initials."""
    fits = np.zeros(len(pairs), np.bool_)
    formed = np.diff(subjects.initials.indptr) > 0
    for one, other in ((pairs.a, pairs.b), (pairs.b, pairs.a)):
        asked = formed[one]
        both = subjects.initials[one[asked]].multiply(subjects.has_word[other[asked]])
        fits[asked] |= np.asarray(both.sum(axis=1)).ravel() > 0
    return fits
