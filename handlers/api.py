"""API: what other programs ask over HTTP: events, why their listings are together, what became of them, what changed.

Who may call is decided before it, by the gateway's authoriser; nothing here writes, and no other site's page may read it (no CORS).
Faults of a request are told as problem+json (RFC 9457); a fault of ours is told as one, too, and what it was stands in the log.
"""

import hashlib
from collections.abc import Callable
from datetime import UTC, date, datetime
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal, Protocol
from urllib.parse import urlencode

import orjson
from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from aws_lambda_powertools.utilities.typing import LambdaContext

from handlers import browsing, wiring
from handlers.browsing import Gone, UnreadableCursor
from handlers.failures import described
from infra.errors import SchemaNotReady
from infra.store.events import Box, Near, Wanted

logger = Logger(service="api")
app = APIGatewayHttpResolver(enable_validation=True)

PROBLEM: Final = "application/problem+json"

NUMBER: Final = r"-?[0-9]{1,3}(\.[0-9]{1,12})?"
Text = Annotated[str | None, Query(min_length=1, max_length=200)]
Limit = Annotated[int, Query(ge=1, le=200)]
Id = Annotated[str, Path(pattern="^ev_[a-z2-7]{1,32}$")]
Status = Literal["scheduled", "cancelled", "moved", "sold_out"]
Sort = Literal["first_day", "last_day", "title", "city", "confidence", "n_sources", "updated_at", "-first_day", "-last_day", "-title", "-city", "-confidence", "-n_sources", "-updated_at"]  # fmt: skip


class ReadyStore(Protocol):
    """What readiness asks of the store."""

    def require_head(self) -> None:
        """Check the schema; raises SchemaNotReady."""


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


def _object(**properties: object) -> dict[str, Any]:
    return {"type": "object", "required": list(properties), "properties": properties}


def _list_of(item: object) -> dict[str, Any]:
    return {"type": "array", "items": item}


PROBLEMS: Final = {
    304: "You have just that: see If-None-Match",
    308: "Merged into another event: see Location",
    404: "No event has or had this id",
    410: "Split or withdrawn: see successors",
    422: "Parameters are wrong: see errors",
    500: "A fault of ours",
    503: "Not ready",
}


def _answers(body: dict[str, Any], *problems: int) -> dict[int, Any]:
    """Describe a route's answers, for the OpenAPI document: body is the JSON schema of what it gives."""
    problem = {PROBLEM: {"schema": _object(type={}, title={}, status={"type": "integer"}, detail={})}}
    refusals = {
        status: {"description": PROBLEMS[status], **({} if status == 304 else {"content": problem})}
        for status in (*problems, 422, 500)
    }
    return {200: {"description": "OK", "content": {"application/json": {"schema": body}}}, **refusals}


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer a request of the HTTP API."""
    return app.resolve(event, context)


@app.get("/health", responses=_answers(_object(status={"const": "alive"})))
def health() -> dict[str, str]:
    """Tell that the process is alive; asks nobody else."""
    return {"status": "alive"}


@app.get("/ready", responses=_answers(_object(status={"const": "ready"}), 503))
def ready() -> Response[str]:
    """Tell whether the database can be reached and has the schema that this code needs."""
    reason = unready(wiring.for_api)
    if reason is None:
        return _json(HTTPStatus.OK, {"status": "ready"})
    return _problem(HTTPStatus.SERVICE_UNAVAILABLE, reason)


def unready(opened: Callable[[], ReadyStore]) -> str | None:
    """Say why requests can't be served now, or null. opened: gives the store. Whatever fails is an answer, never an exception."""
    try:
        opened().require_head()
    except SchemaNotReady as error:
        return str(error)
    except Exception as error:  # an outage of any kind is what is asked for here
        logger.warning("not_ready", extra=described(error))
        return "the database can't be reached"
    return None


