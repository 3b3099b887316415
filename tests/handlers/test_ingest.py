import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from dedup_core.policy import default_policy
from handlers.ingest import Announcement, announcements, ingest, lambda_handler
from infra.errors import ForeignMessage
from infra.match_queue import RememberingQueue
from infra.object_store import FolderObjects
from infra.store import Store, reading
from tests.faults.poison import POISONS, FileRefused, Poison, file_of, listing
from tests.handlers.conftest import BUCKET, CONTEXT, Aws, Lines, batch, failed, forget_wiring, notification

S3_TEST_MESSAGE = {
    "Service": "Amazon S3",
    "Event": "s3:TestEvent",
    "Time": "2026-02-11T20:46:41.796Z",
    "Bucket": BUCKET,
    "RequestId": "5582815E1AEA5ADF",
    "HostId": "8cLeGAmw098X5cv4Zkwcmo8vvZa3eH3eKxsPzbB9wrR",
}


def stored_ids(store: Store) -> list[str]:
    with store.reading() as connection:
        return list(connection.scalars(text("SELECT id FROM source_events ORDER BY source_code, id")))


def test_a_key_is_decoded_once() -> None:
    body = json.loads(notification("in/a%2Bb+c%2520%C3%BC.json", "v1", "0A"))

    (announced,) = announcements(body)

    assert announced == Announcement(BUCKET, "in/a+b c%20ü.json", "v1", "0A")


def test_the_test_message_of_s3_announces_nothing_and_a_foreign_one_is_no_silence() -> None:
    assert list(announcements(S3_TEST_MESSAGE)) == []
    with pytest.raises(ForeignMessage):
        list(announcements({"detail-type": "Object Created"}))


def test_a_deletion_announces_nothing() -> None:
    body = json.loads(notification("bwb_1.json", "v2"))
    body["Records"][0]["eventName"] = "ObjectRemoved:DeleteMarkerCreated"

    assert list(announcements(body)) == []


def test_a_file_goes_from_the_bucket_to_postgres_and_wakes_the_matcher(
    aws: Aws, store: Store, logged: Lines, capsys: pytest.CaptureFixture[str]
) -> None:
    version = aws.put("in/b+w b%_ü.json", file_of(listing("a"), listing("b"), listing("a"), listing(id=...)))

    answer = lambda_handler(
        batch(json.dumps(S3_TEST_MESSAGE), notification("in/b%2Bw+b%25_%C3%BC.json", version)), CONTEXT
    )

    assert failed(answer) == []
    assert stored_ids(store) == ["a", "b"]
    assert aws.waiting(aws.match_queue) == [{"generation": 1}]
    (line,) = logged.named("file_processed")
    assert line | {"key": "in/b+w b%_ü.json", "version": version, "status": "stored", "errors": 0} == line
    assert line["listings"] == 4
    assert line["listings"] == sum(
        line[part] for part in ("stored", "unchanged", "superseded", "repeated", "rejected")
    )
    assert (line["stored"], line["repeated"], line["rejected"]) == (2, 1, 1)
    emitted = json.loads(capsys.readouterr().out.splitlines()[-1])
    names = {metric["Name"] for metric in emitted["_aws"]["CloudWatchMetrics"][0]["Metrics"]}
    assert {"files", "listings", "listings_stored", "listings_rejected", "ingest_seconds"} <= names
    assert (emitted["listings_stored"], emitted["files"], emitted["messages"]) == ([2.0], [1.0], [2.0])


def test_only_the_message_that_failed_comes_again(aws: Aws, store: Store, logged: Lines) -> None:
    first = aws.put("bwb_1.json", file_of(listing("a")))
    second = aws.put("bwb_2.json", file_of(listing("b")))

    answer = lambda_handler(
        batch(
            notification("bwb_1.json", first),
            notification("bwb_2.json", second, bucket="a-bucket-that-is-not-there"),
            "{not json",
            notification("bwb_2.json", second),
        ),
        CONTEXT,
    )

    assert failed(answer) == ["message-1", "message-2"]
    assert stored_ids(store) == ["a", "b"]
    assert [line["message_id"] for line in logged.named("message_failed")] == ["message-1", "message-2"]


