"""The way of a file through the real template: bucket, queue, ingest, Postgres, FIFO queue, match."""

import json
import os
import subprocess
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from tests.stack.conftest import VENV, World, eventually, file_of, listing

FIELDS_OF_A_FILE = {
    "key",
    "version",
    "status",
    "listings",
    "stored",
    "unchanged",
    "rejected",
    "errors",
    "seconds",
}
FIELDS_OF_A_RUN = {
    "generation",
    "events_created",
    "events_changed",
    "events_gone",
    "statistics",
    "seconds",
    "errors",
}


def test_a_file_becomes_canonical_events_whatever_its_key_is_made_of(world: World) -> None:
    key = "höfe 2026/wegblatt_a+b c%20ü&=.json"
    twin = "wegmag_1.json"

    world.put(key, file_of(listing("a1", "Ostermarkt der Höfe"), listing("a2", "Lesung im Rathaus")))
    eventually(lambda: world.events_of("wegblatt"), "canonical events of the first file")
    world.put(twin, file_of(listing("m1", "Ostermarkt der Höfe")))
    eventually(lambda: world.events_of("wegmag"), "canonical events of the second file")

    assert [event.listings for event in world.events_of("wegblatt")] == [
        ["wegblatt:a2"],
        ["wegblatt:a1", "wegmag:m1"],
    ]
    assert world.file(key).status == "stored"


def test_the_aws_command_puts_a_file_in(world: World, tmp_path: Path) -> None:
    path = tmp_path / "cliblatt_neu + alt ö.json"
    path.write_bytes(file_of(listing("a1", "Serenade am See")))
    keys = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }
    command = [str(VENV / "bin" / "aws"), "--endpoint-url", world.up.url, "s3", "cp"]

    subprocess.run(
        [*command, str(path), f"s3://{world.uploads}/"],
        check=True,
        capture_output=True,
        timeout=60,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **keys},
    )

    events = eventually(lambda: world.events_of("cliblatt"), "canonical events of the file")
    assert [event.title for event in events] == ["Serenade am See"]


def test_the_same_content_again_changes_nothing_and_costs_no_run(world: World) -> None:
    content = file_of(listing("a1", "Flohmarkt am Bahnhof"))
    world.put("wiederblatt_1.json", content)
    eventually(lambda: world.events_of("wiederblatt"), "canonical events of the file")
    before = (world.store.generations(), world.runs(), world.events_of("wiederblatt"))

    world.put("wiederblatt_2.json", content)
    again = eventually(lambda: world.file("wiederblatt_2.json"), "the second upload is known")
    world.rest(within_s=60)

    assert again.status == "duplicate"
    assert (world.store.generations(), world.runs(), world.events_of("wiederblatt")) == before


def test_a_burst_of_files_is_ingested_one_by_one_and_costs_at_most_three_runs(world: World) -> None:
    runs = world.runs()
    keys = [f"burst{number}_1.json" for number in range(10)]

    with world.unheard("IngestFunction"):  # else it depends on the machine how much "at once" is
        for number, key in enumerate(keys):
            world.put(key, file_of(listing("a1", "Brunnenfest"), listing("a2", f"Vortrag {number}")))
        # A poll that was under way when the function was taken from its queue may still have one.
        eventually(
            lambda: world.waiting("UploadQueueUrl") + sum(map(bool, map(world.file, keys))) >= 10,
            "all files are announced",
        )
    eventually(lambda: all(map(world.file, keys)) and world.idle(), "all files are matched")

    (event,) = [event for event in world.events_of("burst0") if event.title == "Brunnenfest"]
    assert event.listings == [f"burst{number}:a1" for number in range(10)]
    assert 1 <= world.runs() - runs <= 3
    assert world.waiting("UploadDeadLettersUrl") == world.waiting("MatchDeadLettersUrl") == 0


