import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup_core import lexicon
from dedup_core.explaining import COMPARISONS, Explanation, Part, field_reasons, meaning
from dedup_core.rivals import RIVALS
from dedup_core.vetoes import REASONS
from handlers.web.differences import marked
from handlers.web.evidence import PLAIN, graph_of, told
from handlers.web.languages import chosen, texts
from tests.page.texts import in_code, in_templates

WORDS = st.lists(st.sampled_from(["Jazz", "im", "Jazzhaus", "–", "20:00", "JAZZ", "\n"]), max_size=30).map(
    " ".join
)


MATCHERS = ("reason: ", "part: ", "why: ")


def test_every_text_of_the_page_has_its_german_and_no_german_is_left_over() -> None:
    said = in_templates() | in_code() | set(texts("en"))

    translated = {text for text in texts("de") if not text.startswith(MATCHERS)}

    assert said - translated == set()
    assert translated - said == set()


def test_what_the_matcher_says_is_said_in_german_or_where_it_is_too_new_as_it_is() -> None:
    german = chosen("de", "")

    assert german.matcher(REASONS["places_differ"]).startswith("Was die Titel teilen")
    assert german.matcher(meaning("title")).startswith("Wörter, die beide Titel teilen")
    assert german.matcher("A reason of tomorrow.") == "A reason of tomorrow."


def test_all_that_the_matcher_may_say_has_its_german() -> None:
    reasons = {f"reason: {code}" for code in (*REASONS, *RIVALS)}
    parts = {f"part: {part}" for part in (*COMPARISONS, "prior", "cap")}

    whys = {f"why: {code}" for code in field_reasons()}

    said = {text for text in texts("de") if text.startswith(MATCHERS)}

    assert said == reasons | parts | whys


def test_each_kind_of_no_event_has_a_name_in_both_languages() -> None:
    kinds = {f"kind: {name}" for name, kind in lexicon.kinds().items() if not kind.event}

    for language in ("en", "de"):
        assert {text for text in texts(language) if text.startswith("kind: ")} == kinds


def test_a_german_text_takes_the_values_that_its_english_one_takes() -> None:
    def places(text: str) -> set[str]:
        return {part.split("}")[0] for part in text.split("{")[1:]}

    wrong = {english for english, german in texts("de").items() if places(english) != places(german)}

    assert wrong == set()


@pytest.mark.parametrize(
    ("said", "accepted", "spoken"),
    [
        (None, "de-AT,de;q=0.9,en;q=0.5", "de"),
        (None, "en;q=0.4, de;q=0.8", "de"),
        (None, "fr, *;q=0.1", "en"),
        (None, "de;q=zero", "en"),
        ("en", "de", "en"),
        ("xx", "de", "de"),
    ],
)
def test_the_language_is_the_one_that_was_chosen_or_else_the_one_most_wished_for(
    said: str | None, accepted: str, spoken: str
) -> None:
    assert chosen(said, accepted).code == spoken


@given(WORDS, WORDS)
def test_a_marked_text_is_the_text_and_each_word_that_is_not_marked_stands_in_the_other_one(
    text: str, against: str
) -> None:
    pieces = marked(text, against)

    kept = [
        word for piece in pieces if not piece.differs for word in re.findall(r"\w+", piece.text.casefold())
    ]
    rest = iter(re.findall(r"\w+", against.casefold()))
    assert "".join(piece.text for piece in pieces) == text
    assert all(word in rest for word in kept)


@given(WORDS, WORDS)
def test_a_mark_begins_and_ends_with_a_word(text: str, against: str) -> None:
    marks = [piece.text for piece in marked(text, against) if piece.differs]

    assert all(re.match(r"\w(.*\w)?$", mark, re.DOTALL) for mark in marks)


@given(WORDS)
def test_equal_texts_are_not_marked_whatever_their_case(text: str) -> None:
    assert not any(piece.differs for piece in marked(text, text.upper()))


def _explained(bits: list[float | None]) -> Explanation:
    parts = tuple(Part(name, each, "") for name, each in zip(PLAIN, bits, strict=True))
    return Explanation(parts, sum(each or 0 for each in bits), 0.5, "match", (), None)


BITS = st.lists(st.none() | st.floats(-20, 20), min_size=len(PLAIN), max_size=len(PLAIN))


@given(BITS)
def test_each_bar_begins_where_the_one_before_ended_and_the_last_ends_at_the_sum(
    bits: list[float | None],
) -> None:
    drawn = told(("a", "1"), ("b", "2"), _explained(bits))

    assert round(sum(bar.shown for bar in drawn.bars), 2) == round(drawn.weight, 2)
    end = drawn.zero
    for bar in drawn.bars:
        beside = (bar.left, bar.left + bar.width)
        assert any(abs(end - edge) < 0.5 for edge in beside)
        end = beside[1] if bar.bits > 0 else beside[0]
    assert abs(end - drawn.sum_at) < 0.5 * (1 + len(drawn.bars))
    assert all(0 <= bar.left <= bar.left + bar.width <= 100.5 for bar in drawn.bars)


def _decided(a: str, b: str, weight: float) -> dict[str, Any]:
    explanation = Explanation((), weight, 0.9, "match", (), None)
    return {
        "a": {"source_code": a, "id": "1"},
        "b": {"source_code": b, "id": "1"},
        "explanation": explanation,
    }


def test_the_weakest_bridge_is_the_lightest_pair_that_nothing_heavier_goes_around() -> None:
    members = [(name, "1") for name in "abcd"]
    pairs = [
        _decided("a", "b", 12.0),
        _decided("b", "c", 3.0),
        _decided("a", "c", 1.0),
        _decided("c", "d", 9.0),
    ]

    graph = graph_of(members, pairs)

    assert graph is not None
    assert graph.bridge is not None
    assert (graph.bridge.a.identity[0], graph.bridge.b.identity[0]) == ("b", "c")


def test_no_bridge_is_named_where_a_person_and_no_evidence_holds_a_listing() -> None:
    members = [(name, "1") for name in "abc"]

    graph = graph_of(members, [_decided("a", "b", 12.0)])

    assert graph is not None
    assert len(graph.edges) == 1
    assert graph.bridge is None
