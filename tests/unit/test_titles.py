"""Titles: who invites, to what and where may go unsaid, and what place and town have told counts once."""

import numpy as np
import pytest

from dedup_core.comparisons.pairs import Pairs
from dedup_core.comparisons.titles import Wording, wording_of
from dedup_core.pipeline import subjects_and_words
from dedup_core.policy import default_policy
from tests.unit.listings import events, listing

POLICY = default_policy()


def wording(one: str, two: str, **place: str) -> Wording:
    rows = [listing("a:1", one, **place), listing("b:1", two, **place)]
    subjects, _ = subjects_and_words(events(*rows), POLICY)
    return wording_of(
        Pairs(np.array([0], np.uint32), np.array([1], np.uint32)), subjects, POLICY.evidence.title
    )


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("Seeblick Concerts: Kirchenkonzert", "Kirchenkonzert mit Ensemble Iskhal"),
        ("NABU Bollbach: Fledermausnacht", "Fledermausnacht mit Tim Zeller"),
        ("Jubiläumsumzug (Narrentage)", "Jubiläumsumzug mit 60 Gruppen"),
    ],
)
def test_who_invites_and_to_what_may_go_unsaid(one: str, two: str) -> None:
    assert wording(one, two).rest_a[0] < 0.1


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("Burgteufelzunft: Kinderball", "Krutstorzezunft: Kinderball"),
        ("Probe (Anfänger)", "Probe Fortgeschrittene"),
        ("Miu: Soul", "Soul mit Joris"),
    ],
)
def test_two_hosts_and_other_words_in_those_places_are_said(one: str, two: str) -> None:
    said = wording(one, two)

    assert min(said.rest_a[0], said.rest_b[0]) > 3


def test_the_town_that_both_titles_name_is_told_by_the_town() -> None:
    named = wording("Ball in Bollbach", "Umzug durch Bollbach", city="Bollbach")
    unknown = wording("Ball in Bollbach", "Umzug durch Bollbach")

    assert (named.shared[0], named.rarest[0]) == (0, 0)
    assert named.place[0] > 5
    assert unknown.shared[0] > 5
