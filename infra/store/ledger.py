"""Ledger: what became of files, and what runs did, newest first and a page at a time; and both by day.

Pages go on behind a number, not by a count: a file that comes meanwhile moves nothing out of sight.
"""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Date, cast, func, literal_column, select

from infra.store.tables import files, rejections, runs

Row = dict[str, Any]

_UTC: Final[ColumnElement[str]] = literal_column("'UTC'")
"""Written out: a parameter would make the day that is shown another expression than the one that is grouped by."""


def files_before(
    connection: Connection, *, before: int | None, status: str | None, source: str | None, limit: int
) -> list[Row]:
    """List files of a lower number than ``before``, newest first."""
    query = select(files).order_by(files.c.file_id.desc()).limit(limit)
    if before is not None:
        query = query.where(files.c.file_id < before)
    for name, value in (("status", status), ("source_code", source)):
        if value is not None:
            query = query.where(files.c[name] == value)
    return [dict(row) for row in connection.execute(query).mappings()]


def file_of(connection: Connection, file_id: int) -> Row | None:
    """Look a file up."""
    found = connection.execute(select(files).where(files.c.file_id == file_id)).mappings().first()
    return dict(found) if found else None


def rejections_behind(connection: Connection, file_id: int, *, behind: int, limit: int) -> list[Row]:
    """List what was refused of a file, in its order, behind a number."""
    query = (
        select(rejections)
        .where(rejections.c.file_id == file_id, rejections.c.rejection_id > behind)
        .order_by(rejections.c.rejection_id)
    )
    return [dict(row) for row in connection.execute(query.limit(limit)).mappings()]


def runs_before(connection: Connection, *, before: int | None, status: str | None, limit: int) -> list[Row]:
    """List runs of a lower number than ``before``, newest first."""
    query = select(runs).order_by(runs.c.run_id.desc()).limit(limit)
    if before is not None:
        query = query.where(runs.c.run_id < before)
    if status is not None:
        query = query.where(runs.c.status == status)
    return [dict(row) for row in connection.execute(query).mappings()]


def files_by_day(connection: Connection, since: datetime) -> list[Row]:
    """Count files and their listings by the day (UTC) on which they came, oldest first; days without any are left out."""
    day = cast(func.timezone(_UTC, files.c.received_at), Date).label("day")
    counts = [func.sum(files.c[name]).label(name) for name in ("listings", "stored", "unchanged", "rejected")]
    quarantined = func.count().filter(files.c.status == "quarantined").label("quarantined")
    query = select(day, func.count().label("files"), quarantined, *counts)
    by_day = query.where(files.c.received_at >= since).group_by(day).order_by(day)
    return [dict(row) for row in connection.execute(by_day).mappings()]


def runs_by_day(connection: Connection, since: datetime) -> list[Row]:
    """Count runs by the day (UTC) on which they ended, oldest first, with the ``statistics`` of the day's last one that was done, if any was."""
    day = cast(func.timezone(_UTC, runs.c.finished_at), Date)
    took = func.extract("epoch", runs.c.finished_at - runs.c.started_at)
    counted = (
        select(
            day.label("day"),
            func.count().label("runs"),
            func.count().filter(runs.c.status == "failed").label("failed"),
            func.max(took).label("longest_s"),
            func.max(runs.c.run_id).filter(runs.c.status == "done").label("last"),
        )
        .where(runs.c.finished_at >= since)
        .group_by(day)
        .subquery()
    )
    query = select(
        counted.c.day, counted.c.runs, counted.c.failed, counted.c.longest_s, runs.c.statistics
    ).outerjoin(runs, runs.c.run_id == counted.c.last)
    rows = connection.execute(query.order_by(counted.c.day)).mappings()
    return [{**row, "longest_s": float(row["longest_s"])} for row in rows]
