"""An event: what is known, where it came from, why its listings are together, and what became of it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from handlers import browsing, desk, wiring
from handlers.browsing import Gone
from handlers.web.deciding import named
from handlers.web.evidence import graph_of, told
from handlers.web.listings import LONG, fields_of, rows_of
from handlers.web.mounting import Missing, Shown
from handlers.web.shell import Answer, onward, page
from handlers.web.visiting import ROOT, Visit, link

MOST_SIDE_BY_SIDE: Final = 12
"""Listings whose texts are laid side by side; more of them are named."""

MOST_PAIRS: Final = 12
"""Pairs whose evidence is drawn, the weakest bridge first, then the weakest: those are the ones to doubt."""


def show_event(visit: Visit) -> Answer:
    """Show an event; an id that was merged leads to what took it in."""
    store, event_id = wiring.for_api(), visit.parts["event_id"]
    with browsing.whole_event(store, event_id) as known:
        if known is None:
            raise Missing
        if not isinstance(known, Gone):
            doubted = known.event["needs_review"]
            around = desk.surroundings_in(known.connection, event_id, doubted=doubted)
            several = len(known.listings) > 1
            reasons = (
                desk.field_reasons_in(known.connection, known.event.get("provenance", {})) if several else {}
            )
    if isinstance(known, Gone):
        return _gone(visit, event_id, known)
    found, listings, evidence = known.event, known.listings, known.evidence
    numbered = colours([each["source_code"] for each in listings])
    pairs = [told(_identity(each["a"]), _identity(each["b"]), each["explanation"]) for each in evidence]
    graph = graph_of([(each["source_code"], each["id"]) for each in listings], evidence)
    weakest = {graph.bridge.a.identity, graph.bridge.b.identity} if graph and graph.bridge else None
    side_by_side = [found, *(each["raw"] for each in listings[:MOST_SIDE_BY_SIDE])]
    return page(
        visit,
        "event.html",
        event=found,
        fields=fields_of(found, visit.language, reasons),
        long=LONG,
        listings=listings,
        colours=numbered,
        rows=rows_of(side_by_side, visit.language) if len(listings) > 1 else [],
        pairs=sorted(pairs, key=lambda pair: ({pair.a, pair.b} != weakest, pair.weight))[:MOST_PAIRS],
        n_pairs=len(pairs),
        graph=graph,
        around=_with_pairs(around),
        history=known.history,
        came_from=visit.asked("from"),
    )


def _with_pairs(around: desk.Surroundings) -> desk.Surroundings:
    """Name the doubtful pair with each event that may be the same, as the review asks for it."""
    pairs = [
        {**each, "pair": named(*((each[f"{side}_source_code"], each[f"{side}_id"]) for side in "ab"))}
        for each in around.rivals
    ]
    return replace(around, rivals=pairs)


def _identity(side: Mapping[str, Any]) -> tuple[str, str]:
    return str(side["source_code"]), str(side["id"])


def colours(source_codes: list[str]) -> dict[str, int]:
    """Number the sources of a page, so that each keeps one colour on it."""
    return {code: number % 6 for number, code in enumerate(dict.fromkeys(source_codes))}


def _gone(visit: Visit, event_id: str, gone: Gone) -> Answer:
    if gone.kind == "merged":
        return onward(link(f"{ROOT}/events/{gone.successors[0]}", **{"from": event_id}))
    history = browsing.history_of(wiring.for_api(), event_id)
    return page(visit, "gone.html", event_id=event_id, gone=gone, history=history)


SHOWN: Final = [Shown("GET", "/events/<event_id>", show_event, asks=("from",))]
