from itertools import combinations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup_core.errors import WrongLabels
from dedup_core.evaluating import pairwise
from dedup_core.events import IDENTITY
from dedup_core.labels import NOBODY, LabelledPairs, TrueClusters, read_labels

EVENTS = pl.DataFrame({"source_code": ["a", "a", "b", "b"], "id": ["1", "2", "1", "2"]})
NONE_REFUSED = pl.DataFrame(schema=dict.fromkeys(IDENTITY, pl.String))
partly_labelled = st.integers(0, 9).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(0, 3), min_size=n, max_size=n),
        st.lists(st.integers(NOBODY, 3), min_size=n, max_size=n),
    )
)


def mistakes_in(text: str) -> list[str]:
    with pytest.raises(WrongLabels) as refused:
        read_labels(text.encode(), EVENTS, name="t.csv", refused=NONE_REFUSED)
    return str(refused.value).splitlines()


@given(partly_labelled)
def test_what_is_not_labelled_is_not_judged_and_pairs_tell_the_same_as_clusters(
    both: tuple[list[int], list[int]],
) -> None:
    labels, true = (np.array(values, np.int64) for values in both)
    known = [i for i in range(len(true)) if true[i] != NOBODY]
    every = [(i, j, bool(true[i] == true[j])) for i, j in combinations(known, 2)]
    wrong = {(i, j, same) for i, j, same in every if (labels[i] == labels[j]) != same}
    schema = {"a": pl.UInt32, "b": pl.UInt32, "same": pl.Boolean}

    clusters = TrueClusters(true)
    pairs = LabelledPairs(pl.DataFrame(every, schema=schema, orient="row"))

    assert set(clusters.mistakes(labels).rows()) == set(pairs.mistakes(labels).rows()) == wrong
    assert clusters.counts(labels) == pairs.counts(labels) == pairwise(labels[known], true[known])
    candidates = pl.DataFrame(list(combinations(range(len(true)), 2))[::2], schema=["a", "b"], orient="row")
    candidates = candidates.cast({"a": pl.UInt32, "b": pl.UInt32})
    assert clusters.met(candidates) == pairs.met(candidates)
    assert clusters.same(candidates).to_list() == pairs.same(candidates).to_list()


def test_clusters_and_pairs_are_told_apart_by_their_columns_in_any_order() -> None:
    clusters = b"cluster,id,source_code,note\nx,1,a,\nx,1,b,sure\ny,2,b,\n"
    pairs = b"a_source_code,a_id,b_source_code,b_id,label\nb,1,a,2,different\na,1,b,1,same\n"

    by_cluster, _ = read_labels(clusters, EVENTS, name="t.csv", refused=NONE_REFUSED)
    by_pair, _ = read_labels(pairs, EVENTS, name="t.csv", refused=NONE_REFUSED)

    asked = pl.DataFrame({"a": [0, 1, 2], "b": [2, 2, 3]}, schema={"a": pl.UInt32, "b": pl.UInt32})
    assert by_cluster.same(asked).to_list() == [True, None, False]
    assert by_pair.same(asked).to_list() == [True, False, None]


def test_each_mistake_is_told_with_file_line_and_field() -> None:
    clusters = "source_code,id,cluster\na,1,x\nc,9,x\na,1,y\nb,1,\n"
    pairs = (
        "a_source_code,a_id,b_source_code,b_id,label\n"
        "a,1,b,1,same\na,2,b,7,same\na,1,a,1,same\na,2,b,2,maybe\nb,1,a,1,different\n"
    )

    assert mistakes_in(clusters) == [
        "t.csv:3: id: there is no listing c:9 in the data",
        "t.csv:4: cluster: a:1 is in x already, by line 2",
        "t.csv:5: cluster: is empty",
    ]
    assert mistakes_in(pairs) == [
        "t.csv:3: b_id: there is no listing b:7 in the data",
        "t.csv:4: b_id: is the same listing as a",
        "t.csv:5: label: maybe is neither same nor different",
        "t.csv:6: label: the pair is labelled same already, by line 2",
    ]
    assert "columns must be source_code,id,cluster or" in mistakes_in("source,id\na,1\n")[0]


def test_a_label_of_a_listing_that_was_refused_is_counted_and_no_mistake() -> None:
    refused = pl.DataFrame({"source_code": ["c"], "id": ["9"]})

    truth, left_out = read_labels(
        b"source_code,id,cluster\na,1,x\nc,9,x\n", EVENTS, name="t.csv", refused=refused
    )

    assert (truth.size, left_out) == (1, 1)


def test_blocking_is_judged_by_pairs_that_belong_together_only() -> None:
    truth = TrueClusters(np.array([7, 7, 7, 2, NOBODY], np.int64))
    candidates = pl.DataFrame({"a": [0, 0, 2, 0], "b": [1, 3, 3, 4]}, schema={"a": pl.UInt32, "b": pl.UInt32})

    met, true = truth.met(candidates)

    assert (met, true) == (1, 3)
