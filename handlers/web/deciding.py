"""Deciding on the page: a visitor's wish as a request to `handlers.deciding`, and its answer in words.

What contradicts earlier verdicts is never forced: it is shown with them, and who wants it takes one of them back first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from dedup_core.contradicting import Listing
from dedup_core.errors import UnknownEvent
from handlers import desk, wiring
from handlers.arranging import CannotArrange
from handlers.deciding import (
    Answer,
    Contradicted,
    NothingToTakeBack,
    Outdated,
    Plan,
    Request,
    chain_of,
    decide,
    preview,
)
from infra.errors import DecidersBusy
from infra.store.verdicts import NewVerdict, Which

Pair = tuple[Listing, Listing]


@dataclass(frozen=True, slots=True)
class Decided:
    """What came of a wish: the verdicts that were given, or why none was."""

    given: tuple[int, ...] = ()
    chains: Sequence[Answer] = ()
    refusal: str | None = None
    answer: Answer | None = None


UNDONE: Final = "What was to be undone no longer holds."
GONE: Final = "A listing or an event of this is no longer there."
CHANGED: Final = "This event has changed in the meantime; look at it again."
REFUSALS: Final[dict[type[Exception], str]] = {
    NothingToTakeBack: UNDONE,
    UnknownEvent: GONE,
    Outdated: CHANGED,
    DecidersBusy: "Another one is under way; try again in a while.",
}


def say(
    author: str,
    verdicts: Sequence[NewVerdict] | Plan,
    *,
    act: str | None = None,
    reason: str | None = None,
    versions: Mapping[str, str] | None = None,
    taking_back: Sequence[int] = (),
) -> Decided:
    """Give verdicts. taking_back: numbers of those that they contradict, and that no longer hold then."""
    request = Request(
        author, verdicts, act=act, reason=reason, versions=versions or {}, taking_back=tuple(taking_back)
    )
    return _decided(request)


def take_back(author: str, which: Sequence[int] | Which) -> Decided:
    """Take verdicts back, all or none."""
    return _decided(Request(author, taking_back=which if isinstance(which, Which) else tuple(which)))


def _decided(request: Request) -> Decided:
    parts = wiring.for_deciding()
    try:
        answer = decide(request, store=parts.store, queue=parts.queue, policy=parts.policy)
    except Contradicted as found:
        return Decided(chains=titled([chain_of(one) for one in found.found]))
    except (NothingToTakeBack, UnknownEvent, Outdated, DecidersBusy) as error:
        return Decided(refusal=REFUSALS[type(error)])
    except CannotArrange as error:
        return Decided(refusal=str(error))
    return Decided(tuple(each["sequence"] for each in answer["verdicts"]), answer=answer)


def foreseen(author: str, verdicts: Sequence[NewVerdict] | Plan, taking_back: Sequence[int] = ()) -> Decided:
    """Tell what would become of the events, and store nothing."""
    parts = wiring.for_deciding()
    try:
        answer = preview(
            Request(author, verdicts, taking_back=tuple(taking_back)), store=parts.store, policy=parts.policy
        )
    except NothingToTakeBack:
        return Decided(refusal=UNDONE)
    except UnknownEvent:
        return Decided(refusal=GONE)
    except CannotArrange as error:
        return Decided(refusal=str(error))
    return Decided(chains=titled(answer["contradictions"]), answer=answer)


def titled(chains: Sequence[Answer]) -> Sequence[Answer]:
    """Add to each listing of a contradiction what it is titled: nobody knows it by its number."""
    sides = [
        verdict[side]
        for chain in chains
        for verdict in chain["contradicts"]
        for side in "ab"
        if verdict.get(side)
    ]
    titles = desk.titles_of(wiring.for_api(), {(each["source_code"], each["id"]) for each in sides})
    for each in sides:
        each["title"] = titles.get((each["source_code"], each["id"]))
    return chains


def pair_of(text: str | None) -> Pair | None:
    """Read a pair as forms send it: JSON of four texts; null where it is none, as a listing with itself is."""
    try:
        parts: Any = orjson.loads(text or "")
    except orjson.JSONDecodeError:
        return None
    if not isinstance(parts, list) or len(parts) != 4 or not all(isinstance(part, str) for part in parts):
        return None
    a_source, a_id, b_source, b_id = (part.replace("\0", "") for part in parts)
    a, b = (a_source, a_id), (b_source, b_id)
    return None if a == b else (a, b)


def named(a: Listing, b: Listing) -> str:
    """Write a pair as forms send it."""
    return orjson.dumps([*a, *b]).decode()
