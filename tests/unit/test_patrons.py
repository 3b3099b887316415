"""Patrons: a word for a kind of church or hall is no name of it, however it is linked; every entry of the list, as names of venues have it."""

import re

import polars as pl
import pytest

from dedup_core import lexicon
from dedup_core.folding import fold_all
from dedup_core.patrons import patrons_of

NAMELESS = sorted(set(re.findall(r"[a-z]{3,}", lexicon.rules().venues.nameless.pattern)))


def own_names(kind: str, venues: list[str]) -> list[list[str] | None]:
    return patrons_of(pl.Series(fold_all(venues)))[f"patron_{kind}"].to_list()


@pytest.mark.parametrize("house", ["kirche", "halle"])
@pytest.mark.parametrize("link", ["", "s", "n", "en"])
def test_no_word_for_a_kind_of_house_is_its_name_whatever_letters_link_it(house: str, link: str) -> None:
    kind = {"kirche": "church", "halle": "hall"}[house]

    named = [word for word in NAMELESS if own_names(kind, [f"{word}{link}{house}"]) != [None]]

    assert len(NAMELESS) > 50
    assert named == []


@pytest.mark.parametrize(
    ("venue", "names"),
    [
        ("St. Peter und Paul", ["peter", "paul"]),
        ("Stiftskirche St. Georg", ["georg"]),
        ("Landelinskirche", ["landelin"]),
        ("Großsporthalle", None),
        ("Kirche", None),
        ("", None),
    ],
)
def test_a_church_has_all_its_names_and_none_that_is_its_kind(venue: str, names: list[str] | None) -> None:
    assert own_names("church", ["Münster", venue, "Kirche"]) == [None, names, None]


def test_a_hall_has_its_name_and_none_that_is_its_kind() -> None:
    halls = ["Jahnhalle", "Stadthalle", "Vereinshalle", "Schulturnhalle", "Schwarzwaldhalle"]

    assert own_names("hall", halls) == [["jah"], None, None, None, ["schwarzwald"]]
