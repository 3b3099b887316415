"""Parts of the page that are the same on all of them."""

import re

import pytest

from dedup_core.events import OCCURRENCE
from handlers.web.languages import chosen
from handlers.web.shell import macros


@pytest.mark.parametrize(
    ("starts", "more"),
    [
        (["2026-05-02 11:00"], ""),
        (["2026-05-02 11:00", "2026-05-02 15:00"], ""),
        (["2026-05-02 11:00", "2026-05-02 15:00", "2026-05-03 11:00"], "and 1 more day"),
        (["2026-05-02 11:00", "2026-05-03 11:00", "2026-05-04 11:00"], "and 2 more days"),
    ],
)
def test_days_are_counted_not_what_takes_place_on_them(starts: list[str], more: str) -> None:
    empty = dict.fromkeys(field.name for field in OCCURRENCE.fields)
    dates = [empty | {"date": start[:10], "start_time": start[11:]} for start in starts]

    shown = macros(chosen("en", ""), "parts.html").when({"event_dates": dates})

    assert re.findall(r"and .* more days?", shown) == ([more] if more else [])
