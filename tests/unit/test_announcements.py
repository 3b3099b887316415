"""Announcements: a text is believed when it speaks plainly of the event, and only then."""

import polars as pl
import pytest

from dedup_core import lexicon
from dedup_core.announcements import announced


def said(*texts: str | None, short: str | None = None) -> list[str | None]:
    """Give what is heard in each text; ``short`` stands as short description beside every one."""
    listings = pl.DataFrame(
        {"description": texts, "short_description": [short] * len(texts)},
        schema={"description": pl.String, "short_description": pl.String},
    )
    return announced(listings).to_list()


@pytest.mark.parametrize("name", lexicon.sentences())
def test_the_lexicons_sentences_are_heard_and_its_counter_examples_are_not(name: str) -> None:
    sentence = lexicon.sentences()[name]

    assert said(*sentence.examples) == [name] * len(sentence.examples)
    assert said(*sentence.counter_examples) == [None] * len(sentence.counter_examples)


@pytest.mark.parametrize(
    "text",
    [
        "Bei Regen am 12.3. muss das Fest abgesagt werden.",
        "Bei Regen bzw. Sturm muss das Fest abgesagt werden.",
        "Wenn es stürmt o. ä., ist die Wanderung abgesagt.",
        "Bei Glätte (Info unter Tel. 07681/1234) ist der Umzug abgesagt.",
    ],
)
def test_a_dot_within_a_sentence_does_not_part_it_from_its_condition(text: str) -> None:
    assert said(text) == [None]


@pytest.mark.parametrize(
    "text",
    [
        "DIE FÜHRUNG FÄLLT HEUTE LEIDER AUS.",
        "Die Fu\u0308hrung fa\u0308llt heute leider aus.",
        "Die F&uuml;hrung f&auml;llt heute leider aus.",
    ],
)
def test_capitals_and_other_spellings_of_umlauts_are_understood(text: str) -> None:
    assert said(text) == ["cancelled"]


def test_a_condition_of_another_sentence_is_none_of_this_one() -> None:
    text = "Das Konzert muss leider abgesagt werden. Bei Fragen hilft das Kulturamt am 12. Mai."

    assert said(text, text.replace(". ", "!\n")) == ["cancelled", "cancelled"]


def test_a_marker_without_exceptions_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = {name: one.model_copy(update={"unless": ()}) for name, one in lexicon.sentences().items()}
    monkeypatch.setattr(lexicon, "sentences", lambda: plain)

    assert said("Der Vortrag wurde abgesagt.") == ["cancelled"]


def test_each_listing_keeps_its_own_text_and_silence() -> None:
    silent = said(None, "Der Vortrag wurde abgesagt.", "Ein Vortrag.", "")

    assert silent == [None, "cancelled", None, None]
    assert said(None, short="Der Vortrag wurde abgesagt.") == ["cancelled"]
    assert said(None) == [None]
