"""The list of events: filters as chips, as rows, on a map, in a month."""

import re
from calendar import Calendar
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import orjson
from markupsafe import Markup
from sqlalchemy import Connection

from handlers import browsing, desk, wiring
from handlers.browsing import UnreadableCursor
from handlers.web.languages import Language
from handlers.web.mounting import Refused, Shown
from handlers.web.shell import Answer, macros, page
from handlers.web.visiting import ROOT, Visit, link
from infra.store.events import Spot, Wanted

SIZES: Final = (25, 50, 100, 200)
SORTS: Final[tuple[tuple[str, str], ...]] = (
    ("first_day", "soonest first"),
    ("-first_day", "latest first"),
    ("title", "title A–Z"),
    ("-title", "title Z–A"),
    ("city", "town A–Z"),
    ("-city", "town Z–A"),
    ("-n_sources", "most sources first"),
    ("n_sources", "fewest sources first"),
    ("confidence", "least sure first"),
    ("-confidence", "surest first"),
    ("-updated_at", "last changed first"),
)
STATUSES: Final = ("scheduled", "cancelled", "moved", "sold_out")
FILTERS: Final = (
    "q",
    "city",
    "category",
    "source",
    "spot",
    "since",
    "until",
    "status",
    "min_confidence",
    "needs_review",
)
COMPLETED: Final = ("city", "category", "source")
"""Filters whose words are completed."""

SPOT: Final = re.compile(r"(-?\d{1,2}(?:\.\d{1,9})?),(-?\d{1,3}(?:\.\d{1,9})?)")
"""Latitude and longitude of a place of the map."""

VIEWS: Final = ("list", "map", "calendar")
ROWS_KEPT: Final = 10_000
"""Rows of lists that are kept as they were written, at about a kB each; then they begin anew."""

DAY_EVENTS: Final = 4
"""Events of a day that a month has room for."""


MOST_RUNNING: Final = 12
"""Events that began before the month and go on, of which the soonest to end are named."""

MOST_SOUGHT: Final = 60
"""Events among which they are sought: others have dates before the month and after, and are over in between."""


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter in force. without: where it is not."""

    name: str
    value: str
    without: str


def show_list(visit: Visit) -> Answer:
    """Show the events that are asked for, in one of the three ways."""
    wanted = wanted_of(visit)
    view = _one_of(visit.asked("view"), VIEWS, "There is no such view.")
    store = wiring.for_api()
    shown: dict[str, Any] = {
        "view": view,
        "chips": _chips(visit),
        "most_counted": None if wanted == Wanted() else desk.MOST_COUNTED,
        "sizes": SIZES,
        "sorts": SORTS,
        "statuses": STATUSES,
        "sort": _one_of(visit.asked("sort"), [name for name, _ in SORTS], "There is no such order."),
        "limit": int(
            _one_of(
                visit.asked("limit"), [str(size) for size in SIZES], "A page has 25, 50, 100 or 200 events."
            )
        ),
        "filters": {name: visit.asked(name) for name in FILTERS},
        "today": datetime.now(UTC).date(),
    }
    if view == "list":
        with store.reading() as connection:
            shown["count"] = desk.count_in(connection, wanted)
            shown |= _rows(visit, connection, wanted, shown["sort"], shown["limit"])
        return page(visit, "list.html", **shown)
    shown["count"] = desk.count_events(store, wanted)
    if view == "calendar":
        shown |= _month(visit, wanted)
    else:
        shown["points_at"] = link(f"{ROOT}/points", **{name: visit.asked(name) for name in FILTERS})
    return page(visit, "list.html", **shown)


def _one_of(asked: str | None, known: Sequence[str], refusal: str) -> str:
    """Choose what was asked for, or the first where nothing was. Raises Refused, and says why, where it is none of them."""
    if asked is not None and asked not in known:
        raise Refused(refusal)
    return asked or known[0]


def wanted_of(visit: Visit) -> Wanted:
    """Read the filters; one that can't be read is refused."""
    return Wanted(
        words=visit.asked("q"),
        city=visit.asked("city"),
        category=visit.asked("category"),
        source=visit.asked("source"),
        spot=_spot(visit.asked("spot")),
        since=day_of(visit, "since"),
        until=day_of(visit, "until"),
        status=_known_status(visit.asked("status")),
        least_confidence=_share(visit.asked("min_confidence")),
        needs_review=_answer(visit.asked("needs_review")),
    )