def test_a_database_that_is_down_brings_all_messages_again(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, logged: Lines
) -> None:
    version = aws.put("bwb_1.json", file_of(listing("a")))
    monkeypatch.setenv("EVENT_DEDUP_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    forget_wiring()

    answer = lambda_handler(batch(*[notification("bwb_1.json", version)] * 2), CONTEXT)

    assert failed(answer) == ["message-0", "message-1"]
    assert len(logged.named("message_failed")) == 2


def test_no_listing_gets_into_a_log_when_the_database_quotes_it(
    aws: Aws, store: Store, logged: Lines
) -> None:
    secret = "Fasnetumzug des Herrn Geheimrat"
    version = aws.put("bwb_1.json", file_of(listing("a", title=secret)))
    with store.engine.begin() as connection:
        connection.execute(
            text("ALTER TABLE source_events ADD CONSTRAINT no CHECK (title NOT LIKE '%Geheim%')")
        )

    refused = lambda_handler(batch(notification("bwb_1.json", version)), CONTEXT)
    with store.engine.begin() as connection:
        connection.execute(text("ALTER TABLE source_events DROP CONSTRAINT no"))
    taken = lambda_handler(batch(notification("bwb_1.json", version)), CONTEXT)

    assert (failed(refused), failed(taken)) == (["message-0"], [])
    assert stored_ids(store) == ["a"]
    (line,) = logged.named("message_failed")
    assert line["sqlstate"] == "23514"
    assert any("save_file" in call for call in line["at"])
    assert "Geheim" not in logged.getvalue()


def test_a_bad_file_is_set_aside_with_its_reason_and_acknowledged(
    aws: Aws, store: Store, logged: Lines
) -> None:
    versions = [aws.put("in/bwb_1.json", content) for content in (b"{torn", b"[]")]

    answers = [
        lambda_handler(batch(*(notification("in/bwb_1.json", version) for version in versions)), CONTEXT)
        for _ in range(2)
    ]

    assert [failed(answer) for answer in answers] == [[], []]
    kept = aws.keys("quarantine/")
    contents = [aws.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in kept]
    notes = [json.loads(content) for content in contents if b"reason" in content]
    assert len(kept) == 4
    assert {b"{torn", b"[]"} <= set(contents)
    assert {note["version"] for note in notes} == set(versions)
    with store.reading() as connection:
        recorded = reading.list_files(connection, status="quarantined")
    assert {note["reason"] for note in notes} == {row["reason"] for row in recorded}
    statuses = [line["status"] for line in logged.named("file_processed")]
    assert statuses == ["quarantined", "quarantined", "already_known", "already_known"]
    assert all("torn" not in str(line) for line in logged.named("file_processed"))
    assert aws.waiting(aws.match_queue) == []


def test_what_we_write_ourselves_is_not_ingested(aws: Aws, store: Store) -> None:
    keys = ["quarantine/0a/bwb_1.json", "receipts/bwb_1.json", "folder/"]
    versions = [aws.put(key, file_of(listing("a"))) for key in keys]

    answer = lambda_handler(batch(*map(notification, keys, versions)), CONTEXT)

    assert failed(answer) == []
    with store.reading() as connection:
        assert reading.list_files(connection) == []


def test_an_object_that_is_gone_is_acknowledged(aws: Aws, logged: Lines) -> None:
    version = aws.put("bwb_1.json", b"{")
    aws.s3.delete_object(Bucket=BUCKET, Key="bwb_1.json", VersionId=version)

    answer = lambda_handler(batch(notification("bwb_1.json", version)), CONTEXT)

    assert failed(answer) == []
    assert [line["status"] for line in logged.named("file_processed")] == ["missing"]


def test_the_same_content_changes_nothing_again_or_under_another_key(aws: Aws, store: Store) -> None:
    content = file_of(listing("a"))
    once, again, other = (aws.put(key, content) for key in ("bwb_1.json", "bwb_1.json", "bwb_2.json"))

    messages = [
        notification("bwb_1.json", once),
        notification("bwb_1.json", once),
        notification("bwb_1.json", again),
        notification("bwb_2.json", other),
    ]
    lambda_handler(batch(*messages), CONTEXT)

    assert store.generations() == (1, 0)
    assert aws.waiting(aws.match_queue) == [{"generation": 1}]


def test_every_poison_is_stopped_before_the_database_and_its_neighbours_go_in(
    store: Store, tmp_path: Path
) -> None:
    queue = RememberingQueue()
    for number, poison in enumerate(POISONS):
        (tmp_path / f"poison{number}_x.json").write_bytes(poison.content())

    def taken(number: int) -> Any:
        return ingest(
            Announcement(str(tmp_path), f"poison{number}_x.json", sequencer="1"),
            objects=FolderObjects(tmp_path / "aside"),
            store=store,
            queue=queue,
            policy=default_policy(),
            quarantine="quarantine/",
        )

    reports = [taken(number) for number in range(len(POISONS))]
    again = [taken(number) for number in range(len(POISONS))]

    assert {report.status for report in again} == {"already_known"}
    for number, (poison, report) in enumerate(zip(POISONS, reports, strict=True)):
        check(poison, report, store, f"poison{number}")


def check(poison: Poison, report: Any, store: Store, source_code: str) -> None:
    with store.reading() as connection:
        rows = connection.execute(
            text("SELECT id FROM source_events WHERE source_code = :code"), {"code": source_code}
        )
        file = reading.show_file(connection, report.file_id)
    assert file is not None
    found = [(row["index"], row["field"]) for row in file["rejections"]]
    assert {row.id for row in rows} == set(poison.accepted), poison.name
    if isinstance(poison.refused, FileRefused):
        assert report.status == "quarantined", poison.name
        assert poison.refused.reason in file["reason"], poison.name
    else:
        assert report.status in ("stored", "duplicate"), poison.name
        assert found == [(refused.index, refused.field) for refused in poison.refused], poison.name
