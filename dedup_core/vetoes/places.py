"""Vetoes of places: two towns, districts, venues or streets.

A place that a source got wrong parts what is one event; so most of these rules only ask a person.
"""

import re
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Final

import numpy as np
import polars as pl
from rapidfuzz import fuzz

from dedup_core import lexicon
from dedup_core.comparisons.names import ONE_VENUE
from dedup_core.comparisons.pairs import Mask, Rows, both_known, same_code
from dedup_core.comparisons.places import SURE_GEO, districts_differ, kilometres, one_spot, same_town
from dedup_core.folding import folded
from dedup_core.policy import Policy
from dedup_core.subjects import Subjects
from dedup_core.venues import known_words
from dedup_core.vetoes.facts import Facts


def places_differ(facts: Facts, subjects: Subjects, venue_below: float) -> Mask:
    """Find the pairs in two places: venues, districts or streets that differ by name.

    Two whole addresses are two places if the venues' names are only alike: Gemeindehaus St. Martin, Martin-Luther-Gemeindehaus.
    venue_below: bits below which two venues do. Where address or coordinates are one, the venue's bits are never negative.
    """
    venues = (np.nan_to_num(facts.venue) < venue_below) | facts.names.beside
    streets = both_known(subjects.street, facts.pairs) & ~same_code(subjects.street, facts.pairs)
    same_venue = np.nan_to_num(facts.venue) > 0
    numbers = same_code(subjects.street, facts.pairs) & both_known(subjects.street_no, facts.pairs)
    numbers &= ~same_code(subjects.street_no, facts.pairs)
    addresses = (
        streets & both_known(subjects.street_no, facts.pairs) & ~same_code(subjects.venue, facts.pairs)
    )
    differ: Mask = venues | ((streets | numbers) & ~same_venue) | addresses
    return differ | districts_differ(facts.pairs, subjects)


def towns_differ(facts: Facts, subjects: Subjects, policy: Policy) -> Mask:
    """Find the pairs in two known towns that are not near, unless one side takes place online."""
    pairs = facts.pairs
    online = subjects.online[pairs.a] | subjects.online[pairs.b]
    one = same_town(pairs, subjects) | facts.names.towns
    near = facts.km <= policy.vetoes.near_km
    return both_known(subjects.city, pairs) & ~one & ~near & ~online


ONE_PLACE_KM: Final = 0.5
"""Places in two towns as near as this may be one, on the border or in a district that only one source takes for a town."""


def neighbours(facts: Facts, subjects: Subjects, policy: Policy) -> Mask:
    """Find the pairs in two known towns that are near, where no venue in common says that a source took the one for the other.

    A venue of one name that is surely further away than that is the next town's.
    """
    pairs = facts.pairs
    two = both_known(subjects.city, pairs) & ~same_town(pairs, subjects) & ~facts.names.towns
    near: Mask = two & (facts.km <= policy.vetoes.near_km)
    trust = np.minimum(subjects.geo_confidence[pairs.a], subjects.geo_confidence[pairs.b])
    apart = (facts.km > ONE_PLACE_KM) & (trust >= SURE_GEO)
    return near & (~(facts.venue > 0) | apart) & ~one_spot(pairs, facts.km, subjects, policy.evidence.place)


CERTAIN_GEO: Final = 0.85
"""Confidence from which coordinates overrule the equal name of a town: there are many called Weiler."""


def far_apart(facts: Facts, subjects: Subjects, policy: Policy) -> Mask:
    """Find the pairs whose places are surely too far apart, or of which a town's name says so."""
    a, b = facts.pairs.a, facts.pairs.b
    trust = np.minimum(subjects.geo_confidence[a], subjects.geo_confidence[b])
    sure = trust >= np.where(np.nan_to_num(facts.evidence["city"]) > 0, CERTAIN_GEO, SURE_GEO)
    far = ((facts.km > policy.vetoes.far_km) & sure) | outside(a, b, subjects) | outside(b, a, subjects)
    return far & ~subjects.online[a] & ~subjects.online[b]


def outside(one: Rows, other: Rows, subjects: Subjects) -> Mask:
    """Tell where the one's town lies in a landscape, as its name says, and certain coordinates of the other do not."""
    found = (subjects.landscape[one] >= 0) & (subjects.geo_confidence[other] >= CERTAIN_GEO)
    land = subjects.landscape[one[found]]
    here = (subjects.latitude[other[found]], subjects.longitude[other[found]])
    km = kilometres(*here, subjects.landscapes[land, 0], subjects.landscapes[land, 1])
    found[found] = km > subjects.landscapes[land, 2]
    return found


def in_and_out(facts: Facts, subjects: Subjects, asked: Mask) -> Mask:
    """Find the pairs of a mask of which the one is in a house, the other out of doors and not its own: no source takes the one for the other."""
    rows = np.flatnonzero(asked)
    found = np.zeros(len(asked), np.bool_)
    keys = [subjects.texts["venue_key"].gather(side[rows]) for side in (facts.pairs.a, facts.pairs.b)]
    found[rows] = _house_and_square(*keys) | _house_and_square(*reversed(keys))
    return found