def _spot(asked: str | None) -> Spot | None:
    if asked is None:
        return None
    found = SPOT.fullmatch(asked)
    if found is None:
        raise Refused("A place of the map is written as 48.094,7.961.")
    return Spot(float(found[1]), float(found[2]))


def _known_status(asked: str | None) -> str | None:
    if asked is not None and asked not in STATUSES:
        raise Refused("There is no such status.")
    return asked


def _answer(asked: str | None) -> bool | None:
    if asked not in (None, "true", "false"):
        raise Refused("Whether it needs a look is “true” or “false”.")
    return None if asked is None else asked == "true"


def day_of(visit: Visit, name: str) -> date | None:
    """Read a day. Raises Refused where it is none."""
    day = visit.day(name)
    if day is None and visit.asked(name):
        raise Refused("This is not a day: write it as 2026-03-31.")
    return day


def _share(asked: str | None) -> float | None:
    if asked is None:
        return None
    try:
        share = float(asked)
    except ValueError as error:
        raise Refused("The confidence is a number from 0 to 1.") from error
    if not 0 <= share <= 1:
        raise Refused("The confidence is a number from 0 to 1.")
    return share


def _chips(visit: Visit) -> list[Chip]:
    named = [(name, visit.asked(name)) for name in FILTERS]
    return [
        Chip(name, value, visit.link(**{name: None, "cursor": None, "page": None, "back": None}))
        for name, value in named
        if value is not None
    ]


def _rows(visit: Visit, connection: Connection, wanted: Wanted, sort: str, limit: int) -> dict[str, Any]:
    cursor, backwards = visit.asked("cursor", 2000), visit.asked("back") is not None
    try:
        found = browsing.browse_in(connection, wanted, sort, cursor=cursor, limit=limit, backwards=backwards)
    except UnreadableCursor as error:
        raise Refused("This page of the list is no longer there; begin with the first.") from error
    number = visit.asked("page") or "1"
    at = int(number) if number.isascii() and number.isdigit() and len(number) < 7 and cursor else 1
    return {
        "events": [_row(event, visit.language) for event in found.items],
        "next": found.next and visit.link(cursor=found.next, page=at + 1, back=None),
        "previous": _before(visit, found.previous, at),
        "order": dict(SORTS).get(sort),
        "from": (at - 1) * limit + 1,
    }


_ROWS: Final[dict[tuple[bytes, Language], Markup]] = {}


def _row(event: bytes, language: Language) -> Markup:
    """Write the row of an event, which is always the same as long as the event is: lists overlap, and most of a list's time is its rows'."""
    named = sha256(event, usedforsecurity=False).digest(), language
    row = _ROWS.get(named)
    if row is None:
        if len(_ROWS) >= ROWS_KEPT:
            _ROWS.clear()
        row = _ROWS[named] = macros(language, "row.html").row(orjson.loads(event))
    return row


def _before(visit: Visit, cursor: str | None, at: int) -> str | None:
    """Lead to the page before; to the first one as it is always reached, so that nothing new before it is missed."""
    if cursor is None or at < 3:
        return visit.link(cursor=None, page=None, back=None) if visit.asked("cursor", 2000) else None
    return visit.link(cursor=cursor, page=at - 1, back=1)


def _month(visit: Visit, wanted: Wanted) -> dict[str, Any]:
    """Lay out a month in weeks from Monday; days of the months around fill them up."""
    today = datetime.now(UTC).date()
    first = _in_reach(_first_of(visit.asked("month"))) or _in_reach(_first_month(wanted, today))
    first = first or today.replace(day=1)
    weeks = Calendar().monthdatescalendar(first.year, first.month)
    listed = desk.days(wiring.for_api(), wanted, weeks[0][0], weeks[-1][-1], each=DAY_EVENTS)
    return {
        "month": first,
        "weeks": weeks,
        "days": listed,
        "running": _running(wanted, weeks[0][0]),
        "before": visit.link(month=f"{first - timedelta(days=1):%Y-%m}"),
        "after": visit.link(month=f"{first + timedelta(days=31):%Y-%m}"),
    }