@app.get(
    "/events", responses=_answers(_object(events=_list_of(EVENT), next={"type": ["string", "null"]}), 304)
)
def list_events(  # noqa: PLR0913, PLR0917 - one parameter a filter, each documented by its name
    q: Text = None,
    city: Text = None,
    category: Text = None,
    source: Text = None,
    since: Annotated[date | None, Query(description="First of the days that it may touch.")] = None,
    until: Annotated[date | None, Query(description="Last of the days that it may touch.")] = None,
    near: Annotated[
        str | None, Query(pattern=f"^{NUMBER},{NUMBER}$", description="latitude,longitude")
    ] = None,
    radius_km: Annotated[float, Query(gt=0, le=500)] = 10.0,
    bbox: Annotated[
        str | None, Query(pattern=f"^{NUMBER}(,{NUMBER}){{3}}$", description="west,south,east,north")
    ] = None,
    status: Annotated[Status | None, Query()] = None,
    min_confidence: Annotated[float | None, Query(ge=0, le=1)] = None,
    needs_review: Annotated[bool | None, Query()] = None,
    updated_since: Annotated[datetime | None, Query()] = None,
    sort: Annotated[Sort, Query(description="A minus in front: descending.")] = "first_day",
    cursor: Annotated[str | None, Query(max_length=2000)] = None,
    limit: Limit = 50,
) -> Response[str]:
    """List events: all filters must hold. The page that follows stands in the Link header, rel=next."""
    wanted = Wanted(
        words=_storable(q),
        city=_storable(city),
        category=_storable(category),
        source=_storable(source),
        since=since,
        until=until,
        near=None if near is None else _around(near, radius_km),
        box=None if bbox is None else Box(*_numbers(bbox)),
        status=status,
        least_confidence=min_confidence,
        needs_review=needs_review,
        updated_since=None if updated_since is None else _aware(updated_since),
    )
    page = browsing.browse_events(wiring.for_api(), wanted, sort, cursor=cursor, limit=limit)
    return _tagged({"events": page.items, "next": page.next}, _link(page.next))


@app.get("/events/<event_id>", responses=_answers(EVENT, 304, 308, 404, 410))
def show_event(event_id: Id) -> Response[str]:
    """Show an event. An id that was merged leads to what took it in (308); one that was split is gone (410), with its successors."""
    found = browsing.look_up(wiring.for_api(), event_id)
    return _gone(found, "") if found is None or isinstance(found, Gone) else _tagged(found)


@app.get(
    "/events/<event_id>/sources",
    responses=_answers(_object(sources=_list_of({"type": "object"})), 304, 308, 404, 410),
)
def list_sources(event_id: Id) -> Response[str]:
    """List an event's listings, each as its source wrote it."""
    store = wiring.for_api()
    sources = browsing.sources_of(store, event_id)
    return _tagged({"sources": sources}) if sources else _gone(_fate(event_id), "/sources")


@app.get(
    "/events/<event_id>/decisions",
    responses=_answers(_object(decisions=_list_of({"type": "object"})), 304, 308, 404, 410),
)
def list_decisions(event_id: Id) -> Response[str]:
    """Say why an event's listings are together, a pair at a time: the parts of the evidence in words, and in bits that add up."""
    decisions = browsing.evidence_of(wiring.for_api(), event_id)
    fate = None if decisions else browsing.look_up(wiring.for_api(), event_id)
    if decisions or isinstance(fate, dict):  # an event of one listing has nothing to decide
        return _tagged({"decisions": decisions})
    return _gone(fate, "/decisions")


@app.get(
    "/events/<event_id>/history",
    responses=_answers(
        _object(changes=_list_of({"type": "object"}), lineage=_list_of({"type": "object"})), 304, 404
    ),
)
def show_history(event_id: Id) -> Response[str]:
    """Tell what became of an id, also of one that is gone: its changes and where its listings came from or went."""
    history = browsing.history_of(wiring.for_api(), event_id)
    return _tagged(history) if history["changes"] else _gone(None, "")


