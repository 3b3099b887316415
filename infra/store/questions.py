"""Questions: the pairs in doubt that a person should decide, in the order in which deciding them is of most use.

What is soon comes first, as readers see it next; of the same day what the evidence leaves most open; then what most sources list.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy import Connection, text

from dedup_core.contradicting import Listing
from dedup_core.events import EVIDENCE

Row = dict[str, Any]

LONG_AGO: Final = 1_000_000
"""Days, more than any calendar has: what is over is put behind all that is to come, the latest first."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a question stands; places are in the order in which questions are asked.

    wait: days until the sooner of the two events, LONG_AGO and days since for what is over. doubt: how far the score is from one
    half; sources: listings of both events, negative; then the pair.
    """

    wait: int
    doubt: float
    sources: int
    a: Listing
    b: Listing


def state_of(connection: Connection) -> tuple[int, ...]:
    """Tell runs and verdicts apart: as long as this is the same, the open questions of a day are, too."""
    return tuple(connection.execute(text(_STATE)).one())


_STATE: Final = """
SELECT matched, (SELECT coalesce(max(sequence), 0) FROM verdicts), (SELECT count(*) FROM take_backs) FROM generations
"""

_WAIT: Final = """
CASE WHEN {side}.last_day >= :today THEN greatest({side}.first_day - :today, 0) ELSE :long_ago + (:today - {side}.last_day) END
"""
_IN_FORCE: Final = "(SELECT t.sequence FROM take_backs t WHERE t.sequence = v.sequence) IS NULL"

# A condition a part: joined by "or", each question would be held against each verdict.
_OPEN_PAIRS: Final = f"""
FROM decisions d
JOIN canonical_sources ca ON ca.source_code = d.a_source_code AND ca.id = d.a_id
JOIN canonical_sources cb ON cb.source_code = d.b_source_code AND cb.id = d.b_id
JOIN canonical_events ea ON ea.canonical_id = ca.canonical_id
JOIN canonical_events eb ON eb.canonical_id = cb.canonical_id
WHERE d.decision = 'ambiguous' AND ca.canonical_id <> cb.canonical_id
    AND NOT EXISTS (
        SELECT FROM verdicts v WHERE (v.a_source_code, v.a_id) = (d.a_source_code, d.a_id)
            AND (v.b_source_code, v.b_id) = (d.b_source_code, d.b_id) AND {_IN_FORCE})
    AND NOT EXISTS (
        SELECT FROM verdicts v WHERE (v.a_source_code, v.a_id) = (d.b_source_code, d.b_id)
            AND (v.b_source_code, v.b_id) = (d.a_source_code, d.a_id) AND {_IN_FORCE})
    AND NOT EXISTS (
        SELECT FROM verdicts v WHERE (v.a_source_code, v.a_id) = (d.a_source_code, d.a_id)
            AND v.kind = 'not_an_event' AND {_IN_FORCE})
    AND NOT EXISTS (
        SELECT FROM verdicts v WHERE (v.a_source_code, v.a_id) = (d.b_source_code, d.b_id)
            AND v.kind = 'not_an_event' AND {_IN_FORCE})
"""  # noqa: S608 - our own names

_OPEN: Final = f"""
SELECT least({_WAIT.format(side="ea")}, {_WAIT.format(side="eb")}) AS wait,
    abs(d.score - 0.5) AS doubt,
    -(ea.n_sources + eb.n_sources) AS sources,
    d.a_source_code, d.a_id, d.b_source_code, d.b_id
{_OPEN_PAIRS}
"""


def open_questions(connection: Connection, *, today: date) -> list[Place]:
    """List all open questions, in order. In a thousand listings there are some twenty."""
    rows = connection.execute(text(_OPEN), {"today": today, "long_ago": LONG_AGO})
    return sorted(
        Place(wait, doubt, sources, (a_code, a_id), (b_code, b_id))
        for wait, doubt, sources, a_code, a_id, b_code, b_id in rows
    )


@dataclass(frozen=True, slots=True, order=True)
class Flagged:
    """Where an event stands that was flagged, and on which no pair is open. wait: as of `Place`."""

    wait: int
    canonical_id: str


# Who spoke of a listing of it, has looked at it: what is flagged then stays so by the evidence, and is no question any more.
_FLAGGED: Final = f"""
SELECT {_WAIT.format(side="e")} AS wait, e.canonical_id
FROM canonical_events e
WHERE NOT e.hidden AND e.canonical_id IN (SELECT canonical_id FROM flags)
    AND e.canonical_id NOT IN (SELECT ca.canonical_id {_OPEN_PAIRS} UNION ALL SELECT cb.canonical_id {_OPEN_PAIRS})
    AND NOT EXISTS (
        SELECT FROM canonical_sources m JOIN verdicts v ON v.a_source_code = m.source_code AND v.a_id = m.id
        WHERE m.canonical_id = e.canonical_id AND v.kind <> 'pin' AND {_IN_FORCE})
    AND NOT EXISTS (
        SELECT FROM canonical_sources m JOIN verdicts v ON v.b_source_code = m.source_code AND v.b_id = m.id
        WHERE m.canonical_id = e.canonical_id AND {_IN_FORCE})
