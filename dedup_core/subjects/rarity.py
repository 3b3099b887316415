"""Rarity: how much it says that two listings meet in a day, a town, a venue or a start."""

import numpy as np
import polars as pl

from dedup_core.corpus import Corpus
from dedup_core.policy import Policy
from dedup_core.subjects.columns import Floats, floats


def ranks(known: pl.DataFrame) -> pl.Series:
    """Rank the words of each title: (m,), 0 is the rarest; of two equally rare ones the first is the rarer.

    known: ``event`` (ascending), ``df`` (UInt32) of each word. One sort of whole numbers: Polars' ranks within groups take seven times as long.
    """
    event = known["event"].to_numpy()
    order = np.argsort(event.astype(np.int64) << 32 | known["df"].to_numpy(), kind="stable")
    rank = np.empty(len(event), np.int64)
    rank[order] = np.arange(len(event))
    return pl.Series(rank - np.searchsorted(event, event), dtype=pl.UInt32)


def counts(placed: pl.DataFrame, table: pl.DataFrame, on: list[str]) -> Floats:
    """Count the listings of each event's value: (n,), 0 for none. table: ``count`` a value of ``on``."""
    return floats(placed.join(table, on=on, how="left", maintain_order="left")["count"].fill_null(0))


def information(
    placed: pl.DataFrame, table: pl.DataFrame, on: list[str], total: int, share: float, policy: Policy
) -> Floats:
    """Give the bits of meeting the same value by chance: (n,). share: of listings that have it in the background."""
    expected = counts(placed, table, on) + policy.background.listings * share
    return np.log2(total / expected).astype(np.float32)


def venue_bits(placed: pl.DataFrame, corpus: Corpus, policy: Policy) -> Floats:
    """Rarity of a venue within its town."""
    in_city = counts(placed, corpus.cities, ["city_key"])
    in_venue = counts(placed, corpus.venues, ["city_key", "venue_key"])
    known = 10.0  # listings: a town of which we know fewer says little about how rare its venues are
    return np.log2((in_city + known) / (in_venue + known * policy.background.venue_share)).astype(np.float32)
