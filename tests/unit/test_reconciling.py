"""Reconciling: ids that last, under random histories of arrivals, merges and splits, and against a brute-force twin."""

from collections.abc import Sequence

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup_core.events import Difference, Previous
from dedup_core.reconciling import derived_id, difference, reconcile

N = 7
GROUPS = list[int]
NAMES = "abcdefg"
EVENTS = pl.DataFrame({"source_code": ["s"] * N, "id": list(NAMES)})

partitions = st.lists(st.integers(0, 3), min_size=N, max_size=N)
arrivals = st.lists(st.integers(1, 3), min_size=N, max_size=N).filter(lambda when: 1 in when)
histories = st.lists(partitions, min_size=1, max_size=6)


def labels_of(groups: Sequence[int]) -> pl.Series:
    """Name each group by its lowest row."""
    return pl.Series("label", [groups.index(group) for group in groups], dtype=pl.UInt32)


def step(
    groups: GROUPS, previous: Previous, generation: int, events: pl.DataFrame = EVENTS
) -> tuple[Previous, Difference]:
    """Run reconciling once and give the state that it leaves; content changes with membership."""
    labels = labels_of(groups)
    named = reconcile(events, labels, previous, generation=generation)
    members = events.with_columns(labels).join(named, on="label").select("canonical_id", "source_code", "id")
    hashes = members.group_by("canonical_id").agg(pl.col("id").sort().str.join(",").alias("content_hash"))
    changes = difference(events, labels, named, hashes, previous)
    state = Previous(
        members=members,
        canonicals=named.select("canonical_id", "born").join(hashes, on="canonical_id"),
        retired=previous.retired | frozenset(changes.gone),
    )
    return state, changes


def state_of(clusters_by_id: dict[str, str], born: dict[str, int]) -> Previous:
    """Write a previous state by hand: canonical id -> letters of its source events."""
    rows = [(id_, "s", letter) for id_, letters in clusters_by_id.items() for letter in letters]
    canonicals = [(id_, born[id_], letters) for id_, letters in clusters_by_id.items()]
    nothing = Previous.nothing()
    return Previous(
        pl.DataFrame(rows, schema=nothing.members.schema, orient="row"),
        pl.DataFrame(canonicals, schema=nothing.canonicals.schema, orient="row"),
    )


def clusters(state: Previous) -> dict[str, str]:
    return {
        canonical_id: "".join(sorted(ids))
        for canonical_id, ids in state.members.group_by("canonical_id").agg(pl.col("id")).iter_rows()
    }


@given(histories, arrivals)
def test_ids_are_unique_never_reused_and_never_silently_gone(history: list[GROUPS], when: list[int]) -> None:
    state, retired = Previous.nothing(), set[str]()

    for generation, groups in enumerate(history, start=1):
        here = [row for row in range(N) if when[row] <= generation]
        before, born = clusters(state), dict(state.canonicals.select("canonical_id", "born").iter_rows())
        state, changes = step([groups[row] for row in here], state, generation, EVENTS[here])
        now = clusters(state)

        assert len(now) == len({groups[row] for row in here})
        assert not set(now) & retired
        assert set(changes.gone) == set(before) - set(now) == set(changes.redirects["from_id"])
        assert set(changes.created) == set(now) - set(before)
        assert set(changes.changed) == {id_ for id_ in set(now) & set(before) if now[id_] != before[id_]}
        assert set(changes.redirects["to_id"]) <= set(now)
        assert changes.redirects["from_id"].is_unique().all()
        assert dict(state.canonicals.select("canonical_id", "born").iter_rows()) == {
            id_: born.get(id_, generation) for id_ in now
        }
        retired |= set(changes.gone)


@given(partitions, partitions, partitions)
def test_ids_go_where_counting_by_hand_sends_them(first: GROUPS, then: GROUPS, now: GROUPS) -> None:
    older, _ = step(first, Previous.nothing(), 1)
    before, _ = step(then, older, 2)
    expected = sent_by_hand(before, now)

    after, _ = step(now, before, 3)

    assert {id_: letters for id_, letters in clusters(after).items() if id_ in clusters(before)} == expected


def sent_by_hand(before: Previous, now: GROUPS) -> dict[str, str]:
    """Give each id, largest part first, then oldest, then by name, to the first free cluster with its largest part: the twin."""
    born = dict(before.canonicals.select("canonical_id", "born").iter_rows())
    targets = ["".join(NAMES[row] for row in range(N) if now[row] == group) for group in sorted(set(now))]
    parts = {
        (id_, target): len(set(was) & set(target))
        for id_, was in clusters(before).items()
        for target in targets
    }
    largest = {id_: max(parts[id_, target] for target in targets) for id_ in clusters(before)}
    claims = [claim for claim, size in parts.items() if size == largest[claim[0]]]
    sent: dict[str, str] = {}
    for id_, target in sorted(claims, key=lambda claim: (-largest[claim[0]], born[claim[0]], claim)):
        if id_ not in sent and target not in sent.values():
            sent[id_] = target
    return sent


@given(partitions)
def test_a_second_run_on_the_same_state_changes_nothing(groups: GROUPS) -> None:
    state, _ = step(groups, Previous.nothing(), 1)

    again, changes = step(groups, state, 2)

    assert clusters(again) == clusters(state)
    assert not [*changes.created, *changes.changed, *changes.gone, *changes.lineage.iter_rows()]