@app.get(
    "/changes",
    responses=_answers(
        _object(changes=_list_of(CHANGE), last={"type": "integer"}, more={"type": "boolean"}), 304
    ),
)
def list_changes(
    after: Annotated[int, Query(ge=0, lt=2**63, description="The last change that you have seen.")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> Response[str]:
    """List changes, oldest first. With an event: put it; without: remove the id. Who has read to the end has what there is."""
    return _tagged(browsing.follow(wiring.for_api(), after=after, limit=limit))


def _fate(event_id: str) -> Gone | None:
    found = browsing.look_up(wiring.for_api(), event_id)
    return found if isinstance(found, Gone) else None


def _gone(fate: Gone | None, below: str) -> Response[str]:
    """Answer for an id that no event has. below: the rest of the path that was asked for."""
    if fate is None:
        return _problem(HTTPStatus.NOT_FOUND, "no event has or had this id")
    if fate.kind == "merged":
        body = {
            **_fields(HTTPStatus.PERMANENT_REDIRECT, "merged into another event"),
            "successors": fate.successors,
        }
        return _json(
            HTTPStatus.PERMANENT_REDIRECT,
            body,
            content_type=PROBLEM,
            headers={"Location": f"/events/{fate.successors[0]}{below}"},
        )
    body = {**_fields(HTTPStatus.GONE, f"{fate.kind}: see its successors"), "successors": fate.successors}
    return _json(HTTPStatus.GONE, body, content_type=PROBLEM)


def document() -> str:
    """Write the OpenAPI 3.1 document of this API; docs/openapi.json is a copy, and a test keeps it current."""
    written = app.get_openapi_json_schema(
        title="event-dedup", version="1", description="Canonical events, and what became of them."
    )
    return (
        orjson.dumps(orjson.loads(written), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode() + "\n"
    )


def _around(point: str, radius_km: float) -> Near:
    latitude, longitude = _numbers(point)
    return Near(latitude, longitude, radius_km)


def _numbers(text: str) -> list[float]:
    return [float(part) for part in text.split(",")]


def _aware(moment: datetime) -> datetime:
    """Put a time into UTC; one without a zone is meant so. What UTC's calendar has no day for is the nearest that it has."""
    zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    try:
        return zoned.astimezone(UTC)
    except OverflowError:
        return (datetime.max if moment.year > 1 else datetime.min).replace(tzinfo=UTC)


def _storable(text: str | None) -> str | None:
    """Drop what PostgreSQL's texts can't hold: nothing that is stored has it, so nothing is missed."""
    return None if text is None else text.replace("\0", "").encode("utf-8", "ignore").decode()


def _link(cursor: str | None) -> dict[str, str]:
    if cursor is None:
        return {}
    asked = app.current_event.resolved_query_string_parameters or {}
    onward = [(name, value) for name, values in asked.items() for value in values if name != "cursor"]
    return {"Link": f'</events?{urlencode([*onward, ("cursor", cursor)])}>; rel="next"'}


@app.exception_handler(UnreadableCursor)  # type: ignore[untyped-decorator]
def wrong_cursor(error: UnreadableCursor) -> Response[str]:
    """Answer for a cursor that is none."""
    return _problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))


@app.exception_handler(RequestValidationError)  # type: ignore[untyped-decorator]
def wrong_request(error: RequestValidationError) -> Response[str]:
    """Answer for parameters that are wrong: names each, and never repeats what was sent."""
    wrong = [
        {"parameter": ".".join(map(str, fault["loc"])), "reason": fault["msg"]} for fault in error.errors()
    ]
    body = {**_fields(HTTPStatus.UNPROCESSABLE_ENTITY, "parameters are wrong"), "errors": wrong}
    return _json(HTTPStatus.UNPROCESSABLE_ENTITY, body, content_type=PROBLEM)


@app.not_found
def not_found(error: NotFoundError) -> Response[str]:
    """Answer for a path that there is not."""
    return _problem(HTTPStatus.NOT_FOUND, "there is nothing at this path")


@app.exception_handler(Exception)  # type: ignore[untyped-decorator]
def failed(error: Exception) -> Response[str]:
    """Answer for a fault of ours: with no word of what it was, which the log has."""
    logger.error("request_failed", extra={"errors": 1, **described(error)})
    return _problem(HTTPStatus.INTERNAL_SERVER_ERROR, "a fault of ours; it is written down")


def _tagged(body: object, headers: dict[str, str] | None = None) -> Response[str]:
    """Answer with an ETag, or with nothing where the caller has just that (304)."""
    # The names of columns are a kind of text of their own, which by itself it refuses as keys.
    text = orjson.dumps(body, option=orjson.OPT_NON_STR_KEYS)
    tag = f'"{hashlib.blake2b(text, digest_size=16).hexdigest()}"'
    sent = {"ETag": tag, "Cache-Control": "private, no-cache", **(headers or {})}
    known = app.current_event.headers.get("if-none-match", "")
    if known == "*" or tag in [each.strip().removeprefix("W/") for each in known.split(",")]:
        return Response(status_code=int(HTTPStatus.NOT_MODIFIED), body="", headers={**sent})
    return Response(int(HTTPStatus.OK), "application/json", text.decode(), {**sent})


def _fields(status: HTTPStatus, detail: str) -> dict[str, Any]:
    return {"type": "about:blank", "title": status.phrase, "status": int(status), "detail": detail}


def _problem(status: HTTPStatus, detail: str) -> Response[str]:
    return _json(status, _fields(status, detail), content_type=PROBLEM)


def _json(
    status: HTTPStatus,
    body: object,
    *,
    content_type: str = "application/json",
    headers: dict[str, str] | None = None,
) -> Response[str]:
    return Response(int(status), content_type, orjson.dumps(body).decode(), {**(headers or {})})
