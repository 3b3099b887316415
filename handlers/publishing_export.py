"""Exporting: canonical events as files in the input format, in one zip, written while it is read.

What is exported has to be readable by the intake that it came through; a test reads it back. What the input format has no field for
(confidence, sources, provenance) stands beside, as unknown fields do. One moment of the store is read, a file at a time.
"""

import hashlib
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from io import RawIOBase, UnsupportedOperation
from tempfile import SpooledTemporaryFile
from typing import IO, Any, Final, Protocol

import orjson

from dedup_core.errors import EventDedupError
from handlers.turns import one_at_a_time
from infra.store import Store, published
from infra.store.events import Row, Wanted
from infra.store.published import ANY_TIME, Times

EVENTS_A_FILE: Final = 200

SOURCE_CODE: Final = "canonical"
"""What the files' names begin with: as whose listings they would be taken in again."""

THE_FIRST_DAY: Final = (1980, 1, 1, 0, 0, 0)
"""The time of each file in the zip, its earliest possible: equal events make equal bytes, whenever they are exported."""


MOST_WHILE_WAITING: Final = 50_000
"""Events of an export over HTTP: the gateway waits for 29 seconds."""

MOST_IN_ANSWER: Final = 4_000_000
"""Bytes of a zip that a function answers with: 6 MB is its limit, and base64 makes four bytes of three."""

MOST_IN_MEMORY: Final = 16_000_000
"""Bytes of a zip that are not yet put on disk."""


class TooMuch(EventDedupError):  # noqa: N818
    """More was asked for than can be given while someone waits. Ask for less, or at the command line."""


class _Outlet(RawIOBase):
    """Take what is written, until it is taken on. It can't seek, so the zip never goes back."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        """Say that it takes bytes."""
        return True

    def tell(self) -> int:
        """Refuse, as a socket would."""
        raise UnsupportedOperation("an outlet has no place")

    def write(self, piece: Any, /) -> int:
        """Take bytes."""
        self._parts.append(bytes(piece))
        return len(self._parts[-1])

    def taken(self) -> bytes:
        """Give what was written since the last time."""
        parts, self._parts = self._parts, []
        return b"".join(parts)


def exported(store: Store, wanted: Wanted, times: Times = ANY_TIME) -> Iterator[bytes]:
    """Write the zip, a piece at a time; a file of 200 events is held, never more. Nothing to export is a zip without files."""
    outlet = _Outlet()
    with zipfile.ZipFile(outlet, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in export_files(store, wanted, times):
            archive.writestr(_entry(name), content)
            yield outlet.taken()
    yield outlet.taken()


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, date_time=THE_FIRST_DAY)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.create_system = 3  # the same whatever machine writes it
    entry.external_attr = 0o644 << 16
    return entry


def export_files(store: Store, wanted: Wanted, times: Times = ANY_TIME) -> Iterator[tuple[str, bytes]]:
    """Give the files' names and contents, events in the order of their ids."""
    number, behind = 0, ""
    with store.moment() as moment:
        while rows := published.events_by_id(moment, wanted, times, behind=behind, limit=EVENTS_A_FILE):
            number, behind = number + 1, rows[-1]["canonical_id"]
            yield f"{SOURCE_CODE}_{number:05}.json", export_document(rows)


def export_document(rows: list[Row]) -> bytes:
    """Write a file of the input format. rows: as from `infra.store.published.events_by_id`, at least one."""
    newest = max(row["updated_at"] for row in rows)
    document = {
        "events": [_event(row) for row in rows],
        "rejected": [],
        "metadata": {"processedAt": _moment(newest), "sourceKey": "event-dedup"},
    }
    return orjson.dumps(document)


def _event(row: Row) -> dict[str, Any]:
    times = {name: _moment(row[name]) for name in ("created_at", "updated_at")}
    return {**row["content"], **times}


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


class Shares(Protocol):
    """What a large export asks of the place where files are lent."""

    def lend(self, name: str, content: IO[bytes], *, content_type: str) -> str:
        """Put a file there and give an address of it."""


@one_at_a_time
def delivered(store: Store, wanted: Wanted, times: Times, *, shares: Shares | None) -> bytes | str:
    """Export in one answer: the zip itself, or the address of one that is too large for a function to give.

    shares: where that is put, under a name that its content makes; null where answers have no limit.

    Raises:
        TooMuch: more events than can be read while someone waits; nothing is exported.
        Busy: another export is under way; nothing is exported.
    """
    if _count(store, wanted, times, most=MOST_WHILE_WAITING) > MOST_WHILE_WAITING:
        raise TooMuch(
            f"more than {MOST_WHILE_WAITING:,} events: narrow the filter, or use `event-dedup export`"
        )
    digest = hashlib.sha256()
    with SpooledTemporaryFile(max_size=MOST_IN_MEMORY) as whole:
        for piece in exported(store, wanted, times):
            digest.update(piece)
            whole.write(piece)
        size = whole.tell()
        whole.seek(0)
        if shares is None or size <= MOST_IN_ANSWER:
            return whole.read()
        return shares.lend(f"{digest.hexdigest()}.zip", whole, content_type="application/zip")


def _count(store: Store, wanted: Wanted, times: Times, *, most: int) -> int:
    with store.reading() as connection:
        return published.count_up_to(connection, wanted, times, most=most)
