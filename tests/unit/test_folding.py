"""Folding: one text and a column alike, an independent twin in plain Python as oracle, and the spellings that must meet."""

import unicodedata
from collections.abc import Sequence

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup_core.folding import fold, fold_all, folded, unbroken, unescape, well_read

GERMAN = st.text(alphabet="abzABZ019äöüÄÖÜßẞéèçñØłŁœÆ \t-–/.,&;#'’´`\u0308\u0301\u00ad\u200b™²½🥚ﬁĳŉʼ_")
ANYTHING = st.text(alphabet=st.characters(codec="utf-8"))


def column(texts: Sequence[str | None]) -> list[str | None]:
    frame = pl.DataFrame({"text": pl.Series(list(texts), dtype=pl.String)})
    return frame.lazy().select(folded(pl.col("text"))).collect().to_series().to_list()


def twin(text: str) -> str:
    """Fold letter by letter, the slow and obvious way."""
    kept = "".join(c for c in unescape(text) if c not in "'’‘´`ʼ\u00ad\u200b™")
    letters = unicodedata.normalize("NFKD", kept).lower()
    for old, new in {"a\u0308": "ae", "o\u0308": "oe", "u\u0308": "ue"}.items():
        letters = letters.replace(old, new)
    for old, new in {"ß": "ss", "ł": "l", "ø": "o", "œ": "oe", "æ": "ae", "ʼ": ""}.items():
        letters = letters.replace(old, new)
    plain = "".join(c for c in letters if unicodedata.category(c) != "Mn")
    return " ".join("".join(c if c.isalnum() else " " for c in plain).split())


@given(GERMAN)
def test_folding_agrees_with_the_letter_by_letter_twin(text: str) -> None:
    assert fold(text) == twin(text)


@given(ANYTHING)
def test_folding_what_is_folded_changes_nothing(text: str) -> None:
    once = fold(text)

    assert fold(once) == once
    assert once == " ".join(once.split())


@given(st.lists(st.none() | GERMAN | ANYTHING, max_size=8))
def test_a_column_folds_as_each_of_its_texts_does(texts: list[str | None]) -> None:
    result = column(texts)

    assert result == [None if text is None else fold(text) for text in texts]
    assert fold_all([text for text in texts if text is not None]) == [f for f in result if f is not None]


@pytest.mark.parametrize(
    "spellings",
    [
        (
            "München",
            "MÜNCHEN",
            "Mu\u0308nchen",
            "Muenchen",
            "M&uuml;nchen",
            "M&amp;uuml;nchen",
            "M&#252;nchen",
        ),
        ("Butter & Egg", "BUTTER &amp;amp; EGG 🥚", "Butter &amp Egg", "butter&#38;amp;egg"),
        ("Gempt Halle", "Gempt-Halle", " gempt – HALLE ", "Gempt/Halle", "Gempt_Halle"),
        ("Straßenfest", "STRASSENFEST", "Stra\u00adßen\u200bfest", "STRAẞENFEST"),
        ("d’r Hock", "d'r Hock", "dr Hock", "d´r Hock"),
        ("Łódź Tromsø Curaçao", "Lodz Tromso Curacao"),
        ("ﬁnale ① Ｆｅｓｔ", "finale 1 fest"),
    ],
)
def test_all_spellings_of_one_text_meet(spellings: tuple[str, ...]) -> None:
    assert len(set(fold_all(list(spellings)))) == 1


def test_what_only_looks_like_an_entity_stays() -> None:
    texts = ["Bier&Wein;", "Rock&regen", "Tanz &ampere", "Kaffee&Kuchen"]

    assert fold_all(texts) == ["bier wein", "rock regen", "tanz ampere", "kaffee kuchen"]


def test_nested_entities_cost_no_square_of_their_length() -> None:
    hostile = "&" + "amp;" * 500_000 + "lt;b&gt;"

    assert unescape(hostile) == "<b>"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("HexenbaII", "Hexenball"),
        ("go1dene H0chzeit", "goldene Hochzeit"),
        ("Ludwig II liest", "Ludwig II liest"),
        ("BürgerInnen", "BürgerInnen"),
        ("StadtImpuls im FiImsaal", "Stadt Impuls im Filmsaal"),
        ("TheaterII", "Theater II"),
        ("Ü30-Party um 10 Uhr, Raum B1", "Ü30-Party um 10 Uhr, Raum B1"),
    ],
)
def test_letters_that_were_read_as_capitals_and_digits_are_letters_again(written: str, read: str) -> None:
    frame = pl.DataFrame({"text": [written]})

    assert frame.select(well_read(pl.col("text"))).item() == read


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("Som- merfest im Kinder-\ngarten", "Sommerfest im Kindergarten"),
        ("Floh- und Trödelmarkt", "Floh- und Trödelmarkt"),
        ("Blues- Rock", "Blues- Rock"),
    ],
)
def test_words_that_a_line_break_parted_are_whole_again(written: str, read: str) -> None:
    assert pl.DataFrame({"text": [written]}).select(unbroken(pl.col("text"))).item() == read
