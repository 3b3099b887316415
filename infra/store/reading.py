"""Reading: what people and other programs look up. Every query here that may meet many rows has an index and a test of its plan."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select

from dedup_core.events import IDENTITY
from infra.store.events import SORTED_BY, Order
from infra.store.tables import (
    canonical_events,
    canonical_sources,
    decisions,
    files,
    flags,
    generations,
    lineage,
    links,
    redirects,
    rejections,
    runs,
    source_events,
    verdicts,
)
from infra.store.verdicts import IN_FORCE

Row = Mapping[str, Any]
"""A row as a mapping, JSON-ready but for dates and times."""

SOONEST_FIRST: Final = Order()
MOST_SOURCES_FIRST: Final = Order("n_sources", descending=True)


def _rows(connection: Connection, query: Select[Any]) -> list[Row]:
    return [dict(row) for row in connection.execute(query).mappings()]


def _row(connection: Connection, query: Select[Any]) -> Row | None:
    found = connection.execute(query).mappings().first()
    return dict(found) if found else None


SUMMARY: Final = [
    *(column for column in canonical_events.columns if column.name != "content"),
    canonical_events.c.content["event_dates"][0]["start_time"].astext.label("start_time"),
]


def list_events(
    connection: Connection,
    *,
    city: str | None = None,
    since: str | None = None,
    until: str | None = None,
    needs_review: bool | None = None,
    order: Order = SOONEST_FIRST,
    limit: int = 50,
    offset: int = 0,
) -> list[Row]:
    """List canonical events without their content, but for ``start_time``: when the first occurrence begins, null if nobody knows. since, until: ISO days that the event must touch."""
    wanted: list[ColumnElement[bool]] = [~canonical_events.c.hidden]
    if city is not None:
        wanted.append(canonical_events.c.city == city)
    if since is not None:
        wanted.append(canonical_events.c.last_day >= date.fromisoformat(since))
    if until is not None:
        wanted.append(canonical_events.c.first_day <= date.fromisoformat(until))
    if needs_review is not None:
        wanted.append(canonical_events.c.needs_review if needs_review else ~canonical_events.c.needs_review)
    columns = (SORTED_BY[order.by], canonical_events.c.canonical_id)
    directed = [column.desc() if order.descending else column.asc() for column in columns]
    return _rows(connection, select(*SUMMARY).where(*wanted).order_by(*directed).limit(limit).offset(offset))


def show_event(connection: Connection, canonical_id: str) -> Row | None:
    """Show a canonical event with its flags, links and lineage; a merged id leads to its survivor (``redirected_from``)."""
    target = connection.scalar(select(redirects.c.to_id).where(redirects.c.from_id == canonical_id))
    living = target or canonical_id
    event = _row(connection, select(canonical_events).where(canonical_events.c.canonical_id == living))
    if event is None:
        return None
    related = or_(links.c.from_id == living, links.c.to_id == living)
    family = or_(lineage.c.parent_id == living, lineage.c.child_id == living)
    return {
        **event,
        "redirected_from": canonical_id if target else None,
        "flag_details": _rows(
            connection, select(flags.c.flag, flags.c.detail).where(flags.c.canonical_id == living)
        ),
        "links": _rows(connection, select(links).where(related)),
        "lineage": _rows(connection, select(lineage).where(family).order_by(lineage.c.lineage_id)),
    }


def event_of(connection: Connection, source_code: str, listing_id: str) -> str | None:
    """Find the canonical event of a source event."""
    return connection.scalar(
        select(canonical_sources.c.canonical_id).where(
            canonical_sources.c.source_code == source_code, canonical_sources.c.id == listing_id
        )
    )


def stored_decision(connection: Connection, a: tuple[str, str], b: tuple[str, str]) -> Row | None:
    """Find what the last run decided of a pair of (source_code, id), in either order."""
    low, high = sorted((a, b))
    return _row(
        connection,
        select(decisions).where(
            decisions.c.a_source_code == low[0],
            decisions.c.a_id == low[1],
            decisions.c.b_source_code == high[0],
            decisions.c.b_id == high[1],
        ),
    )


def questions(connection: Connection, *, limit: int = 50, offset: int = 0) -> list[Row]:
    """List the ambiguous pairs across two canonical events that no verdict settles, most likely first."""
    query = unsettled().order_by(decisions.c.weight.desc(), decisions.c.a_source_code, decisions.c.a_id)
    return _rows(connection, query.limit(limit).offset(offset))


def count_questions(connection: Connection) -> int:
    """Count what `questions` lists."""
    return connection.scalar(select(func.count()).select_from(unsettled().subquery())) or 0


def unsettled() -> Select[Any]:
    """Select the pairs that wait for a person: columns of the decision, and ``a_event`` and ``b_event``."""
    mine, other = canonical_sources.alias("a_event"), canonical_sources.alias("b_event")
    said = (_speaks_of("a", "b"), _speaks_of("b", "a"), _calls_no_event("a"), _calls_no_event("b"))
    # A condition each: joined by "or", each question would be held against each verdict.
    open_ = [~select(verdicts.c.sequence).where(IN_FORCE, one).exists() for one in said]
    return (
        select(decisions, mine.c.canonical_id.label("a_event"), other.c.canonical_id.label("b_event"))
        .join(mine, and_(mine.c.source_code == decisions.c.a_source_code, mine.c.id == decisions.c.a_id))
        .join(other, and_(other.c.source_code == decisions.c.b_source_code, other.c.id == decisions.c.b_id))
        .where(decisions.c.decision == "ambiguous", mine.c.canonical_id != other.c.canonical_id, *open_)
    )


def _calls_no_event(side: str) -> ColumnElement[bool]:
    return and_(
        verdicts.c.kind == "not_an_event",
        verdicts.c.a_source_code == decisions.c[f"{side}_source_code"],
        verdicts.c.a_id == decisions.c[f"{side}_id"],
    )


def _speaks_of(first: str, second: str) -> ColumnElement[bool]:
    return and_(
        verdicts.c.a_source_code == decisions.c[f"{first}_source_code"],
        verdicts.c.a_id == decisions.c[f"{first}_id"],
        verdicts.c.b_source_code == decisions.c[f"{second}_source_code"],
        verdicts.c.b_id == decisions.c[f"{second}_id"],
    )


def list_files(
    connection: Connection,
    *,
    status: str | None = None,
    duplicates: bool = True,
    limit: int = 50,
    offset: int = 0,
) -> list[Row]:
    """List files, newest first. status: only those in it, such as ``quarantined``; duplicates: those too whose content was known."""
    query = select(files).order_by(files.c.received_at.desc(), files.c.file_id.desc())
    if status is not None:
        query = query.where(files.c.status == status)
    if not duplicates:
        query = query.where(files.c.status != "duplicate")
    return _rows(connection, query.limit(limit).offset(offset))


def count_duplicates(connection: Connection) -> int:
    """Count files whose content was known when they came."""
    duplicate = files.c.status == "duplicate"
    return connection.scalar(select(func.count()).select_from(files).where(duplicate)) or 0


def show_file(connection: Connection, file_id: int, *, limit: int = 1000, offset: int = 0) -> Row | None:
    """Show a file with what was rejected of it, a page at a time; ``rejected`` says how much there is."""
    file = _row(connection, select(files).where(files.c.file_id == file_id))
    if file is None:
        return None
    refused = select(rejections).where(rejections.c.file_id == file_id).order_by(rejections.c.rejection_id)
    return {**file, "rejections": _rows(connection, refused.limit(limit).offset(offset))}


def known_objects(connection: Connection, bucket: str) -> set[tuple[str, str]]:
    """List (key, version) of the uploads of a bucket that were recorded; one that waits to be replayed is not known."""
    query = select(files.c.key, files.c.version).where(files.c.bucket == bucket, files.c.status != "replayed")
    return {(key, version) for key, version in connection.execute(query)}


def list_runs(connection: Connection, *, limit: int = 50, offset: int = 0) -> list[Row]:
    """List runs, newest first."""
    return _rows(connection, select(runs).order_by(runs.c.run_id.desc()).limit(limit).offset(offset))


def show_listing(connection: Connection, source_code: str, listing_id: str) -> Row | None:
    """Show a source event: its columns and the raw listing."""
    return _row(
        connection,
        select(source_events).where(
            source_events.c[IDENTITY[0]] == source_code, source_events.c[IDENTITY[1]] == listing_id
        ),
    )


def overview(connection: Connection) -> Row:
    """Count what there is: files, listings, canonical events, what awaits review."""

    def count(query: Select[int]) -> int:
        return connection.scalar(query) or 0

    state = connection.execute(select(generations.c.ingested, generations.c.matched)).one()
    return {
        "files": count(select(func.count()).select_from(files).where(files.c.status == "stored")),
        "quarantined": count(select(func.count()).select_from(files).where(files.c.status == "quarantined")),
        "listings": count(select(func.count()).select_from(source_events)),
        "rejected": count(select(func.count()).select_from(rejections)),
        "canonical_events": count(select(func.count()).select_from(canonical_events)),
        "merged": count(
            select(func.count()).select_from(canonical_events).where(canonical_events.c.n_sources > 1)
        ),
        "needs_review": count(
            select(func.count()).select_from(canonical_events).where(canonical_events.c.needs_review)
        ),
        "links": count(select(func.count()).select_from(links)),
        "ingested_generation": state.ingested,
        "matched_generation": state.matched,
    }
