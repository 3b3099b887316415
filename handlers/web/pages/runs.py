"""Runs: each pass of the matcher, and how its figures develop."""

from typing import Final

import orjson

from handlers import desk, wiring
from handlers.web.mounting import Shown
from handlers.web.shell import Answer, page
from handlers.web.visiting import Visit

MOST_SHOWN: Final = 40
MOST_DRAWN: Final = 400

TRENDS: Final = (
    ("canonical_events", "Events"),
    ("matches", "Pairs joined"),
    ("ambiguous", "Pairs in doubt"),
    ("needs_review", "Events that need a look"),
)
"""Figures of a run that are drawn, and what they are called."""


def show_runs(visit: Visit) -> Answer:
    """List runs, newest first, and draw the trends."""
    runs = desk.list_runs(wiring.for_api(), limit=MOST_DRAWN)
    done = [run for run in reversed(runs) if run["status"] == "done"]
    drawn = [
        {"name": visit.language(name), "figures": [run["statistics"].get(key) for run in done]}
        for key, name in TRENDS
    ]
    numbers = [run["run_id"] for run in done]
    return page(
        visit,
        "runs.html",
        runs=runs[:MOST_SHOWN],
        trends=[(each, orjson.dumps([numbers, each["figures"]]).decode()) for each in drawn],
        enough=len(done) > 1,
        overview=desk.overview(wiring.for_api()),
    )


SHOWN: Final = [Shown("GET", "/runs", show_runs)]
