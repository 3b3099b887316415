"""Blocking against a brute-force twin: every pair that shares a key, each once, and nothing else."""

from datetime import date
from itertools import combinations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from dedup_core.blocking import candidate_pairs, event_days, geo_cells
from dedup_core.events import LISTING_SCHEMA
from dedup_core.occurrences import occurrences
from tests.unit.listings import listing, occurrence

Key = tuple[int, int, int]

keys_of_events = st.lists(
    st.sets(st.tuples(st.integers(0, 1), st.integers(0, 2), st.integers(0, 3)), max_size=4), max_size=12
)


def key_frame(keys: list[set[Key]]) -> pl.DataFrame:
    rows = [(event, *key) for event, those in enumerate(keys) for key in sorted(those)]
    schema = {"event": pl.UInt32, "kind": pl.UInt8, "day": pl.Int32, "code": pl.UInt32}
    return pl.DataFrame(rows, schema=schema, orient="row")


def block_sizes(keys: list[set[Key]]) -> dict[Key, int]:
    return {key: sum(key in those for those in keys) for key in set().union(*keys)} if keys else {}


@given(keys_of_events, st.integers(2, 6))
def test_the_pairs_are_those_that_share_a_block_within_the_limit(keys: list[set[Key]], limit: int) -> None:
    sizes = block_sizes(keys)
    expected = {
        (a, b)
        for a, b in combinations(range(len(keys)), 2)
        if any(sizes[key] <= limit for key in keys[a] & keys[b])
    }

    found = candidate_pairs(key_frame(keys), max_block_size=limit).pairs

    assert found.rows() == sorted(expected)


@given(keys_of_events, st.integers(2, 6))
def test_an_oversized_block_is_reported_not_paired(keys: list[set[Key]], limit: int) -> None:
    oversized = sorted((size for size in block_sizes(keys).values() if size > limit), reverse=True)

    left_out = candidate_pairs(key_frame(keys), max_block_size=limit).left_out

    assert left_out["size"].to_list() == oversized


@given(keys_of_events, st.integers(2, 6))
def test_days_and_codes_too_wide_for_one_number_part_and_name_blocks_as_others_do(
    keys: list[set[Key]], limit: int
) -> None:
    frame = key_frame(keys)
    first, last = (pl.lit((day - date(1970, 1, 1)).days, pl.Int32) for day in (date.min, date.max))
    wide = frame.with_columns(
        day=pl.when(pl.col("day") == pl.col("day").min()).then(first).otherwise(last - pl.col("day")),
        code=2**32 - 1 - pl.col("code"),
        event=pl.col("event") + 4096,
    ).cast(frame.schema)

    found, usual = (candidate_pairs(keys, max_block_size=limit) for keys in (wide, frame))

    moved = usual.pairs.select(pl.all() + 4096)
    assert found.pairs.rows() == moved.rows()
    assert found.left_out["size"].to_list() == usual.left_out["size"].to_list()
    assert all(key.rsplit(": ")[-1] >= "0001-01-01" for key in found.left_out["key"])


@given(st.floats(46, 55), st.floats(6, 15), st.floats(-0.69, 0.69), st.floats(-0.69, 0.69))
def test_places_nearer_than_the_cell_share_one(
    lat: float, lon: float, north_km: float, east_km: float
) -> None:
    there = (
        lat + north_km / 111.32,
        lon + east_km / 111.32,
    )  # a degree of longitude is shorter, so this is nearer still
    events = pl.DataFrame({"latitude": [lat, there[0]], "longitude": [lon, there[1]]})

    cells = geo_cells(events, km=0.7)

    per_event = [set(cells.filter(pl.col("event") == event)["code"]) for event in (0, 1)]
    assert per_event[0] & per_event[1]


def test_what_begins_at_24_00_meets_the_day_that_then_begins() -> None:
    nights = [
        ("2026-02-13", "24:00"),
        ("2026-02-14", "00:00"),
        ("2026-02-14", "00:30"),
        ("2026-02-13", "20:00"),
    ]
    rows = [listing(f"kal:{n}", "Party", event_dates=[occurrence(*night)]) for n, night in enumerate(nights)]
    events = pl.DataFrame(rows, schema=LISTING_SCHEMA)

    days = event_days(occurrences(events), max_days_keyed=7).sort("event", "day")

    friday, saturday = ((date(2026, 2, day) - date(1970, 1, 1)).days for day in (13, 14))
    both = [friday, saturday]
    assert days.group_by("event", maintain_order=True).agg("day")["day"].to_list() == [
        both,
        [saturday],
        both,
        [friday],
    ]
