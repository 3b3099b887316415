"""Files and runs over HTTP: what was refused and why, which events hold the rest, and how it went by day."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import validate
from sqlalchemy import text

from handlers import api
from infra.store import Store
from tests.faults.poison import file_of, listing
from tests.handlers.calling import ask, got
from tests.handlers.worlds import AFTER, BEFORE, lay, run, take_in


@pytest.fixture
def lived(deployed: Store, tmp_path: Path) -> Store:
    """Give a store that took five files in, one of them torn, and ran twice."""
    for files in (BEFORE, AFTER):
        lay(tmp_path / "in", files)
        for name in files:
            take_in(deployed, tmp_path / "in", name)
        run(deployed)
    return deployed


def all_pages(path: str, name: str, number: str) -> list[Any]:
    items, onward = [], ""
    while True:
        page = got(f"{path}{onward}")
        items += page[name]
        if page["next"] is None:
            return items
        onward = f"&{number}={page['next']}"


def answer_of(path: str) -> Any:
    """Give the schema that the OpenAPI document has of an answer."""
    operation = json.loads(api.document())["paths"][path]["get"]
    return operation["responses"]["200"]["content"]["application/json"]["schema"]


def test_files_are_listed_newest_first_each_once_a_page_at_a_time(lived: Store) -> None:
    files = all_pages("/files?limit=2", "files", "before")

    assert [file["key"] for file in files] == [*list(AFTER)[::-1], *list(BEFORE)[::-1]]
    assert [file["key"] for file in got("/files?status=quarantined")["files"]] == ["bad_1.json"]
    assert {file["source_code"] for file in got("/files?source=tickets")["files"]} == {"tickets"}


def test_a_file_tells_what_was_refused_and_which_events_hold_the_rest(lived: Store) -> None:
    newest = got("/files?source=tickets&limit=1")["files"][0]["file_id"]

    file = got(f"/files/{newest}")

    validate(file, answer_of("/files/{file_id}"))
    assert (file["listings"], file["stored"], file["rejected"]) == (2, 1, 1)
    (refused,) = file["rejections"]
    assert (refused["index"], refused["listing_id"], refused["field"]) == (1, "t3", "title")
    (event,) = file["events"]
    assert event["listing_id"] == "t2"
    assert event["canonical_id"] in {one["id"] for one in got("/events")["events"]}
    assert file["receipt"] is None  # it came out of a folder
    assert ask("/files/9999")[0] == 404


def test_a_file_of_a_bucket_names_its_receipt_and_long_lists_of_refusals_have_pages(
    lived: Store, tmp_path: Path
) -> None:
    lay(
        tmp_path / "in",
        {"poor_1.json": file_of(*(listing(f"p{n}", title=...) for n in range(7)), listing("good"))},
    )
    take_in(lived, tmp_path / "in", "poor_1.json")
    with lived.engine.begin() as connection:
        connection.execute(text("UPDATE files SET bucket = 'uploads' WHERE key = 'poor_1.json'"))
    number = got("/files?source=poor")["files"][0]["file_id"]

    refused = all_pages(f"/files/{number}/rejections?limit=3", "rejections", "behind")

    assert [one["listing_id"] for one in refused] == [f"p{n}" for n in range(7)]
    assert got(f"/files/{number}")["receipt"] == {"key": "receipts/poor_1.json.json", "written_at": None}


def test_runs_come_with_their_counts_and_days_add_up_to_them(lived: Store) -> None:
    lived.record_failure(
        generation=9, reason="boom", policy_version="1", policy_hash="h", started_at=datetime.now(UTC)
    )

    runs, trends = all_pages("/runs?limit=1", "runs", "before"), got("/runs/trends?days=2")

    validate(runs[1], answer_of("/runs/{run_id}"))
    assert [one["status"] for one in runs] == ["failed", "done", "done"]
    assert got(f"/runs/{runs[1]['run_id']}") == runs[1]
    assert ask("/runs/9999")[0] == 404
    files = got("/files")["files"]
    for name in ("listings", "rejected", "stored"):
        assert sum(day[name] for day in trends["files"]) == sum(file[name] for file in files)
    assert sum(day["runs"] for day in trends["runs"]) == 3
    assert sum(day["failed"] for day in trends["runs"]) == 1
    assert trends["runs"][-1]["statistics"] == runs[1]["statistics"]
