"""Names of towns and venues: shortened, misspelt and lengthened ones are one, neighbours are not."""

import numpy as np
import pytest

from dedup_core.comparisons.names import Names, names_of
from dedup_core.comparisons.pairs import Pairs
from dedup_core.pipeline import subjects_and_words
from dedup_core.policy import default_policy
from tests.unit.listings import events, listing

POLICY = default_policy()
DIFFERENT = POLICY.evidence.place.venue[1][0]
"""Similarity below which two venues speak against one event."""


def compared(one: dict[str, str], two: dict[str, str]) -> Names:
    rows = [listing("kal:1", "Konzert", **one), listing("mag:1", "Konzert", **two)]
    subjects, _ = subjects_and_words(events(*rows), POLICY)
    pairs = Pairs(np.array([0], np.uint32), np.array([1], np.uint32))
    return names_of([pairs], subjects).of(pairs, subjects, POLICY.evidence.place)


def venues(one: str, two: str) -> float:
    told, turned = (
        float(compared({"venue": left}, {"venue": right}).venues[0])
        for left, right in ((one, two), (two, one))
    )
    assert told == turned
    return told


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("Gempthalle", "Gempt-Halle"),
        ("Halle Münsterland", "Messe+Congress Centrum Halle Münsterland"),
        ("Bügerhaus Baßfeld", "Bürgerhaus Baßfeld"),
        ("Pfarrkirche St. Martin", "Kirche St. Martin"),
        ("Stadthalle, Foyer", "Stadthalle"),
        ("Weingut Mayer", "Winzerhof Mayer"),
        ("Place de la Mairie", "Rathausplatz"),
        ("KoKi", "Kommunales Kino"),
        ("Sporthalle am Schulzentrum", "Sporthalle"),
        ("Gasthaus Hirschen", "Hotel Hirschen"),
        ("Rathausplatz", "Rathdusplatz"),
        ("Kuko", "Kultur- und Kongresszentrum"),
    ],
)
def test_a_venue_is_one_by_each_way_to_write_it(one: str, two: str) -> None:
    assert venues(one, two) >= 0.85


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("Rathausplatz", "Dorfplatz"),
        ("Kirche St. Martin", "Kirche St. Peter"),
        ("Stadthalle", "Bahnhof"),
        ("Marktplatz", "Bahnhofsplatz"),
        ("Kuko", "Kunsthalle"),
        ("Weingut Mayer", "Weingut Seger"),
        ("Kino", "Kindergarten Nord"),
        ("Bar", "Badischer Reiter"),
        ("Kuko", "Kultur- und Kongresszentrum Elzach"),
        ("Gemeindehaus", "Pfarrheim"),
        ("Turnhalle", "Sporthalle"),
    ],
)
def test_a_word_in_common_makes_no_venue_one(one: str, two: str) -> None:
    assert venues(one, two) < DIFFERENT


def test_a_church_without_a_name_may_be_any_and_a_hall_of_another_number_is_another() -> None:
    assert DIFFERENT <= venues("Kirche", "Kirche St. Martin") < 0.85
    assert venues("Kinosaal 2", "Kinosaal 5") < 0.85 <= venues("Kinosaal", "Kinosaal 2")


def test_the_middle_of_a_place_is_neither_its_square_nor_another() -> None:
    assert DIFFERENT <= venues("Ortsmitte", "Lindenplatz") < 0.85
    assert venues("Feuerwehrhaus", "Gerätehaus") == 1


def test_two_rooms_of_one_house_are_neither_one_nor_two_venues() -> None:
    assert DIFFERENT <= venues("Klosterhof", "Kloster Bollbach") < 0.85
    assert not compared({"venue": "Klosterhof"}, {"venue": "Kloster Bollbach"}).beside[0]


def test_the_name_of_its_town_is_no_name_of_a_house() -> None:
    halls = ("Turnhalle Lahrbach", "Sporthalle Lahrbach")
    here, elsewhere = (
        compared(*({"venue": hall, "city": city} for hall in halls)).venues[0]
        for city in ("Lahrbach", "Waldkirch")
    )

    assert here < DIFFERENT < elsewhere


