"""Reconciling: ids that last, under random histories of merges and splits."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup_core.events import Difference, Previous
from dedup_core.reconciling import derived_id, difference, reconcile

N = 6
partitions = st.lists(st.integers(0, 3), min_size=N, max_size=N)
EVENTS = pl.DataFrame({"source_code": ["s"] * N, "id": [str(number) for number in range(N)]})


def labels_of(groups: list[int]) -> pl.Series:
    """Name each group by its lowest row."""
    return pl.Series("label", [groups.index(group) for group in groups], dtype=pl.UInt32)


def step(groups: list[int], previous: Previous, generation: int) -> tuple[Previous, Difference]:
    """Run reconciling once and give the state that it leaves; content changes with membership."""
    labels = labels_of(groups)
    named = reconcile(EVENTS, labels, previous, generation=generation)
    members = EVENTS.with_columns(labels).join(named, on="label").select("canonical_id", "source_code", "id")
    hashes = members.group_by("canonical_id").agg(pl.col("id").sort().str.join(",").alias("content_hash"))
    changes = difference(EVENTS, labels, named, hashes, previous)
    state = Previous(
        members=members,
        canonicals=named.select("canonical_id", "born").join(hashes, on="canonical_id"),
        retired=previous.retired | frozenset(changes.gone),
    )
    return state, changes


def clusters(state: Previous) -> dict[str, set[str]]:
    return {
        canonical_id: set(ids)
        for canonical_id, ids in state.members.group_by("canonical_id").agg(pl.col("id")).iter_rows()
    }


@given(st.lists(partitions, min_size=1, max_size=6))
def test_ids_are_unique_never_reused_and_never_silently_gone(history: list[list[int]]) -> None:
    state, retired = Previous.nothing(), set[str]()

    for generation, groups in enumerate(history, start=1):
        before = clusters(state)
        state, changes = step(groups, state, generation)
        now = clusters(state)

        assert len(now) == len(set(groups))
        assert not set(now) & retired
        assert set(changes.gone) == set(before) - set(now) == set(changes.redirects["from_id"])
        assert set(changes.created) == set(now) - set(before)
        assert set(changes.changed) == {id_ for id_ in set(now) & set(before) if now[id_] != before[id_]}
        assert set(changes.redirects["to_id"]) <= set(now)
        retired |= set(changes.gone)


@given(partitions, partitions)
def test_an_id_stays_with_its_largest_part_unless_a_larger_one_is_there(
    then: list[int], now: list[int]
) -> None:
    before, _ = step(then, Previous.nothing(), 1)
    after, _ = step(now, before, 2)

    for was in clusters(before).values():
        parts = sorted(((len(was & ids), new) for new, ids in clusters(after).items()), reverse=True)
        size, home = parts[0]
        strictly_largest = len(parts) == 1 or size > parts[1][0]
        if strictly_largest:
            assert len(clusters(before).get(home, set()) & clusters(after)[home]) >= size


@given(partitions)
def test_a_second_run_on_the_same_state_changes_nothing(groups: list[int]) -> None:
    state, _ = step(groups, Previous.nothing(), 1)

    again, changes = step(groups, state, 2)

    assert clusters(again) == clusters(state)
    assert [len(changes.created), len(changes.changed), len(changes.gone), changes.lineage.height] == [
        0,
        0,
        0,
        0,
    ]


@given(partitions, partitions)
def test_every_source_event_that_moved_is_in_the_lineage(then: list[int], now: list[int]) -> None:
    before, _ = step(then, Previous.nothing(), 1)
    after, changes = step(now, before, 2)

    moved = {
        (old, new)
        for old, was in clusters(before).items()
        for new, ids in clusters(after).items()
        if was & ids and old != new
    }
    assert set(changes.lineage.select("parent_id", "child_id").iter_rows()) == moved


def test_of_two_that_merge_with_equal_parts_the_older_id_lives() -> None:
    first, _ = step([0, 0, 1, 2, 3, 3], Previous.nothing(), 1)
    second, _ = step([0, 0, 1, 1, 3, 3], first, 2)
    young = Previous(
        second.members,
        second.canonicals.with_columns(
            pl.when(pl.col("content_hash") == "0,1").then(9).otherwise(pl.col("born")).alias("born")
        ),
        second.retired,
    )

    merged, _ = step([0, 0, 0, 0, 3, 3], young, 10)

    survivor = next(id_ for id_, ids in clusters(merged).items() if "0" in ids)
    assert survivor == next(id_ for id_, ids in clusters(second).items() if "2" in ids)


def test_an_id_that_is_taken_is_salted() -> None:
    taken = derived_id("s", "0")
    previous = Previous(Previous.nothing().members, Previous.nothing().canonicals, frozenset({taken}))

    named = reconcile(EVENTS, labels_of([0, 1, 2, 3, 4, 5]), previous, generation=1)

    assert named["canonical_id"][0] == derived_id("s", "0", salt=1)


@pytest.mark.parametrize(("one", "other"), [(("a", "bc"), ("ab", "c")), (("s", "1#0"), ("s", "1"))])
def test_different_listings_have_different_ids(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert derived_id(*one) != derived_id(*other)
