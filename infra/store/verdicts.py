"""Verdicts: what people said, appended and never changed; taking one back is a fact of its own.

Nothing here looks whether verdicts contradict: `handlers.deciding` does, before it appends. Where one slips through, the newer holds.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Connection,
    ScalarSelect,
    Select,
    Text,
    and_,
    cast,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    tuple_,
    update,
)

from dedup_core.contradicting import Listing, Said
from dedup_core.errors import UnknownEvent
from dedup_core.events import IDENTITY, LISTING_SCHEMA
from infra.store.tables import audit, canonical_sources, generations, source_events, take_backs, verdicts

Row = dict[str, Any]


def _of_taking_back(column: ColumnElement[Any]) -> ScalarSelect[Any]:
    return select(column).where(take_backs.c.sequence == verdicts.c.sequence).scalar_subquery()


IN_FORCE: Final = _of_taking_back(take_backs.c.sequence).is_(None)
"""The condition that a verdict was not taken back: looked up for each that is read, and never a reason to read all that were."""

AT_ONCE: Final = 500
"""Listings that are looked up in one query."""


@dataclass(frozen=True, slots=True)
class NewVerdict:
    """What somebody wants to say. b: null for a verdict on one listing; value: JSON."""

    kind: str
    a: Listing
    b: Listing | None = None
    field: str | None = None
    value: str | None = None
    reason: str | None = None

    @property
    def listings(self) -> tuple[Listing, ...]:
        """The listings that it speaks of."""
        return (self.a,) if self.b is None else (self.a, self.b)


def append(
    connection: Connection, wishes: Sequence[NewVerdict], *, author: str, act: str | None = None
) -> list[Said]:
    """Append verdicts that are given by one act, and note who did.

    Raises:
        UnknownEvent: one of the listings is not there.
    """
    if not wishes:
        return []
    insist_on(connection, {listing for wish in wishes for listing in wish.listings})
    rows = [_row(wish, author, act) for wish in wishes]
    query = insert(verdicts).returning(verdicts.c.sequence, sort_by_parameter_order=True)
    numbers = list(connection.scalars(query, rows))
    connection.execute(update(verdicts).where(one_of(numbers)).values(given_with=numbers[0]))
    _note_each(
        connection,
        author,
        [(n, wish.kind, _told(wish, act)) for n, wish in zip(numbers, wishes, strict=True)],
    )
    return [said_of(number, wish, author) for number, wish in zip(numbers, wishes, strict=True)]


def said_of(number: int, wish: NewVerdict, author: str) -> Said:
    """Number a verdict."""
    return Said(number, wish.kind, wish.a, wish.b, wish.field, wish.value, author)


def _row(wish: NewVerdict, author: str, act: str | None) -> Row:
    b_source_code, b_id = wish.b or (None, None)
    return {
        "kind": wish.kind,
        "a_source_code": wish.a[0],
        "a_id": wish.a[1],
        "b_source_code": b_source_code,
        "b_id": b_id,
        "field": wish.field,
        "value": wish.value,
        "act": act,
        "author": author,
        "reason": wish.reason,
    }


def _told(wish: NewVerdict, act: str | None) -> Row:
    told = {"a": list(wish.a), "b": wish.b and list(wish.b), "reason": wish.reason}
    told |= {"field": wish.field, "value": wish.value} if wish.kind == "pin" else {}
    return {**told, "act": act} if act else told


def give_verdict(
    connection: Connection, kind: str, a: Listing, b: Listing, *, author: str, reason: str | None
) -> int:
    """Append one verdict on a pair and raise the generation, so that a run takes it in; returns its number.

    Raises:
        UnknownEvent: one of the listings is not there.
    """
    (said,) = append(connection, [NewVerdict(kind, a, b, reason=reason)], author=author)
    raise_generation(connection)
    return said.sequence


def take_back(connection: Connection, sequence: int, *, author: str) -> bool:
    """Take a verdict back and raise the generation; false if it is not there or was taken back before."""
    if not withdraw(connection, [sequence], author=author, reason=None):
        return False
    raise_generation(connection)
    return True


def withdraw(
    connection: Connection, sequences: Collection[int], *, author: str, reason: str | None
) -> list[int]:
    """Take verdicts back, and note who did; returns those that were in force."""
    if not sequences:
        return []
    query = select(verdicts.c.sequence).where(one_of(sequences), IN_FORCE)
    # Two that take the same one back at once: the second one waits here, and then finds it taken back.
    numbers = sorted(connection.scalars(query.with_for_update()))
    taken = select(verdicts.c.sequence, literal(author, Text), literal(reason, Text)).where(one_of(numbers))
    connection.execute(insert(take_backs).from_select(["sequence", "author", "reason"], taken))
    told = {"reason": reason} if reason else {}
    _note_each(connection, author, [(number, "take_back", told) for number in numbers])
    return numbers


def one_of(numbers: Collection[int]) -> ColumnElement[bool]:
    """Choose verdicts by their numbers: one parameter, however many they are. A statement may have 65,535 of them."""
    return verdicts.c.sequence == func.any(cast(list(numbers), ARRAY(BigInteger)))


def insist_on(connection: Connection, listings: Collection[Listing]) -> None:
    """Check that listings are there; raises UnknownEvent."""
    missing, keys = set(listings), tuple_(source_events.c.source_code, source_events.c.id)
    for some in _parts(sorted(listings)):
        query = select(source_events.c.source_code, source_events.c.id).where(keys.in_(some))
        missing -= {(row.source_code, row.id) for row in connection.execute(query)}
    if missing:
        raise UnknownEvent(f"no source event {':'.join(min(missing))}")


def _parts(listings: Sequence[Listing]) -> Iterable[Sequence[Listing]]:
    return (listings[start : start + AT_ONCE] for start in range(0, len(listings), AT_ONCE))


def note(connection: Connection, who: str, action: str, subject: str, detail: Row) -> None:
    """Write a line of the audit trail."""
    connection.execute(insert(audit), {"who": who, "action": action, "subject": subject, "detail": detail})


def _note_each(connection: Connection, who: str, acts: Sequence[tuple[int, str, Row]]) -> None:
    """Write a line of the audit trail for each verdict: its number, the action, what is told. Some at once, as others wait for the lock."""
    rows = [
        {"who": who, "action": action, "subject": f"verdict {number}", "detail": detail}
        for number, action, detail in acts
    ]
    for start in range(0, len(rows), AT_ONCE):
        connection.execute(insert(audit).values(rows[start : start + AT_ONCE]))


def raise_generation(connection: Connection) -> int:
    """Say that the data has changed; returns the generation that it has now."""
    query = update(generations).values(ingested=generations.c.ingested + 1)
    generation: int = connection.execute(query.returning(generations.c.ingested)).scalar_one()
    return generation


@dataclass(frozen=True, slots=True)
class Which:
    """Which verdicts: all that is not null must hold. pair: on these two, in either order. since, until: when given; until excluded.

    event: those on a listing of this canonical event. given_with: those of the act that this verdict began.
    """

    author: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    kind: str | None = None
    event: str | None = None
    pair: tuple[Listing, Listing] | None = None
    sequences: tuple[int, ...] | None = None
    given_with: int | None = None


EVERY: Final = Which()


def find_verdicts(
    connection: Connection,
    which: Which = EVERY,
    *,
    taken_back: bool = False,
    before: int | None = None,
    after: int | None = None,
    limit: int | None = 50,
    offset: int = 0,
) -> list[Row]:
    """List verdicts, newest first. taken_back: those no longer in force, too; before: only those of a lower number.

    after: of those of a higher number the lowest, also newest first.
    """
    query: Select[Any] = (
        select(
            verdicts,
            _of_taking_back(take_backs.c.at).label("taken_back_at"),
            _of_taking_back(take_backs.c.author).label("taken_back_by"),
        )
        .where(*_conditions(which))
        .order_by(verdicts.c.sequence.desc() if after is None else verdicts.c.sequence)
    )
    if after is not None:
        query = query.where(verdicts.c.sequence > after)
    if not taken_back:
        query = query.where(IN_FORCE)
    if before is not None:
        query = query.where(verdicts.c.sequence < before)
    found = [dict(row) for row in connection.execute(query.limit(limit).offset(offset)).mappings()]
    return found if after is None else found[::-1]


def sizes_of_acts(connection: Connection, firsts: Collection[int]) -> dict[int, int]:
    """Count the verdicts in force of each act. firsts: numbers by which acts are known (``given_with``)."""
    if not firsts:
        return {}
    act = verdicts.c.given_with
    query = (
        select(act, func.count().label("size"))
        .where(act == func.any(cast(list(firsts), ARRAY(BigInteger))), IN_FORCE)
        .group_by(act)
    )
    return {row.given_with: row.size for row in connection.execute(query)}


def count_verdicts(connection: Connection, which: Which) -> int:
    """Count verdicts in force, reading none of them."""
    query = select(func.count()).select_from(verdicts).where(*_conditions(which), IN_FORCE)
    return connection.scalar(query) or 0


def list_verdicts(
    connection: Connection,
    *,
    pair: tuple[Listing, Listing] | None = None,
    taken_back: bool = False,
    limit: int = 50,
    offset: int = 0,
) -> list[Row]:
    """List verdicts, newest first. pair: only those on these two (source_code, id); taken_back: those no longer in force, too."""
    return find_verdicts(connection, Which(pair=pair), taken_back=taken_back, limit=limit, offset=offset)


def _conditions(which: Which) -> list[ColumnElement[bool]]:
    given = verdicts.c
    asked: list[tuple[object, Any]] = [
        (which.author, lambda author: given.author == author),
        (which.since, lambda moment: given.given_at >= moment),
        (which.until, lambda moment: given.given_at < moment),
        (which.kind, lambda kind: given.kind == kind),
        (which.event, _on_event),
        (which.pair, _on_pair),
        (which.sequences, one_of),
        (which.given_with, lambda number: given.given_with == number),
    ]
    return [condition(value) for value, condition in asked if value is not None]


def _on_event(canonical_id: str) -> ColumnElement[bool]:
    members = canonical_sources.c
    return or_(
        *(
            exists().where(
                members.canonical_id == canonical_id,
                members.source_code == verdicts.c[f"{side}_source_code"],
                members.id == verdicts.c[f"{side}_id"],
            )
            for side in "ab"
        )
    )


def _on_pair(pair: tuple[Listing, Listing]) -> ColumnElement[bool]:
    both = [
        and_(
            *(
                verdicts.c[f"{side}_{name}"] == part
                for side, one in zip("ab", order, strict=True)
                for name, part in zip(IDENTITY, one, strict=True)
            )
        )
        for order in (pair, pair[::-1])
    ]
    return or_(*both)


def standing_on(connection: Connection, listings: Collection[Listing]) -> list[Said]:
    """List the verdicts in force that speak of any of some listings, oldest first."""
    found: dict[int, Said] = {}
    given = verdicts.c
    for some in _parts(sorted(listings)):
        sides = [tuple_(given[f"{side}_source_code"], given[f"{side}_id"]).in_(some) for side in "ab"]
        for row in connection.execute(select(verdicts).where(or_(*sides), IN_FORCE)).mappings():
            found[row["sequence"]] = said_in(row)
    return [found[number] for number in sorted(found)]


def said_in(row: Any) -> Said:
    """Read a verdict from its row."""
    b = None if row["b_id"] is None else (row["b_source_code"], row["b_id"])
    return Said(
        row["sequence"],
        row["kind"],
        (row["a_source_code"], row["a_id"]),
        b,
        row["field"],
        row["value"],
        row["author"],
    )


def listings_named(connection: Connection, listings: Collection[Listing]) -> dict[Listing, Row]:
    """Read listings: the columns of LISTING_SCHEMA."""
    found: dict[Listing, Row] = {}
    columns = [source_events.c[name] for name in LISTING_SCHEMA]
    for some in _parts(sorted(listings)):
        keys = tuple_(source_events.c.source_code, source_events.c.id)
        for row in connection.execute(select(*columns).where(keys.in_(some))).mappings():
            found[row["source_code"], row["id"]] = dict(row)
    return found
