"""Routes of verdicts: the questions that wait for a person, what people said, and merging, splitting and moving by it.

Whatever changes something takes ``preview=true``, which tells the same and stores nothing; an Idempotency-Key; and the versions of the
events that were seen, in the body or, of the one event of the path, as If-Match.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode

import orjson
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Body, Header, Path, Query
from aws_lambda_powertools.event_handler.request import Request as HttpRequest
from pydantic import BaseModel, ConfigDict, Field, model_validator

from dedup_core.contradicting import Listing
from dedup_core.errors import UnknownEvent, WrongValue
from handlers import browsing, questioning, wiring
from handlers.access import who
from handlers.answers import answered, problem, tag_of, tagged
from handlers.arranging import CannotArrange, merging, moving, splitting
from handlers.deciding import (
    Contradicted,
    KeyReused,
    NothingToTakeBack,
    Outdated,
    Plan,
    Request,
    TooMany,
    chain_of,
    decide,
    preview,
)
from handlers.declaring import declared, many, one
from handlers.filters import aware, storable
from infra.store.deciding import DecisionWork
from infra.store.verdicts import NewVerdict, Which

router = Router()

MOST_AT_ONCE: Final = 500
"""Verdicts of one request."""

Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]
EventId = Annotated[str, Field(pattern=r"^ev_[a-z2-7]{1,32}$")]
Version = Annotated[str, Field(min_length=1, max_length=100)]
Number = Annotated[int, Field(ge=1, lt=2**63)]
Kind = Literal["must_link", "cannot_link", "not_an_event", "is_event", "pin"]
Id = Annotated[str, Path(pattern="^ev_[a-z2-7]{1,32}$")]
Preview = Annotated[bool, Query(description="Tell what would become of it, and store nothing.")]
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=r"^[!-~]+$",
        description="With the same key, the same request is done once; its answer is kept for a week.",
    ),
]
IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        max_length=200,
        description="What was seen: the event's version, or the ETag that it came with.",
    ),
]


class _Sent(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ListingName(_Sent):
    """A listing, by its source and the source's id."""

    source_code: Name
    id: Name

    def named(self) -> Listing:
        """Say the same in our own type."""
        return self.source_code, self.id


class Words(_Sent):
    """What goes with every decision."""

    reason: Annotated[str | None, Field(max_length=2000, pattern=r"^[^\x00]*$")] = None
    taking_back: Annotated[
        list[Number], Field(max_length=MOST_AT_ONCE, description="Verdicts that no longer hold.")
    ] = []
    versions: Annotated[
        dict[EventId, Version], Field(max_length=100, description="Event -> the version that was seen.")
    ] = {}


class Wish(_Sent):
    """A verdict to be given: on two listings (a, b), on one (a), or on all of an event's."""

    kind: Kind
    a: ListingName | None = None
    b: ListingName | None = None
    event: EventId | None = None
    field: Annotated[str | None, Field(max_length=50, description="Of a pin: its name in the output.")] = None
    value: Annotated[Any, Field(description="Of a pin.")] = None

    @model_validator(mode="after")
    def _whole(self) -> "Wish":
        on_pair = self.kind in ("must_link", "cannot_link")
        if on_pair and (self.a is None or self.b is None or self.a == self.b or self.event is not None):
            raise ValueError("is said of two listings, a and b")
        if not on_pair and ((self.a is None) == (self.event is None) or self.b is not None):
            raise ValueError("is said of one listing, a, or of an event")
        if (self.kind == "pin") != (self.field is not None):
            raise ValueError("a pin, and no other verdict, has a field")
        if self.kind != "pin" and self.value is not None:
            raise ValueError("a pin, and no other verdict, has a value")
        return self


class Wishes(Words):
    """Verdicts that are given together, all or none."""

    verdicts: Annotated[list[Wish], Field(max_length=MOST_AT_ONCE)] = []


class Merge(Words):
    """Events that are one; the first is linked with each of the others."""

    events: Annotated[list[EventId], Field(min_length=2, max_length=20)]


class Split(Words):
    """Listings that are not of the event."""

    listings: Annotated[list[ListingName], Field(min_length=1, max_length=100)]


