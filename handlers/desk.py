"""Desk: what the editor's page reads beyond what the API reads: counts, completion, map, calendar, relations, the queue of doubtful pairs.

Counts and words are kept in memory from run to run: they only change when one has been. What is shown may therefore be as old as
the last run, and never older. Nothing here writes.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, TypeVar

from sqlalchemy import Connection

from dedup_core.contradicting import Listing
from dedup_core.folding import fold
from dedup_core.policy import default_policy
from infra.store import Store, desk, policies, reading, verdicts
from infra.store.events import Wanted
from infra.store.verdicts import Which

if TYPE_CHECKING:
    from dedup_core.explaining import Explanation
    from dedup_core.policy import Strategy

MOST_KEPT: Final = 100
"""Answers that are kept at once; then they begin anew."""

MOST_COUNTED: Final = 1000
"""Events of a filter that are counted; of more it is said that there are more."""

MOST_POINTS: Final = 1500
"""Places on the map: the ones with most events."""

MOST_RELATED: Final = 100
MOST_ERRORS: Final = 500
MOST_SUGGESTED: Final = 5
"""Of one kind, such as towns."""

Answer = TypeVar("Answer")


@dataclass(slots=True)
class Kept:
    """Answers of one run, by question; of several threads, some may ask twice, and none gets another run's answer."""

    run: int = -1
    answers: dict[object, Any] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def recall(self, run: int, question: object, ask: Callable[[], Answer]) -> Answer:
        """Give what was answered before since this run, or ask."""
        with self.lock:
            if run != self.run or len(self.answers) >= MOST_KEPT:
                self.run, self.answers = run, {}
            answers = self.answers
        if question not in answers:
            answers[question] = ask()
        known: Answer = answers[question]
        return known


KEPT: Final = Kept()


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A filter that what was typed may mean. kind: ``city``, ``category`` or ``source``; number: how many events it has."""

    kind: str
    word: str
    number: int


def count_events(store: Store, wanted: Wanted) -> int:
    """Count what a list would show; with a filter up to one more than MOST_COUNTED, as a list must not wait for its count."""
    with store.reading() as connection:
        return count_in(connection, wanted)


def count_in(connection: Connection, wanted: Wanted) -> int:
    """Count the same, by a look that is under way."""
    most = None if wanted == Wanted() else MOST_COUNTED + 1
    run = desk.last_run(connection)
    question = (str(connection.engine.url), "count", wanted)
    return KEPT.recall(run, question, lambda: desk.count_events(connection, wanted, most=most))


def suggest(store: Store, typed: str) -> list[Suggestion]:
    """Complete what was typed: what begins with it first, then what holds it, the more frequent before the rarer."""
    with store.reading() as connection:
        run = desk.last_run(connection)
        question = (str(store.engine.url), "words")
        words = KEPT.recall(run, question, lambda: _folded(desk.frequencies(connection)))
    sought = fold(typed)
    return [
        Suggestion(kind, word, number)
        for kind, known in words.items()
        for word, number in _best(known, sought)
    ]


def _folded(words: dict[str, list[tuple[str, int]]]) -> dict[str, list[tuple[str, str, int]]]:
    return {kind: [(fold(word), word, number) for word, number in known] for kind, known in words.items()}


def _best(known: list[tuple[str, str, int]], sought: str) -> list[tuple[str, int]]:
    begun = [(word, number) for key, word, number in known if key.startswith(sought)]
    inside = [(word, number) for key, word, number in known if sought in key and not key.startswith(sought)]
    return (begun + inside)[:MOST_SUGGESTED]


def points(store: Store, wanted: Wanted) -> list[dict[str, Any]]:
    """Gather events by place, at about a hundred metres."""
    with store.reading() as connection:
        run = desk.last_run(connection)
        question = (str(store.engine.url), "points", wanted)
        return KEPT.recall(run, question, lambda: desk.points(connection, wanted, limit=MOST_POINTS))


def days(
    store: Store, wanted: Wanted, first: date, last: date, *, each: int
) -> dict[date, list[dict[str, Any]]]:
    """List what begins on each day: some of its events in the order of their starts, each with ``n``, how many there are."""
    with store.reading() as connection:
        run = desk.last_run(connection)
        question = (str(store.engine.url), "days", wanted, first, last, each)
        found = KEPT.recall(run, question, lambda: desk.days(connection, wanted, first, last, each=each))
    listed: dict[date, list[dict[str, Any]]] = {}
    for row in sorted(found, key=lambda row: (row["day"], row["start_time"] or "~")):
        listed.setdefault(row["day"], []).append(row)
    return listed


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a file: its row with what was rejected, and some of the events that its listings are in."""

    file: Mapping[str, Any]
    events: list[dict[str, Any]]


def list_files(store: Store, *, status: str | None, page: int, limit: int) -> list[Mapping[str, Any]]:
    """List files, newest first. page: from 1; one more than ``limit`` tells that there are others."""
    with store.reading() as connection:
        return reading.list_files(connection, status=status, limit=limit + 1, offset=(page - 1) * limit)


def receipt_of(store: Store, file_id: int) -> Receipt | None:
    """Tell what became of a file; null if there is none of this number."""
    with store.reading() as connection:
        file = reading.show_file(connection, file_id, limit=MOST_ERRORS)
        if file is None:
            return None
        return Receipt(file, desk.events_of_file(connection, file_id, limit=MOST_RELATED))