def _house_and_square(one: pl.Series, other: pl.Series) -> Mask:
    """Tell where the one is a house, and the other out of doors: words end so, as the Theaterplatz is no theatre; a number makes it an address."""
    named = lexicon.rules().venues
    inside, outside = named.indoors.pattern, named.outdoors.pattern
    square = rf"(?:{outside}){INFLECTED}\b"
    around = pl.col("one").str.contains(f"{outside}|{named.around.pattern}")
    held = pl.col("other").str.replace_all(rf"\S*{square}", "")
    outdoors = pl.col("other").str.contains(square) & ~held.str.contains(inside)
    outdoors &= ~pl.col("other").str.contains(rf"{named.no_square.pattern}|{square} \d")
    house = pl.col("other").str.extract(f"({named.before_house.pattern})")
    before = pl.col("one").str.contains(house, literal=True).fill_null(value=False)
    own = pl.col("other").str.extract(rf"(\S{{3,}}?){LINKED}{square}")
    before |= (" " + pl.col("one")).str.contains(" " + own, literal=True).fill_null(value=False)
    told = pl.DataFrame({"one": one, "other": other}).select(
        (pl.col("one").str.contains(inside) & ~around & outdoors & ~before).fill_null(value=False)
    )
    found: Mask = told.to_series().to_numpy()
    return found


INFLECTED: Final = "(?:e|n|en|s)?"
"""Letters that may end a word for a place out of doors: `Rheinwiesen`."""

LINKED: Final = "(?:s|n|en)?"
"""Letters that link to it what stands before it, as which its own house begins: `Schützenplatz`, `Schützenhaus`."""


ALIKE: Final = 70.0
"""Similarity of letters, of 100, from which two names of places are one, misspelt."""

BEGUN: Final = 6
"""Letters with which the name of a town is said."""


@lru_cache(maxsize=50_000)
def is_place(word: str) -> bool:
    """Tell whether a folded word sounds like the name of a place, and is none for a kind of venue or event."""
    return bool(_place().search(word)) and word not in _no_places()


@cache
def _place() -> re.Pattern[str]:
    return re.compile(lexicon.rules().venues.place.pattern)


@cache
def _no_places() -> frozenset[str]:
    """Give the words that end as names of places do, and are none."""
    return known_words().union(lexicon.alike_venue_words(), lexicon.single_venue_words())


def towns_named(facts: Facts, subjects: Subjects, policy: Policy) -> Mask:
    """Find the matches at two venues of which the one is written with its town, and the other named after another place: the town halls of two."""
    return _of_two_venues(facts, subjects, policy, _named_apart)


def houses_of_two(facts: Facts, subjects: Subjects, policy: Policy) -> Mask:
    """Find the matches at two venues that are one word for a kind of house, and the names of two places: `Rathaus Neudorf`, `Rathaus Unterbach`."""
    return _of_two_venues(facts, subjects, policy, _one_kind)


def _of_two_venues(
    facts: Facts, subjects: Subjects, policy: Policy, holds: Callable[[Rows, Rows, Subjects], Mask]
) -> Mask:
    """Ask something of the few matches at two known venues whose names are alike."""
    a, b = facts.pairs.a, facts.pairs.b
    asked = (facts.weight >= policy.thresholds.match) & both_known(subjects.city, facts.pairs)
    asked &= both_known(subjects.venue, facts.pairs) & ~same_code(subjects.venue, facts.pairs)
    rows = np.flatnonzero(asked & (facts.names.venues >= ONE_VENUE) & (facts.names.venues < 1))
    found = np.zeros(len(a), np.bool_)
    found[rows] = holds(a[rows], b[rows], subjects)
    return found


def _named_apart(one: Rows, other: Rows, subjects: Subjects) -> Mask:
    return _with_town(one, other, subjects) | _with_town(other, one, subjects)


def _with_town(one: Rows, other: Rows, subjects: Subjects) -> Mask:
    """Tell where the venue of ``one`` has its town beside its name, and that of ``other`` another place as its last word. A loop, over the few such."""
    apart = np.zeros(len(one), np.bool_)
    for row, key in enumerate(subjects.texts["venue_key"].gather(other).to_list()):
        _, blank, end = key.rpartition(" ")
        if blank and is_place(end):
            town = subjects.city_names[int(subjects.city[one[row]])]
            written = subjects.texts["venue"][int(one[row])].lower()
            apart[row] = town[:BEGUN] in written and fuzz.partial_ratio(town, end) < ALIKE
    return apart


def _one_kind(one: Rows, other: Rows, subjects: Subjects) -> Mask:
    """Tell where each venue is called by one word, the same, and the name of a place, another. A loop, over the few such."""
    two = np.zeros(len(one), np.bool_)
    rows = np.arange(len(one))
    for side in (one, other):
        named = _folded_venues(side[rows], subjects)
        rows = rows[named.str.contains(lexicon.rules().venues.of_a_village.pattern).to_numpy()]
    names = (_folded_venues(side[rows], subjects).to_list() for side in (one, other))
    two[rows] = list(map(_two_villages, *names))
    return two


def _folded_venues(rows: Rows, subjects: Subjects) -> pl.Series:
    """Fold names of venues as written: of their keys a town may be cut off."""
    return subjects.texts.select("venue")[rows].select(folded(pl.col("venue"))).to_series()


def _two_villages(left: str, right: str) -> bool:
    (house, _, here), (other, _, there) = left.rpartition(" "), right.rpartition(" ")
    return house == other and is_place(here) and is_place(there) and fuzz.ratio(here, there) < ALIKE
