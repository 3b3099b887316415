"""Renewing: listings that older rules or an older lexicon normalised are normalised anew before anything is made of them."""

from dataclasses import replace

import polars as pl

from dedup_core.events import EVENT_SCHEMA, LISTING_SCHEMA
from dedup_core.normalising import normalise, normaliser_version
from infra.store import Snapshot


def renewed(snapshot: Snapshot) -> tuple[Snapshot, pl.DataFrame]:
    """Give the snapshot as the rules of now see it, and the listings that they saw anew, EVENT_SCHEMA: these are to be written back."""
    current = pl.col("normaliser") == normaliser_version()
    fresh = snapshot.events.filter(current).select(*EVENT_SCHEMA)
    stale = snapshot.events.filter(~current)
    if stale.is_empty():
        return replace(snapshot, events=fresh), stale
    anew = normalise(stale.select(*LISTING_SCHEMA))
    return replace(snapshot, events=pl.concat([fresh, anew])), anew
