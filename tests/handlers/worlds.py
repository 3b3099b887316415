"""Small worlds: listings whose outcome is known, files of them, and all that a database says of what became of them."""

from pathlib import Path
from typing import Any

from sqlalchemy import text

from dedup_core.policy import default_policy
from handlers.ingest import Announcement, IngestReport, ingest
from handlers.match import RunReport, match
from infra.match_queue import RememberingQueue
from infra.object_store import FolderObjects
from infra.store import Store
from tests.faults.poison import file_of, listing

POLICY = default_policy()


def concert(listing_id: str, title: str, day: str, venue: str = "Jazzhaus", city: str = "Freiburg") -> Any:
    """Write a listing with a title, a day and a place."""
    return listing(
        listing_id,
        title=title,
        description=f"{title} spielen am {day} im {venue}.",
        event_dates=[{"date": day, "start_time": "20:00"}],
        location={"name": venue, "city": city},
        categories=["konzert"],
    )


BEFORE = {
    "bwb_1.json": file_of(
        concert("b1", "Duo Rosenrot", "2026-03-06"),
        concert("b2", "Trio Grenzgang", "2026-03-07"),
        concert("b3", "Chor der Winzer", "2026-03-08", "Stadthalle", "Emmendingen"),
    ),
    "tickets_1.json": file_of(concert("t1", "DUO ROSENROT", "2026-03-06")),
}
"""What was ingested and matched before: b1 and t1 are one event."""

AFTER = {
    "bwb_2.json": file_of(
        concert("b1", "Duo Rosenrot", "2026-03-16"),
        concert("b2", "Trio Grenzgang", "2026-03-07"),
        concert("b4", "Quartett Wildwuchs", "2026-03-09"),
    ),
    "bad_1.json": b'{"events": [{"id": "torn", "ti',
    "tickets_2.json": file_of(concert("t2", "Trio Grenzgang - live", "2026-03-07"), listing("t3", title=...)),
}
"""What comes then: b1 is moved, so that its event is split; t2 joins b2; b4 is new; t3 is rejected; one file is torn."""


def lay(folder: Path, files: dict[str, bytes]) -> None:
    """Put files into a folder."""
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def take_in(store: Store, folder: Path, name: str) -> IngestReport:
    """Ingest a file of a folder; what is set aside goes beside the folder."""
    return ingest(
        Announcement(str(folder), name, sequencer="1"),
        objects=FolderObjects(folder.with_name("aside")),
        store=store,
        queue=RememberingQueue(),
        policy=POLICY,
        quarantine="quarantine/",
    )


def run(store: Store) -> RunReport:
    """Match all that is stored."""
    return match(store=store, policy=POLICY)


STATE = {
    "files": (
        "key, version, sequencer, sha256, bytes, source_code, processed_at, status, reason, listings, stored, "
        "unchanged, superseded, rejected, generation"
    ),
    "source_events": "source_code, id, title, event_dates, raw, content_hash, order_key, generation, title_words",
    "source_event_history": "source_code, id, raw, content_hash, order_key",
    "rejections": "index, listing_id, field, reason, listing",
    "canonical_events": "canonical_id, content, content_hash, born, generation",
    "canonical_sources": "*",
    "decisions": "*",
    "links": "*",
    "flags": "*",
    "lineage": "generation, parent_id, child_id, kind",
    "redirects": "*",
    "generations": "*",
    "runs": "generation, status, reason, statistics, result_hash",
}
"""Tables and their columns, but for clocks and numbers that sequences give."""


def state(store: Store) -> dict[str, list[Any]]:
    """Read all that the database says, each table's rows in an order of their own."""
    with store.reading() as connection:
        return {
            table: sorted(
                str(tuple(row)) for row in connection.execute(text(f"SELECT {columns} FROM {table}"))
            )
            for table, columns in STATE.items()
        }
