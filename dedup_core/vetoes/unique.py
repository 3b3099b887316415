"""What a town has once on a day: two listings of its festival are one event, whichever square or stage each names.

A town of several villages may have it twice; where both districts are told, they speak.
"""

from typing import Final

import numpy as np

from dedup_core.comparisons.names import ONE_VENUE
from dedup_core.comparisons.pairs import Mask, Rows, same_code
from dedup_core.comparisons.places import districts_differ, same_town
from dedup_core.comparisons.titles import EXACT
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
    one &= ~(elsewhere & (_indoors(a, subjects) | _indoors(b, subjects)))
    one &= (np.maximum(*rests) < policy.vetoes.rest) | ~elsewhere
    one &= ~_another(a, subjects) & ~_another(b, subjects)
    found[rows] = one
    return found


INDOORS: Final = "halle|haus|schule|kirche|kapelle|sankt|^st |klinik|heim|friedhof|museum|zentrum|gasthof|hotel|schloss|gaertnerei"
TOWN_HALL: Final = "rathaus"
"""Where there may be two, the one in this house and the other in that; but a council may sit in any."""


def _indoors(rows: Rows, subjects: Subjects) -> Mask:
    venue = subjects.texts["venue_key"].gather(rows).fill_null("")
    found: Mask = (venue.str.contains(INDOORS) & ~venue.str.contains(TOWN_HALL)).to_numpy()
    return found


HOUSES: Final = "schule|gymnasium|kita|kindergarten|altenheim|seniorenheim|pflegeheim|klinik|hospital|spital|hotel|gasthaus|gasthof|hof |gärtnerei|gut |schloss|burg "
"""Who may have one of its own beside the town's, …"""

ITEMS: Final = "eröffnung|auftakt|beim |auf dem |im rahmen|vor dem |nach dem |helfer|aufbau|anmeldung"
"""… and what is an item of it, or comes before or after."""


def _another(rows: Rows, subjects: Subjects) -> Mask:
    found: Mask = (
        subjects.texts["title"].gather(rows).str.to_lowercase().str.contains(f"{HOUSES}|{ITEMS}").to_numpy()
    )
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
