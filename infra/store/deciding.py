"""Deciding: what a person's decision is made on, and its transaction.

The lock comes first and the look second, as in a run, so that of two editors the second one sees what the first one did. What is read is
one moment, by a transaction of its own: a run that commits meanwhile is not half seen. Only listings that the verdicts can reach are
read, whatever the size of the database.
"""

import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from typing import Any, Final

import polars as pl
from sqlalchemy import Connection, Engine, delete, func, insert, select, text
from sqlalchemy.exc import DBAPIError

from dedup_core.contradicting import Listing, Said
from dedup_core.events import DECISION_SCHEMA, EVENT_SCHEMA, VERDICT_SCHEMA, Neighbourhood, Previous
from dedup_core.policy import Policy
from infra.errors import DecidersBusy
from infra.outages import sqlstate
from infra.store import policies
from infra.store import verdicts as given
from infra.store.copying import fetched
from infra.store.engine import LIMITS
from infra.store.snapshots import one_moment
from infra.store.tables import (
    canonical_events,
    canonical_sources,
    flags,
    generations,
    given_answers,
    redirects,
    verdicts,
)
from infra.store.verdicts import NewVerdict, Which
from infra.store.versions import last_words, versions_of

DECISION_LOCK: Final = 7_305_004
"""Advisory lock of who decides; it ends with the transaction. A decision takes a tenth of a second, and people are few."""

WAIT_S: float = 10
"""Seconds that a decision waits for others: who waits holds one of a server's few threads. A guess; most take a tenth of a second."""

LOCK_NOT_AVAILABLE: Final = "55P03"
"""PostgreSQL's code for a lock that was not to be had in time."""

ANSWERS_LAST: Final = timedelta(days=7)
"""How long an answer is kept for who asks again with the same key."""

SAME_TEXT: Final = 400
"""Listings of one text that are looked at to tell whether it is a template; those of a template are thousands and much alike."""


@dataclass(frozen=True, slots=True)
class DecisionWork:
    """One decision's transaction. moment: the transaction that reads, begun after the lock was got."""

    connection: Connection
    moment: Connection

    def answer_to(self, who: str, key: str) -> tuple[str, str] | None:
        """Find what was answered to a request with this key: the request's hash and the answer."""
        query = select(given_answers.c.request_hash, given_answers.c.answer).where(
            given_answers.c.who == who, given_answers.c.key == key
        )
        found = self.connection.execute(query).first()
        return None if found is None else (found.request_hash, found.answer)

    def remember(self, who: str, key: str, request_hash: str, answer: str) -> None:
        """Keep an answer; those that are old enough are forgotten by the way."""
        old = given_answers.c.at < func.now() - ANSWERS_LAST
        self.connection.execute(delete(given_answers).where(old))
        row = {"who": who, "key": key, "request_hash": request_hash, "answer": answer}
        self.connection.execute(insert(given_answers), row)

    def policy(self) -> Policy | None:
        """Read the policy that was applied last; null if none ever was."""
        applied = policies.in_force(self.moment)
        return None if applied is None else applied.policy

    def append(self, wishes: Sequence[NewVerdict], *, author: str, act: str | None) -> list[Said]:
        """Append verdicts; raises UnknownEvent."""
        return given.append(self.connection, wishes, author=author, act=act)

    def withdraw(self, sequences: Collection[int], *, author: str, reason: str | None) -> list[int]:
        """Take verdicts back; returns those that were in force."""
        return given.withdraw(self.connection, sequences, author=author, reason=reason)

    def note(self, who: str, action: str, subject: str, detail: dict[str, Any]) -> None:
        """Write a line of the audit trail."""
        given.note(self.connection, who, action, subject, detail)

    def raise_generation(self) -> int:
        """Say that the data has changed; returns the generation."""
        return given.raise_generation(self.connection)

    def generations(self) -> tuple[int, int]:
        """Return the ingested and the matched generation."""
        row = self.moment.execute(select(generations.c.ingested, generations.c.matched)).one()
        return row.ingested, row.matched

    def named(self, sequences: Collection[int]) -> list[Said]:
        """Read verdicts by their numbers, those in force."""
        query = select(verdicts).where(given.one_of(sequences), given.IN_FORCE)
        rows = self.moment.execute(query.order_by(verdicts.c.sequence)).mappings()
        return [given.said_in(row) for row in rows]

    def standing(self, which: Which) -> list[Said]:
        """Read the verdicts in force that are meant, oldest first."""
        found = given.find_verdicts(self.moment, which, limit=None)
        return [given.said_in(row) for row in reversed(found)]

    def next_number(self) -> int:
        """Guess the number that the next verdict gets."""
        return (self.moment.scalar(select(func.max(verdicts.c.sequence))) or 0) + 1

    def linked(self, listings: Collection[Listing]) -> list[Said]:
        """List the verdicts in force on all that must-links lead to from some listings."""
        rows = self.moment.execute(text(_LINKED), _keys(listings)).all()
        return given.standing_on(self.moment, [(row.source_code, row.id) for row in rows])

    def standing_on(self, listings: Collection[Listing]) -> list[Said]:
        """List the verdicts in force on any of some listings."""
        return given.standing_on(self.moment, listings)

    def insist_on(self, listings: Collection[Listing]) -> None:
        """Check that listings are there; raises UnknownEvent."""
        given.insist_on(self.moment, listings)

    def members(self, canonical_ids: Collection[str]) -> dict[str, list[Listing]]:
        """List the listings of living events; an id that none has is left out."""
        columns = canonical_sources.c
        query = select(columns.canonical_id, columns.source_code, columns.id).where(
            columns.canonical_id.in_(list(canonical_ids))
        )
        found: dict[str, list[Listing]] = {}
        for row in self.moment.execute(query.order_by(columns.source_code, columns.id)):
            found.setdefault(row.canonical_id, []).append((row.source_code, row.id))
        return found

    def flags(self, canonical_id: str) -> set[str]:
        """Name the flags that an event has."""
        query = select(flags.c.flag).where(flags.c.canonical_id == canonical_id)
        return set(self.moment.scalars(query))

    def versions(self, canonical_ids: Collection[str]) -> dict[str, str]:
        """Name the versions of living events; one that is not there is left out."""
        return versions_of(self.moment, canonical_ids)

    def last_words(self, groups: Mapping[str, Collection[Listing]]) -> dict[str, str]:
        """Tell of groups of listings how far people have spoken of them, in the transaction that writes: another word, another text."""
        return last_words(self.connection, groups)

    def neighbourhood(self, start: Collection[Listing], *, most: int, titles: int) -> Neighbourhood | None:
        """Read what verdicts on these listings can reach, without verdicts; null if that is more than ``most`` listings.

        titles: so many other titles, in as many events, make a text a template.
        """
        inside = closure(self.moment, start, most=most)
        return None if inside is None else _neighbourhood(self.moment, inside, titles=titles)


