"""Blocking: choose the few pairs worth scoring.

A pair that shares no key is never scored, and no later stage can bring it back.
Keys therefore err on the side of too many pairs; scoring does the refusing.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from dedup_core.chunks import each
from dedup_core.occurrences import MINUTES_A_DAY
from dedup_core.policy import Blocking

KM_A_DEGREE: Final = 111.32
"""km a degree of latitude (mean meridian of WGS 84)."""

DAYS_A_WEEK: Final = 7


@dataclass(frozen=True, slots=True)
class Candidates:
    """The pairs to score, and what was not paired.

    pairs: ``a``, ``b`` (UInt32 row numbers, a < b), sorted, each pair once.
    left_out: ``key`` (text), ``example`` (UInt32: a row that is in it), ``size`` (UInt32): blocks over the limit, largest first.
    """

    pairs: pl.DataFrame
    left_out: pl.DataFrame


def event_days(occurrences: pl.DataFrame, *, max_days_keyed: int) -> pl.DataFrame:
    """List the days on which an event can be met: ``event``, ``day`` (Int32), each once.

    Of a range longer than ``max_days_keyed`` days only the first and last day are listed; `blocking_keys` adds its weeks.
    What begins at 24:00 or later can be met on the next day, too, where another source says 00:00 and that is no time.
    """
    short = (pl.col("last_day") - pl.col("day")) < max_days_keyed
    midnight = (pl.col("day") + 1) * MINUTES_A_DAY
    each_day = occurrences.filter(short).select(
        "event", pl.int_ranges("day", pl.col("last_day") + 1, dtype=pl.Int32).alias("day")
    )
    return pl.concat(
        [
            each_day.explode("day"),
            occurrences.select("event", day="night"),
            occurrences.filter(pl.col("moment") >= midnight).select("event", pl.col("day") + 1),
            occurrences.filter(~short).select("event", "day"),
            occurrences.filter(~short).select("event", day="last_day"),
        ]
    ).unique()


def blocking_keys(
    events: pl.DataFrame, occurrences: pl.DataFrame, tokens: pl.DataFrame, *, limits: Blocking
) -> pl.DataFrame:
    """Give each event its keys: ``event`` (UInt32), ``kind`` (UInt8, index into `KEY_KINDS`), ``day`` (Int32), ``code`` (UInt32).

    tokens: ``event``, ``token`` (UInt32 code), ``rarity`` (rank within the event's title, 0 is rarest), ``df``.
    """
    days = event_days(occurrences, max_days_keyed=limits.max_days_keyed)
    moved = events.select(
        pl.int_range(pl.len(), dtype=pl.UInt32).alias("event"),
        pl.col("previous_day").cast(pl.Int32).alias("day"),
    ).drop_nulls()
    days = pl.concat([days, moved]).unique()
    around = pl.concat([days, days.with_columns(pl.col("day") + 1)]).unique()
    cities = _begun(events)
    rare = tokens.filter(
        (pl.col("rarity") < limits.rare_tokens)
        & (pl.col("df") <= max(limits.rare_token_floor, limits.max_token_share * events.height))
    ).select("event", code="token")
    long = _weeks(occurrences, max_days_keyed=limits.max_days_keyed)
    return pl.concat(
        [
            _tagged("date and city", days.join(cities, on="event")),
            _tagged("date and geo cell", days.join(geo_cells(events, km=limits.geo_cell_km), on="event")),
            _tagged("date and rare word", around.join(rare, on="event")),
            _tagged("date and venue", days.join(_codes(events, ["venue_key"]), on="event")),
            _tagged("week and city", long.join(cities, on="event")),
            _tagged("week and rare word", _weekly(days, long, rare)),
            _tagged("date and title", days.join(_codes(events, ["title_words"]), on="event")),
        ]
    )


def _weekly(days: pl.DataFrame, long: pl.DataFrame, rare: pl.DataFrame) -> pl.DataFrame:
    """Let what takes place on a day of a long range meet it by a rare word: ``event``, ``day`` (that stands for the week), ``code``."""
    ranges = long.join(rare, on="event")
    week = pl.col("day") // DAYS_A_WEEK * DAYS_A_WEEK
    single = (
        days.with_columns(week).unique().join(rare, on="event").join(ranges, on=["day", "code"], how="semi")
    )
    return pl.concat([ranges, single]).unique()


KEY_KINDS: Final = (
    "date and city",
    "date and geo cell",
    "date and rare word",
    "date and venue",
    "week and city",
    "date and title",
    "week and rare word",
)


def _tagged(kind: str, keys: pl.DataFrame) -> pl.DataFrame:
    return keys.select("event", pl.lit(KEY_KINDS.index(kind), pl.UInt8).alias("kind"), "day", "code")


def _begun(events: pl.DataFrame) -> pl.DataFrame:
    """Number towns by the first two words of names that have more: ``Long Beach Convention Center`` meets ``Long Beach``."""
    words = pl.col("city_key").str.split(" ")
    short = pl.when(words.list.len() > 2).then(words.list.head(2).list.join(" ")).otherwise("city_key")
    return _codes(
        events.select(pl.col("city_key", "district_key"), short=short), ["city_key", "district_key", "short"]
    )


def _codes(events: pl.DataFrame, columns: list[str]) -> pl.DataFrame:
    """Number the distinct texts of several columns together: ``event``, ``code`` (UInt32)."""
    rows = pl.int_range(pl.len(), dtype=pl.UInt32).alias("event")
    stacked = (
        pl.concat([events.select(rows, pl.col(column).alias("text")) for column in columns])
        .drop_nulls()
        .unique()
    )
    return stacked.select(
        "event", pl.col("text").cast(pl.Categorical).to_physical().cast(pl.UInt32).alias("code")
    )


def geo_cells(events: pl.DataFrame, *, km: float) -> pl.DataFrame:
    """Put places into four grids of cells 2 km wide, each shifted by half a cell: ``event``, ``code`` (UInt32).

    Two places nearer than ``km`` in both directions share a cell in at least one of the grids, so that no
    neighbours have to be looked up.
    """
    rows = pl.int_range(pl.len(), dtype=pl.UInt32).alias("event")
    east = pl.col("longitude") * KM_A_DEGREE * pl.col("latitude").radians().cos() / (2 * km)
    north = pl.col("latitude") * KM_A_DEGREE / (2 * km)
    placed = events.select(rows, "latitude", "longitude").drop_nulls().select("event", east=east, north=north)
    grids = [
        placed.select(
            "event",
            x=(pl.col("east") + dx).floor().cast(pl.Int32),
            y=(pl.col("north") + dy).floor().cast(pl.Int32),
            grid=pl.lit(number, pl.Int32),
        )
        for number, (dx, dy) in enumerate([(0.0, 0.0), (0.5, 0.0), (0.0, 0.5), (0.5, 0.5)])
    ]
    cells = pl.concat(grids)
    numbers = cells.select("grid", "x", "y").unique(maintain_order=True).with_row_index("code")
    return cells.join(numbers, on=["grid", "x", "y"]).select("event", "code")


def _weeks(occurrences: pl.DataFrame, *, max_days_keyed: int) -> pl.DataFrame:
    """List the weeks that a long range touches: ``event``, ``day`` (Int32: a day that stands for the week)."""
    long = occurrences.filter((pl.col("last_day") - pl.col("day")) >= max_days_keyed)
    weeks = pl.int_ranges(pl.col("day") // DAYS_A_WEEK, pl.col("last_day") // DAYS_A_WEEK + 1, dtype=pl.Int32)
    return (
        long.select("event", weeks.alias("day"))
        .explode("day")
        .with_columns(pl.col("day") * DAYS_A_WEEK)
        .unique()
    )


def candidate_pairs(keys: pl.DataFrame, *, max_block_size: int) -> Candidates:
    """Pair the source events that share a key, each pair once, lower row number first.

    keys: as given by `blocking_keys`.

    A block over ``max_block_size`` events is reported, not paired: its key says too little,
    and n events cost n * (n - 1) / 2 scores.
    """
    packing = Packing.of(keys)
    packed, event = _by_block(keys, packing)
    starts = np.flatnonzero(np.diff(packed, prepend=packed[:1] - 1)) if len(packed) else np.empty(0, np.int64)
    sizes = np.diff(starts, append=len(packed))
    kept = np.repeat((sizes >= 2) & (sizes <= max_block_size), sizes)
    pairs = _pairs_within(packed[kept], event[kept], max_block_size=max_block_size)
    large = sizes > max_block_size
    left_out = _named(packing, packed[starts[large]], event[starts[large]], sizes[large])
    return Candidates(pairs, left_out=left_out)


@dataclass(frozen=True, slots=True)
class Packing:
    """How kind, day and code of a key stand in one number, no wider than these need to be: so mostly an event fits in as well.

    first_day: the earliest of all, which is 0. day_bits, code_bits, event_bits: their width; that of the kind is 3.
    """

    first_day: int
    day_bits: int
    code_bits: int
    event_bits: int

    @classmethod
    def of(cls, keys: pl.DataFrame) -> "Packing":
        """Measure the keys."""
        highest = keys.select(pl.col("day").min().alias("first"), pl.col("day", "code", "event").max())
        first, day, code, event = highest.fill_null(0).row(0)
        return cls(first, (day - first).bit_length(), code.bit_length(), event.bit_length())

    def packed(self) -> pl.Expr:
        """Pack kind, day and code: at most 3, 24 and 32 bits."""
        kind, day, code = (pl.col(name).cast(pl.Int64) for name in ("kind", "day", "code"))
        packed: pl.Expr = (kind * 2**self.day_bits + day - self.first_day) * 2**self.code_bits + code
        return packed

    def kinds_and_days(self, packed: npt.NDArray[np.int64]) -> tuple[list[int], list[int]]:
        """Unpack all but the codes."""
        high = packed >> self.code_bits
        days = high % 2**self.day_bits + self.first_day
        return (high >> self.day_bits).tolist(), days.tolist()


def _by_block(keys: pl.DataFrame, packing: Packing) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint32]]:
    """Pack kind, day and code into one number, and sort the keys by it, then by event.

    With the event in the same number, if there is room for it: that takes a quarter of the time of two columns.
    """
    width = packing.event_bits
    if 3 + packing.day_bits + packing.code_bits + width > 63:
        ordered = keys.select("event", packed=packing.packed()).sort("packed", "event")
        return ordered["packed"].to_numpy(), ordered["event"].to_numpy()
    both = keys.select(packing.packed() * 2**width + pl.col("event")).to_series().sort().to_numpy()
    return both >> width, (both & (2**width - 1)).astype(np.uint32)


SLICE: Final = 125_000
"""Events whose pairs are gathered and sorted at once: those of generated listings, twice over, take about 50 MB."""


def _pairs_within(
    block: npt.NDArray[np.int64], event: npt.NDArray[np.uint32], *, max_block_size: int
) -> pl.DataFrame:
    """Pair each row with those further down in the same block: sorted, each pair once."""
    slices = [
        np.flatnonzero((event >= start) & (event < start + SLICE)).astype(np.int32)
        for start in range(0, int(event.max(initial=0)) + 1, SLICE)
    ]
    paired = partial(_paired_below, block=block, event=event, max_block_size=max_block_size)
    return pl.concat(list(each(slices, paired)), rechunk=True)


def _paired_below(
    here: npt.NDArray[np.int32],
    *,
    block: npt.NDArray[np.int64],
    event: npt.NDArray[np.uint32],
    max_block_size: int,
) -> pl.DataFrame:
    """Pair some rows with the ones 1, 2, 3 … places further down in the same block.

    The loop runs over distances, not over pairs: at most ``max_block_size`` turns, each over whole columns.
    """
    codes: list[npt.NDArray[np.uint64]] = []
    for distance in range(1, max_block_size):
        here = here[: np.searchsorted(here, len(block) - distance)]
        here = here[block[here] == block[here + distance]]
        if not len(here):
            break
        codes.append(event[here].astype(np.uint64) << np.uint64(32) | event[here + distance])
    packed = pl.Series(np.concatenate(codes) if codes else np.empty(0, np.uint64)).sort().to_numpy()
    first = np.ones(len(packed), np.bool_)
    first[1:] = packed[1:] != packed[:-1]
    packed = packed[first]
    ends = {"a": (packed >> np.uint64(32)).astype(np.uint32), "b": packed.astype(np.uint32)}
    return pl.DataFrame(ends, schema={"a": pl.UInt32, "b": pl.UInt32})


def _named(
    packing: Packing,
    packed: npt.NDArray[np.int64],
    event: npt.NDArray[np.uint32],
    sizes: npt.NDArray[np.int64],
) -> pl.DataFrame:
    """Name oversized blocks by kind and day, with an event of each, largest first."""
    # A week or day of a long range stands as a date, too.
    keys = [
        f"{KEY_KINDS[kind]}: {date(1970, 1, 1) + timedelta(days=day)}"
        for kind, day in zip(*packing.kinds_and_days(packed), strict=True)
    ]
    schema = {"key": pl.String, "example": pl.UInt32, "size": pl.UInt32}
    blocks = pl.DataFrame({"key": keys, "example": event, "size": sizes}, schema=schema)
    return blocks.sort("size", "key", "example", descending=[True, False, False])
