"""Verdict cases: what people said, as labels: for measuring a policy on the stored listings, and as a suite that outlives the database.

Nothing is stored. A second export overwrites the first one's two files; a crash between them leaves a suite that is told to be wrong.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from dedup_core.contradicting import Listing
from dedup_core.events import EVENT_SCHEMA, IDENTITY, VERDICT_SCHEMA
from dedup_core.labels import LabelledPairs
from dedup_core.spoken_cases import spoken_cases, suite_texts
from dedup_core.verdicts import Accord, accord_of, index_verdicts
from handlers.evaluate import CASES, SOURCES, Data
from infra.errors import NothingToRead
from infra.store import Store
from infra.store.verdicts import Which, find_verdicts, listings_named, said_in

FILE: Final = "verdicts.yaml"


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written. left_out: numbers of verdicts that are in no case; marks: of them those on a single listing."""

    cases: int
    verdicts: int
    left_out: tuple[int, ...]
    marks: tuple[int, ...]


def export_cases(store: Store, folder: Path) -> Exported:
    """Write the verdicts in force as a suite of cases, which `event-dedup evaluate FOLDER` measures."""
    with store.reading() as connection:
        rows = find_verdicts(connection, Which(), limit=None)
        said = [said_in(row) for row in rows]
        cases, left_out = spoken_cases(said)
        named = {listing for case in cases for camp in case.camps for listing in camp}
        listings: Mapping[Listing, Any] = listings_named(connection, named)
    reasons = {row["sequence"]: row["reason"] for row in rows if row["reason"]}
    sources, written = suite_texts(cases, listings, reasons)
    (folder / CASES).mkdir(parents=True, exist_ok=True)
    (folder / SOURCES).write_text(sources, encoding="utf-8")
    (folder / CASES / FILE).write_text(written, encoding="utf-8")
    marks = tuple(sorted(one.sequence for one in said if one.b is None))
    others = tuple(sorted(one.sequence for one in left_out))
    return Exported(len(cases), sum(len(case.verdicts) for case in cases), (*others, *marks), marks)


def stored_data(store: Store) -> Data:
    """Take the stored listings for data, and the verdicts in force on pairs for labels; of those that contradict the newer.

    Raises:
        NothingToRead: nobody has said anything of a pair.
    """
    snapshot = store.snapshot()
    events = snapshot.events.select(*EVENT_SCHEMA).sort(*IDENTITY)
    accord = accord_of(index_verdicts(snapshot.verdicts.select(*VERDICT_SCHEMA), events))
    pairs = labelled(accord)
    if pairs.is_empty():
        raise NothingToRead("no verdict on a pair is in force: `event-dedup review` gives some")
    return Data("the stored listings", events, LabelledPairs(pairs), None, (), 0)


def labelled(accord: Accord) -> pl.DataFrame:
    """Label the pairs that were spoken of: ``a`` < ``b``, ``same``, each once."""
    parts = [
        pl.DataFrame(rows, schema={"x": pl.UInt32, "y": pl.UInt32}).select(
            a=pl.min_horizontal("x", "y"), b=pl.max_horizontal("x", "y"), same=pl.lit(same)
        )
        for rows, same in ((accord.must, True), (accord.cannot, False))
    ]
    return pl.concat(parts).unique(["a", "b"], keep="first").sort("a", "b")