_ONE_A_PROCESS: Final = threading.Lock()
"""Who waits for the lock holds a connection, and who has it needs a second one: many of a pool's would wait for ever."""


def deciding(engine: Engine) -> Iterator[DecisionWork]:
    """Open a decision's transaction: lock first, then look. Committed when the caller is done, rolled back when it fails.

    Raises:
        DecidersBusy: others took longer than WAIT_S.
    """
    with _turn(), engine.begin() as connection:
        _lock(connection)
        with one_moment(engine) as moment:
            yield DecisionWork(connection, moment)


@contextmanager
def _turn() -> Iterator[None]:
    if not _ONE_A_PROCESS.acquire(timeout=WAIT_S):
        raise DecidersBusy("others decide: come again in a few seconds")
    try:
        yield
    finally:
        _ONE_A_PROCESS.release()


def _lock(connection: Connection) -> None:
    """Wait for those of other processes; what is waited for later, an ingest's rows, may take its usual time."""
    connection.execute(text(f"SET LOCAL lock_timeout = {ceil(WAIT_S * 1000)}"))
    try:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": DECISION_LOCK})
    except DBAPIError as error:
        if sqlstate(error) != LOCK_NOT_AVAILABLE:
            raise
        raise DecidersBusy("others decide: come again in a few seconds") from error
    connection.execute(text(f"SET LOCAL lock_timeout = '{LIMITS['lock_timeout']}'"))


def looking(engine: Engine) -> Iterator[DecisionWork]:
    """Open a transaction that only looks, for previews: without a lock, and unable to write."""
    with one_moment(engine) as moment:
        yield DecisionWork(moment, moment)


def _keys(listings: Collection[Listing]) -> dict[str, list[str]]:
    return {"codes": [code for code, _ in listings], "ids": [number for _, number in listings]}


_MUST_LINKED: Final = """
        SELECT v.b_source_code, v.b_id FROM verdicts v
        WHERE v.a_source_code = x.source_code AND v.a_id = x.id AND v.kind = 'must_link'
            AND (SELECT t.sequence FROM take_backs t WHERE t.sequence = v.sequence) IS NULL
        UNION ALL
        SELECT v.a_source_code, v.a_id FROM verdicts v
        WHERE v.b_source_code = x.source_code AND v.b_id = x.id AND v.kind = 'must_link'
            AND (SELECT t.sequence FROM take_backs t WHERE t.sequence = v.sequence) IS NULL
"""

