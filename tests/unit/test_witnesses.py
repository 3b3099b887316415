"""Witnesses: who has the names of both takes away what titles say against a pair, and makes no match of it."""

from typing import Any

import polars as pl
import pytest

from dedup_core.events import VERDICT_SCHEMA, Previous, Resolution
from dedup_core.pipeline import resolve
from dedup_core.policy import default_policy
from tests.unit.listings import events, listing

KURSAAL = {"city": "Waldkirch", "venue": "Kursaal"}
BOTH = listing("amt:1", "Glenn-Miller-Abend mit dem Swing Orchester Harz", start="20:00", **KURSAAL)
MOTTO = listing("tou:1", "Glenn-Miller-Abend", start="20:00", **KURSAAL)


def orchestra(**where: Any) -> dict[str, Any]:
    return listing("tix:1", "SWING ORCHESTER HARZ", start="20:00", **KURSAAL | where)


def resolved(*rows: dict[str, Any]) -> Resolution:
    return resolve(events(*rows), pl.DataFrame(schema=VERDICT_SCHEMA), Previous.nothing(), default_policy())


def test_a_listing_with_both_names_joins_who_plays_and_what_is_played() -> None:
    alone, told = resolved(MOTTO, orchestra()), resolved(MOTTO, orchestra(), BOTH)

    assert alone.canonical_events.height == 2
    assert told.canonical_events.height == 1
    witnessed = told.decisions.filter(pl.col("reasons").str.contains("witnessed")).row(0, named=True)
    assert witnessed["decision"] != "match"
    parts = [witnessed[part] or 0 for part in ("prior", "title", "date", "time", "city", "venue", "cap")]
    assert sum(parts) == pytest.approx(witnessed["weight"], abs=0.01)


def test_a_witness_is_not_heard_where_more_than_titles_speaks_against_a_pair() -> None:
    elsewhere = resolved(MOTTO, orchestra(venue="Stadthalle"), BOTH)
    later = resolved(
        MOTTO, orchestra() | {"event_dates": listing("tix:1", "", start="22:30")["event_dates"]}, BOTH
    )

    for told in (elsewhere, later):
        assert "witnessed" not in " ".join(told.decisions["reasons"].drop_nulls())
        assert told.canonical_events.height == 2
