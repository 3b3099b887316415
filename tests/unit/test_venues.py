"""Venues: churches have many names and are one, kinds of venue name none."""

import polars as pl
import pytest

from dedup_core.folding import fold_all
from dedup_core.venues import church_word, generic_words, venue_words


def words(*names: str) -> list[str]:
    folded = pl.Series(fold_all(list(names)), dtype=pl.String)
    return venue_words(folded, pl.repeat("", len(names), dtype=pl.String, eager=True))[0].to_list()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Pfarrkirche St. Martin", "Sankt-Martin-Kirche"),
        ("Münster", "Pfarrkirche"),
        ("Kirche Sankt Margarethen", "Stiftskirche St. Margarethen"),
        ("Dom Pfarrkirche", "Münster Kirche"),
    ],
)
def test_a_church_is_one_by_each_of_its_names(one: str, other: str) -> None:
    left, right = words(one, other)

    assert sorted(left.split()) == sorted(right.split())
    assert church_word() in left.split()


@pytest.mark.parametrize(
    "name", ["Münsterplatz", "Domplatz", "Kirchplatz", "Kapelle St. Martin", "Münsterhalle"]
)
def test_what_only_sounds_like_a_church_is_none(name: str) -> None:
    (found,) = words(name)

    assert found != words("Pfarrkirche")[0]
    assert found.split()[0] != church_word() or " " in found


def test_a_name_of_nothing_but_saint_is_not_left_empty() -> None:
    assert words("Sankt", "", "St. Martin") == [*words("Sankt"), "", *words("Martin")]
    assert words("Sankt") != [""]


def test_words_for_kinds_of_venue_are_generic_as_titles_have_them() -> None:
    generic = generic_words()

    assert {
        word for text in words("Halle", "Turnhalle", "Saal", "Gasthof") for word in text.split()
    } <= generic
    assert not set(" ".join(words("Rheintalhalle Waldkirch")).split()) <= generic
