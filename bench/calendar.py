"""Calendar: the days of the window, their seasons, and how German names them."""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Final

import numpy as np
import polars as pl

from bench.chance import Floats, Ints

FIRST_DAY: Final = date(2026, 1, 12)
"""A Monday in the Fasnet season, so that the smallest corpus has its rush too."""

EPOCH: Final = date(1970, 1, 1).toordinal()
WEEKDAYS: Final = ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag")
MONTHS: Final = (
    "Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember",
)  # fmt: skip


def easter(year: int) -> date:
    """Return Easter Sunday (the anonymous Gregorian rule in Meeus, Astronomical Algorithms, 1991)."""
    century, of_century = divmod(year, 100)
    moon = (19 * (year % 19) + century - century // 4 - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    sunday = (32 + 2 * (century % 4) + 2 * (of_century // 4) - moon - of_century % 4) % 7
    shift = (year % 19 + 11 * moon + 22 * sunday) // 451
    month, day = divmod(moon + sunday - 7 * shift + 114, 31)
    return date(year, month, day + 1)


@dataclass(frozen=True)
class Calendar:
    """The window: day 0 is FIRST_DAY."""

    days: int

    @cached_property
    def dates(self) -> list[date]:
        """Each day's date."""
        return [FIRST_DAY + timedelta(days=day) for day in range(self.days)]

    @cached_property
    def seasons(self) -> dict[str, Floats]:
        """How much of each season a day has: (days,) a season."""
        feasts = {year: easter(year) for year in range(FIRST_DAY.year, FIRST_DAY.year + self.days // 365 + 2)}
        from_easter = np.array([(day - feasts[day.year]).days for day in self.dates])
        of_year = np.array([(day.month, day.day) for day in self.dates])
        month, number = of_year[:, 0], of_year[:, 1]
        rush = np.where((from_easter >= -53) & (from_easter <= -46), 5.0, 1.0)
        late = month * 100 + number
        return {
            "all": np.where(month == 8, 0.6, np.where((month == 12) & (number > 23), 0.4, 1.0)),
            "fasnet": rush * ((from_easter <= -40) & ((month > 1) | (number > 5))),
            "advent": 1.0 * ((late >= 1120) & (late <= 1223)),
            "easter": 1.0 * ((from_easter >= -22) & (from_easter <= 1)),
            "summer": ((late >= 420) & (late <= 1015)) * np.where((month >= 6) & (month <= 8), 2.0, 1.0),
        }

    def weights(self, season: str, days: tuple[float, ...]) -> Floats:
        """Weigh each day by season and weekday: (days,)."""
        weights: Floats = self.seasons[season] * np.asarray(days)[np.arange(self.days) % 7]
        return weights

    def part_of_year(self, season: str) -> float:
        """How dense a season is in the window, compared to a year: 1 is alike, 0 is not at all."""
        year = Calendar(365).seasons[season].sum() / 365
        return float(self.seasons[season].sum() / self.days / year)


def weekday(day: Ints) -> pl.Series:
    """Name the weekdays."""
    return pl.Series(WEEKDAYS).gather(day % 7)


def spoken(day: Ints) -> pl.Series:
    """Write dates as running text does: ``17. April``."""
    dates = pl.Series((day + FIRST_DAY.toordinal() - EPOCH).astype(np.int32)).cast(pl.Date)
    months = pl.Series(MONTHS).gather(dates.dt.month() - 1)
    return pl.select(
        pl.concat_str([pl.lit(dates.dt.day().cast(pl.String)), pl.lit(". "), pl.lit(months)])
    ).to_series()


def clock(minutes: Ints) -> pl.Series:
    """Write times of the day as running text does: ``20 Uhr``, ``19.30 Uhr``."""
    hour = pl.Series(minutes // 60 % 24).cast(pl.String)
    minute = pl.Series(minutes % 60)
    written = minute.cast(pl.String).str.zfill(2)
    return pl.select(
        pl.when(pl.lit(minute) == 0)
        .then(pl.lit(hour))
        .otherwise(pl.concat_str([pl.lit(hour), pl.lit("."), pl.lit(written)]))
        + " Uhr"
    ).to_series()


def hhmm(minutes: Ints) -> pl.Series:
    """Write times as ``HH:MM``, hours up to 29; negative is null."""
    text = pl.Series([f"{minute // 60:02}:{minute % 60:02}" for minute in range(30 * 60)])
    known = text.gather(np.clip(minutes, 0, 30 * 60 - 1))
    return pl.select(pl.when(pl.lit(pl.Series(minutes)) >= 0).then(pl.lit(known))).to_series()
