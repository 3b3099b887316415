"""Languages: the page in English and German. The English text is the key; what has no German text is shown in English.

A test holds that every text of the templates has its German, and that no German text is left over.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from importlib import resources
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

import yaml

from dedup_core.remarks import Remark, written

Code = Literal["en", "de"]
CODES: Final[tuple[Code, ...]] = ("en", "de")
NAMES: Final[Mapping[Code, str]] = {"en": "English", "de": "Deutsch"}

MONTHS: Final = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@cache
def texts(code: Code) -> dict[str, str]:
    """Read a language's texts: the German ones by the English ones, and for both what codes of the database are called."""
    name = "german.yaml" if code == "de" else "english.yaml"
    written = resources.files("handlers").joinpath("web", name).read_text(encoding="utf-8")
    known: dict[str, str] = yaml.safe_load(written)
    return known


@cache
def _codes() -> dict[str, str]:
    """List the matcher's own texts with their codes. Imported when a pair is shown, which brings the matcher along anyway."""
    from dedup_core.explaining import COMPARISONS, field_reasons, meaning  # noqa: PLC0415
    from dedup_core.rivals import RIVALS  # noqa: PLC0415
    from dedup_core.vetoes import REASONS  # noqa: PLC0415

    reasons = {text: f"reason: {code}" for code, text in (REASONS | RIVALS).items()}
    reasons |= {text: f"why: {code}" for code, text in field_reasons().items()}
    return reasons | {meaning(part): f"part: {part}" for part in (*COMPARISONS, "prior", "cap")}


@dataclass(frozen=True, slots=True)
class Language:
    """A language that the page speaks. zone: what its times are told in."""

    code: Code
    zone: str = "UTC"

    def __call__(self, text: str, **values: object) -> str:
        """Say a text; values: what stands in its braces."""
        said = texts(self.code).get(text, text)
        return said.format(**values) if values else said

    def matcher(self, text: str) -> str:
        """Say what the matcher says: a reason, what a part of the evidence means, by which rule a value was chosen."""
        if self.code == "en":
            return text
        return texts(self.code).get(_codes().get(text, ""), text)

    def remark(self, remark: Remark) -> str:
        """Say what was seen of a pair."""
        return written(remark, digits=2, text=self, number=self.number)

    def number(self, value: float | int, digits: int = 0) -> str:
        """Write a number with the language's separators."""
        written = f"{value:,.{digits}f}"
        return written.translate(str.maketrans(",.", ".,")) if self.code == "de" else written

    def counted(self, number: int, most: int | None) -> str:
        """Write how many there are, where no more than so many were counted."""
        return self.number(number) if most is None or number <= most else f"{self.number(most)}+"

    def signed(self, value: float, digits: int = 2) -> str:
        """Write a number with its sign, a true minus."""
        sign = "+" if value > 0 else "−" if value < 0 else "±"
        return sign + self.number(abs(value), digits)

    def share(self, share: float) -> str:
        """Write a probability in per cent; what is nearly certain is not said to be."""
        if share > 0.999:
            return f"> {self.number(99.9, 1)} %"
        if share < 0.001:
            return f"< {self.number(0.1, 1)} %"
        return f"{self.number(100 * share, 1)} %"

    def day(self, day: date | str, *, weekday: bool = True, year: bool = True) -> str:
        """Write a day. day: also as ISO text."""
        day = date.fromisoformat(day[:10]) if isinstance(day, str) else day
        month = self(MONTHS[day.month - 1])
        named = f"{self(WEEKDAYS[day.weekday()])}{'' if self.code == 'de' else ','} " if weekday else ""
        written = f"{day.day}. {month}" if self.code == "de" else f"{day.day} {month}"
        return named + written + (f" {day.year}" if year else "")

    def month(self, day: date) -> str:
        """Write a month with its year."""
        return f"{self(MONTHS[day.month - 1])} {day.year}"

    def moment(self, moment: datetime | str | None) -> str:
        """Write a time as clocks show it here, to the minute. moment: one without a zone is UTC's."""
        if moment is None:
            return "–"
        moment = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        here = moment.astimezone(ZoneInfo(self.zone))
        return f"{self.day(here.date(), weekday=False)}, {here:%H:%M}"

    def bytes(self, size: int) -> str:
        """Write a size."""
        if size < 1000:
            return f"{size} B"
        return f"{self.number(size / 1000, 1)} kB" if size < 1e6 else f"{self.number(size / 1e6, 1)} MB"


def chosen(said: str | None, accepted: str) -> Language:
    """Choose the language. said: by the visitor, or null; accepted: the header Accept-Language."""
    if said in CODES:
        return Language("de" if said == "de" else "en")
    return Language(_preferred(accepted))


def _preferred(accepted: str) -> Code:
    weighed = [_weighed(part) for part in accepted.split(",")]
    known = [(weight, code) for weight, code in weighed if code in CODES and weight > 0]
    best: Any = max(known, key=lambda each: each[0], default=(0.0, "en"))
    return "de" if best[1] == "de" else "en"


def _weighed(part: str) -> tuple[float, str]:
    tag, _, quality = part.partition(";q=")
    try:
        weight = float(quality or 1)
    except ValueError:
        weight = 0.0
    return weight, tag.strip().split("-")[0].lower()
