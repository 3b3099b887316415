"""Chunks: worked on side by side, handed back in order, and where they end changes no result."""

import time
from pathlib import Path

import polars as pl
import pytest

from dedup_core import rendering, scoring, signatures
from dedup_core.chunks import each
from dedup_core.comparisons import mentions, titles
from dedup_core.events import VERDICT_SCHEMA, Previous, Resolution
from dedup_core.pipeline import resolve
from dedup_core.policy import default_policy
from handlers.dedupe import input_paths, read_files

SAMPLES = Path(__file__).parents[2] / "samples" / "breisgau"
POLICY = default_policy()


def resolved(events: pl.DataFrame) -> Resolution:
    return resolve(events, pl.DataFrame(schema=VERDICT_SCHEMA), Previous.nothing(), POLICY)


def test_results_come_in_the_order_of_the_chunks_whoever_is_done_first() -> None:
    finished: list[int] = []

    def slow_at_first(chunk: int) -> int:
        time.sleep(0.05 if chunk == 0 else 0)
        finished.append(chunk)
        return 10 * chunk

    results = list(each(range(6), slow_at_first))

    assert results == [0, 10, 20, 30, 40, 50]
    assert pl.thread_pool_size() == 1 or finished[0] != 0


def test_what_goes_wrong_in_one_chunk_goes_wrong_for_all() -> None:
    with pytest.raises(ZeroDivisionError):
        list(each([1, 0, 1], lambda chunk: 1 // chunk))


def test_no_chunk_has_no_result() -> None:
    assert list(each([], str)) == []


def test_where_chunks_end_changes_neither_a_decision_nor_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    events = read_files(input_paths([SAMPLES]), POLICY).events
    whole = resolved(events)

    for module, name, size in (
        (scoring, "CHUNK", 50),
        (titles, "CHUNK", 7),
        (mentions, "CHUNK", 11),
        (mentions, "TEXTS", 13),
        (signatures, "CHUNK", 17),
        (rendering, "ROWS_AT_ONCE", 19),
    ):
        monkeypatch.setattr(module, name, size)
    parts = resolved(events)

    assert whole.statistics["candidate_pairs"] > 100
    assert parts.decisions.equals(whole.decisions)
    assert parts.result_hash == whole.result_hash
