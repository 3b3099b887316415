"""Dedupe: files in, canonical events out, without any service."""

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import polars as pl

from dedup_core.errors import UnreadableFile
from dedup_core.events import IDENTITY, LISTING_SCHEMA, VERDICT_SCHEMA, Previous, Rejection, Resolution
from dedup_core.normalising import normalise
from dedup_core.parsing import check_size, parse
from dedup_core.pipeline import Progress, resolve
from dedup_core.policy import Policy
from dedup_core.validating import source_code_of, validate
from handlers.stopwatch import Stopwatch
from infra.errors import NothingToRead
from infra.object_store import is_input


@dataclass(frozen=True, slots=True)
class Read:
    """What was read of all files. events: EVENT_SCHEMA, of each listing the version that holds."""

    events: pl.DataFrame
    rejections: tuple[Rejection, ...]
    files: int
    listings: int


@dataclass(frozen=True, slots=True)
class Deduped:
    """A resolution of files, and what the output says of it."""

    resolution: Resolution
    rejections: tuple[Rejection, ...]
    stats: dict[str, object]


def input_paths(paths: Sequence[Path]) -> list[Path]:
    """List the files to read: those named, and the input files in folders that are named.

    Raises:
        NothingToRead: no input file is among them.
    """
    found: set[Path] = set()
    for path in paths:
        if path.is_dir():
            found |= {
                inner
                for inner in path.rglob("*")
                if is_input(inner.relative_to(path).as_posix()) and inner.is_file()
            }
        else:
            found.add(path)
    if not found:
        raise NothingToRead(f"no .json or .json.gz file in {', '.join(map(str, paths))}")
    return sorted(found)


def read_files(
    paths: Sequence[Path],
    policy: Policy,
    *,
    written: Mapping[str, bytes] = MappingProxyType({}),
    read: Callable[[int], None] = lambda done: None,
) -> Read:
    """Read, validate and normalise files.

    Of a listing that several files hold, the one of the greatest (processedAt, SHA-256 of the file) holds. A file that can't be
    read is a rejection without index, a bad listing one with it; all others go in.   written: more files, content by name, that
    lie nowhere.   read: told how many files are done.
    """
    frames: list[pl.DataFrame] = [pl.DataFrame(schema={**LISTING_SCHEMA, "order": pl.String()})]
    rejections: list[Rejection] = []
    listings = 0
    for done, path in enumerate([*paths, *map(Path, written)]):
        read(done)
        try:
            frame, refused, count = _read_file(path, written.get(path.as_posix()), policy)
        except (UnreadableFile, PermissionError) as error:
            rejections.append(Rejection(file=path.as_posix(), index=None, field=None, reason=_reason(error)))
        else:
            frames.append(frame)
            rejections.extend(refused)
            listings += count
    latest = pl.concat(frames).sort(*IDENTITY, "order").unique(IDENTITY, keep="last", maintain_order=True)
    ordered = sorted(rejections, key=lambda r: (r.file, -1 if r.index is None else r.index, r.field or ""))
    return Read(normalise(latest.drop("order")), tuple(ordered), len(paths) + len(written), listings)


def _reason(error: UnreadableFile | PermissionError) -> str:
    return "can't be opened: permission denied" if isinstance(error, PermissionError) else str(error)


def _read_file(
    path: Path, content: bytes | None, policy: Policy
) -> tuple[pl.DataFrame, tuple[Rejection, ...], int]:
    if content is None:
        check_size(path.stat().st_size, intake=policy.intake)
        content = path.read_bytes()
    parsed = parse(content, intake=policy.intake)
    valid = validate(
        parsed, file=path.as_posix(), source_code=source_code_of(path.name), intake=policy.intake
    )
    # A space sorts before all digits, so that no time is before any time; the store orders versions alike.
    order = f"{parsed.processed_at or ''} {hashlib.sha256(content).hexdigest()}"
    return valid.listings.with_columns(pl.lit(order).alias("order")), valid.rejections, len(parsed)


def dedupe(
    paths: Sequence[Path],
    policy: Policy,
    *,
    read: Callable[[int], None] = lambda done: None,
    progress: Progress | None = None,
) -> Deduped:
    """Resolve the listings of files.

    A second run on the same files gives the same result, byte for byte, but for ``seconds``; so does one on the same files
    in another order. A crash leaves nothing behind.
    """
    begun = time.monotonic()
    taken = read_files(paths, policy, read=read)
    reading = time.monotonic() - begun
    watch = Stopwatch(progress)
    resolution = resolve(
        taken.events, pl.DataFrame(schema=VERDICT_SCHEMA), Previous.nothing(), policy, progress=watch.begin
    )
    seconds = {"reading": round(reading, 4), **watch.end()}
    seconds["total"] = round(time.monotonic() - begun, 4)
    stats: dict[str, object] = {
        "files": taken.files,
        **resolution.statistics,
        "listings": taken.listings,
        "source_events": taken.events.height,
        "rejected": len(taken.rejections),
        "seconds": seconds,
    }
    return Deduped(resolution, taken.rejections, stats)
