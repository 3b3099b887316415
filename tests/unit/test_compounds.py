"""Compounds: the same parts, however the word is built."""

import pytest

from dedup_core.compounds import Splitter

SPLITTER = Splitter(
    parts={
        "kinder",
        "theater",
        "fest",
        "fasnet",
        "umzug",
        "weihnacht",
        "markt",
        "bau",
        "sozial",
        "ausschuss",
        "nacht",
        "fastnacht",
        "parade",
    },
    whole={"stuttgart"},
    canonical={"fastnacht": "fasnet", "parade": "umzug"},
)


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        ("kindertheaterfest", ("kinder", "theater", "fest")),
        ("fasnetsumzug", ("fasnet", "umzug")),
        ("weihnachtsmarkt", ("weihnacht", "markt")),
        ("bauausschuss", ("bau", "ausschuss")),
        ("waldkirchfest", ("waldkirch", "fest")),
    ],
)
def test_a_compound_falls_into_its_parts(word: str, parts: tuple[str, ...]) -> None:
    assert SPLITTER.split(word) == parts


@pytest.mark.parametrize("word", ["stuttgart", "fest", "clueso", "2026", "s", ""])
def test_a_name_a_number_and_a_simple_word_stay_whole(word: str) -> None:
    assert SPLITTER.split(word) == (word,)


def test_a_synonym_is_replaced_alone_and_as_a_part() -> None:
    assert SPLITTER.split("fastnacht") == ("fasnet",)
    assert SPLITTER.split("fastnachtsparade") == SPLITTER.split("fasnetsumzug")


def test_a_linking_letter_does_not_close_a_word() -> None:
    assert SPLITTER.split("kinderfests") == ("kinderfests",)
