"""Told: what texts say of place and hour counts where the fields are silent, and only then."""

from typing import Any

import numpy as np
import pytest

from dedup_core.comparisons.pairs import Pairs
from dedup_core.comparisons.told import Told, told_of, with_told_starts, with_told_venues
from dedup_core.pipeline import subjects_and_words
from dedup_core.policy import default_policy
from tests.unit.listings import events, listing

POLICY = default_policy()
CAP = POLICY.evidence.same_start_cap
HALL = {"city": "Waldkirch", "venue": "Stubenhaus"}
UNKNOWN = np.array([np.nan], np.float32)


def told(text: str, *, start: str = "14:30", own: str | None = None, **place: str) -> Told:
    """Read a text beside a listing that has a venue and a start. own: the start of the text's listing."""
    fields: dict[str, Any] = {"city": "Waldkirch", **place}
    rows = [
        listing("kal:1", "Gitarrentage", start=start, **HALL),
        listing("rhz:1", "Klänge aus aller Welt", start=own, description=text, **fields),
    ]
    subjects, _ = subjects_and_words(events(*rows), POLICY)
    return told_of(Pairs(np.array([0], np.uint32), np.array([1], np.uint32)), subjects)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("Sie spielen im Stubenhaus.", True),
        ("Im Hof des Stubenhauses", False),
        ("Vor der Tür des Stubenhaus'", True),
        ("Sie spielen in der Stube.", False),
    ],
)
def test_a_text_that_names_the_others_venue_tells_where_it_is(text: str, *, named: bool) -> None:
    said = told(text)

    assert bool(said.venue[0]) is named
    assert bool(with_told_venues(UNKNOWN, said, POLICY.evidence.place)[0] > 0) is named


def test_another_venue_in_the_field_says_nothing_against_where_the_text_names_it() -> None:
    against = np.array([-3], np.float32)
    named, unnamed = (told(text, venue="Park") for text in ("Rund um das Stubenhaus", "Rund um das Haus"))

    assert with_told_venues(against, named, POLICY.evidence.place)[0] == 0
    assert with_told_venues(against, unnamed, POLICY.evidence.place)[0] == -3


@pytest.mark.parametrize(
    ("text", "there"),
    [
        ("Kerzen erleuchten den Park am Stubenhaus.", True),
        ("Parken am Stubenhaus", False),
        ("Karten im Stubenhaus", False),
        ("Im Park, nicht im Stubenhaus!", False),
    ],
)
def test_only_a_text_that_puts_its_own_place_at_the_others_says_that_they_are_one(
    text: str, *, there: bool
) -> None:
    said = told(text, venue="Uferpark")

    assert said.venue[0]
    assert bool(said.own_venue[0]) is there


@pytest.mark.parametrize(
    ("text", "start", "named"),
    [
        ("Beginn ist um 14.30 Uhr.", "14:30", True),
        ("Beginn ist um 14:30 Uhr.", "14:30", True),
        ("Um 14 Uhr beginnt es.", "14:00", True),
        ("Um 14.00 Uhr beginnt es.", "14:00", True),
        ("Um 14 Uhr beginnt es.", "14:30", False),
        ("Um 19.20 Uhr ist Schluss.", "20:00", False),
        ("Am 5.6. um 14 Uhr", "14:00", True),
        ("Seit 14 Jahren", "14:00", False),
    ],
)
def test_a_text_that_names_the_others_start_tells_when_it_begins(
    text: str, start: str, *, named: bool
) -> None:
    found = with_told_starts(UNKNOWN, UNKNOWN, told(text, start=start), CAP)

    assert bool(found[0] > 0) is named


def test_the_procession_after_the_mass_is_no_other_event_and_the_evening_is() -> None:
    mass = told("9.30 Uhr Messe, ab 11.30 Uhr Essen.", start="11:30", own="09:30")
    against = np.array([-3.2], np.float32)

    assert with_told_starts(against, np.array([120], np.float32), mass, CAP)[0] == 0
    assert with_told_starts(against, np.array([600], np.float32), mass, CAP)[0] == against[0]