@pytest.mark.parametrize(("one", "two"), [("Kurhaus", "Kurpark"), ("Marktplatz", "Markthalle")])
def test_two_kinds_of_venue_with_one_name_are_beside_each_other(one: str, two: str) -> None:
    assert DIFFERENT <= venues(one, two) < 0.85
    assert compared({"venue": one}, {"venue": two}).beside[0]


def test_one_letter_is_a_slip_in_a_long_name_but_no_number_and_no_letter_of_a_house() -> None:
    assert venues("Narrlnkeller", "Narrenkeller") == 1
    assert venues("Gymnasium Haus A", "Gymnasium Haus B") < 1
    assert venues("Mehrzweckhalle 1", "Mehrzweckhalle 2") < 1


@pytest.mark.parametrize(
    ("one", "two", "same"),
    [
        ("Moosen a. W.", "Moosen am Wiesenbach", True),
        ("Weiler im Allgäu", "Weiler", True),
        ("Gundelfngen", "Gundelfingen", True),
        ("Oberried", "Unterried", False),
        ("Untersimoningen", "Obersimoningen", False),
        ("Neustadt a. d. Aisch", "Neustadt/Aisch", True),
        ("Lahrbach", "Waldkirch", False),
    ],
)
def test_a_town_is_one_if_shortened_or_misspelt(one: str, two: str, *, same: bool) -> None:
    assert bool(compared({"city": one}, {"city": two}).towns[0]) is same


def test_a_missing_name_is_like_none() -> None:
    found = compared({"venue": "Stadthalle", "city": "Waldkirch"}, {})

    assert (found.venues[0], found.towns[0]) == (0, False)


@pytest.mark.parametrize(
    ("one", "two", "opposed"),
    [
        ("Messehalle II", "Messehalle III", True),
        ("Pavillon Ost", "Pavillon West", True),
        ("Stadtteilbibliothek Nordstadt", "Stadtteilbibliothek Weststadt", True),
        ("Oberdorfschule", "Unterdorfschule", True),
        ("Turnhalle Schule I", "Turnhalle Schule II", True),
        ("Große Aula", "Kleine Aula", True),
        ("Haus A", "Haus B", True),
        ("Messehalle II", "Messe, Halle II", False),
        ("Messehalle II", "Messehalle", False),
        ("Westfalenhalle", "Oststadthalle", False),
    ],
)
def test_opposites_and_roman_numbers_tell_two_houses_apart(one: str, two: str, *, opposed: bool) -> None:
    told, turned = (
        compared({"venue": left}, {"venue": right}).opposed[0] for left, right in ((one, two), (two, one))
    )

    assert told == turned == opposed
    assert not opposed or venues(one, two) < DIFFERENT


@pytest.mark.parametrize(
    ("one", "two", "apart"),
    [
        ("Gemeindehaus Johannes", "Pauluskirche", True),
        ("Martin-Luther-Haus", "Gemeindehaus St. Martin", True),
        ("Gasthaus Adler", "Gasth. zum Lamm", True),
        ("Apostelkirche", "St. Zeno", True),
        ("Römerhalle", "Schwabenhalle", True),
        ("St. Peter und Paul", "Peterskirche", False),
        ("Rebhalle", "Rehbhalle", False),
        ("Stadthalle", "Festhalle", False),
        ("Pfarrkirche", "St. Zeno", False),
        ("St. Marien", "Liebfrauenkirche", False),
        ("St. Laurentius", "Lorenzkirche", False),
        ("St. Peter und Paul", "Paulskirche", False),
        ("St. Zeno und St. Landelin", "Landelinskirche", False),
        ("St. Mauritius", "Moritzkirche", False),
        ("Stiftskirche", "St. Zeno", False),
        ("Stiftskirche St. Zeno", "Apostelkirche", True),
        ("Friedhofkirche", "St. Zeno", False),
        ("Vereinshalle", "Jahnhalle", False),
        ("Großsporthalle", "Jahnhalle", False),
    ],
)
def test_saints_signs_and_names_of_halls_tell_two_houses_apart(one: str, two: str, *, apart: bool) -> None:
    told, turned = (
        compared({"venue": left}, {"venue": right}).houses[0] for left, right in ((one, two), (two, one))
    )

    assert told == turned == apart
    assert not apart or venues(one, two) < DIFFERENT
