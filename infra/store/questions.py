"""Questions: the pairs in doubt that a person should decide, in the order in which deciding them is of most use.

What is soon comes first, as readers see it next; of the same day what the evidence leaves most open; then what most sources list.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

import orjson
from sqlalchemy import Connection, text

from dedup_core.contradicting import Listing
from infra.store.decided import EXPLAINING

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


@dataclass(frozen=True, slots=True, order=True)
class Flagged:
    """Where an event stands that was flagged, and on which no pair is open. wait: as of `Place`."""

    wait: int
    canonical_id: str


@dataclass(frozen=True, slots=True)
class Spoken:
    """The verdicts that were given, up to a number, and which of them hold. said: number -> kind and listings; back: how many were taken back."""

    last: int = 0
    back: int = 0
    said: Mapping[int, tuple[str, Listing, Listing | None]] = field(default_factory=dict)
    gone: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Doubts:
    """What the last run left in doubt, whatever people said of it.

    run: its generation and number, as a policy may change and its generation not. pairs: places in order, each with its two events; flagged: events in order, each with its listings.
    """

    day: date
    run: tuple[int, int]
    pairs: tuple[tuple[Place, str, str], ...]
    flagged: tuple[tuple[Flagged, frozenset[Listing]], ...]


@dataclass(frozen=True, slots=True)
class Moment:
    """How far all has come that a question is made of; while it is the same, so is every question.

    ingested, matched: the generations; run: the last run's number; last: that of the last verdict; back: how many were taken back.
    """

    ingested: int
    matched: int
    run: int
    last: int
    back: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for a person: pairs and events, in order. doubts, spoken: what it follows from, so that it need not be read again."""

    pairs: list[Place]
    flagged: list[Flagged]
    doubts: Doubts
    spoken: Spoken
    moment: Moment


def waiting(connection: Connection, *, today: date, known: Waiting | None) -> Waiting:
    """Tell what waits. known: what waited before, of the same database; only what came since is read.

    A run changes the doubts, which cost some tens of milliseconds at 100,000 events; a verdict only takes away, and a take-back gives back.
    """
    now = Moment(*connection.execute(_STATE).one())
    run = now.matched, now.run
    if known is not None and (known.doubts.day, known.doubts.run) == (today, run):
        doubts = known.doubts
        if known.moment == now:
            return known
    else:
        doubts = Doubts(today, run, _pairs(connection, today), _flagged(connection, today))
    spoken = _spoken(connection, Spoken() if known is None else known.spoken, now.last, now.back)
    return _waiting(doubts, spoken, now)


def _waiting(doubts: Doubts, spoken: Spoken, now: Moment) -> Waiting:
    in_force = [said for number, said in spoken.said.items() if number not in spoken.gone]
    settled = {frozenset((a, b)) for _, a, b in in_force if b is not None}
    unreal = {a for kind, a, _ in in_force if kind == "not_an_event"}
    seen = {one for kind, a, b in in_force if kind != "pin" for one in (a, b) if one is not None}
    still = [
        (place, (a_event, b_event))
        for place, a_event, b_event in doubts.pairs
        if frozenset((place.a, place.b)) not in settled and place.a not in unreal and place.b not in unreal
    ]
    asked_of = {event for _, events in still for event in events}
    flagged = [
        place
        for place, listings in doubts.flagged
        if place.canonical_id not in asked_of and not listings <= seen
    ]
    return Waiting([place for place, _ in still], flagged, doubts, spoken, now)


_STATE: Final = text("""
SELECT ingested, matched,
    (SELECT coalesce(max(run_id), 0) FROM runs WHERE status = 'done'),
    (SELECT coalesce(max(sequence), 0) FROM verdicts),
    (SELECT count(*) FROM take_backs)
FROM generations
""")

_SAID: Final = (
    "SELECT sequence, kind, a_source_code, a_id, b_source_code, b_id FROM verdicts WHERE sequence > :known"
)


def _spoken(connection: Connection, known: Spoken, last: int, back: int) -> Spoken:
    said, gone = dict(known.said), known.gone
    if last != known.last:
        for number, kind, a_code, a_id, b_code, b_id in connection.execute(
            text(_SAID), {"known": known.last}
        ):
            said[number] = kind, (a_code, a_id), None if b_id is None else (b_code, b_id)
    if back != known.back:
        gone = frozenset(connection.scalars(text("SELECT sequence FROM take_backs")))
    return Spoken(last, back, said, gone)


_WAIT: Final = """
CASE WHEN {side}.last_day >= :today THEN greatest({side}.first_day - :today, 0) ELSE :long_ago + (:today - {side}.last_day) END
"""

