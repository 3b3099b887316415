"""Compounds: the same parts, however the word is built."""

import pytest

from dedup_core.compounds import Splitter, differ_in_prefix, without_triples

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


@pytest.mark.parametrize(
    "word",
    [
        "engineering",
        "monitoring",
        "catering",
        "mentoring",
        "clustering",
        "restructuring",
        "advertising",
        "processing",
    ],
)
def test_an_english_word_in_ing_has_no_last_part(word: str) -> None:
    splitter = Splitter(parts={"ring", "sing", "process"}, whole=(), canonical={})

    assert splitter.split(word) == (word,)


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        ("jahrring", ("jahr", "ring")),
        ("freundesring", ("freunde", "ring")),
        ("winzerring", ("winzer", "ring")),
        ("engineeringwoche", ("engineering", "woche")),
        ("nibelungenring", ("nibelungen", "ring")),
    ],
)
def test_a_ring_behind_a_known_part_or_a_consonant_is_one(word: str, parts: tuple[str, ...]) -> None:
    splitter = Splitter(parts={"ring", "jahr", "freunde", "winzer", "woche"}, whole=(), canonical={})

    assert splitter.split(word) == parts


def test_a_synonym_is_replaced_alone_and_as_a_part() -> None:
    assert SPLITTER.split("fastnacht") == ("fasnet",)
    assert SPLITTER.split("fastnachtsparade") == SPLITTER.split("fasnetsumzug")


def test_a_linking_letter_does_not_close_a_word() -> None:
    assert SPLITTER.split("kinderfests") == ("kinderfests",)


REPAIRER = Splitter(
    parts={
        "ausstellung",
        "vorfuehrung",
        "fuehrung",
        "auffuehrung",
        "bauern",
        "fest",
        "sommer",
        "nachmittag",
        "pfarrheim",
        "dev",
        "land",
        "ehrung",
    },
    whole=(),
    canonical={},
)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("ausstellnng", ("ausstellung",)),
        ("aussetllung", ("ausstellung",)),
        ("ausstelung", ("ausstellung",)),
        ("sornmerfest", ("sommer", "fest")),
        ("nachmittagimpfarrheim", ("nachmittag", "pfarrheim")),
    ],
)
def test_a_slip_of_eye_or_finger_is_mended(written: str, meant: tuple[str, ...]) -> None:
    assert REPAIRER.split(written) == meant


@pytest.mark.parametrize("word", ["nachmittag", "ausstellung"])
@pytest.mark.parametrize("slip", ["lost", "doubled", "swapped"])
def test_a_slip_is_mended_wherever_in_the_word_it_is(word: str, slip: str) -> None:
    places = range(1, len(word) - 1)
    written = {
        "lost": {word[:place] + word[place + 1 :] for place in places},
        "doubled": {word[:place] + word[place] + word[place:] for place in places},
        "swapped": {word[:place] + word[place + 1] + word[place] + word[place + 2 :] for place in places},
    }[slip]

    assert {REPAIRER.split(text) for text in written} == {(word,)}


@pytest.mark.parametrize("written", ["balletttheater", "ballettheater"])
def test_a_compound_whose_parts_meet_in_three_equal_letters_is_split_however_many_are_written(
    written: str,
) -> None:
    splitter = Splitter(parts={"ballett", "theater"}, whole=(), canonical={})

    assert splitter.split(written) == ("ballett", "theater")


@pytest.mark.parametrize("word", ["aufstellung", "verfuehrung", "ausfuehrung", "entfuehrung", "cleveland"])
def test_another_word_is_not_mended_though_it_is_a_letter_away(word: str) -> None:
    assert not {"ausstellung", "vorfuehrung", "auffuehrung", "ehrung", "dev"} & {*REPAIRER.split(word)}


@pytest.mark.parametrize(
    ("one", "two", "differ"),
    [
        ("verfuehrung", "vorfuehrung", True),
        ("familienaufstellung", "familienausstellung", True),
        ("abschluss", "anschluss", True),
        ("karneval", "kameval", False),
        ("silverfest", "silberfest", False),
        ("sozialausschuss", "bauausschuss", True),
        ("kurturausschuss", "kulturausschuss", False),
    ],
)
def test_a_prefix_makes_another_word(one: str, two: str, *, differ: bool) -> None:
    assert differ_in_prefix(one, two) is differ_in_prefix(two, one) is differ


def test_three_equal_consonants_are_two_but_not_in_an_abbreviation() -> None:
    assert [without_triples(word) for word in ("schifffahrt", "kulturausschusss", "mmm")] == [
        "schiffahrt",
        "kulturausschuss",
        "mmm",
    ]
