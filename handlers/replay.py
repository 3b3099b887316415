"""Replay: try a file of the quarantine again, after it was mended or the policy allows more."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from dedup_core.errors import UnknownEvent
from handlers.ingest import Announcement, IngestReport
from infra.errors import ObjectMissing


class ReplayedStore(Protocol):
    """What replay asks of the store."""

    def mark_replayed(self, file_id: int) -> bool:
        """Set a quarantined file free to be ingested again; false if it is not in quarantine."""

    def keep_quarantined(self, file_id: int) -> None:
        """Take back that a file was set free."""


def replay(
    file: Mapping[str, Any], *, store: ReplayedStore, ingested: Callable[[Announcement], IngestReport]
) -> IngestReport:
    """Ingest a quarantined file again from where it came; the record of the first time stays.

    file: its row of ``files``.   ingested: takes it in.

    A second run finds nothing in quarantine and says so. A crash half-way leaves a file that no longer counts as known: the next
    look at the folder, or the sweep, takes it in.

    Raises:
        UnknownEvent: the file is not in quarantine.
        ObjectMissing: it is gone from where it came; it stays in quarantine.
    """
    if not store.mark_replayed(file["file_id"]):
        raise UnknownEvent(f"file {file['file_id']} is not in quarantine, it is {file['status']}")
    # Where the place keeps no versions, the content's hash stands in the version's column.
    version = "" if file["version"] == file["sha256"] else file["version"]
    report = ingested(Announcement(file["bucket"], file["key"], version, file["sequencer"]))
    if report.status == "missing":
        store.keep_quarantined(file["file_id"])
        raise ObjectMissing(f"{file['key']} is gone from {file['bucket']}; its copy lies in the quarantine")
    return report