_CLOSURE: Final = f"""
WITH RECURSIVE near(source_code, id) AS (
    SELECT * FROM unnest(CAST(:codes AS text[]), CAST(:ids AS text[])) AS s(source_code, id)
    UNION
    SELECT n.source_code, n.id FROM near x CROSS JOIN LATERAL (
        SELECT d.b_source_code, d.b_id FROM decisions d
        WHERE d.a_source_code = x.source_code AND d.a_id = x.id AND d.decision = 'match'
        UNION ALL
        SELECT d.a_source_code, d.a_id FROM decisions d
        WHERE d.b_source_code = x.source_code AND d.b_id = x.id AND d.decision = 'match'
        UNION ALL
        {_MUST_LINKED}
        UNION ALL
        SELECT m.source_code, m.id FROM canonical_sources home
        JOIN canonical_sources m ON m.canonical_id = home.canonical_id
        WHERE home.source_code = x.source_code AND home.id = x.id
    ) AS n(source_code, id)
)
SELECT source_code, id FROM near LIMIT :most
"""  # noqa: S608 - our own names


_LINKED: Final = f"""
WITH RECURSIVE near(source_code, id) AS (
    SELECT * FROM unnest(CAST(:codes AS text[]), CAST(:ids AS text[])) AS s(source_code, id)
    UNION SELECT n.source_code, n.id FROM near x CROSS JOIN LATERAL ({_MUST_LINKED}) AS n(source_code, id)
)
SELECT source_code, id FROM near
"""  # noqa: S608 - our own names


def closure(moment: Connection, start: Collection[Listing], *, most: int) -> list[Listing] | None:
    """Find all that matches, must-links and events lead to; null if it is more than ``most``."""
    rows = moment.execute(text(_CLOSURE), {**_keys(start), "most": most + 1}).all()
    return None if len(rows) > most else sorted((row.source_code, row.id) for row in rows)


def questioned(moment: Connection, listings: Collection[Listing]) -> set[Listing]:
    """Find the other ends of the open questions on some listings."""
    rows = moment.execute(text(_TOUCHING), _keys(listings)).all()
    ends = [
        ((row.a_source_code, row.a_id), (row.b_source_code, row.b_id))
        for row in rows
        if row.decision == "ambiguous"
    ]
    return {end for pair in ends for end in pair} - set(listings)


_TOUCHING: Final = """
WITH keys AS (SELECT * FROM unnest(CAST(:codes AS text[]), CAST(:ids AS text[])) AS k(source_code, id))
SELECT d.a_source_code, d.a_id, d.b_source_code, d.b_id, d.weight, d.score, d.decision, d.reasons, d.relation
FROM keys k JOIN decisions d ON d.a_source_code = k.source_code AND d.a_id = k.id
UNION
SELECT d.a_source_code, d.a_id, d.b_source_code, d.b_id, d.weight, d.score, d.decision, d.reasons, d.relation
FROM keys k JOIN decisions d ON d.b_source_code = k.source_code AND d.b_id = k.id
"""

_TOUCHING_SCHEMA: Final = {
    **{f"{side}_{name}": pl.String() for side in "ab" for name in ("source_code", "id")},
    "weight": pl.Float32(),
    "score": pl.Float32(),
    "decision": pl.String(),
    "reasons": pl.String(),
    "relation": pl.String(),
}


def _neighbourhood(moment: Connection, inside: list[Listing], *, titles: int) -> Neighbourhood:
    touching = fetched(moment, _TOUCHING, _keys(inside), _TOUCHING_SCHEMA)
    mine = pl.DataFrame(inside, schema={"source_code": pl.String, "id": pl.String}, orient="row")
    ends = pl.concat(
        touching.filter(pl.col("decision") == "ambiguous").select(
            source_code=f"{side}_source_code", id=f"{side}_id"
        )
        for side in "ab"
    )
    alike = [_same_text(moment, inside, field, titles) for field in ("description", "short_description")]
    around = pl.concat([ends, *alike]).unique().join(mine, on=["source_code", "id"], how="anti")
    events = _events(moment, [*inside, *around.iter_rows()], set(inside))
    return Neighbourhood(
        events=events,
        decisions=_decisions(touching, events),
        verdicts=verdict_frame([]),
        previous=_previous(moment, events, inside),
    )


_SAME_TEXT: Final = """
WITH keys AS (SELECT * FROM unnest(CAST(:codes AS text[]), CAST(:ids AS text[])) AS k(source_code, id)),
texts AS (SELECT DISTINCT s.{field} AS body FROM keys JOIN source_events s USING (source_code, id) WHERE s.{field} IS NOT NULL)
SELECT found.source_code, found.id FROM texts CROSS JOIN LATERAL (
    WITH others AS (
        SELECT s.source_code, s.id, s.title_words, c.canonical_id
        FROM (SELECT source_code, id, title_words FROM source_events WHERE {field} = texts.body LIMIT :most) s
        JOIN canonical_sources c USING (source_code, id)
        WHERE (s.source_code, s.id) NOT IN (SELECT source_code, id FROM keys)
    )
    (SELECT DISTINCT ON (title_words) source_code, id FROM others ORDER BY title_words, source_code, id LIMIT :titles)
    UNION (SELECT DISTINCT ON (canonical_id) source_code, id FROM others ORDER BY canonical_id, source_code, id LIMIT :titles)
) found
"""


