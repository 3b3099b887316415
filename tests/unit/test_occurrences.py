"""Occurrences: nights belong to their evening, midnight without an end is no time, sums hold for every event."""

from datetime import date, timedelta
from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from dedup_core.events import LISTING_SCHEMA
from dedup_core.occurrences import MINUTES_A_DAY, occurrences, spans
from tests.unit.listings import listing, occurrence


def table_of(*dates: list[dict[str, Any]]) -> pl.DataFrame:
    rows = [listing(f"kal:{number}", "Party", event_dates=dated) for number, dated in enumerate(dates)]
    return occurrences(pl.DataFrame(rows, schema=LISTING_SCHEMA))


def test_a_whole_day_from_midnight_on_is_no_start() -> None:
    table = table_of(
        [occurrence("2026-05-02", "00:00", "23:59")], [occurrence("2026-05-02", "00:00", "03:00")]
    )

    assert table["moment"].is_null().to_list() == [True, False]


def test_half_past_midnight_is_one_moment_and_one_night_by_both_ways_to_write_it() -> None:
    saturday, friday = table_of(
        [occurrence("2026-05-02", "00:30")], [occurrence("2026-05-01", "24:30")]
    ).to_dicts()

    assert saturday["moment"] == friday["moment"]
    assert saturday["night"] == friday["night"] == friday["day"]


def test_a_market_at_five_is_of_its_own_day() -> None:
    small_hours, market = table_of(
        [occurrence("2026-05-02", "04:59")], [occurrence("2026-05-02", "05:00")]
    ).to_dicts()

    assert (small_hours["day"] - small_hours["night"], market["day"] - market["night"]) == (1, 0)


def test_midnight_is_a_time_only_with_an_end() -> None:
    moments = table_of(
        [occurrence("2026-05-02", "00:00")],
        [occurrence("2026-05-02", "00:00", "00:00")],
        [occurrence("2026-05-02", "00:00", "04:00")],
        [occurrence("2026-05-02")],
    )["moment"]

    assert moments.is_null().to_list() == [True, True, False, True]


CLOCKS = st.sampled_from([None, "00:00", "00:30", "10:00", "20:00", "24:30"])


@st.composite
def dated(draw: st.DrawFn) -> list[dict[str, Any]]:
    def one() -> dict[str, Any]:
        day = date(2026, 5, 1) + timedelta(days=draw(st.integers(0, 4)))
        last = day + timedelta(days=draw(st.integers(0, 9)))
        return occurrence(day.isoformat(), draw(CLOCKS), last=last.isoformat() if last > day else None)

    return [one() for _ in range(draw(st.integers(1, 5)))]


@given(st.lists(dated(), min_size=1, max_size=4))
def test_the_sums_are_those_that_a_loop_finds(events: list[list[dict[str, Any]]]) -> None:
    table = table_of(*events)

    found = spans(table, len(events)).to_dicts()

    for number, (row, said) in enumerate(zip(found, events, strict=True)):
        own = table.filter(pl.col("event") == number).to_dicts()
        starts = {(one["day"], one["moment"]) for one in own if one["moment"] is not None}
        assert len(own) == len(said)
        assert row["first_day"] == min(one["day"] for one in own)
        assert row["last_day"] == max(one["last_day"] for one in own)
        assert row["first_night"] == min(one["night"] for one in own)
        assert row["moment"] == min((moment for _, moment in starts), default=None)
        assert row["dates"] == len({one["date"] for one in said})
        assert row["days"] == max(((one["end_date"] or one["date"]) - one["date"]).days + 1 for one in said)
        assert row["starts_a_day"] == max(
            (sum(day == other for other, _ in starts) for day, _ in starts), default=0
        )
        assert all(0 <= moment - day * MINUTES_A_DAY < 30 * 60 for day, moment in starts)
