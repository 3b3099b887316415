"""Arrange: merge, split and move, each shown before and after, and only then saved."""

from typing import Any, Final

import orjson

from dedup_core.contradicting import Listing
from handlers import browsing, desk, wiring
from handlers.arranging import merging, moving, splitting
from handlers.deciding import Plan
from handlers.web.deciding import Decided, foreseen, say
from handlers.web.mounting import Missing, Refused, Shown
from handlers.web.pages.event import colours
from handlers.web.shell import Answer, onward, page
from handlers.web.visiting import ROOT, Fields, Visit, storable

ACTS: Final = ("merge", "split", "move")
MOST_NAMED: Final = 200


def show(visit: Visit) -> Answer:
    """Show what can be arranged, and where it is said, what would come of it."""
    act = visit.asked("act")
    decided = None
    if act in ACTS:
        plan = _plan(visit.parts["event_id"], act, visit.query)
        decided = foreseen(visit.who.name, plan)
    return _shown(visit, visit.query, decided)


def _shown(visit: Visit, fields: Fields, decided: Decided | None) -> Answer:
    store, event_id = wiring.for_api(), visit.parts["event_id"]
    event = browsing.look_up(store, event_id)
    if not isinstance(event, dict):
        raise Missing
    listings = browsing.sources_of(store, event_id)
    to = _to(fields)
    other = browsing.look_up(store, to) if to else None
    events = (decided.answer or {}).get("events") if decided else None
    return page(
        visit,
        "arrange.html",
        event=event,
        listings=listings,
        named=[orjson.dumps([each["source_code"], each["id"]]).decode() for each in listings],
        ticked=fields.get("listing", []),
        to=to,
        act=_one(fields, "act"),
        before=[event, *([other] if isinstance(other, dict) else [])],
        after=events,
        gone=(decided.answer or {}).get("gone") if decided else None,
        decided=decided,
        rivals=desk.surroundings_of(store, event_id).rivals,
        colours=colours([each["source_code"] for each in listings]),
        reason=_one(fields, "reason"),
        version=event.get("version"),
        to_version=other.get("version") if isinstance(other, dict) else None,
    )


def _one(fields: Fields, name: str) -> str | None:
    return storable((fields.get(name) or [""])[-1]) or None


def _to(fields: Fields) -> str | None:
    """Read which event the other one is. People paste an address where an id is asked for."""
    return (_one(fields, "to") or "").rsplit("/", 1)[-1].split("?", 1)[0] or None


def _plan(event_id: str, act: str | None, fields: Fields) -> Plan:
    listings = [listing for listing in map(_listing, fields.get("listing", [])[:MOST_NAMED]) if listing]
    to = _to(fields) or ""
    if act == "merge":
        return merging([event_id, to])
    if act == "split":
        return splitting(event_id, listings)
    if act == "move":
        return moving(event_id, listings, to)
    raise Refused("Say what is to be done.")


def _listing(text: str) -> Listing | None:
    try:
        parts: Any = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(parts, list) or len(parts) != 2 or not all(isinstance(part, str) for part in parts):
        return None
    return str(parts[0]).replace("\0", ""), str(parts[1]).replace("\0", "")


def arrange(visit: Visit) -> Answer:
    """Save it, if the event, and the one that it goes to, are still what was seen."""
    event_id, act = visit.parts["event_id"], visit.sent("act")
    seen = {event_id: visit.sent("version"), _to(visit.form): visit.sent("to_version")}
    versions = {name: version for name, version in seen.items() if name and version}
    decided = say(
        visit.who.name,
        _plan(event_id, act, visit.form),
        act=act,
        reason=visit.sent("reason"),
        versions=versions,
    )
    if decided.chains or decided.refusal:
        return _shown(visit, visit.form, decided)
    return onward(f"{ROOT}/verdicts?saved={decided.given[0] if decided.given else ''}")


SHOWN: Final = [
    Shown("GET", "/events/<event_id>/arrange", show, "editor"),
    Shown("POST", "/events/<event_id>/arrange", arrange, "editor"),
]
