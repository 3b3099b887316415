"""Dates and times: on which days, and at which hour.

Weekly series and long ranges overlap with nearly everything; what they share is therefore measured against all their days.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from dedup_core.comparisons.pairs import Bits, Mask, Pairs, Rows, along
from dedup_core.occurrences import MINUTES_A_DAY
from dedup_core.policy import EvidenceWeights
from dedup_core.subjects import Floats, Subjects

SHORT_RANGE: int = 7
"""Days; up to this length a source may give the first day only and mean the whole."""


AN_HOUR = np.array([60.0])
"""Minutes."""

BEFORE_MIDNIGHT: int = 120
"""Minutes before 00:00 from which a start may be meant by it: clubs begin so late, hardly anything else does."""

EVENING: int = 18 * 60
"""Minutes of the day from which what begins fills the evening."""

DOORS: int = 240
"""Minutes; doors do not open earlier than this before the start."""


@dataclass(frozen=True, slots=True)
class Meeting:
    """How the days and hours of p pairs relate.

    common: share of common days among all days of both, [0, 1].   gap: days between, 0 if a day is common.
    apart: minutes between the nearest starts, NaN where one is unknown.
    a_within_b, b_within_a: all days of the one lie within the other's, which has more.
    announced: one was moved from the other's day.
    during: one begins in the evening or night while the other, which began then, too, lasts; window: the same by day.
    by_midnight: nothing but a 00:00 without an end makes their nights one.
    """

    common: Floats
    gap: Floats
    apart: Floats
    a_within_b: Mask
    b_within_a: Mask
    announced: Mask
    during: Mask
    window: Mask
    by_midnight: Mask


def meeting_of(pairs: Pairs, subjects: Subjects) -> Meeting:
    """Relate the occurrences of each pair: with plain arithmetic where both have one, by joining days where not."""
    meeting = _single(pairs, subjects)
    several = (subjects.dates[pairs.a] > 1) | (subjects.dates[pairs.b] > 1)
    if several.any():
        _overwrite(meeting, several, _several(pairs.where(several), subjects))
    return meeting


def _single(pairs: Pairs, subjects: Subjects) -> Meeting:
    a, b, s = pairs.a, pairs.b, subjects
    first, last = np.maximum(s.day[a], s.day[b]), np.minimum(s.last_day[a], s.last_day[b])
    shared = np.maximum(last - first + 1, 0)
    all_days = np.maximum(
        s.days[a] + s.days[b] - shared, 1
    )  # of several dates the hull is wrong; `_several` is right
    common = (shared / all_days).astype(np.float32)
    to_midnight = np.fmin(_to_midnight(a, b, s), _to_midnight(b, a, s))
    midnight = to_midnight <= BEFORE_MIDNIGHT
    one_night = ((s.night[a] == s.night[b]) | midnight) & (s.days[a] == 1) & (s.days[b] == 1)
    start_only = (s.day[a] == s.day[b]) & (np.maximum(s.days[a], s.days[b]) <= SHORT_RANGE)
    common = np.where(one_night, 1, np.where(start_only, np.maximum(common, 0.6), common))
    apart = np.abs(s.moment[a] - s.moment[b])
    of_day = apart % MINUTES_A_DAY
    ranges = (s.days[a] > 1) | (s.days[b] > 1)
    apart = np.where(ranges, np.minimum(of_day, MINUTES_A_DAY - of_day), apart)
    apart = np.where(midnight, to_midnight, apart)
    within = _during(a, b, s) | _during(b, a, s)
    evening = np.fmin(s.moment[a], s.moment[b]) % MINUTES_A_DAY >= EVENING
    return Meeting(
        common=common.astype(np.float32),
        gap=np.where(common > 0, 0, first - last).astype(np.float32),
        apart=apart.astype(np.float32),
        a_within_b=(shared == s.days[a]) & (s.days[b] > s.days[a]),
        b_within_a=(shared == s.days[b]) & (s.days[a] > s.days[b]),
        announced=(s.previous_day[a] == s.day[b]) | (s.previous_day[b] == s.day[a]),
        during=within & evening,
        window=within & ~evening,
        by_midnight=midnight & (to_midnight > 0),
    )


def _to_midnight(one: Rows, other: Rows, subjects: Subjects) -> npt.NDArray[np.float64]:
    """Count the minutes from the other's start to the midnight that is given for the one: (p,), NaN if it is none or passed."""
    minutes = subjects.day[one] * MINUTES_A_DAY - subjects.moment[other]
    single = subjects.midnight[one] & (subjects.dates[other] == 1)
    return np.where(single & (minutes >= 0), minutes, np.nan)


def _during(one: Rows, other: Rows, subjects: Subjects) -> Mask:
    """Tell where one begins after the other did and before it ends."""
    begun = subjects.moment[one] > subjects.moment[other]
    within: Mask = begun & (subjects.moment[one] < subjects.until[other])
    return within