def test_a_poison_file_lands_in_quarantine_with_its_reason_and_its_neighbours_go_on(world: World) -> None:
    world.put("giftblatt_1.json", b'{"events": [{"id": "a1", "title": "halb')
    world.put("gutblatt_1.json", file_of(listing("a1", "Weinprobe"), {"id": "a2", "title": "ohne Tag"}))

    eventually(lambda: world.events_of("gutblatt"), "the good neighbour's canonical events")
    bad = eventually(lambda: world.file("giftblatt_1.json"), "the bad file is known")
    good = world.file("gutblatt_1.json")

    assert bad.status == "quarantined"
    copies = world.client("s3").list_objects_v2(Bucket=world.results, Prefix="quarantine/")["Contents"]
    (copy,) = [item["Key"] for item in copies if item["Key"].endswith("giftblatt_1.json")]
    told = world.client("s3").get_object(Bucket=world.results, Key=f"{copy}.reason.json")["Body"].read()
    assert json.loads(told)["key"] == "giftblatt_1.json"
    assert json.loads(told)["reason"]
    receipt = eventually(lambda: _receipt(world, "giftblatt_1.json"), "the bad file's receipt")
    assert (receipt["status"], bool(receipt["reason"])) == ("quarantined", True)
    assert (good.status, good.stored, good.rejected) == ("stored", 1, 1)
    assert world.waiting("UploadDeadLettersUrl") == 0


def test_the_api_answers_http_at_its_own_address_and_asks_who_calls(world: World) -> None:
    host = world.output("ApiUrl").removeprefix("http://").rstrip("/")

    def asked(path: str, **headers: str) -> tuple[int, Any]:
        connection = HTTPConnection(
            "127.0.0.1", world.stack.port, timeout=60
        )  # not every system looks up *.localhost
        connection.request("GET", path, headers={"Host": host, **headers})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())

    assert host.endswith(f".localhost:{world.stack.port}")
    assert asked("/ready") == (200, {"status": "ready"})
    assert asked("/events")[0] == 401

    order = json.dumps({"add_key": {"name": "ada", "role": "reader"}})
    name = world.output("MigrateFunction")
    given = world.client("lambda").invoke(FunctionName=name, Payload=order)["Payload"].read()
    assert asked("/events", **{"X-Api-Key": json.loads(given)["key"]})[0] == 200
    assert not any(json.loads(given)["key"] in line for line in world.lines("MigrateFunction"))


def test_each_file_gets_a_receipt_with_what_was_refused_and_the_ids_of_what_came_of_it(world: World) -> None:
    world.put(
        "belege/quittblatt_1.json", file_of(listing("a1", "Töpfermarkt"), {"id": "a2", "title": "ohne Tag"})
    )
    world.put("belege/quittblatt_2.json", b"[")

    told = eventually(lambda: _receipt(world, "belege/quittblatt_1.json"), "the good file's receipt")
    bad = eventually(lambda: _receipt(world, "belege/quittblatt_2.json"), "the bad file's receipt")

    (event,) = world.events_of("quittblatt")
    assert [one["canonical_id"] for one in told["events"]] == [event.canonical_id]
    assert [(error["listing_id"], error["field"]) for error in told["errors"]] == [("a2", "event_dates")]
    assert (told["counts"]["stored"], told["counts"]["rejected"]) == (1, 1)
    assert (bad["status"], bad["events"]) == ("quarantined", [])
    assert bad["reason"]


def _receipt(world: World, key: str) -> Any:
    s3 = world.client("s3")
    try:
        return json.loads(s3.get_object(Bucket=world.results, Key=f"receipts/{key}.json")["Body"].read())
    except s3.exceptions.NoSuchKey:
        return None


@pytest.mark.parametrize(
    ("function", "phrase", "fields"),
    [
        ("IngestFunction", "file_processed", FIELDS_OF_A_FILE),
        ("MatchFunction", "run_finished", FIELDS_OF_A_RUN),
    ],
)
def test_logs_are_lines_of_json_with_what_was_done(
    world: World, function: str, phrase: str, fields: set[str]
) -> None:
    world.put(f"log{phrase[0]}_1.json", file_of(listing("a1", f"Abend der {phrase}")))
    eventually(lambda: world.events_of(f"log{phrase[0]}"), "canonical events of the file")

    written = eventually(lambda: [line for line in world.lines(function) if phrase in line], "the line")

    platform = ("START ", "END ", "REPORT ")
    own = [line for line in world.lines(function) if not line.startswith(platform)]
    assert [line for line in own if not isinstance(json.loads(line), dict)] == []
    assert fields <= set(json.loads(written[-1]))
    assert not any("Abend der" in line for line in own)
