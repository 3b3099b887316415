"""Mentions: what the other listing says in its venue or text counts, what a template says does not."""

from typing import Any

import numpy as np

from dedup_core.comparisons.mentions import Mentions, mentions_of
from dedup_core.comparisons.pairs import Pairs
from dedup_core.pipeline import subjects_and_words
from dedup_core.policy import default_policy
from tests.unit.listings import events, listing

POLICY = default_policy()
TEXT = "Am Samstag gastiert Philipzen mit neuen Liedern."


def mentions(*rows: dict[str, Any], by_text: bool = True) -> Mentions:
    """Look at the first two of some listings."""
    subjects, _ = subjects_and_words(events(*rows), POLICY)
    pair = Pairs(np.array([0], np.uint32), np.array([1], np.uint32))
    return mentions_of(pair, np.array([by_text]), subjects)


def test_a_title_that_names_the_others_venue_has_said_where() -> None:
    found = mentions(
        listing("a:1", "Philipzen in der Rheintalhalle", city="Waldkirch"),
        listing("b:1", "Philipzen", city="Waldkirch", venue="Rheintalhalle"),
        by_text=False,
    )

    assert found.placed[0] > 3
    assert found.a[0] >= found.placed[0]
    assert (found.b[0], found.told[0], found.rarest[0]) == (0, 0, 0)


def test_a_kind_of_venue_names_none() -> None:
    found = mentions(
        listing("a:1", "Philipzen in der Halle", city="Waldkirch"),
        listing("b:1", "Philipzen", city="Waldkirch", venue="Rheintalhalle"),
    )

    assert found.placed[0] == 0


def test_half_of_a_venues_name_names_it_and_less_does_not() -> None:
    def placed(venue: str) -> float:
        title = listing("a:1", "Brentano in Ohrenbach", city="Waldkirch")
        return float(mentions(title, listing("b:1", "Brentano", city="Waldkirch", venue=venue)).placed[0])

    assert placed("Kulturhof Ohrenbach") > 0
    assert placed("Ohrenbach Philipzen Sulzmatt Eichwald") == 0


def test_a_text_that_has_the_titles_words_tells_of_them_the_longer_the_less() -> None:
    title = listing("a:1", "Philipzen")
    others = [f"Eintracht{letter}" for letter in "abcdefghij"]
    company = [listing(f"c{n}:1", word) for n, word in enumerate(others)]

    short, long = (
        mentions(title, listing("b:1", "Ein Abend im Stall", description=text), *company)
        for text in (TEXT, f"{TEXT} {' '.join(others)}")
    )

    assert short.a[0] == long.a[0] > 5
    assert short.told[0] > long.told[0] > 0
    assert short.rarest[0] == short.a[0]
    assert short.b[0] == 0


def test_a_text_is_not_read_where_it_was_not_asked_for() -> None:
    found = mentions(
        listing("a:1", "Philipzen"), listing("b:1", "Ein Abend im Stall", description=TEXT), by_text=False
    )

    assert (found.a[0], found.told[0]) == (0, 0)


def test_a_template_mentions_nothing() -> None:
    rows = [listing("a:1", "Philipzen"), listing("b:1", "Ein Abend im Stall", description=TEXT)]
    copies = [listing(f"c:{n}", f"Abend {n} bei Brentano", description=TEXT) for n in range(5)]

    assert mentions(*rows, *copies[:1]).a[0] > 0
    assert mentions(*rows, *copies).a[0] == 0
    assert mentions(*rows, *copies).told[0] == 0


def test_both_sides_are_heard_alike() -> None:
    one, two = listing("a:1", "Philipzen"), listing("b:1", "Ein Abend im Stall", description=TEXT)

    found, turned = mentions(one, two), mentions({**two, "source_code": "a"}, {**one, "source_code": "b"})

    assert (found.a[0], found.b[0], found.told[0]) == (turned.b[0], turned.a[0], turned.told[0])