_DOUBTS: Final = f"""
SELECT least({_WAIT.format(side="ea")}, {_WAIT.format(side="eb")}) AS wait,
    abs(d.score - 0.5) AS doubt,
    -(ea.n_sources + eb.n_sources) AS sources,
    d.a_source_code, d.a_id, d.b_source_code, d.b_id, ea.canonical_id AS a_event, eb.canonical_id AS b_event
FROM decisions d
JOIN canonical_sources ca ON ca.source_code = d.a_source_code AND ca.id = d.a_id
JOIN canonical_sources cb ON cb.source_code = d.b_source_code AND cb.id = d.b_id
JOIN canonical_events ea ON ea.canonical_id = ca.canonical_id
JOIN canonical_events eb ON eb.canonical_id = cb.canonical_id
WHERE d.decision = 'ambiguous' AND ca.canonical_id <> cb.canonical_id
"""  # noqa: S608 - our own names

# Of a hundred thousand listings some three thousand pairs are looked up: to hash all listings for them takes twice the processor's time.
_BY_INDEX: Final = (
    "SET LOCAL enable_hashjoin = off; SET LOCAL max_parallel_workers_per_gather = 0; SET LOCAL jit = off"
)
_AS_WRITTEN: Final = "SET LOCAL join_collapse_limit = 1"
"""To try all orders of seven tables takes longer than to look twenty pairs up in the order in which they are written."""

_AS_USUAL: Final = "SET LOCAL join_collapse_limit = DEFAULT; SET LOCAL enable_hashjoin = DEFAULT; SET LOCAL max_parallel_workers_per_gather = DEFAULT; SET LOCAL jit = DEFAULT"


def _pairs(connection: Connection, today: date) -> tuple[tuple[Place, str, str], ...]:
    connection.exec_driver_sql(_BY_INDEX)
    rows = connection.execute(text(_DOUBTS), {"today": today, "long_ago": LONG_AGO}).all()
    connection.exec_driver_sql(_AS_USUAL)
    placed = [
        (Place(wait, doubt, sources, (a_code, a_id), (b_code, b_id)), a_event, b_event)
        for wait, doubt, sources, a_code, a_id, b_code, b_id, a_event, b_event in rows
    ]
    return tuple(sorted(placed))


_FLAGGED: Final = f"""
SELECT {_WAIT.format(side="e")} AS wait, e.canonical_id, m.source_code, m.id
FROM (SELECT DISTINCT canonical_id FROM flags) f
JOIN canonical_events e ON e.canonical_id = f.canonical_id AND NOT e.hidden
JOIN canonical_sources m ON m.canonical_id = e.canonical_id
"""  # noqa: S608 - our own names


def _flagged(connection: Connection, today: date) -> tuple[tuple[Flagged, frozenset[Listing]], ...]:
    found: dict[Flagged, set[Listing]] = {}
    rows = connection.execute(text(_FLAGGED), {"today": today, "long_ago": LONG_AGO})
    for wait, canonical_id, source_code, number in rows:
        found.setdefault(Flagged(wait, canonical_id), set()).add((source_code, number))
    return tuple((place, frozenset(found[place])) for place in sorted(found))


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
    return f"CAST(jsonb_build_object({pairs}) AS text)"


_ASKED: Final = text(f"""
SELECT d.*, ca.canonical_id AS a_event, cb.canonical_id AS b_event, {_listing("a")} AS a, {_listing("b")} AS b
FROM ROWS FROM (jsonb_to_recordset(CAST(:pairs AS jsonb)) AS (a_source_code text, a_id text, b_source_code text, b_id text))
    WITH ORDINALITY AS q(a_source_code, a_id, b_source_code, b_id, place)
JOIN decisions d USING (a_source_code, a_id, b_source_code, b_id)
JOIN canonical_sources ca ON ca.source_code = d.a_source_code AND ca.id = d.a_id
JOIN canonical_sources cb ON cb.source_code = d.b_source_code AND cb.id = d.b_id
JOIN source_events la ON la.source_code = d.a_source_code AND la.id = d.a_id
JOIN source_events lb ON lb.source_code = d.b_source_code AND lb.id = d.b_id
ORDER BY q.place
""")  # noqa: S608 - our own names


def asked(connection: Connection, places: Sequence[Place]) -> list[Row]:
    """Read questions: the decision, the two events and the two listings (``a``, ``b``)."""
    names = ("a_source_code", "a_id", "b_source_code", "b_id")
    pairs = [dict(zip(names, (*place.a, *place.b), strict=True)) for place in places]
    # As JSON: the driver writes arrays letter by letter.
    given = {"pairs": orjson.dumps(pairs).decode()}
    connection.exec_driver_sql(_AS_WRITTEN)
    rows = connection.execute(_ASKED, given).mappings().all()
    connection.exec_driver_sql(_AS_USUAL)
    return [{**row, "a": orjson.loads(row["a"]), "b": orjson.loads(row["b"])} for row in rows]


def evidence_in(row: Row) -> Row:
    """Read the decision of a question, as `dedup_core.explaining` takes it."""
    return {name: row[name] for name in EXPLAINING}
