"""Routes of events: what there is, why, where it came from, what became of it, and the changes to follow. Nothing here writes."""

from http import HTTPStatus
from typing import Annotated, Final, Literal
from urllib.parse import urlencode

import orjson
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from aws_lambda_powertools.event_handler.request import Request

from handlers import browsing, wiring
from handlers.answers import problem, tagged
from handlers.browsing import Gone, UnreadableCursor
from handlers.declaring import declared, many, one
from handlers.filters import EventFilter, storable

router = Router()

Limit = Annotated[int, Query(ge=1, le=200)]
Id = Annotated[str, Path(pattern="^ev_[a-z2-7]{1,32}$")]
Sort = Literal["first_day", "last_day", "title", "city", "status", "confidence", "needs_review", "n_sources", "created_at", "updated_at", "-first_day", "-last_day", "-title", "-city", "-status", "-confidence", "-needs_review", "-n_sources", "-created_at", "-updated_at"]  # fmt: skip

EVENT: Final = {
    "type": "object",
    "description": "An event in the output format: docs/dedupe-output.schema.json, $defs/event; with updated_at.",
    "required": ["id", "title", "event_dates", "sources", "updated_at"],
    "properties": {
        "id": {"type": "string"},
        "title": {"type": "string"},
        "event_dates": {"type": "array", "items": {"type": "object"}},
        "sources": {"type": "array", "items": {"type": "object"}},
        "updated_at": {"type": "string", "format": "date-time"},
    },
}
CHANGE: Final = {
    "type": "object",
    "required": ["change_id", "canonical_id", "kind", "generation", "successors", "at", "event"],
    "properties": {
        "change_id": {"type": "integer"},
        "canonical_id": {"type": "string"},
        "kind": {"enum": ["created", "updated", "merged", "split", "withdrawn"]},
        "generation": {"type": "integer"},
        "successors": {"type": "array", "items": {"type": "string"}},
        "at": {"type": "string", "format": "date-time"},
        "event": {"type": ["object", "null"], "description": "As it stands now; null: remove the id."},
    },
}
OBJECT: Final = {"type": "object"}
PAGE: Final = one(events=many(EVENT), next={"type": ["string", "null"]})
NEXT: Final = {"type": ["string", "null"]}
SOURCES: Final = one(sources=many(OBJECT), next=NEXT)
DECISIONS: Final = one(decisions=many(OBJECT))
DECIDED: Final = one(decisions=many(OBJECT), next=NEXT)
HISTORY: Final = one(changes=many(OBJECT), lineage=many(OBJECT))
CHANGES: Final = one(changes=many(CHANGE), last={"type": "integer"}, more={"type": "boolean"})


@router.get("/events", tags=["events"], **declared("reader", PAGE, 304))
def list_events(
    request: Request,
    wanted: Annotated[EventFilter, Query()],
    sort: Annotated[Sort, Query(description="A minus in front: descending.")] = "first_day",
    cursor: Annotated[str | None, Query(max_length=2000)] = None,
    limit: Limit = 50,
) -> Response[str]:
    """List events: all filters must hold. The page that follows stands in the Link header, rel=next."""
    page = browsing.browse_events(
        wiring.for_api(), wanted.wanted(), sort, cursor=cursor, limit=limit, unread=True
    )
    body = {"events": [orjson.Fragment(event) for event in page.items], "next": page.next}
    return tagged(request, body, _link(request, page.next))


@router.get("/events/<event_id>", tags=["events"], **declared("reader", EVENT, 304, 308, 404, 410))
def show_event(request: Request, event_id: Id) -> Response[str]:
    """Show an event. An id that was merged leads to what took it in (308); one that was split is gone (410), with its successors."""
    found = browsing.look_up_text(wiring.for_api(), event_id)
    return gone(found, "") if found is None or isinstance(found, Gone) else tagged(request, found)


