"""Review: the doubtful pairs, one a screen, the soonest event first; and all of them as a list, to settle many at once.

Where an editor is in the queue stands in the address: what is settled leaves the queue, so that going on is staying behind the same
question, and skipping is going on behind this one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, Final

from handlers import desk, questioning, wiring
from handlers.arranging import calling_no_event, confirming
from handlers.browsing import UnreadableCursor
from handlers.questioning import Questions, Turn
from handlers.web.deciding import Decided, Pair, foreseen, named, pair_of, say, take_back
from handlers.web.evidence import told
from handlers.web.listings import fields_of, rows_of
from handlers.web.mounting import Missing, Refused, Shown
from handlers.web.pages.files import LARGEST, number_of, numbers_of
from handlers.web.shell import Answer, onward, page
from handlers.web.visiting import ROOT, Visit, link
from infra.store.verdicts import NewVerdict, Which

REVIEW: Final = f"{ROOT}/review"
FLAGGED: Final = f"{ROOT}/review/flagged"
MOST_LISTED: Final = 100

KINDS: Final = {"same": "must_link", "different": "cannot_link"}


def show_case(visit: Visit, decided: Decided | None = None) -> Answer:
    """Show the case at this place of the queue, or the one that is named."""
    if visit.asked("mode") not in (None, "label"):
        raise Refused("There is no such way to review.")
    store, now = wiring.for_api(), datetime.now(UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    here = _here(visit, now.date())
    case = None if here.pair is None else desk.case_of(store, *here.pair)
    shown: dict[str, Any] = {
        "waiting": here.waiting,
        "given": desk.count_given(store, visit.who.name, midnight),
        "skipped": visit.asked("skipped") is not None,
        "onward": visit.link(**here.onward),
        "skipping": visit.link(**here.onward, skipped=1),
        "again_from": visit.link(cursor=None, end=None, pair=None, but=None, skipped=None),
        "labelling": visit.asked("mode") == "label",
        "last": ",".join(map(str, _last(visit))),
        "flagged": here.flagged,
        "decided": decided,
        "case": case,
    }
    if decided is not None and decided.chains and visit.sent("say") and visit.sent("pair"):
        shown["again"] = {
            "address": visit.link(pair=None),
            "taken": numbers_of(visit.sent("taking_back")),
            "fields": {name: [visit.sent(name)] for name in ("pair", "say")},
        }
    if case is not None:
        shown |= {
            "rows": rows_of(list(case.raw), visit.language),
            "pair": named(case.a, case.b),
            "told": None if case.explanation is None else told(case.a, case.b, case.explanation),
        }
    return page(visit, "case.html", **shown)


@dataclass(frozen=True, slots=True)
class Here:
    """A place in the queue. pair: null behind its end; onward: what the address behind it changes; waiting: how many there are in all; flagged: how many events wait besides."""

    pair: Pair | None
    onward: dict[str, str | None]
    waiting: int
    flagged: int


def _here(visit: Visit, today: date) -> Here:
    end = {"cursor": None, "end": "1", "pair": None, "but": None}
    named_one, but = (pair_of(visit.asked(name, 2000)) for name in ("pair", "but"))
    found = _turn(today, visit.asked("cursor", 2000))
    if named_one is not None:
        # It may be the first that waits here, and is then not to be asked again when the address goes on.
        return Here(named_one, {"pair": None, "but": named(*named_one)}, found.open, found.flagged)
    if but is not None and found.pair is not None and {*but} == {*found.pair}:
        found = _turn(today, found.next) if found.next else replace(found, pair=None)
    if visit.asked("end") is not None or found.pair is None:
        return Here(None, end, found.open, found.flagged)
    behind = {"cursor": found.next, "but": None} if found.next else end
    return Here(found.pair, behind, found.open, found.flagged)


def _turn(today: date, cursor: str | None) -> Turn:
    try:
        return questioning.turn(wiring.for_api(), today=today, cursor=cursor)
    except UnreadableCursor as error:
        raise Refused("This place of the queue is no longer there; begin with its first.") from error


def _asked(today: date, cursor: str | None, *, limit: int) -> Questions:
    try:
        return questioning.ask_next(wiring.for_api(), today=today, cursor=cursor, limit=limit)
    except UnreadableCursor as error:
        raise Refused("This place of the queue is no longer there; begin with its first.") from error


def _last(visit: Visit) -> list[int]:
    """Read the numbers of the verdicts that an undo takes back."""
    return numbers_of(visit.asked("last", 5000))


def settle(visit: Visit) -> Answer:
    """Say what a pair is, or take back what was said last; then show the next case."""
    wish, pair = visit.sent("say"), pair_of(visit.sent("pair"))
    if wish == "undo":
        return _undo(visit, pair)
    if pair is None:
        raise Refused("Say which pair is meant.")
    taking_back = numbers_of(visit.sent("taking_back"))
    decided = say(visit.who.name, _verdicts(wish, pair), reason=visit.sent("reason"), taking_back=taking_back)
    if decided.chains or decided.refusal:
        return show_case(_at(visit, pair=named(*pair)), decided)
    return _next(visit, last=",".join(map(str, decided.given)), pair=None)


def _verdicts(wish: str | None, pair: Pair) -> list[NewVerdict]:
    a, b = pair
    if wish in KINDS:
        return [NewVerdict(KINDS[wish], a, b)]
    unreal = {"a": [a], "b": [b], "both": [a, b]}.get((wish or "").removeprefix("no_event_"))
    if unreal is None:
        raise Refused("Say whether they are the same.")
    return [NewVerdict("not_an_event", listing) for listing in unreal]


def _undo(visit: Visit, pair: Pair | None) -> Answer:
    sequences = _last(visit)
    if not sequences:
        raise Refused("There is nothing to undo.")
    undone = desk.pair_of_verdict(wiring.for_api(), sequences[0])
    decided = take_back(visit.who.name, sequences)
    if decided.chains or decided.refusal:
        return show_case(_at(visit, last=None, pair=pair and named(*pair)), decided)
    # A verdict on one listing does not say which pair was shown; the address does, where the next case is shown already.
    return _next(visit, last=None, pair=named(*undone) if undone else visit.asked("pair", 2000))


def _next(visit: Visit, **changed: object) -> Answer:
    """Show what follows: at once where htmx asked, else at its address, so that a reload says nothing twice."""
    after = _at(visit, **changed)
    if visit.headers.get("hx-request") == "true":
        return replace(show_case(after), headers={"HX-Push-Url": after.link()})
    return onward(after.link())


def _at(visit: Visit, **changed: object) -> Visit:
    kept = {name: values[-1] for name, values in visit.query.items()} | changed
    return replace(visit, path=REVIEW, query={name: [str(value)] for name, value in kept.items() if value})


def show_preview(visit: Visit) -> Answer:
    """Show what the event would become if the two were one."""
    pair = pair_of(visit.asked("pair", 2000))
    if pair is None:
        raise Missing
    decided = foreseen(visit.who.name, _verdicts("same", pair))
    events = (decided.answer or {}).get("events") or []
    mine = [each["event"] for each in events if _holds(each["event"], pair)]
    return page(
        visit,
        "preview.html",
        decided=decided,
        event=mine[0] if mine else None,
        fields=fields_of(mine[0], visit.language) if mine else [],
    )


def _holds(event: dict[str, Any], pair: Pair) -> bool:
    return pair[0] in {(each["source_code"], each["id"]) for each in event["sources"]}


def show_queue(visit: Visit) -> Answer:
    """List the cases, to settle many at once."""
    found = _asked(datetime.now(UTC).date(), visit.asked("cursor", 2000), limit=MOST_LISTED)
    return page(
        visit,
        "queue.html",
        cases=[{**case, "pair": named(*_pair(case))} for case in found.items],
        more=found.next and visit.link(cursor=found.next, last=None),
        less=found.first and visit.link(cursor=found.previous, last=None),
        numbers=(found.first + 1, found.first + len(found.items), found.open, found.flagged),
        flagged=found.flagged,
        last=",".join(map(str, _last(visit))),
        decided=None,
    )


def _pair(case: dict[str, Any]) -> Pair:
    a, b = case["a"], case["b"]
    return (a["source_code"], a["id"]), (b["source_code"], b["id"])


def settle_many(visit: Visit) -> Answer:
    """Say of many pairs that they are different, all or none; or take that back."""
    if visit.sent("say") == "undo":
        decided = take_back(visit.who.name, _last(visit))
        return onward(link(f"{REVIEW}/queue")) if not decided.refusal else _refused(decided)
    pairs = [pair for pair in map(pair_of, visit.form.get("pair", [])) if pair is not None]
    if not pairs:
        raise Refused("Tick the pairs that are meant.")
    decided = say(visit.who.name, _different(pairs))
    if decided.chains or decided.refusal:
        return _refused(decided)
    return onward(link(f"{REVIEW}/queue", last=",".join(map(str, decided.given))))


def _different(pairs: Sequence[Pair]) -> list[NewVerdict]:
    return [NewVerdict("cannot_link", a, b) for a, b in pairs]


def _refused(decided: Decided) -> Answer:
    if decided.chains:
        raise Refused(
            "One of these was said to be the same before; settle that one by itself. Nothing was saved."
        )
    raise Refused(decided.refusal or "")


def show_flagged(visit: Visit) -> Answer:
    """List the events that were flagged though no pair of theirs waits."""
    try:
        found = questioning.flagged_next(
            wiring.for_api(),
            today=datetime.now(UTC).date(),
            cursor=visit.asked("cursor", 2000),
            limit=MOST_LISTED,
        )
    except UnreadableCursor as error:
        raise Refused("This place of the queue is no longer there; begin with its first.") from error
    return page(
        visit,
        "flagged.html",
        events=found.items,
        more=found.next and visit.link(cursor=found.next, act=None),
        less=found.first and visit.link(cursor=found.previous, act=None),
        numbers=(found.first + 1, found.first + len(found.items), found.open, found.flagged),
        act=_act(visit),
        decided=None,
    )


def _act(visit: Visit) -> int | None:
    """Read which act an undo takes back; one on a large event gave more verdicts than an address has room for."""
    return number_of(visit.asked("act"), LARGEST)


def _undo_act(visit: Visit) -> Answer:
    act = _act(visit)
    decided = Decided() if act is None else take_back(visit.who.name, Which(given_with=act))
    if decided.chains or decided.refusal:
        return _refused(decided)
    if not (decided.answer or {}).get("taken_back"):
        raise Refused("There is nothing to undo.")
    return onward(link(FLAGGED))


def settle_flagged(visit: Visit) -> Answer:
    """Say of a flagged event that it is one, or none; or take that back."""
    if visit.sent("say") == "undo":
        return _undo_act(visit)
    event_id, version = visit.sent("event") or "", visit.sent("version")
    plans = {"one": confirming, "no_event": calling_no_event}
    if visit.sent("say") not in plans:
        raise Refused("Say whether they are the same.")
    decided = say(
        visit.who.name,
        plans[visit.sent("say") or ""](event_id),
        versions={event_id: version} if version else None,
    )
    if decided.chains or decided.refusal:
        return _refused(decided)
    # What its author said of them before stands among what was given, and was given by other acts; the newest is this one's.
    newest = max(decided.given, default=None)
    return onward(link(FLAGGED, act=newest and desk.act_of_verdict(wiring.for_api(), newest)))


ASKS: Final = ("cursor", "end", "pair", "but", "mode", "last", "skipped")
SHOWN: Final = [
    Shown("GET", "/review", show_case, "editor", asks=ASKS),
    Shown("POST", "/review", settle, "editor", asks=ASKS),
    Shown("GET", "/review/preview", show_preview, "editor", asks=("pair",)),
    Shown("GET", "/review/queue", show_queue, "editor", asks=("cursor", "last")),
    Shown("POST", "/review/queue", settle_many, "editor", asks=("cursor", "last")),
    Shown("GET", "/review/flagged", show_flagged, "editor", asks=("cursor", "act")),
    Shown("POST", "/review/flagged", settle_flagged, "editor", asks=("cursor", "act")),
]