def set_free(store: Store, file_id: int, *, author: str) -> bool:
    """Let a quarantined file be taken in again by the next sweep; false if it is not in quarantine.

    A second call finds nothing in quarantine. A crash in between leaves a file that is free and not noted in the audit trail.
    """
    if not store.mark_replayed(file_id):
        return False
    with store.engine.begin() as connection:
        verdicts.note(connection, author, "replay", f"file {file_id}", {})
    return True


def list_runs(store: Store, *, limit: int) -> list[Mapping[str, Any]]:
    """List runs, newest first."""
    with store.reading() as connection:
        return reading.list_runs(connection, limit=limit)


def overview(store: Store) -> Mapping[str, Any]:
    """Count what there is; anew also when a file came, as one that is refused or changes nothing brings no run."""
    with store.reading() as connection:
        run = desk.last_run(connection)
        question = (str(store.engine.url), "overview", desk.state_of_files(connection))
        counted = KEPT.recall(run, question, lambda: reading.overview(connection))
        return {**counted, "ingested_generation": desk.ingested_generation(connection)}


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What stands around an event: links to others, why a person should look at it, and events that may be the same."""

    relations: list[dict[str, Any]]
    flags: list[dict[str, Any]]
    rivals: list[dict[str, Any]]


def surroundings_of(store: Store, canonical_id: str) -> Surroundings:
    """Tell what stands around an event."""
    with store.reading() as connection:
        return surroundings_in(connection, canonical_id)


def surroundings_in(connection: Connection, canonical_id: str, *, doubted: bool = True) -> Surroundings:
    """Tell the same, by a look that is under way. doubted: whether a person should look at it; who is sure has no flag and no rival."""
    relations = desk.relations_of(connection, canonical_id, limit=MOST_RELATED)
    if not doubted:
        return Surroundings(relations, [], [])
    flags = desk.flags_of(connection, canonical_id)
    return Surroundings(relations, flags, desk.rivals_of(connection, canonical_id, limit=MOST_RELATED))


_STRATEGIES: Final[dict[str | None, Mapping[str, "Strategy"]]] = {}
"""By which rule each field is chosen, by the hash of the policy: to read one takes longer than to ask which it is."""


def field_reasons_in(connection: Connection, provenance: Mapping[str, Any]) -> dict[str, str]:
    """Say by which rule the value of each field was chosen among an event's listings, by a look that is under way."""
    from dedup_core.explaining import field_reason  # noqa: PLC0415 - brings SciPy along

    newest = policies.hash_in_force(connection)
    if newest not in _STRATEGIES:
        applied = policies.in_force(connection)
        policy = default_policy() if applied is None else applied.policy
        _STRATEGIES[newest] = dict(policy.synthesis.fields)
    return {field: field_reason(field, _STRATEGIES[newest]) for field in provenance}


@dataclass(frozen=True, slots=True)
class Case:
    """A pair that waits for a person. a, b: (source_code, id) of its listings; events: the ids, titles and numbers of listings on both sides.

    raw: both listings as they came; explanation: null where there is none any more.
    """

    a: Listing
    b: Listing
    raw: tuple[Mapping[str, Any], Mapping[str, Any]]
    events: tuple[Mapping[str, Any], Mapping[str, Any]]
    explanation: "Explanation | None"


def case_of(store: Store, a: Listing, b: Listing) -> Case | None:
    """Show a pair, whether it waits or not; null if one of its listings is not there."""
    low, high = sorted((a, b))
    from dedup_core.explaining import explained  # noqa: PLC0415 - brings SciPy along

    with store.reading() as connection:
        found = desk.pair_of(connection, low, high)
    if found is None:
        return None
    one, other = (
        {
            "canonical_id": found[f"{side}_event"],
            "title": found[f"{side}_title"],
            "first_day": found[f"{side}_first_day"],
            "n_sources": found[f"{side}_n_sources"],
        }
        for side in "ab"
    )
    told = None if found["decision"] is None else explained(found, (low, high))
    return Case(low, high, (found["a_raw"], found["b_raw"]), (one, other), told)


def count_given(store: Store, author: str, since: datetime) -> int:
    """Count the verdicts that someone gave since a time, and that still hold."""
    with store.reading() as connection:
        return verdicts.count_verdicts(connection, Which(author=author, since=since))


def titles_of(store: Store, listings: Collection[Listing]) -> dict[Listing, str]:
    """Look up what listings are titled; those that are not there are left out."""
    with store.reading() as connection:
        return desk.titles_of(connection, listings)


def list_audit(
    store: Store, *, before: int | None, limit: int, after: int | None = None
) -> list[dict[str, Any]]:
    """List who did what, newest first; one more than ``limit``, at the side to which it goes on, tells that there is more."""
    with store.reading() as connection:
        return desk.list_audit(connection, before=before, after=after, limit=limit + 1)


def act_of_verdict(store: Store, sequence: int) -> int | None:
    """Tell by which act a verdict in force was given: the number of the act's first one."""
    with store.reading() as connection:
        found = verdicts.find_verdicts(connection, Which(sequences=(sequence,)), limit=1)
    return found[0]["given_with"] if found else None


def pair_of_verdict(store: Store, sequence: int) -> tuple[Listing, Listing] | None:
    """Tell on which pair a verdict is; null for one on a single listing, and for none."""
    with store.reading() as connection:
        found = verdicts.find_verdicts(connection, Which(sequences=(sequence,)), taken_back=True, limit=1)
    if not found or found[0]["b_id"] is None:
        return None
    row = found[0]
    return (row["a_source_code"], row["a_id"]), (row["b_source_code"], row["b_id"])
