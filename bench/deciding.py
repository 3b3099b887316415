"""Measure decisions: a verdict, a split, the preview of a merge and a page of the queue on a store of many listings.

    python -m bench.deciding

The store is a real PostgreSQL in a temporary folder; the figures are milliseconds of one caller, from the request to the answer with the
events as they will be: wall-clock, and the processor's in this process alone, which a busy machine stretches less. The first call is left
out, as it imports what computes.
"""

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date

import numpy as np
from sqlalchemy import text

from bench.batches import write_files
from bench.generator import generate
from bench.machine import described
from bench.pipeline import _database, _ingested, _matched
from dedup_core.contradicting import Listing
from dedup_core.policy import default_policy
from handlers.arranging import merging, splitting
from handlers.deciding import Contradicted, Request, decide, preview
from handlers.questioning import ask_next
from infra.match_queue import RememberingQueue
from infra.store import Store
from infra.store.verdicts import NewVerdict

Milliseconds = tuple[float, float]
"""Of the clock, and of the processor."""

PAIRS = """
SELECT a_source_code, a_id, b_source_code, b_id FROM decisions WHERE decision = 'ambiguous' ORDER BY md5(a_id || b_id) LIMIT :n
"""
EVENTS = "SELECT canonical_id FROM canonical_events WHERE n_sources >= 3 ORDER BY md5(canonical_id) LIMIT :n"


def measured(store: Store, calls: int) -> Iterator[tuple[str, list[Milliseconds]]]:
    """Measure each kind of call: its name, and milliseconds."""
    queue, policy = RememberingQueue(), default_policy()
    with store.reading() as connection:
        pairs = [
            ((row[0], row[1]), (row[2], row[3])) for row in connection.execute(text(PAIRS), {"n": calls + 1})
        ]
        events = [row[0] for row in connection.execute(text(EVENTS), {"n": 2 * calls})]

    def say(pair: tuple[Listing, Listing], kind: str) -> object:
        try:
            request = Request("bench", [NewVerdict(kind, *pair)])
            return decide(request, store=store, queue=queue, policy=policy)
        except Contradicted:
            return None

    def split(event: str) -> object:
        with store.looking() as work:
            first = work.members([event])[event][0]
        request = Request("bench", splitting(event, [first]), act="split")
        return decide(request, store=store, queue=queue, policy=policy)

    def merge(one: str, other: str) -> object:
        return preview(Request("bench", merging([one, other]), act="merge"), store=store, policy=policy)

    say(pairs[0], "must_link")
    kinds = ["must_link", "cannot_link"] * len(pairs)
    yield "verdict on a pair", [_ms(say, pair, kind) for pair, kind in zip(pairs[1:], kinds, strict=False)]
    yield "split", [_ms(split, event) for event in events[:calls]]
    both = zip(events[calls:], events[:calls], strict=False)
    yield "preview of a merge", [_ms(merge, one, other) for one, other in both]
    today = date(2026, 7, 10)
    ask_next(store, today=today, cursor=None, limit=20)
    queue_ms = [_ms(lambda: ask_next(store, today=today, cursor=None, limit=20)) for _ in range(calls)]
    yield "page of the queue", queue_ms


def _ms(call: Callable[..., object], *arguments: object) -> Milliseconds:
    began, worked = time.perf_counter(), time.process_time()
    call(*arguments)
    return (time.perf_counter() - began) * 1000, (time.process_time() - worked) * 1000


def main(arguments: Sequence[str] | None = None) -> None:
    """Fill a store, measure, and print a line a kind of call."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.deciding", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument(
        "--listings", type=int, default=100_000, help="stored listings (default: %(default)s)"
    )
    parser.add_argument("--calls", type=int, default=40, help="calls of each kind (default: %(default)s)")
    asked = parser.parse_args(arguments)
    made = generate(asked.listings, seed=1)
    with _database() as (store, folder):
        for path in write_files(made.listings, made.day, folder / "in", batch_size=20_000):
            _ingested(store, path, folder)
        _matched(store)
        print(described())
        for name, figures in measured(store, asked.calls):
            wall, processor = (np.percentile(part, [50, 95]).round() for part in zip(*figures, strict=True))
            print(
                f"{name}: median {wall[0]} ms, p95 {wall[1]} ms; processor {processor[0]} ms, {processor[1]} ms"
            )


if __name__ == "__main__":
    main()