class Move(Split):
    """Listings that are of another event."""

    to: EventId


ANY: Final = {"type": "object"}
TEXT: Final = {"type": "string"}
DECISION: Final = one(
    pending={"type": "boolean", "description": "The next run stores it; generation says which."},
    preview={"type": "boolean"},
    generation={"type": "integer"},
    verdicts=many(ANY),
    taken_back=many({"type": "integer"}),
    contradictions=many(ANY),
    events={
        "type": ["array", "null"],
        "items": one(event=ANY, version=TEXT, change={"enum": ["created", "updated", "unchanged"]}),
        "description": "The events that it touches, as they will be; null: too many to tell at once.",
    },
    gone=many(one(id=TEXT, successors=many(TEXT))),
)
NEXT: Final = {"type": ["string", "null"]}
WRITES: Final = (200, 404, 409, 412, 503)


@router.get(
    "/review", **declared("editor", one(questions=many(ANY), open={"type": "integer"}, next=NEXT), 304)
)
def review(
    request: HttpRequest,
    cursor: Annotated[str | None, Query(max_length=2000)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> Response[str]:
    """List the pairs that a person should decide: the soonest first, then the most doubtful, then those of most listings."""
    today = datetime.now(UTC).date()
    page = questioning.ask_next(wiring.for_api(), today=today, cursor=cursor, limit=limit)
    body = {"questions": [orjson.Fragment(one) for one in page.written], "open": page.open, "next": page.next}
    return tagged(request, body, _link(request, "/review", "cursor", page.next))


FLAGGED: Final = {
    "type": "object",
    "required": ["id", "title", "first_day", "last_day", "confidence", "n_sources", "flags", "version"],
    "properties": {
        "id": TEXT,
        "title": TEXT,
        "first_day": {"type": "string", "format": "date"},
        "flags": many(one(flag=TEXT, detail=TEXT)),
        "version": {"type": ["string", "null"]},
    },
}


@router.get(
    "/review/events",
    **declared("editor", one(events=many(FLAGGED), open={"type": "integer"}, next=NEXT), 304),
)
def review_events(
    request: HttpRequest,
    cursor: Annotated[str | None, Query(max_length=2000)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> Response[str]:
    """List the events that a person should look at though no pair of theirs is open, the soonest first: with why. Verdicts on all its listings settle one."""
    today = datetime.now(UTC).date()
    page = questioning.flagged_next(wiring.for_api(), today=today, cursor=cursor, limit=limit)
    body = {"events": page.items, "open": page.open, "next": page.next}
    return tagged(request, body, _link(request, "/review/events", "cursor", page.next))


class VerdictFilter(BaseModel):
    """Which verdicts; all must hold, and what is not given always does."""

    author: Annotated[str | None, Field(max_length=200)] = None
    since: datetime | None = Field(None, description="Given from then on.")
    until: datetime | None = Field(None, description="Given before then.")
    kind: Kind | None = None
    event: Annotated[str | None, Field(pattern=r"^ev_[a-z2-7]{1,32}$", description="On a listing of it.")] = (
        None
    )
    given_with: Annotated[int | None, Field(ge=1, lt=2**63, description="Those of one act.")] = None

    def which(self) -> Which:
        """Say the same in the store's words."""
        return Which(
            author=storable(self.author),
            since=None if self.since is None else aware(self.since),
            until=None if self.until is None else aware(self.until),
            kind=self.kind,
            event=self.event,
            given_with=self.given_with,
        )


@router.get("/verdicts", **declared("editor", one(verdicts=many(ANY), next=NEXT), 304))
def list_verdicts(
    request: HttpRequest,
    wanted: Annotated[VerdictFilter, Query()],
    taken_back: Annotated[bool, Query(description="Those that no longer hold, too.")] = False,
    before: Annotated[int | None, Query(ge=1, lt=2**63, description="Go on behind this one.")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response[str]:
    """List verdicts, newest first: those in force."""
    page = questioning.list_verdicts(
        wiring.for_api(), wanted.which(), taken_back=taken_back, before=before, limit=limit
    )
    body = {"verdicts": page.items, "next": page.next}
    return tagged(request, body, _link(request, "/verdicts", "before", page.next))


@router.post("/verdicts", **declared("editor", DECISION, *WRITES, status=201))
def give(
    request: HttpRequest,
    wishes: Annotated[Wishes, Body()],
    preview: Preview = False,
    key: Key = None,
) -> Response[str]:
    """Give verdicts, all or none: must-link, cannot-link, not an event, an event after all, a pinned field. Answers the events that they touch."""
    plan = partial(_given, wishes.verdicts)
    return _decided(request, plan, wishes, act=None, key=key, preview=preview)


@router.delete("/verdicts/<sequence>", **declared("editor", DECISION, 404, 503))
def take_back(
    request: HttpRequest,
    sequence: Annotated[int, Path(ge=1, lt=2**63)],
    preview: Preview = False,
    key: Key = None,
) -> Response[str]:
    """Take a verdict back: what the evidence says, and other verdicts, holds again."""
    words = Words(taking_back=[sequence])
    return _decided(request, (), words, act=None, key=key, preview=preview, status=HTTPStatus.OK)


@router.delete("/verdicts", **declared("editor", DECISION, 413, 503))
def take_back_many(
    request: HttpRequest, wanted: Annotated[VerdictFilter, Query()], preview: Preview = False, key: Key = None
) -> Response[str]:
    """Take back all verdicts that the filters name; at least one filter is needed. The preview tells which they are."""
    which = wanted.which()
    if which == Which():
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "name at least one filter")
    asked = Request(author=who(request).name, taking_back=which, key=key)
    return _told(asked, previewed=preview, status=HTTPStatus.OK)


@router.post("/events/merge", **declared("editor", DECISION, *WRITES, status=201))
def merge(
    request: HttpRequest, merged: Annotated[Merge, Body()], preview: Preview = False, key: Key = None
) -> Response[str]:
    """Make one event of several."""
    plan = merging(merged.events)
    return _decided(request, plan, merged, act="merge", key=key, preview=preview)


@router.post("/events/<event_id>/split", **declared("editor", DECISION, *WRITES, status=201))
def split(
    request: HttpRequest,
    event_id: Id,
    parted: Annotated[Split, Body()],
    preview: Preview = False,
    key: Key = None,
    if_match: IfMatch = None,
) -> Response[str]:
    """Take listings off an event; what becomes of them, the evidence decides."""
    plan = splitting(event_id, [listing.named() for listing in parted.listings])
    seen = _seen(parted, event_id, if_match)
    return _decided(request, plan, seen, act="split", key=key, preview=preview, about=event_id)


@router.post("/events/<event_id>/move", **declared("editor", DECISION, *WRITES, status=201))
def move(
    request: HttpRequest,
    event_id: Id,
    moved: Annotated[Move, Body()],
    preview: Preview = False,
    key: Key = None,
    if_match: IfMatch = None,
) -> Response[str]:
    """Take listings off an event and put them to another one."""
    plan = moving(event_id, [listing.named() for listing in moved.listings], moved.to)
    seen = _seen(moved, event_id, if_match)
    return _decided(request, plan, seen, act="move", key=key, preview=preview, about=event_id)


def _given(wishes: Sequence[Wish], work: DecisionWork) -> list[NewVerdict]:
    """Say wishes in our own type. Of an event, all listings are one or none; a pin is put on its first one."""
    members = work.members({wish.event for wish in wishes if wish.event is not None})
    return [verdict for wish in wishes for verdict in _verdicts(wish, members)]


def _verdicts(wish: Wish, members: dict[str, list[Listing]]) -> list[NewVerdict]:
    value = None
    if wish.field is not None:
        from dedup_core.pinning import pinned_value  # noqa: PLC0415 - brings NumPy along

        value = pinned_value(wish.field, wish.value)
    if wish.event is not None:
        if wish.event not in members:
            raise UnknownEvent(f"no event {wish.event} lives")
        listings = members[wish.event][: 1 if wish.kind == "pin" else None]
    else:
        listings = [wish.a.named()] if wish.a is not None else []
    b = None if wish.b is None else wish.b.named()
    return [NewVerdict(wish.kind, listing, b, wish.field, value) for listing in listings]


def _seen(words: Words, event_id: str, if_match: str | None) -> Words:
    """Add what If-Match says to the versions that were seen; ``*`` says nothing."""
    if if_match is None or if_match.strip() == "*":
        return words
    tag = if_match.strip().removeprefix("W/").strip('"')
    version = tag if "." in tag else _version_at(event_id, tag)
    return words.model_copy(update={"versions": {**words.versions, event_id: version}})


def _version_at(event_id: str, tag: str) -> str:
    """Name the version that GET /events/{id} gives with this ETag; of another one it is no version at all, and outdated."""
    found = browsing.look_up_text(wiring.for_api(), event_id)
    if not isinstance(found, orjson.Fragment):
        return tag
    text = orjson.dumps(found)
    version: str = orjson.loads(text)["version"]
    return version if tag_of(text) == f'"{tag}"' else tag


def _decided(
    request: HttpRequest,
    wanted: Plan | Sequence[NewVerdict],
    words: Words,
    *,
    act: str | None,
    key: str | None,
    preview: bool,
    about: object = None,
    status: HTTPStatus = HTTPStatus.CREATED,
) -> Response[str]:
    asked = Request(
        author=who(request).name,
        verdicts=wanted,
        taking_back=tuple(dict.fromkeys(words.taking_back)),
        reason=words.reason,
        versions=words.versions,
        key=key,
        act=act,
        about=[words.model_dump(mode="json"), about],
    )
    return _told(asked, previewed=preview, status=status)


def _told(found: Request, *, previewed: bool, status: HTTPStatus) -> Response[str]:
    parts = wiring.for_deciding()
    if previewed:
        return answered(preview(found, store=parts.store, policy=parts.policy))
    return answered(decide(found, store=parts.store, queue=parts.queue, policy=parts.policy), status)


def _link(request: HttpRequest, path: str, name: str, cursor: str | None) -> dict[str, str]:
    if cursor is None:
        return {}
    asked = request.resolved_event.resolved_query_string_parameters or {}
    onward = [(key, value) for key, values in asked.items() for value in values if key != name]
    return {"Link": f'<{path}?{urlencode([*onward, (name, cursor)])}>; rel="next"'}


@router.exception_handler(Contradicted)
def contradicted(error: Contradicted) -> Response[str]:
    """Answer with the chains that a new verdict contradicts; who takes back a verdict of each may save."""
    chains = [chain_of(found) for found in error.found]
    return problem(HTTPStatus.CONFLICT, str(error), contradictions=chains)


@router.exception_handler(CannotArrange)
def can_not_arrange(error: CannotArrange) -> Response[str]:
    """Answer for what can't be merged, split or moved this way."""
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))


@router.exception_handler(Outdated)
def outdated(error: Outdated) -> Response[str]:
    """Answer for an event that is not what its editor saw."""
    return problem(HTTPStatus.PRECONDITION_FAILED, "changed in the meantime", events=error.canonical_ids)


@router.exception_handler(KeyReused)
def key_reused(error: KeyReused) -> Response[str]:
    """Answer for a key that came with another request."""
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))


@router.exception_handler(NothingToTakeBack)
def nothing_to_take_back(error: NothingToTakeBack) -> Response[str]:
    """Answer for a verdict that is not in force."""
    return problem(HTTPStatus.NOT_FOUND, str(error))


@router.exception_handler(TooMany)
def too_many(error: TooMany) -> Response[str]:
    """Answer for more than is taken back at once."""
    return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, str(error))


@router.exception_handler(UnknownEvent)
def unknown_event(error: UnknownEvent) -> Response[str]:
    """Answer for a listing or an event that there is not."""
    return problem(HTTPStatus.NOT_FOUND, "there is no such listing or event")


@router.exception_handler(WrongValue)
def wrong_value(error: WrongValue) -> Response[str]:
    """Answer for a field that can't be pinned so."""
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
