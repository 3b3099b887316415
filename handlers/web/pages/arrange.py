"""Arrange: merge, split and move, each shown before and after, and only then saved."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import orjson

from dedup_core.contradicting import Listing
from handlers import browsing, desk, wiring
from handlers.arranging import merging, moving, splitting
from handlers.deciding import Plan
from handlers.web.deciding import Decided, foreseen, say
from handlers.web.mounting import Missing, Refused, Shown
from handlers.web.pages.event import colours
from handlers.web.pages.files import numbers_of
from handlers.web.shell import Answer, onward, page
from handlers.web.visiting import ROOT, Fields, Visit, storable
from infra.store.events import Wanted

ACTS: Final = ("merge", "split", "move")
MOST_NAMED: Final = 200


def show(visit: Visit) -> Answer:
    """Show what can be arranged, and where it is said, what would come of it."""
    event_id, act = visit.parts["event_id"], visit.asked("act")
    event = browsing.look_up(wiring.for_api(), event_id)
    if not isinstance(event, dict):
        raise Missing
    target = sought(event, _one(visit.query, "to")) if act in ("merge", "move") else NOWHERE
    if act not in ACTS or target.refusal or target.candidates:
        told = Decided(refusal=target.refusal) if target.refusal else None
        return _shown(visit, visit.query, told, event=event, target=target)
    fields = {**visit.query, "to": [target.event_id or ""]}
    decided = foreseen(visit.who.name, _plan(event_id, act, fields))
    return _shown(visit, fields, decided, event=event, target=target)


@dataclass(frozen=True, slots=True)
class Target:
    """Which event is meant by what was written: its id, or those that it may be, or why it is none. more: there are others, too many or too far away."""

    event_id: str | None = None
    candidates: Sequence[Mapping[str, Any]] = ()
    more: bool = False
    refusal: str | None = None


NOWHERE: Final = Target()

ID: Final = re.compile(r"ev_[a-z2-7]{1,32}")
DAY: Final = re.compile(r"\b(\d{4})-(\d\d?)-(\d\d?)\b|\b(\d\d?)\.\s?(\d\d?)\.\s?(\d{4})\b")
NEAR: Final = timedelta(days=45)
"""Around the event's own day, where the other one is looked for first."""

MOST_CANDIDATES: Final = 12


def sought(event: Mapping[str, Any], text: str | None) -> Target:
    """Tell which event is meant. text: its id, its address, or words of its title and place, and a day."""
    if text is None:
        return Target(refusal="Say which other event is meant.")
    name = text.rsplit("/", 1)[-1].split("?", 1)[0]
    if ID.fullmatch(name):
        return _by_id(name)
    return _by_words(event, text)


def _by_id(name: str) -> Target:
    """Find an event by its id; one that was merged by what took it in."""
    found = browsing.look_up(wiring.for_api(), name)
    if isinstance(found, dict):
        return Target(name)
    if found is None:
        return Target(refusal="No event has this id.")
    if found.kind == "merged":
        return Target(found.successors[0])
    return Target(refusal="The event of this id is gone; look for one of those that have its listings now.")


def _by_words(event: Mapping[str, Any], text: str) -> Target:
    """Search another event by words and day; where no day is written, around the event's own first."""
    written, words = _days_in(text), " ".join(DAY.sub(" ", text).split()) or None
    own = date.fromisoformat(event["event_dates"][0]["date"])
    spans = [(written[0], written[0])] if written else [(own - NEAR, own + NEAR), (None, None)]
    shown: list[Any] = []
    for since, until in spans:
        wanted = Wanted(words=words, since=since, until=until)
        page_of = browsing.browse_events(
            wiring.for_api(), wanted, "first_day", cursor=None, limit=MOST_CANDIDATES + 1
        )
        others = [each for each in page_of.items if each["id"] != event["id"]]
        shown = shown or others[:MOST_CANDIDATES]
        if page_of.next is not None or len(others) > len(shown):
            return Target(candidates=shown, more=True)
    if shown:
        return Target(candidates=shown)
    return Target(refusal="No other event is found by these words; fewer of them find more.")


def _days_in(text: str) -> list[date]:
    days = []
    for year, month, day, day_first, month_second, year_last in DAY.findall(text):
        with suppress(ValueError):
            days.append(date(int(year or year_last), int(month or month_second), int(day or day_first)))
    return days


def _shown(
    visit: Visit,
    fields: Fields,
    decided: Decided | None,
    *,
    event: Mapping[str, Any],
    target: Target = NOWHERE,
) -> Answer:
    store, event_id = wiring.for_api(), visit.parts["event_id"]
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
        written=_one(visit.query, "to") or to,
        candidates=target.candidates,
        more_candidates=target.more,
        act=_one(fields, "act"),
        **_again(visit, fields, decided, event=event, other=other),
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


def _again(
    visit: Visit, fields: Fields, decided: Decided | None, *, event: Mapping[str, Any], other: object
) -> dict[str, Any]:
    """Say what a button has to send that takes a contradicted verdict back and saves."""
    if decided is None or not decided.chains:
        return {}
    other_version = other.get("version") if isinstance(other, Mapping) else None
    sent = {name: _one(fields, name) for name in ("act", "to", "reason")}
    sent |= {"version": event.get("version"), "to_version": other_version}
    again = {name: [value] for name, value in sent.items() if value}
    again["listing"] = list(fields.get("listing", []))
    taken = numbers_of(_one(fields, "taking_back"))
    address = f"{ROOT}/events/{visit.parts['event_id']}/arrange"
    return {"again": {"address": address, "taken": taken, "fields": again}}


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
        taking_back=numbers_of(visit.sent("taking_back")),
    )
    if decided.chains or decided.refusal:
        event = browsing.look_up(wiring.for_api(), event_id)
        if not isinstance(event, dict):
            raise Missing
        return _shown(visit, visit.form, decided, event=event)
    return onward(f"{ROOT}/verdicts?saved={decided.given[0] if decided.given else ''}")


SHOWN: Final = [
    Shown("GET", "/events/<event_id>/arrange", show, "editor", asks=("act", "to", "listing", "reason")),
    Shown("POST", "/events/<event_id>/arrange", arrange, "editor"),
]