@given(partitions, partitions)
def test_every_source_event_that_moved_is_in_the_lineage(then: GROUPS, now: GROUPS) -> None:
    before, _ = step(then, Previous.nothing(), 1)
    after, changes = step(now, before, 2)

    moved = {
        (old, new)
        for old, was in clusters(before).items()
        for new, ids in clusters(after).items()
        if set(was) & set(ids) and old != new
    }
    merged = changes.lineage.filter(kind="merged").select("parent_id", "child_id")
    assert set(changes.lineage.select("parent_id", "child_id").iter_rows()) == moved
    assert set(merged.iter_rows()) == set(changes.redirects.iter_rows())


@given(partitions, partitions, st.integers(0, 99))
def test_the_order_in_which_the_previous_state_is_read_does_not_matter(
    then: GROUPS, now: GROUPS, seed: int
) -> None:
    before, _ = step(then, Previous.nothing(), 1)
    shuffled = Previous(
        before.members.sample(fraction=1.0, shuffle=True, seed=seed),
        before.canonicals.sample(fraction=1.0, shuffle=True, seed=seed),
        before.retired,
    )

    one, changes = step(now, before, 2)
    other, same_changes = step(now, shuffled, 2)

    assert clusters(one) == clusters(other)
    assert changes.lineage.equals(same_changes.lineage)
    assert changes.redirects.equals(same_changes.redirects)


def test_of_two_that_merge_with_equal_parts_the_older_id_lives() -> None:
    before = state_of({"young": "ab", "old": "cd"}, born={"young": 9, "old": 1})

    after, changes = step([0, 0, 0, 0], before, 10, EVENTS[:4])

    assert clusters(after) == {"old": "abcd"}
    assert changes.redirects.rows() == [("young", "old")]
    assert changes.lineage.rows() == [("young", "old", "merged")]


def test_the_larger_of_two_that_merge_lives_though_it_is_younger() -> None:
    before = state_of({"young": "abc", "old": "de"}, born={"young": 9, "old": 1})

    after, _ = step([0, 0, 0, 0, 0], before, 10, EVENTS[:5])

    assert clusters(after) == {"young": "abcde"}


def test_an_id_whose_half_was_taken_in_lives_on_in_the_other_half() -> None:
    before = state_of({"halved": "abcd", "larger": "efg"}, born={"halved": 1, "larger": 2})

    after, changes = step([0, 0, 1, 1, 0, 0, 0], before, 3)

    assert clusters(after) == {"larger": "abefg", "halved": "cd"}
    assert changes.lineage.rows() == [("halved", "larger", "split")]


def test_an_id_leads_to_what_most_of_it_became_and_not_to_the_stray() -> None:
    before = state_of({"moved": "abc", "larger": "defg"}, born={"moved": 1, "larger": 2})

    after, changes = step([0, 0, 1, 0, 0, 0, 0], before, 3)

    stray = derived_id("s", "c")
    assert clusters(after) == {"larger": "abdefg", stray: "c"}
    assert changes.redirects.rows() == [("moved", "larger")]
    assert changes.lineage.rows() == [("moved", stray, "split"), ("moved", "larger", "merged")]


def test_an_event_that_stayed_whole_keeps_its_id_though_more_strays_join_it() -> None:
    before = state_of({"scattered": "abcde", "whole": "f"}, born={"scattered": 1, "whole": 2})

    after, _ = step([0, 0, 0, 1, 1, 1, 2], before, 3)

    assert clusters(after) == {"scattered": "abc", "whole": "def", derived_id("s", "g"): "g"}


def test_an_id_torn_into_equal_parts_leads_to_the_first_of_them() -> None:
    before = state_of({"torn": "ab", "one": "cd", "other": "ef"}, born={"torn": 9, "one": 1, "other": 2})

    after, changes = step([0, 1, 1, 1, 0, 0], before, 10, EVENTS[:6])

    assert clusters(after) == {"one": "bcd", "other": "aef"}
    assert changes.redirects.rows() == [("torn", "other")]
    assert changes.lineage.rows() == [("torn", "one", "split"), ("torn", "other", "merged")]


@pytest.mark.parametrize("taken_as", ["retired", "living"])
def test_an_id_that_is_taken_is_salted(taken_as: str) -> None:
    taken = derived_id("s", "a")
    before = {
        "retired": Previous(Previous.nothing().members, Previous.nothing().canonicals, frozenset({taken})),
        "living": state_of({taken: "bc"}, born={taken: 1}),
    }[taken_as]

    after, _ = step([0, 1, 1], before, 2, EVENTS[:3])

    assert clusters(after)[derived_id("s", "a", salt=1)] == "a"


@pytest.mark.parametrize(("one", "other"), [(("a", "bc"), ("ab", "c")), (("s", "1#0"), ("s", "1"))])
def test_different_listings_have_different_ids(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert derived_id(*one) != derived_id(*other)


def test_a_listing_has_the_same_id_on_every_machine() -> None:
    assert derived_id("bwb", "pdf-9a2c5acd-2-2") == "ev_6qhw5opj46m3uqqz"
