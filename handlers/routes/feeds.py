"""Routes of feeds and of the export: the events of a filter as calendars, search engines, readers of news and our own intake read them.

The libraries that write them are imported when they are first asked for: other requests need not wait for them.
"""
# ruff: noqa: PLC0415 - see above

import re
from collections.abc import Collection
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.event_handler.request import Request

from handlers import wiring
from handlers.answers import busy, problem, tag_of
from handlers.declaring import Schema, declared
from handlers.filters import EventFilter, aware
from handlers.publishing import Address, Feed, feed_of, upcoming
from handlers.publishing_export import TooMuch, delivered
from handlers.turns import Busy
from infra.store import Store
from infra.store.published import Times

router = Router()

CALENDAR: Final = "text/calendar"
LINKED: Final = "application/ld+json"
NEWS: Final = "application/rss+xml"
ZIP: Final = "application/zip"

TEXT: Final[Schema] = {"type": "string"}
BINARY: Final[Schema] = {"type": "string", "contentMediaType": ZIP}

Title = Annotated[
    str,
    Query(
        min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$", description="What the feed is called."
    ),
]
Cursor = Annotated[
    str | None, Query(max_length=2000, description="Where the page before ended: see its Link.")
]
Many = Annotated[int, Query(ge=1, le=1000)]
Key = Annotated[str | None, Query(max_length=200, description="A reader's key, where headers can't be sent.")]
Moment = Annotated[datetime | None, Query()]

_HOST: Final = re.compile(r"[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?|\[[0-9a-fA-F:.]{2,45}\](:[0-9]{1,5})?")


@router.get(
    "/events.ics", tags=["feeds"], **declared("reader", TEXT, 304, content_type=CALENDAR, in_address=True)
)
def events_as_calendar(
    request: Request,
    wanted: Annotated[EventFilter, Query()],
    title: Title = "event-dedup",
    cursor: Cursor = None,
    limit: Many = 1000,
    key: Key = None,
) -> Response[str]:
    """Subscribe to the events of a filter as iCalendar, soonest first. Without a day it begins a month back. What is gone is cancelled for a month."""
    from handlers.publishing_calendar import calendar

    parts = wiring.for_feeds()
    feed = _soonest(parts.store, wanted, limit=limit, cursor=cursor)
    content, onward = calendar(feed, _address(request), ZoneInfo(parts.time_zone), title=title)
    return _sent(request, content, CALENDAR, onward)


@router.get(
    "/events.jsonld",
    tags=["feeds"],
    **declared("reader", {"type": "object"}, 304, content_type=LINKED, in_address=True),
)
def events_as_linked_data(
    request: Request,
    wanted: Annotated[EventFilter, Query()],
    cursor: Cursor = None,
    limit: Many = 1000,
    key: Key = None,
) -> Response[str]:
    """Read the events of a filter as schema.org events in JSON-LD, soonest first. Without a day it begins a month back."""
    from handlers.publishing_linked import linked

    parts = wiring.for_feeds()
    feed = _soonest(parts.store, wanted, limit=limit, cursor=cursor)
    content, onward = linked(feed, _address(request), ZoneInfo(parts.time_zone))
    return _sent(request, content, LINKED, onward)


@router.get(
    "/events.rss", tags=["feeds"], **declared("reader", TEXT, 304, content_type=NEWS, in_address=True)
)
def events_as_news(
    request: Request,
    wanted: Annotated[EventFilter, Query()],
    title: Title = "event-dedup",
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 100,
    key: Key = None,
) -> Response[str]:
    """Follow the events of a filter as RSS 2.0, what changed last first."""
    from handlers.publishing_news import news

    parts, address = wiring.for_feeds(), _address(request)
    feed = feed_of(
        parts.store, wanted.wanted(), "-updated_at", now=datetime.now(UTC), limit=limit, cursor=cursor
    )
    filters = urlencode(_asked(request, without=("key", "cursor")))
    own = f"{address.base}/events.rss{'?' if filters else ''}{filters}"
    content, onward = news(feed, address, ZoneInfo(parts.time_zone), title=title, own=own)
    return _sent(request, content, NEWS, onward)


@router.get("/export", tags=["export"], **declared("reader", BINARY, 303, 413, 503, content_type=ZIP))
def export_events(
    wanted: Annotated[EventFilter, Query()],
    created_since: Moment = None,
    created_before: Moment = None,
    updated_before: Moment = None,
) -> Response[bytes]:
    """Export events in the input format: a zip of files of 200. A large one is lent from a bucket (303); more than 50,000 events are too many (413)."""
    times = Times(
        **{
            name: None if moment is None else aware(moment)
            for name, moment in {
                "created_since": created_since,
                "created_before": created_before,
                "updated_before": updated_before,
            }.items()
        }
    )
    parts = wiring.for_feeds()
    given = delivered(parts.store, wanted.wanted(), times, shares=parts.shares)
    if isinstance(given, str):
        return Response(int(HTTPStatus.SEE_OTHER), headers={"Location": given, "Cache-Control": "no-store"})
    headers = {
        "Content-Disposition": 'attachment; filename="events.zip"',
        "Cache-Control": "private, no-cache",
    }
    return Response(int(HTTPStatus.OK), ZIP, given, headers={**headers})


def _soonest(store: Store, wanted: EventFilter, *, limit: int, cursor: str | None) -> Feed:
    """Read the events of a filter, soonest first; without a day from a month back on."""
    now = datetime.now(UTC)
    return feed_of(store, upcoming(wanted.wanted(), now.date()), now=now, limit=limit, cursor=cursor)


def _address(request: Request) -> Address:
    """Tell where this API is reached: as the settings say, or as it was asked."""
    parts = wiring.for_feeds()
    if parts.public_url is not None:
        return Address(parts.public_url, parts.domain)
    host = request.headers.get("host", "")
    scheme = "https" if request.headers.get("x-forwarded-proto") == "https" else "http"
    return Address(f"{scheme}://{host if _HOST.fullmatch(host) else 'localhost'}", parts.domain)


def _sent(request: Request, content: bytes, content_type: str, onward: str | None) -> Response[str]:
    """Answer with a text of another kind than JSON and its ETag, or with nothing where the caller has just that (304)."""
    tag = tag_of(content)
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", **_link(request, onward)}
    known = request.headers.get("if-none-match", "")
    if known.strip() == "*" or tag in [each.strip().removeprefix("W/") for each in known.split(",")]:
        return Response(int(HTTPStatus.NOT_MODIFIED), body="", headers={**headers})
    return Response(int(HTTPStatus.OK), f"{content_type}; charset=utf-8", content.decode(), {**headers})


def _link(request: Request, cursor: str | None) -> dict[str, str]:
    if cursor is None:
        return {}
    onward = urlencode([*_asked(request, without=("cursor",)), ("cursor", cursor)])
    return {"Link": f'<{request.route}?{onward}>; rel="next"'}


def _asked(request: Request, *, without: Collection[str]) -> list[tuple[str, str]]:
    """Repeat the parameters that were sent."""
    asked = request.resolved_event.resolved_query_string_parameters or {}
    return [(name, value) for name, values in asked.items() for value in values if name not in without]


router.exception_handler(Busy)(busy)


@router.exception_handler(TooMuch)
def too_much(error: TooMuch) -> Response[str]:
    """Answer for an export that is too large."""
    return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, str(error))