def _several(pairs: Pairs, subjects: Subjects) -> Meeting:
    """Join each pair's occurrences on their nights."""
    events = [pl.Series("event", rows, dtype=pl.UInt32) for rows in (pairs.a, pairs.b)]
    compared = pl.concat(events).unique().to_frame()
    table = (
        subjects.occurrences.join(compared, on="event", how="semi")
        .select(
            "event",
            pl.int_ranges(
                "night",
                pl.max_horizontal(
                    "night", pl.when(pl.col("night") < pl.col("day")).then("night").otherwise("last_day")
                )
                + 1,
                dtype=pl.Int32,
            ).alias("night"),
            "moment",
        )
        .explode("night")
    )
    pair = pl.int_range(pl.len(), dtype=pl.UInt32).alias("pair")
    left, right = (
        side.to_frame().with_columns(pair).join(table, on="event").drop("event") for side in events
    )
    met = left.join(right, on=["pair", "night"], how="inner", suffix="_b")
    summed = met.group_by("pair").agg(
        pl.col("night").n_unique().alias("shared"),
        (pl.col("moment") - pl.col("moment_b")).abs().min().alias("apart"),
    )
    n_left = left.group_by("pair").agg(pl.col("night").n_unique().alias("n_left"))
    n_right = right.group_by("pair").agg(pl.col("night").n_unique().alias("n_right"))
    rows = (
        pl.DataFrame({"pair": pl.int_range(len(pairs), dtype=pl.UInt32, eager=True)})
        .join(summed, on="pair", how="left", maintain_order="left")
        .join(n_left, on="pair", how="left", maintain_order="left")
        .join(n_right, on="pair", how="left", maintain_order="left")
        .with_columns(pl.col("shared", "n_left", "n_right").fill_null(0).cast(pl.Int32))
    )
    shared, n_a, n_b = (rows[c].to_numpy() for c in ("shared", "n_left", "n_right"))
    single = _single(pairs, subjects)
    return Meeting(
        common=(shared / np.maximum(n_a + n_b - shared, 1)).astype(np.float32),
        gap=np.where(shared > 0, 0, np.maximum(single.gap, 1)).astype(np.float32),
        apart=rows["apart"].cast(pl.Float32).fill_null(float("nan")).to_numpy(),
        a_within_b=(shared == n_a) & (n_b > n_a),
        b_within_a=(shared == n_b) & (n_a > n_b),
        announced=single.announced,
        during=single.during,
        window=single.window,
        by_midnight=single.by_midnight,
    )


def _overwrite(meeting: Meeting, where: Mask, part: Meeting) -> None:
    for name in Meeting.__slots__:
        getattr(meeting, name)[where] = getattr(part, name)


def date_bits(pairs: Pairs, meeting: Meeting, subjects: Subjects, weights: EvidenceWeights) -> Bits:
    """A common day adds by how few events take place on it; days that only one of the two has take away.

    Without a common day the gap takes away, unless one listing says that it was moved from the other's day.
    """
    rarity = np.minimum(subjects.day_bits[pairs.a], subjects.day_bits[pairs.b])
    met = rarity + along(weights.date_overlap, meeting.common)
    parted = along(weights.date_differs, meeting.gap)
    return np.where(meeting.announced, rarity - 1, np.where(meeting.gap > 0, parted, met)).astype(np.float32)


def time_bits(pairs: Pairs, meeting: Meeting, subjects: Subjects, weights: EvidenceWeights) -> Bits:
    """Equal starts add by their rarity (14:11 says more than 20:00); hours apart take away, the steeper the further.

    Missing where a side has no start; half an hour may be doors against start, three hours may be two shows. Hours between doors,
    where a text says that they are, and the start take nothing away, and what begins while the other lasts no more than an hour does.
    """
    rarity = np.minimum(subjects.start_bits[pairs.a], subjects.start_bits[pairs.b])
    agree = np.minimum(rarity, weights.same_start_cap) * np.clip(1 - meeting.apart / 30, 0, 1)
    unrelated = (meeting.gap > 0) | meeting.announced
    late = subjects.moment[pairs.a] > subjects.moment[pairs.b]
    doors = np.where(late, subjects.doors[pairs.b], subjects.doors[pairs.a]) & (meeting.apart <= DOORS)
    parted = along(weights.time_apart, meeting.apart)
    parted = np.where(meeting.during, np.maximum(parted, along(weights.time_apart, AN_HOUR)), parted)
    bits = agree + np.where(doors, 0, parted)
    return np.where(unrelated, np.float32(np.nan), bits).astype(np.float32)


def far_from(meeting: Meeting, *, days: int) -> npt.NDArray[np.bool_]:
    """Tell where no day is common, none was announced, and more than ``days`` lie between."""
    return (meeting.gap > days) & ~meeting.announced