def _same_text(moment: Connection, inside: list[Listing], field: str, titles: int) -> pl.DataFrame:
    """Find other listings with a text of these: of each as many titles, and as many events, as make it a template."""
    values = {**_keys(inside), "titles": titles, "most": SAME_TEXT}
    schema = {"source_code": pl.String(), "id": pl.String()}
    return fetched(moment, _SAME_TEXT.format(field=field), values, schema)


_EVENTS: Final = """
SELECT {columns}, c.canonical_id
FROM unnest(CAST(:codes AS text[]), CAST(:ids AS text[])) AS k(source_code, id)
JOIN source_events s USING (source_code, id) LEFT JOIN canonical_sources c USING (source_code, id)
"""


def _events(moment: Connection, keys: list[Listing], inside: set[Listing]) -> pl.DataFrame:
    columns = ", ".join(
        f's."{name}"::text' if dtype.is_nested() else f's."{name}"' for name, dtype in EVENT_SCHEMA.items()
    )
    schema = {**EVENT_SCHEMA, "home": pl.String()}
    # The database's own order of texts may be another; rows are numbered in ours.
    events = fetched(moment, _EVENTS.format(columns=columns), _keys(keys), schema).sort("source_code", "id")
    named = [identity in inside for identity in events.select("source_code", "id").iter_rows()]
    return events.with_columns(pl.Series("inside", named, dtype=pl.Boolean))


def _decisions(touching: pl.DataFrame, events: pl.DataFrame) -> pl.DataFrame:
    """Number the ends; of pairs that lead out only questions are kept."""
    rows = events.select("source_code", "id", "inside").with_row_index("row")
    numbered = touching
    for side in "ab":
        keys = rows.rename({"row": side, "inside": f"{side}_inside"})
        on = [f"{side}_source_code", f"{side}_id"]
        numbered = numbered.join(keys, left_on=on, right_on=["source_code", "id"])
    wanted = (pl.col("a_inside") & pl.col("b_inside")) | (pl.col("decision") == "ambiguous")
    complete = numbered.filter(wanted).with_columns(
        pl.lit(None, dtype).alias(name)
        for name, dtype in DECISION_SCHEMA.items()
        if name not in numbered.columns
    )
    return complete.select(*DECISION_SCHEMA).sort("a", "b")


def verdict_frame(said: Sequence[Said]) -> pl.DataFrame:
    """Lay verdicts out: VERDICT_SCHEMA."""
    rows = [
        (one.kind, *one.a, *(one.b or (None, None)), one.sequence, one.field, one.value, one.author)
        for one in said
    ]
    return pl.DataFrame(rows, schema=VERDICT_SCHEMA, orient="row")


def _previous(moment: Connection, events: pl.DataFrame, inside: list[Listing]) -> Previous:
    members = events.filter(pl.col("home").is_not_null()).select("home", "source_code", "id")
    homes = members["home"].unique().to_list()
    query = select(canonical_events.c.canonical_id, canonical_events.c.born, canonical_events.c.content_hash)
    known = moment.execute(query.where(canonical_events.c.canonical_id.in_(homes))).all()
    return Previous(
        members=members.rename({"home": "canonical_id"}),
        canonicals=pl.DataFrame(
            [tuple(row) for row in known], schema=Previous.nothing().canonicals.schema, orient="row"
        ),
        retired=frozenset(_taken_ids(moment, inside)),
    )


SALTS: Final = 4
"""Ids of a listing that are looked up at once. An event that was merged and parted again has used one up."""


def _taken_ids(moment: Connection, inside: list[Listing]) -> set[str]:
    """Find the ids that new events of these listings would get, were they not taken: of each listing all up to a free one."""
    from dedup_core.reconciling import derived_id  # noqa: PLC0415 - brings NumPy along

    taken, asked, first = set[str](), inside, 0
    while asked:
        possible = {
            listing: [derived_id(*listing, salt=salt) for salt in range(first, first + SALTS)]
            for listing in asked
        }
        every = [name for names in possible.values() for name in names]
        living = select(canonical_events.c.canonical_id).where(canonical_events.c.canonical_id.in_(every))
        gone = select(redirects.c.from_id).where(redirects.c.from_id.in_(every))
        taken |= set(moment.scalars(living.union(gone)))
        asked = [listing for listing, names in possible.items() if taken.issuperset(names)]
        first += SALTS
    return taken
