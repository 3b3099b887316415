"""Misspelt words: what text recognition made of them is regained, and siblings stay two."""

import numpy as np
import pytest

from dedup_core.comparisons.pairs import Pairs
from dedup_core.comparisons.titles import Wording, wording_of
from dedup_core.pipeline import subjects_and_words
from dedup_core.policy import default_policy
from tests.unit.listings import events, listing

POLICY = default_policy()
OTHERS = ("Jazz im Stall", "Frühlingsfest der Feuerwehr", "Lesung mit Iris Wolf")


def wording(one: str, two: str) -> Wording:
    """Set two titles against each other, among a few others."""
    rows = [listing(f"a{number}:1", title) for number, title in enumerate((one, two, *OTHERS))]
    subjects, _ = subjects_and_words(events(*rows), POLICY)
    pairs = Pairs(np.array([0], np.uint32), np.array([1], np.uint32))
    return wording_of(pairs, subjects, POLICY.evidence.title)


def left_over(one: str, two: str) -> float:
    """Give the share of the smaller title that the other lacks, in [0, 1]."""
    said = wording(one, two)
    return float(min(said.rest_a[0], said.rest_b[0]) / (min(said.rest_a[0], said.rest_b[0]) + said.shared[0]))


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("Karnevalsumzug Sulzmatten", "Kamevalsumzug Sulzmatten"),
        ("Klosterkonzert Ettenheimmünster", "K1osterkonzert Ettenheimmünster"),
        ("Toskanaabend Ohrenschmaus", "Toskana abend Ohren schmaus"),
        ("Philipzen liest Brentano", "Phlipizen liest Brentano"),
        ("Ohrenschmaus", "0hrenschmaus"),
        ("Wildwasserrodeo", "VVildwasserrodeo"),
    ],
)
def test_what_text_recognition_did_to_a_title_is_undone(written: str, read: str) -> None:
    assert left_over(written, read) < 0.35


@pytest.mark.parametrize(
    ("one", "sibling"),
    [
        ("Marie Bauer", "Moritz Bauer"),
        ("Regio PHP-Tag", "Regio JavaScript-Tag"),
        ("Woodwalkers", "Checker Tobi"),
        ("Abba", "Abra"),
        ("Nena", "Nina"),
    ],
)
def test_a_sibling_is_no_misspelling(one: str, sibling: str) -> None:
    said = wording(one, sibling)

    assert min(said.rest_a[0], said.rest_b[0]) > 5


def test_a_regained_word_counts_less_than_the_word_itself() -> None:
    right, wrong = (
        wording("Konzert Philipzen", other) for other in ("Konzert Philipzen", "Konzert Phlipizen")
    )

    assert right.shared[0] > wrong.shared[0] > wording("Konzert Philipzen", "Konzert Brentano").shared[0]
    assert wrong.rest_a[0] > 0


def test_no_more_is_regained_than_was_missing() -> None:
    titles = ("Ohrenschmaus Ohrenschmauss", "Ohrenschmaus", "Ohrenschmauss im Ohrenschmaus", "Ohrenshmaus")
    subjects, _ = subjects_and_words(events(*(listing(f"a{n}:1", t) for n, t in enumerate(titles))), POLICY)
    a, b = (side.astype(np.uint32) for side in np.triu_indices(len(titles), 1))

    said = wording_of(Pairs(a.astype(np.intp), b.astype(np.intp)), subjects, POLICY.evidence.title)

    whole = subjects.title_bits
    assert (said.rest_a >= 0).all()
    assert (said.rest_b >= 0).all()
    assert (said.shared <= np.minimum(whole[a], whole[b]) + 0.01).all()
    assert (said.shared > 0).all()
