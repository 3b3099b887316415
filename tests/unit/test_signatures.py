"""Signatures: they may promise too much, never too little, and the limits of chunks leave no trace in them."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup_core import signatures
from dedup_core.signatures import SPREAD, letter_signatures, may_share, shared_part, word_signatures

TITLES = st.lists(st.text("abcßλ ", max_size=12), min_size=2, max_size=6)


def runs(title: str) -> set[bytes]:
    text = title.replace(" ", "").encode()
    return {text[start : start + 3] for start in range(len(text) - 2)}


def places(title: str) -> set[int]:
    """Find the bits of a title's runs, one by one, with whole numbers."""
    return {(int.from_bytes(run) * int(SPREAD) % 2**64) >> 57 for run in runs(title)}


@given(st.lists(st.sets(st.integers(0, 2**31 - 1), max_size=8), min_size=2, max_size=6))
def test_titles_that_share_a_word_always_may_share(words: list[set[int]]) -> None:
    events = np.repeat(np.arange(len(words), dtype=np.uint32), [len(one) for one in words])
    numbers = np.asarray([word for one in words for word in sorted(one)], np.int32)
    a, b = np.triu_indices(len(words), 1)

    may = may_share(word_signatures(events, numbers, len(words)), a, b)

    assert all(told for i, j, told in zip(a, b, may, strict=True) if words[i] & words[j])
    assert not any(told for i, j, told in zip(a, b, may, strict=True) if not words[i] or not words[j])


def test_most_titles_without_a_common_word_are_told_apart() -> None:
    """The converse is no law, but without it the signatures would spare nothing."""
    n, each = 400, 5
    events = np.repeat(np.arange(n, dtype=np.uint32), each)
    a, b = np.triu_indices(n, 1)

    may = may_share(word_signatures(events, np.arange(n * each, dtype=np.int32), n), a, b)

    assert may.mean() < 0.25


@given(TITLES)
def test_the_shared_part_is_that_of_the_bits_of_both_titles_runs(titles: list[str]) -> None:
    a, b = np.triu_indices(len(titles), 1)

    part = shared_part(letter_signatures(pl.Series(titles)), a, b)

    bits = [places(title) for title in titles]
    exact = [
        len(bits[i] & bits[j]) / max(1, min(len(bits[i]), len(bits[j]))) for i, j in zip(a, b, strict=True)
    ]
    assert part.tolist() == pytest.approx(exact)


@given(TITLES)
def test_the_shared_part_is_no_less_than_the_true_one_but_for_runs_that_share_a_bit(
    titles: list[str],
) -> None:
    a, b = np.triu_indices(len(titles), 1)

    part = shared_part(letter_signatures(pl.Series(titles)), a, b)

    for i, j, told in zip(a, b, part.tolist(), strict=True):
        left, right = runs(titles[i]), runs(titles[j])
        both = left & right
        hidden = len(both) - len({(int.from_bytes(run) * int(SPREAD) % 2**64) >> 57 for run in both})
        assert told >= (len(both) - hidden) / max(1, min(len(left), len(right))) - 1e-6


@given(titles=TITLES, size=st.integers(1, 4))
def test_where_a_chunk_ends_changes_no_signature(titles: list[str], size: int) -> None:
    whole = letter_signatures(pl.Series(titles))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(signatures, "CHUNK", size)
        parts = letter_signatures(pl.Series(titles))

    assert parts.tolist() == whole.tolist()
