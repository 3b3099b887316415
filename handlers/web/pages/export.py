"""Export: the events of a filter as files in the input format, in one zip, chosen by when they came or changed."""

from datetime import UTC, date, datetime, timedelta
from typing import Final

from handlers import desk, wiring
from handlers.publishing_export import TooMuch, delivered
from handlers.web.mounting import Refused, Shown
from handlers.web.pages.listing import FILTERS, day_of, wanted_of
from handlers.web.shell import Answer, onward, page
from handlers.web.visiting import Visit
from infra.store.events import Wanted
from infra.store.published import Times

DATES: Final = ("created_since", "created_until", "changed_since", "changed_until")


def show(visit: Visit) -> Answer:
    """Ask what to export."""
    wanted = wanted_of(visit)
    return page(
        visit,
        "export.html",
        filters={name: visit.asked(name) for name in FILTERS if visit.asked(name)},
        dates={name: day_of(visit, name) for name in DATES},
        count=desk.count_events(wiring.for_api(), wanted),
        most_counted=None if wanted == Wanted() else desk.MOST_COUNTED,
    )


def download(visit: Visit) -> Answer:
    """Give the zip."""
    parts = wiring.for_feeds()
    times = Times(
        created_since=_begin(day_of(visit, "created_since")),
        created_before=_begin(day_of(visit, "created_until"), after=1),
        updated_since=_begin(day_of(visit, "changed_since")),
        updated_before=_begin(day_of(visit, "changed_until"), after=1),
    )
    try:
        given = delivered(parts.store, wanted_of(visit), times, shares=parts.shares)
    except TooMuch as error:
        raise Refused("More than 50,000 events: choose fewer, or use “event-dedup export”.") from error
    if isinstance(given, str):
        return onward(given)
    named = {"Content-Disposition": 'attachment; filename="events.zip"'}
    return Answer(headers=named, content_type="application/zip", content=given)


def _begin(day: date | None, *, after: int = 0) -> datetime | None:
    """Give the first moment of a day, or of the one after it, in UTC."""
    if day is None:
        return None
    try:
        chosen = day + timedelta(days=after)
    except OverflowError:
        return None
    return datetime(chosen.year, chosen.month, chosen.day, tzinfo=UTC)


ASKS: Final = (*FILTERS, *DATES)
SHOWN: Final = [
    Shown("GET", "/export", show, asks=ASKS),
    Shown("GET", "/export/events.zip", download, asks=ASKS),
]