"""  # noqa: S608 - our own names


def flagged_events(connection: Connection, *, today: date) -> list[Flagged]:
    """List the events that were flagged and that no open question leads to, in order; without those of which a person spoke."""
    rows = connection.execute(text(_FLAGGED), {"today": today, "long_ago": LONG_AGO})
    return sorted(Flagged(wait, canonical_id) for wait, canonical_id in rows)


_SHOWN_FLAGGED: Final = """
SELECT e.canonical_id AS id, e.title, e.city, e.first_day, e.last_day, e.confidence, e.n_sources,
    (SELECT jsonb_agg(jsonb_build_object('flag', f.flag, 'detail', f.detail) ORDER BY f.flag, f.detail)
     FROM flags f WHERE f.canonical_id = e.canonical_id) AS flags
FROM unnest(CAST(:ids AS text[])) WITH ORDINALITY AS q(canonical_id, place)
JOIN canonical_events e USING (canonical_id) ORDER BY q.place
"""


def shown_flagged(connection: Connection, places: Sequence[Flagged]) -> list[Row]:
    """Read flagged events: what they are, and the ``flags``, each with its detail."""
    ids = {"ids": [place.canonical_id for place in places]}
    return [dict(row) for row in connection.execute(text(_SHOWN_FLAGGED), ids).mappings()]


SHOWN: Final = ("source_code", "id", "title", "short_description", "description", "event_dates", "venue", "city", "district", "street", "street_no", "zipcode", "source_type", "categories")  # fmt: skip
"""What of a listing is shown to who decides."""


def _listing(side: str) -> str:
    pairs = ", ".join(f"'{name}', l{side}.{name}" for name in SHOWN)
    return f"jsonb_build_object({pairs})"


_ASKED: Final = f"""
SELECT d.*, ca.canonical_id AS a_event, cb.canonical_id AS b_event, {_listing("a")} AS a, {_listing("b")} AS b
FROM unnest(CAST(:a0 AS text[]), CAST(:a1 AS text[]), CAST(:b0 AS text[]), CAST(:b1 AS text[]))
    WITH ORDINALITY AS q(a_source_code, a_id, b_source_code, b_id, place)
JOIN decisions d USING (a_source_code, a_id, b_source_code, b_id)
JOIN canonical_sources ca ON ca.source_code = d.a_source_code AND ca.id = d.a_id
JOIN canonical_sources cb ON cb.source_code = d.b_source_code AND cb.id = d.b_id
JOIN source_events la ON la.source_code = d.a_source_code AND la.id = d.a_id
JOIN source_events lb ON lb.source_code = d.b_source_code AND lb.id = d.b_id
ORDER BY q.place
"""  # noqa: S608 - our own names


def asked(connection: Connection, places: Sequence[Place]) -> list[Row]:
    """Read questions: the decision, the two events and the two listings (``a``, ``b``)."""
    ends = {
        f"{side}{part}": [getattr(place, side)[part] for place in places] for side in "ab" for part in (0, 1)
    }
    return [dict(row) for row in connection.execute(text(_ASKED), ends).mappings()]


def evidence_in(row: Row) -> Row:
    """Read the decision of a question, as `dedup_core.explaining` takes it."""
    return {name: row[name] for name in (*EVIDENCE, "weight", "score", "decision", "reasons", "relation")}