@router.get("/events/<event_id>/sources", tags=["events"], **declared("reader", SOURCES, 304, 308, 404, 410))
def list_sources(
    request: Request, event_id: Id, cursor: Annotated[str | None, Query(max_length=4000)] = None
) -> Response[str]:
    """List an event's listings, each as its source wrote it; where they are too large for one answer, ``next`` goes on."""
    page = browsing.page_of_sources(wiring.for_api(), event_id, cursor)
    if page is None:
        return gone(_fate(event_id), "/sources")
    headers = _link(request, page.next, f"/events/{event_id}/sources")
    return tagged(request, {"sources": page.items, "next": page.next}, headers)


@router.get(
    "/events/<event_id>/decisions", tags=["events"], **declared("reader", DECISIONS, 304, 308, 404, 410)
)
def list_decisions(request: Request, event_id: Id) -> Response[str]:
    """Say why an event's listings are together, a pair at a time: the parts of the evidence in words, and in bits that add up."""
    decisions = browsing.evidence_of(wiring.for_api(), event_id)
    if not decisions and not browsing.sources_of(wiring.for_api(), event_id):
        return gone(_fate(event_id), "/decisions")
    return tagged(request, {"decisions": decisions})  # an event of one listing has nothing to decide


@router.get("/decisions", tags=["events"], **declared("reader", DECIDED, 304))
def browse_decisions(
    request: Request,
    decision: Annotated[Literal["match", "ambiguous", "no_match"] | None, Query()] = None,
    source: Annotated[str | None, Query(min_length=1, max_length=200, description="With id.")] = None,
    id: Annotated[
        str | None, Query(min_length=1, max_length=1000, description="Of a listing of that source.")
    ] = None,
    cursor: Annotated[str | None, Query(max_length=8000)] = None,
    limit: Limit = 50,
) -> Response[str]:
    """List decided pairs of listings, also across events: the evidence in words and bits, and the events that the two are in."""
    if (source is None) != (id is None):
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "a listing is named by source and id together")
    listing = None if source is None or id is None else (storable(source) or "", storable(id) or "")
    page = browsing.browse_decisions(
        wiring.for_api(), decision=decision, listing=listing, cursor=cursor, limit=limit
    )
    body = {"decisions": page.items, "next": page.next}
    return tagged(request, body, _link(request, page.next, "/decisions"))


@router.get("/events/<event_id>/history", tags=["events"], **declared("reader", HISTORY, 304, 404))
def show_history(request: Request, event_id: Id) -> Response[str]:
    """Tell what became of an id, also of one that is gone: its changes and where its listings came from or went."""
    history = browsing.history_of(wiring.for_api(), event_id)
    return tagged(request, history) if history["changes"] else gone(None, "")


@router.get("/changes", tags=["changes"], **declared("reader", CHANGES, 304))
def list_changes(
    request: Request,
    after: Annotated[int, Query(ge=0, lt=2**63, description="The last change that you have seen.")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response[str]:
    """List changes, oldest first. With an event: put it; without: remove the id. Who has read to the end has what there is."""
    return tagged(request, browsing.follow(wiring.for_api(), after=after, limit=limit))


def _fate(event_id: str) -> Gone | None:
    found = browsing.look_up(wiring.for_api(), event_id)
    return found if isinstance(found, Gone) else None


def gone(fate: Gone | None, below: str) -> Response[str]:
    """Answer for an id that no event has. below: the rest of the path that was asked for."""
    if fate is None:
        return problem(HTTPStatus.NOT_FOUND, "no event has or had this id")
    if fate.kind != "merged":
        return problem(HTTPStatus.GONE, f"{fate.kind}: see its successors", successors=fate.successors)
    return problem(
        HTTPStatus.PERMANENT_REDIRECT,
        "merged into another event",
        headers={"Location": f"/events/{fate.successors[0]}{below}"},
        successors=fate.successors,
    )


def _link(request: Request, cursor: str | None, path: str = "/events") -> dict[str, str]:
    if cursor is None:
        return {}
    asked = request.resolved_event.resolved_query_string_parameters or {}
    onward = [(name, value) for name, values in asked.items() for value in values if name != "cursor"]
    return {"Link": f'<{path}?{urlencode([*onward, ("cursor", cursor)])}>; rel="next"'}


@router.exception_handler(UnreadableCursor)
def wrong_cursor(error: UnreadableCursor) -> Response[str]:
    """Answer for a cursor that is none."""
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
