"""Contradicting: what would contradict is found before it is saved, and told as a chain that holds together."""

from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from dedup_core.contradicting import Listing, Said, _Known, contradictions
from dedup_core.verdicts import IndexedVerdicts, accord_of

NAMES: list[Listing] = [("a", str(number)) for number in range(5)]
SAID = st.tuples(
    st.sampled_from(["must_link", "cannot_link"]),
    st.permutations(range(5)).map(lambda order: (order[0], order[1])),
)


def said(number: int, wish: tuple[str, tuple[int, int]]) -> Said:
    kind, (a, b) = wish
    return Said(number, kind, NAMES[a], NAMES[b])


def consistent(wishes: list[tuple[str, tuple[int, int]]]) -> list[Said]:
    """Take verdicts one after the other, as they are saved: each unless it contradicts."""
    standing: list[Said] = []
    for number, wish in enumerate(wishes):
        new = said(number, wish)
        standing += [] if contradictions([new], standing) else [new]
    return standing


@given(st.lists(SAID, max_size=10))
def test_what_is_saved_can_all_be_kept_and_what_is_refused_could_not(wishes: list[Any]) -> None:
    standing = consistent(wishes)

    refused = [said(number, wish) for number, wish in enumerate(wishes)]
    refused = [one for one in refused if one not in standing]

    def dropped(verdicts: list[Said]) -> int:
        rows = [
            (one.kind, NAMES.index(one.a), NAMES.index(one.b), one.sequence)
            for one in verdicts
            if one.b is not None
        ]
        schema = {"kind": pl.String, "a": pl.UInt32, "b": pl.UInt32, "sequence": pl.Int64}
        return accord_of(
            IndexedVerdicts(pl.DataFrame(rows, schema=schema, orient="row"), 0)
        ).contradicted.height

    assert dropped(standing) == 0
    assert all(dropped([*standing, one]) > 0 for one in refused)


@given(st.lists(SAID, max_size=10), SAID)
def test_a_chain_leads_from_the_one_to_the_other_over_at_most_one_cannot_link(
    wishes: list[Any], wish: Any
) -> None:
    standing = consistent(wishes)
    new = said(99, wish)

    found = contradictions([new], standing)

    for one in found:
        here, parted = new.a, 0
        for link in one.chain:
            assert here in (link.a, link.b)
            here = link.b if here == link.a and link.b is not None else link.a
            parted += link.kind == "cannot_link"
        assert here == new.b
        assert parted == (1 if new.kind == "must_link" else 0)


@given(st.lists(SAID, max_size=10), SAID)
def test_taking_back_one_verdict_of_each_chain_as_often_as_told_makes_room(
    wishes: list[Any], wish: Any
) -> None:
    standing = consistent(wishes)
    new = said(99, wish)

    for _ in range(len(standing) + 1):
        found = contradictions([new], standing)
        gone = {max(link.sequence for link in one.chain) for one in found}
        standing = [one for one in standing if one.sequence not in gone]

    assert contradictions([new], standing) == []


def test_two_new_verdicts_that_contradict_each_other_are_told() -> None:
    same, different = said(1, ("must_link", (0, 1))), said(2, ("cannot_link", (1, 0)))

    (found,) = contradictions([same, different], [])

    assert (found.new, found.chain) == (different, (same,))


def test_that_a_listing_is_not_itself_ends_and_contradicts_nothing() -> None:
    known = _Known()
    known.add(Said(1, "must_link", NAMES[0], NAMES[1]))

    chains = known.against_different(Said(2, "cannot_link", NAMES[0], NAMES[0]))

    assert next(chains, None) is None