def _running(wanted: Wanted, first: date) -> Sequence[dict[str, Any]]:
    """List what began before the first day that is shown and is not over by then: it stands at no day of the month."""
    before = first - timedelta(days=1)
    bounds = {"since": max(first, wanted.since or first), "until": min(before, wanted.until or before)}
    asked = _bounded(wanted, bounds)
    found = browsing.browse_events(wiring.for_api(), asked, "last_day", cursor=None, limit=MOST_SOUGHT).items
    ends = [(event, _end_of_what_goes_on(event["event_dates"], first.isoformat())) for event in found]
    return [{**event, "last_day": end} for event, end in ends if end is not None][:MOST_RUNNING]


def _end_of_what_goes_on(dates: Sequence[Mapping[str, Any]], first: str) -> str | None:
    """Tell until when goes on what began before a day; null where all is over, or yet to come, as the next date of a course is."""
    spans = [(str(one["date"]), str(one.get("end_date") or one["date"])) for one in dates]
    return max((end for begun, end in spans if begun < first <= end), default=None)


def _first_of(asked: str | None) -> date | None:
    try:
        return date.fromisoformat(f"{asked}-01") if asked else None
    except ValueError as error:
        raise Refused("This is not a month: write it as 2026-03.") from error


def _in_reach(first: date | None) -> date | None:
    """Pass on a day whose month can be laid out: the weeks at its edges, and the months around it, need days, too."""
    return first if first is not None and 1900 < first.year < 9000 else None


def _first_month(wanted: Wanted, today: date) -> date:
    """Begin where there is something to see: at the filter's first day, or with the soonest event to come, or with the last one."""
    if (since := _in_reach(wanted.since)) is not None:
        return since.replace(day=1)
    for bounds, order in (({"since": today}, "first_day"), ({}, "-last_day")):
        found = browsing.browse_events(
            wiring.for_api(), _bounded(wanted, bounds), order, cursor=None, limit=1
        ).items
        if found:
            day = date.fromisoformat(found[0]["event_dates"][0]["date"])
            return max(day, today).replace(day=1) if bounds else day.replace(day=1)
    return today.replace(day=1)


def _bounded(wanted: Wanted, bounds: dict[str, date]) -> Wanted:
    return Wanted(**{name: getattr(wanted, name) for name in Wanted.__slots__} | bounds)


def show_points(visit: Visit) -> Answer:
    """Give the map its places."""
    found = desk.points(wiring.for_api(), wanted_of(visit))
    return Answer(orjson.dumps(found).decode(), content_type="application/json")


def show_suggestions(visit: Visit) -> Answer:
    """Complete what is typed into the field of filters."""
    typed = visit.asked("q") or ""
    here = visit.headers.get("hx-current-url", "")
    suggestions = desk.suggest(wiring.for_api(), typed) if typed else []
    kept = _filters_of(here)
    return page(
        visit,
        "suggestions.html",
        typed=typed,
        suggestions=[(each, link(ROOT, **{**kept, each.kind: each.word})) for each in suggestions],
        words_at=link(ROOT, **{**kept, "q": typed}),
    )


def show_words(visit: Visit) -> Answer:
    """Complete what is typed into a field for one kind of filter."""
    typed = [(kind, visit.asked(kind)) for kind in COMPLETED if visit.asked(kind)]
    kind, word = typed[0] if typed else ("", None)
    found = desk.suggest(wiring.for_api(), word) if word else []
    return page(visit, "words.html", words=[each for each in found if each.kind == kind])


def _filters_of(address: str) -> dict[str, str]:
    kept = (*FILTERS, "view", "sort", "limit")
    try:
        asked = parse_qsl(urlsplit(address).query)
    except ValueError:  # no address at all
        return {}
    return {name: value for name, value in asked if name in kept and name != "q"}


SHOWN: Final = [
    Shown("GET", "", show_list, asks=(*FILTERS, "view", "sort", "limit", "cursor", "page", "back", "month")),
    Shown("GET", "/points", show_points, asks=FILTERS),
    Shown("GET", "/suggestions", show_suggestions, asks=("q",)),
    Shown("GET", "/words", show_words, asks=COMPLETED),
]
