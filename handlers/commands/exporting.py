"""The command that writes canonical events out in the input format: export."""
# ruff: noqa: PLC0415 - heavy imports stand inside, so that --help and completion answer at once

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from handlers.commands.options import AsJson, database

DAY: Final[dict[str, Any]] = {"formats": ["%Y-%m-%d"], "metavar": "YYYY-MM-DD"}
MOMENT: Final[dict[str, Any]] = {
    "formats": ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"],
    "metavar": "YYYY-MM-DD[THH:MM:SS[Z]]",
}
Day = datetime | None
Moment = datetime | None


def export(  # noqa: PLR0913, PLR0917 - an option a parameter, as typer reads them
    out: Annotated[Path, typer.Option("--out", "-o", help="The zip to write.", dir_okay=False)],
    query: Annotated[str | None, typer.Option("--q", help="Words of title, place or town.")] = None,
    city: Annotated[
        str | None, typer.Option(help="Only in this town, written as the events have it.")
    ] = None,
    category: Annotated[str | None, typer.Option(help="Only of this category.")] = None,
    source: Annotated[str | None, typer.Option(help="Only what this source lists.")] = None,
    since: Annotated[Day, typer.Option(help="Only from this day on.", **DAY)] = None,
    until: Annotated[Day, typer.Option(help="Only up to this day.", **DAY)] = None,
    created_since: Annotated[Moment, typer.Option(help="Only what came since (UTC).", **MOMENT)] = None,
    created_before: Annotated[Moment, typer.Option(help="Only what came before (UTC).", **MOMENT)] = None,
    updated_since: Annotated[Moment, typer.Option(help="Only what changed since (UTC).", **MOMENT)] = None,
    updated_before: Annotated[Moment, typer.Option(help="Only what changed before (UTC).", **MOMENT)] = None,
    as_json: AsJson = False,
) -> None:
    """Export canonical events in the input format: a zip of files of 200, which this and other systems can take in.

    It is written while it is read, so a million need no more memory than a few. The same events give the same bytes.

    **Example:** `event-dedup export --out events.zip --city Waldkirch --updated-since 2026-02-01`
    """
    from handlers.publishing_export import exported
    from handlers.terminal import counted, print_json, say
    from infra.store.events import Wanted
    from infra.store.published import Times

    if not out.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {out.parent}", param_hint="'--out'")
    wanted = Wanted(
        words=query,
        city=city,
        category=category,
        source=source,
        since=since.date() if since else None,
        until=until.date() if until else None,
    )
    times = Times(*map(_aware, (created_since, created_before, updated_since, updated_before)))
    with database("look") as store:
        size = _written(out, exported(store, wanted, times))
    if as_json:
        print_json({"file": str(out), **_counted(out), "bytes": size})
    else:
        counts = _counted(out)
        files = counted(counts["files"], "file")
        say(f"{counted(counts['events'], 'event')} in {files}: {out}, {size:,} bytes")


def _aware(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment


def _written(path: Path, pieces: Iterable[bytes]) -> int:
    """Write a file whole or not at all; gives its size."""
    part = path.with_name(f".{path.name}.part")
    size = 0
    try:
        with part.open("wb") as file:
            for piece in pieces:
                size += file.write(piece)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return size


def _counted(path: Path) -> dict[str, int]:
    """Count what was written, by reading it: only the last file may have less than all the others."""
    import zipfile

    import orjson

    from handlers.publishing_export import EVENTS_A_FILE

    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        last = len(orjson.loads(archive.read(names[-1]))["events"]) if names else 0
    return {"files": len(names), "events": EVENTS_A_FILE * max(len(names) - 1, 0) + last}
