from pathlib import Path
from typing import Any

import pytest

from dedup_core.errors import UnknownEvent
from handlers.replay import replay
from infra.errors import ObjectMissing
from infra.store import Store, reading
from tests.faults.poison import file_of, listing
from tests.handlers.worlds import lay, take_in


@pytest.fixture
def inbox(tmp_path: Path, store: Store) -> Path:
    """Lay out a folder with a torn file, which is in quarantine."""
    folder = tmp_path / "inbox"
    lay(folder, {"bwb_1.json": b"{torn"})
    assert take_in(store, folder, "bwb_1.json").status == "quarantined"
    return folder


def quarantined(store: Store) -> list[dict[str, Any]]:
    with store.reading() as connection:
        return [dict(row) for row in reading.list_files(connection, status="quarantined")]


def again(store: Store, folder: Path, file: dict[str, Any]) -> str:
    return replay(file, store=store, ingested=lambda announced: take_in(store, folder, announced.key)).status


def test_a_mended_file_goes_in_and_its_first_record_stays(store: Store, inbox: Path) -> None:
    (file,) = quarantined(store)
    lay(inbox, {"bwb_1.json": file_of(listing("a"))})

    status = again(store, inbox, file)

    assert status == "stored"
    assert quarantined(store) == []
    with store.reading() as connection:
        first = reading.show_file(connection, file["file_id"])
    assert first is not None
    assert (first["status"], first["reason"]) == ("replayed", file["reason"])
    with pytest.raises(UnknownEvent, match="not in quarantine"):
        again(store, inbox, file)


def test_a_file_that_is_still_bad_is_in_quarantine_once(store: Store, inbox: Path) -> None:
    (file,) = quarantined(store)

    status = again(store, inbox, file)

    assert status == "quarantined"
    assert [(row["key"], row["reason"]) for row in quarantined(store)] == [(file["key"], file["reason"])]


def test_a_file_that_is_gone_from_its_place_stays_in_quarantine(store: Store, inbox: Path) -> None:
    """Or nobody would ever see again that it was refused, and that a copy is kept."""
    (file,) = quarantined(store)
    (inbox / "bwb_1.json").unlink()

    for _ in range(2):
        with pytest.raises(ObjectMissing, match=r"bwb_1\.json is gone"):
            again(store, inbox, file)

    assert quarantined(store) == [file]
