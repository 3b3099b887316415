"""What a town has once on a day: two listings of its festival are one event, whichever square or stage each names.

A town of several villages may have it twice: where only one listing says which, nothing is taken for granted; nor in a large town, where each
quarter has its own.
"""

from typing import Final

import numpy as np
import polars as pl

from dedup_core import lexicon
from dedup_core.comparisons.names import ONE_VENUE
from dedup_core.comparisons.pairs import Mask, Rows, same_code
from dedup_core.comparisons.places import districts_differ, same_town
from dedup_core.comparisons.titles import EXACT
from dedup_core.folding import fold_all
from dedup_core.policy import Policy
from dedup_core.subjects import Subjects
from dedup_core.vetoes.facts import Facts

ONE_START: Final = 60
"""Minutes; starts further apart are two."""


def one_of_its_town(facts: Facts, subjects: Subjects, policy: Policy) -> Mask:
    """Find the pairs that name the same such thing on the same days in one town, and of which only one says more than that, or who invites or plays."""
    a, b = facts.pairs.a, facts.pairs.b
    found: Mask = (subjects.unique[a] > 0) & (subjects.unique[a] == subjects.unique[b])
    rows = np.flatnonzero(found)
    facts = facts.where(found)
    a, b = facts.pairs.a, facts.pairs.b
    one = (same_town(facts.pairs, subjects) | facts.names.towns) & ~districts_differ(facts.pairs, subjects)
    one &= (subjects.day[a] == subjects.day[b]) & (subjects.audience[a] == subjects.audience[b])
    one &= ~(facts.meeting.apart > ONE_START)
    # A source lists two things side by side, or one anew in its next issue.
    anew = (facts.meeting.apart == 0) & (facts.names.venues >= ONE_VENUE)
    one &= anew | ~same_code(subjects.source, facts.pairs)
    elsewhere = np.nan_to_num(facts.evidence["venue"]) <= policy.vetoes.venue_differs
    # Who has it in another place may have another.
    rests = [
        rest - np.where(elsewhere, 0, subjects.performer_bits[side] + subjects.host_bits[side])
        for rest, side in ((facts.wording.rest_a, a), (facts.wording.rest_b, b))
    ]
    one &= np.minimum(*rests) < EXACT
    one &= ~(elsewhere & (_in_its_own_house(a, subjects) | _in_its_own_house(b, subjects)))
    one &= ~(elsewhere & _in_large_town(a, subjects))
    # What says much more may be an item of it, a band that plays there; but for more before its name, as of a saint's day.
    named = _ends_with_it(np.where(rests[0] > rests[1], a, b), subjects)
    one &= (np.maximum(*rests) < policy.vetoes.rest) | (named & ~elsewhere)
    of_village = subjects.own_district | subjects.names_district
    one &= of_village[a] == of_village[b]
    one &= ~_another(a, subjects) & ~_another(b, subjects)
    found[rows] = one
    return found


def _in_its_own_house(rows: Rows, subjects: Subjects) -> Mask:
    venue = subjects.texts["venue_key"].gather(rows).fill_null("")
    named = lexicon.rules().venues
    found: Mask = (
        venue.str.contains(named.own_house.pattern) & ~venue.str.contains(named.town_hall.pattern)
    ).to_numpy()
    return found


def _in_large_town(rows: Rows, subjects: Subjects) -> Mask:
    large = subjects.city_names.is_in(sorted(lexicon.large_towns())).to_numpy()
    found: Mask = (subjects.city[rows] >= 0) & large[subjects.city[rows]]
    return found


def _ends_with_it(rows: Rows, subjects: Subjects) -> Mask:
    titles = pl.Series(fold_all(subjects.texts["title"].gather(rows).to_list()), dtype=pl.String)
    found: Mask = titles.str.contains(rf"(?:{'|'.join(lexicon.unique_words())})$").to_numpy()
    return found


def _another(rows: Rows, subjects: Subjects) -> Mask:
    said = lexicon.rules().titles
    titles = subjects.texts["title"].gather(rows).str.to_lowercase()
    found: Mask = titles.str.contains(f"{said.own_house.pattern}|{said.item.pattern}").to_numpy()
    return found


ONE_OF_ITS_TOWN: Final = np.float32(8.0)
"""Bits of two titles of such a thing, however common its word: it is rare on that day in that town."""


def weigh_unique(facts: Facts, subjects: Subjects, policy: Policy) -> None:
    """Let titles of such a thing count as rare ones do."""
    title = facts.evidence["title"]
    asked = one_of_its_town(facts, subjects, policy) & (title < ONE_OF_ITS_TOWN)
    more = np.where(asked, ONE_OF_ITS_TOWN - np.nan_to_num(title), 0).astype(np.float32)
    title += more
    facts.weight[:] += more
