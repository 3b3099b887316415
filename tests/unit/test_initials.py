"""Initials: which words of titles are made of the initials of another."""

import pytest

from dedup_core.pipeline import blocked
from dedup_core.policy import default_policy
from tests.unit.listings import events, listing


@pytest.mark.parametrize(
    ("short", "long", "formed"),
    [
        ("VLDB", "Vandalen Langobarden Dalmatiner Burgunder", True),
        ("LDB", "Vandalen Langobarden Dalmatiner Burgunder", True),
        ("LDB", "International Annual Langobarden Dalmatiner Burgunder", True),
        ("ЖLDB", "Жар Langobarden Dalmatiner Burgunder", True),
        ("DB", "Dalmatiner Burgunder", False),
        ("VLD", "Vandalen Langobarden Dalmatiner Burgunder", False),
        ("VLDA", "Vandalen Langobarden Dalmatiner Burgunder", False),
    ],
)
def test_a_word_is_made_of_all_initials_or_of_those_behind_the_first_or_the_openers(
    short: str, long: str, formed: bool
) -> None:
    subjects, _ = blocked(events(listing("a:1", short), listing("b:1", long)), default_policy())

    found = subjects.initials.sum(axis=1)

    assert found.tolist() == [0, 1 if formed else 0]
