"""Verdicts: found by identity, and of contradicting ones the newer holds."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from dedup_core.events import VERDICT_SCHEMA
from dedup_core.verdicts import IndexedVerdicts, accord_of, index_verdicts

Said = tuple[str, int, int, int]

EVENTS = pl.DataFrame({"source_code": ["a", "a", "b"], "id": ["1", "2", "1"]})
row = st.integers(0, 4)
said = st.lists(
    st.tuples(st.sampled_from(["must_link", "cannot_link"]), row, row, st.integers(0, 3)), max_size=12
)


def indexed(verdicts: list[Said]) -> IndexedVerdicts:
    schema = {"kind": pl.String, "a": pl.UInt32, "b": pl.UInt32, "sequence": pl.Int64}
    return IndexedVerdicts(pl.DataFrame(verdicts, schema=schema, orient="row"), unknown=0)


def camps_of(must: list[tuple[int, int]]) -> list[int]:
    """Label each row by the lowest one it is linked to, by plain search."""
    labels = list(range(5))
    for _ in labels:
        for a, b in must:
            labels[a] = labels[b] = min(labels[a], labels[b])
    return labels


@given(said)
def test_what_holds_can_all_be_kept_and_what_does_not_contradicts_it(verdicts: list[Said]) -> None:
    accord = accord_of(indexed(verdicts))

    camps = camps_of([(a, b) for a, b in accord.must.tolist()])
    foes = [{camps[a], camps[b]} for a, b in accord.cannot.tolist()]
    assert all(len(pair) == 2 for pair in foes)
    assert len(accord.must) + len(accord.cannot) + accord.contradicted.height == len(verdicts)
    assert all(
        camps[a] == camps[b] or {camps[a], camps[b]} in foes for a, b in accord.contradicted.iter_rows()
    )


@given(said)
def test_the_newest_verdict_always_holds_and_the_order_of_rows_never_matters(verdicts: list[Said]) -> None:
    newer = ("cannot_link", 0, 1, 9)

    accord = accord_of(indexed([*verdicts, newer]))
    other = accord_of(indexed([newer, *reversed(verdicts)]))

    assert [0, 1] in accord.cannot.tolist()
    assert accord.must.tolist() == other.must.tolist()
    assert accord.cannot.tolist() == other.cannot.tolist()
    assert accord.contradicted.equals(other.contradicted)


def test_a_verdict_is_found_by_both_parts_of_an_identity_and_the_others_are_counted() -> None:
    verdicts = pl.DataFrame(
        [
            ("must_link", "b", "1", "a", "2", 1, None, None, "ada"),
            ("cannot_link", "a", "1", "c", "1", 2, None, None, "ada"),
            ("must_link", "b", "2", "a", "2", 3, None, None, "ada"),
        ],
        schema=VERDICT_SCHEMA,
        orient="row",
    )

    found = index_verdicts(verdicts, EVENTS)

    assert found.known.rows() == [("must_link", 2, 1, 1)]
    assert found.unknown == 2
