"""Normalising: what is no name leaves the title and stands in columns of its own; what is left is never nothing."""

from datetime import date
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup_core.normalising import words_of
from tests.unit.listings import events, listing


def normalised(title: str, **fields: Any) -> dict[str, Any]:
    return events(listing("kal:1", title, **fields)).row(0, named=True)


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("S T R A S S E N F E S T", "Straßenfest"),
        ("J A Z Z im Stall", "Jazz im Stall"),
        ("Toskana-Abend – entfällt!", "Toskana-Abend"),
        ("[LATE] Sub Rosa", "Sub Rosa"),
        ("Zusatztermin Philipzen 6.3.", "Philipzen"),
        ("PyCon 2026", "PyCon"),
        ("Jazz im Keller VERLEGT VOM 25.2.", "Jazz im Keller"),
        ("Yoga im Park, 12.8. um 18 Uhr", "Yoga im Park"),
        ("Jeden Mittwoch Yoga im Park", "Yoga im Park"),
        ("Appdevcon (ehemals mDevcon)", "Appdevcon"),
        ("16. Garderevue", "Garderevue"),
        ("XXV. Internationales Gitarrenfestival", "25. Internationales Gitarrenfestival"),
        ("28 Jahre Cantabile: Konzert", "25 Jahre Cantabile: Konzert"),
        ("Boule am Samstag", "Boule"),
        ("Sornmerfest der Feuenwehr", "Sommerfest der Feuerwehr"),
        ("SeniorennachmittagimPfarrheim", "Seniorennachmittag im Pfarrheim"),
        ("The 3rd Garderevue", "Garderevue"),
        ("Fasnetsumzug", "Fastnachtsumzug"),
        ("BUTTER &amp;amp; EGG 🥚", "Butter & Egg"),
    ],
)
def test_what_is_no_name_leaves_the_title(written: str, plain: str) -> None:
    assert normalised(written)["title_tokens"] == normalised(plain)["title_tokens"]


@pytest.mark.parametrize("title", ["Abgesagt", "2026", "Der, die, das", "24.12.", "20 Uhr", "Live", "U 2"])
def test_a_title_of_nothing_else_keeps_it(title: str) -> None:
    assert normalised(title)["title_tokens"]


def test_letters_that_stand_alone_are_closed_up_from_four_on() -> None:
    assert normalised("Plan B a")["title_words"] != normalised("Plan Ba")["title_words"]
    assert normalised("V I T A")["title_words"] == normalised("Vita")["title_words"]


def test_what_was_taken_out_stands_in_columns_of_its_own() -> None:
    row = normalised(
        "ABGESAGT: 16. Garderevue (Late Show), verlegt vom 25.2.", day="2026-03-04", start="23:00"
    )

    assert set(row["markers"].split()) >= {"cancelled", "late", "moved"}
    assert row["markers"].split() == sorted(row["markers"].split())
    assert row["edition"] == 16
    assert row["previous_day"] == date(2026, 2, 25)


@pytest.mark.parametrize(
    ("title", "edition"),
    [
        ("XVI. Symposium der Orgelfreunde", 16),
        ("Poetry Slam #12", 12),
        ("1. Mai-Hock", None),
        ("IL. Revue", None),
    ],
)
def test_an_edition_is_read_in_either_writing(title: str, edition: int | None) -> None:
    assert normalised(title)["edition"] == edition


@pytest.mark.parametrize(
    ("day", "written", "meant"),
    [
        ("2026-01-08", "28.12.", date(2025, 12, 28)),
        ("2025-12-28", "8.1.", date(2026, 1, 8)),
        ("2026-03-01", "29.2.", None),
        ("2026-05-02", "25.2.2024", date(2024, 2, 25)),
        ("2026-05-02", "25.2.26", date(2026, 2, 25)),
    ],
)
def test_a_previous_day_without_a_year_is_the_nearest(day: str, written: str, meant: date | None) -> None:
    assert normalised(f"Jazz verlegt vom {written}", day=day)["previous_day"] == meant


def test_a_text_is_asked_for_the_previous_day_only_if_the_title_says_that_it_was_moved() -> None:
    text = "Die ursprünglich für den 5. März geplante Lesung."

    moved, not_moved = (
        normalised(title, day="2026-05-02", description=text)["previous_day"]
        for title in ("Lesung (verschoben)", "Lesung")
    )

    assert (moved, not_moved) == (date(2026, 3, 5), None)


WORDS = st.lists(
    st.sampled_from(["der", "jazz", "kindertheaterfest", "16", "16th", "philipzen", "fasnet", ""])
)


@given(st.lists(WORDS, min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_a_title_has_the_same_words_in_any_company(titles: list[list[str]], chance: Any) -> None:
    texts = [" ".join(word for word in words if word) for words in titles]
    order = chance.sample(range(len(texts)), len(texts))

    def words(cores: list[str]) -> list[tuple[str, str]]:
        editions = pl.Series([16] * len(cores), dtype=pl.Int32)
        return words_of(pl.Series(cores, dtype=pl.String), editions).rows()

    whole = words(texts)

    assert words([texts[i] for i in order]) == [whole[i] for i in order]
    assert [words([text])[0] for text in texts] == whole
    assert all(set(many.split()) == set(few.split()) for many, few in whole)
    assert all(len(few.split()) == len(set(few.split())) for _, few in whole)


def test_a_weekday_on_which_it_does_not_begin_and_the_age_of_whom_it_is_for_stay() -> None:
    assert "donnerstag" in normalised("Boule am Donnerstag")["title_tokens"].split()
    assert "4" in normalised("Vorlesestunde ab 4 Jahren")["title_tokens"].split()
    assert "3" in normalised("Kinderturnen (3 Jahre)")["title_tokens"].split()
    assert "8" in normalised("Schwimmkurs, 8 Jahre")["title_tokens"].split()


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("Engineering Meetup", "Der Ring"),
        ("Monitoring am Abend", "Der Ring des Nibelungen"),
        ("Catering", "Ring"),
        ("Sponsoring", "Jahrring"),
        ("WordPress", "Press"),
        ("Gestalten mit Ton", "Für die Alten"),
        ("Backstage", "Tage der Musik"),
        ("Skatepark", "Skat"),
    ],
)
def test_a_word_shares_nothing_with_what_its_letters_happen_to_end_or_begin_with(one: str, two: str) -> None:
    words, others = (set(normalised(title)["title_tokens"].split()) for title in (one, two))

    assert not words & others


def test_what_is_a_ring_keeps_it() -> None:
    rings = ("Jahrring", "Nibelungenring", "Freundesring", "Winzerring", "Schmuckring", "Lichterring")

    assert [title for title in rings if "ring" not in normalised(title)["title_tokens"].split()] == []


def test_a_place_to_skate_is_none_to_play_cards() -> None:
    written = ("Skateparktreff", "Skatepark-Treff", "Skate-Park-Treff")

    assert {normalised(title)["title_tokens"] for title in written} == {"skate park treff"}
