"""Verdicts: what people said, each to be taken back; and the audit trail: who did what."""

from typing import Final

from handlers import desk, questioning, wiring
from handlers.web.deciding import Decided, take_back
from handlers.web.mounting import Refused, Shown
from handlers.web.pages.files import LARGEST, number_of
from handlers.web.shell import Answer, onward, page
from handlers.web.visiting import ROOT, Visit
from infra.store.verdicts import Which

A_PAGE: Final = 50


def show_verdicts(visit: Visit, decided: Decided | None = None) -> Answer:
    """List verdicts, newest first."""
    mine, gone = visit.asked("mine") == "yes", visit.asked("taken_back") == "yes"
    found = questioning.list_verdicts(
        wiring.for_api(),
        Which(author=visit.who.name if mine else None),
        taken_back=gone,
        before=number_of(visit.asked("before"), LARGEST),
        limit=A_PAGE,
    )
    return page(
        visit,
        "verdicts.html",
        verdicts=found.items,
        more=found.next and visit.link(before=found.next),
        mine=mine,
        gone=gone,
        decided=decided,
    )


def undo(visit: Visit) -> Answer:
    """Take a verdict back."""
    sequence = number_of(visit.sent("sequence"), LARGEST)
    if sequence is None:
        raise Refused("Say which verdict is meant.")
    decided = take_back(visit.who.name, [sequence])
    if decided.chains or decided.refusal:
        return show_verdicts(visit, decided)
    return onward(f"{ROOT}/verdicts")


def show_audit(visit: Visit) -> Answer:
    """List who did what, newest first."""
    lines = desk.list_audit(wiring.for_api(), before=number_of(visit.asked("before"), LARGEST), limit=A_PAGE)
    shown = lines[:A_PAGE]
    more = visit.link(before=shown[-1]["audit_id"]) if len(lines) > A_PAGE else None
    return page(visit, "audit.html", lines=shown, more=more)


SHOWN: Final = [
    Shown("GET", "/verdicts", show_verdicts, "editor"),
    Shown("POST", "/verdicts", undo, "editor"),
    Shown("GET", "/audit", show_audit, "editor"),
]
