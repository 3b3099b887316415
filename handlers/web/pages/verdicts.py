"""Verdicts: what people said, each to be taken back; and the audit trail: who did what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dedup_core.contradicting import Listing
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
        after=number_of(visit.asked("after"), LARGEST),
        limit=A_PAGE,
    )
    sizes = questioning.sizes_of_acts(wiring.for_api(), found.items)
    return page(
        visit,
        "verdicts.html",
        verdicts=found.items,
        undoing=_undoing(found.items, sizes),
        titles=_titles(found.items),
        more=found.next and visit.link(before=found.next, after=None, saved=None),
        less=found.previous and visit.link(after=found.previous, before=None, saved=None),
        mine=mine,
        gone=gone,
        decided=decided,
    )


def _titles(shown: Sequence[dict[str, Any]]) -> dict[Listing, str]:
    """Look up what the listings that are spoken of are titled: nobody knows them by their numbers."""
    sides = [each[side] for each in shown for side in "ab" if each.get(side)]
    return desk.titles_of(wiring.for_api(), {(each["source_code"], each["id"]) for each in sides})


@dataclass(frozen=True, slots=True)
class Undoing:
    """How a verdict is taken back. together: of how many it is, where one button takes back all that its act gave; alone: whether by itself."""

    together: int = 0
    alone: bool = True


def _undoing(shown: Sequence[dict[str, Any]], sizes: Mapping[int, int]) -> dict[int, Undoing]:
    """Tell of each verdict in force how it is taken back: a merge, a split or a move only as one, by its first line on the page."""
    found: dict[int, Undoing] = {}
    seen = set[int]()
    for each in shown:
        act = each["given_with"]
        if each["taken_back_at"] is not None:
            continue
        several = sizes.get(act, 0) if act is not None else 0
        together = several if several > 1 and act not in seen else 0
        found[each["sequence"]] = Undoing(together, alone=several < 2 or each["act"] is None)
        seen.add(act)
    return found


def undo(visit: Visit) -> Answer:
    """Take a verdict back, or all that one act gave."""
    sequence = number_of(visit.sent("sequence"), LARGEST)
    act = number_of(visit.sent("given_with"), LARGEST)
    if sequence is None and act is None:
        raise Refused("Say which verdict is meant.")
    decided = take_back(visit.who.name, [sequence] if sequence is not None else Which(given_with=act))
    if decided.chains or decided.refusal:
        return show_verdicts(visit, decided)
    return onward(f"{ROOT}/verdicts")


def show_audit(visit: Visit) -> Answer:
    """List who did what, newest first."""
    before, after = (number_of(visit.asked(name), LARGEST) for name in ("before", "after"))
    lines = desk.list_audit(wiring.for_api(), before=before, after=after, limit=A_PAGE)
    rest = len(lines) > A_PAGE
    shown = lines[:A_PAGE] if after is None else lines[-A_PAGE:]
    older, newer = (rest, before is not None) if after is None else (True, rest)
    more = visit.link(before=shown[-1]["audit_id"], after=None) if older and shown else None
    less = visit.link(after=shown[0]["audit_id"], before=None) if newer and shown else None
    return page(visit, "audit.html", lines=shown, more=more, less=less)


SHOWN: Final = [
    Shown(
        "GET", "/verdicts", show_verdicts, "editor", asks=("mine", "taken_back", "before", "after", "saved")
    ),
    Shown("POST", "/verdicts", undo, "editor"),
    Shown("GET", "/audit", show_audit, "editor", asks=("before", "after")),
]
