"""Listings: put together what a source writes of an event."""

import polars as pl

from bench.grammar import Grammar
from bench.habits import TYPES, Rows
from bench.times import when
from bench.titles import titles
from bench.whereabouts import whereabouts
from bench.wording import categories, texts, traits
from dedup_core.events import LISTING_SCHEMA


def listings(rows: Rows, grammar: Grammar) -> pl.DataFrame:
    """Write the listings: LISTING_SCHEMA without its ids, which `bench.batches` gives."""
    columns = {
        "source_code": pl.Series([source.code for source in rows.sources]).gather(rows.source),
        "title": titles(rows, grammar),
        **texts(rows, grammar),
        "event_dates": when(rows),
        **whereabouts(rows),
        "source_type": pl.Series(TYPES).gather(rows.type),
        "categories": categories(rows, grammar),
        **traits(rows),
    }
    return pl.DataFrame(columns).select(
        pl.col(name).cast(dtype) for name, dtype in LISTING_SCHEMA.items() if name != "id"
    )
