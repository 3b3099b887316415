"""export, and policy show, plan, apply and list, run as a person runs them."""

import json
import zipfile
from pathlib import Path

import pytest
import yaml

from dedup_core.policy import default_policy
from tests.handlers.conftest import forget_wiring
from tests.handlers.test_commands import inbox, put, run, shown
from tests.handlers.test_commands import listing as market

__all__ = ["inbox"]


@pytest.fixture
def strict(tmp_path: Path) -> Path:
    """Give a policy by which nothing is a match."""
    document = default_policy().model_dump(mode="json")
    document |= {"version": "strict", "thresholds": {"match": 50, "ambiguous": 40, "floor": -20}}
    path = tmp_path / "strict.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return path


def test_an_export_is_a_zip_of_what_the_filters_leave_that_can_be_taken_in_again(
    inbox: Path, tmp_path: Path
) -> None:
    all_of_it = shown("export", "--out", "all.zip")
    one = shown("export", "--out", "one.zip", "--city", "Waldkirch", "--created-since", "2026-01-01")
    none = shown("export", "--out", "none.zip", "--updated-before", "2026-01-01T00:00:00Z")
    nowhere = run("export", "--out", "nowhere/all.zip")

    assert (all_of_it["events"], all_of_it["files"]) == (2, 1)
    assert (one["events"], none["events"]) == (1, 0)
    assert nowhere.exit_code == 2
    assert [path.name for path in tmp_path.glob(".*.part")] == []
    with zipfile.ZipFile("all.zip") as archive:
        archive.extractall("again")
    assert run("dedupe", "again", "--output", "again.json").exit_code == 0
    titles = [event["title"] for event in json.loads(Path("again.json").read_text())["events"]]
    assert titles == ["Ostermarkt", "Ostermarkt"]


def test_a_plan_is_read_applied_and_listed_and_void_when_the_data_moved_on(inbox: Path, strict: Path) -> None:
    put(inbox / "tickets_1.json", market("t1", "Ostermarkt", "Waldkirch"))
    run("watch", "inbox", "--once")
    before = shown("policy", "show")["hash"]

    planned = shown("policy", "plan", str(strict))
    told = run("policy", "plan", str(strict))
    put(inbox / "late_1.json", market("l1", "Herbstmarkt", "Elzach"))
    run("watch", "inbox", "--once")
    with pytest.raises(Exception, match="moved on"):
        run("policy", "apply", str(strict), "--token", planned["token"])
    unchanged = shown("policy", "show")["hash"]
    token = shown("policy", "plan", str(strict))["token"]
    applied = shown(
        "policy", "apply", str(strict), "--token", token, "--author", "ada", "--reason", "doubles"
    )

    assert planned["counts"]["created"] == 1
    assert {change["kind"] for change in planned["changes"]} == {"created", "updated"}
    assert "loses to" in told.stdout
    assert "blatt:a1" in told.stdout
    assert unchanged == before == default_policy().hash
    assert shown("policy", "show")["version"] == "strict"
    assert shown("policy", "show")["hash"] == applied["policy_hash"]
    (version,) = shown("policy", "list")
    assert (version["author"], version["reason"], version["policy_hash"]) == (
        "ada",
        "doubles",
        applied["policy_hash"],
    )
    assert shown("runs", "list")[0]["policy_hash"] == applied["policy_hash"]
    assert len(shown("events", "list")) == 4
    # It is in force for whoever matches next, and a policy that is named by hand is only that run's.
    run("match", "--policy", str(Path(__file__).parents[2] / "dedup_core" / "matching.yaml"))
    assert len(shown("events", "list")) == 3
    run("match")
    assert len(shown("events", "list")) == 4


def test_without_a_database_the_policy_is_the_packaged_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EVENT_DEDUP_DATABASE_URL", raising=False)
    monkeypatch.setenv("EVENT_DEDUP_DATA_FOLDER", str(tmp_path / "var"))
    forget_wiring()

    assert shown("policy", "show")["hash"] == default_policy().hash
    assert not (tmp_path / "var").exists()
