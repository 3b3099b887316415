import json
from typing import Any
from urllib.parse import quote_plus

import pytest
from botocore.exceptions import EndpointConnectionError

from handlers import ingest, match, receipts, sweep, wiring
from infra.object_store import S3Objects
from infra.store import Store
from tests.faults.poison import file_of, listing
from tests.handlers.conftest import BUCKET, CONTEXT, Aws, Lines, batch, notification
from tests.handlers.worlds import AFTER, BEFORE, concert


def upload(aws: Aws, key: str, content: bytes) -> None:
    version = aws.put(key, content)
    ingest.lambda_handler(batch(notification(quote_plus(key, safe="/"), version)), CONTEXT)


def run(store: Store) -> None:
    match.lambda_handler(
        batch(json.dumps({"generation": store.generations()[0]}), queue="match.fifo"), CONTEXT
    )


def receipt(aws: Aws, key: str) -> Any:
    return json.loads(aws.s3.get_object(Bucket=BUCKET, Key=f"receipts/{key}.json")["Body"].read())


def test_a_receipt_is_written_when_its_file_is_matched_and_not_before(aws: Aws, store: Store) -> None:
    upload(aws, "in/a+b ü/bwb_1.json", BEFORE["bwb_1.json"])
    before = aws.keys("receipts/")

    run(store)

    assert before == []
    told = receipt(aws, "in/a+b ü/bwb_1.json")
    assert told["status"] == "stored"
    assert told["counts"] == {"listings": 3, "stored": 3, "unchanged": 0, "superseded": 0, "rejected": 0}
    assert [event["listing_id"] for event in told["events"]] == ["b1", "b2", "b3"]
    assert len({event["canonical_id"] for event in told["events"]}) == 3
    assert told["errors"] == told["awaiting_review"] == []


def test_it_tells_what_was_refused_by_field_and_reason(aws: Aws, store: Store) -> None:
    upload(aws, "tickets_2.json", AFTER["tickets_2.json"])

    run(store)

    told = receipt(aws, "tickets_2.json")
    assert told["counts"]["rejected"] == 1
    assert [(e["index"], e["field"]) for e in told["errors"]] == [(1, "title")]
    assert told["errors"][0]["reason"]


def test_it_names_the_events_that_await_review(aws: Aws, store: Store) -> None:
    upload(aws, "bwb_1.json", file_of(concert("b1", "Sommerkonzert", "2026-03-06", venue="Stadthalle")))
    run(store)
    with store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE canonical_events SET needs_review = true")
        connection.exec_driver_sql("UPDATE files SET receipt_at = NULL")

    receipts.write_receipts(wiring.for_receipts())

    told = receipt(aws, "bwb_1.json")
    assert told["awaiting_review"] == [told["events"][0]["canonical_id"]]


@pytest.mark.parametrize(
    ("name", "content", "status"),
    [("bad_1.json", AFTER["bad_1.json"], "quarantined"), ("bwb_9.json", BEFORE["bwb_1.json"], "duplicate")],
)
def test_a_file_that_changes_nothing_has_its_receipt_at_once(
    aws: Aws, store: Store, name: str, content: bytes, status: str
) -> None:
    upload(aws, "bwb_1.json", BEFORE["bwb_1.json"])
    run(store)

    upload(aws, name, content)

    told = receipt(aws, name)
    assert told["status"] == status
    assert told["reason"]


def test_listings_that_change_nothing_have_their_events_in_the_receipt_too(aws: Aws, store: Store) -> None:
    def at(moment: str, *listings: dict[str, Any]) -> bytes:
        return json.dumps({"events": listings, "metadata": {"processedAt": moment}}).encode()

    known, news = concert("b1", "Sommerkonzert", "2026-03-06"), concert("b2", "Lesung", "2026-03-07")
    upload(aws, "bwb_1.json", at("2026-02-02T00:00:00Z", known, news))
    run(store)
    upload(aws, "bwb_2.json", at("2026-02-02T00:00:00Z", known, news))  # the same file
    upload(aws, "bwb_3.json", at("2026-02-03T00:00:00Z", known, news))  # unchanged
    upload(aws, "bwb_4.json", at("2026-02-01T00:00:00Z", {**news, "title": "Vorlesung"}))  # older

    told = [receipt(aws, f"bwb_{number}.json") for number in range(1, 5)]

    named = [{one["listing_id"]: one["canonical_id"] for one in each["events"]} for each in told]
    assert [(each["status"], each["counts"]["superseded"]) for each in told[1:]] == [
        ("duplicate", 0),
        ("stored", 0),
        ("stored", 1),
    ]
    assert set(named[0]) == {"b1", "b2"}
    assert named[1] == named[2] == named[0]
    assert named[3] == {"b2": named[0]["b2"]}


def test_a_listing_that_is_rejected_with_all_others_leaves_a_receipt_too(aws: Aws, store: Store) -> None:
    upload(aws, "bwb_1.json", file_of(listing("b1", title=...)))

    told = receipt(aws, "bwb_1.json")

    assert told["generation"] is None
    assert told["counts"]["rejected"] == 1


def test_a_receipt_that_could_not_be_written_fails_nothing_and_the_sweep_writes_it(
    aws: Aws, store: Store, logged: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload(aws, "bwb_1.json", BEFORE["bwb_1.json"])

    def unreachable(*_: Any, **__: Any) -> None:
        raise EndpointConnectionError(endpoint_url="s3")

    with monkeypatch.context() as cut:
        cut.setattr(S3Objects, "write", unreachable)
        answer = match.lambda_handler(batch('{"generation": 1}', queue="match.fifo"), CONTEXT)
    (line,) = logged.named("receipts_failed")

    sweep.lambda_handler({}, CONTEXT)

    assert answer == {"batchItemFailures": []}
    assert line["error"].endswith("EndpointConnectionError")
    assert receipt(aws, "bwb_1.json")["status"] == "stored"


def test_a_second_time_nothing_is_written(aws: Aws, store: Store) -> None:
    upload(aws, "bwb_1.json", BEFORE["bwb_1.json"])
    run(store)

    assert receipts.write_receipts(wiring.for_receipts()) == 0


def test_receipts_are_no_uploads(aws: Aws, store: Store) -> None:
    upload(aws, "bwb_1.json", BEFORE["bwb_1.json"])
    run(store)

    answer = ingest.lambda_handler(batch(notification("receipts/bwb_1.json.json")), CONTEXT)

    assert answer == {"batchItemFailures": []}
    assert [row.key for row in store.receipts_due(limit=10)] == []
    assert store.generations() == (1, 1)


def test_the_longest_key_that_s3_takes_has_a_receipt() -> None:
    key = "ü" * 512

    named = receipts.receipt_key(key, "receipts/")

    assert len(named.encode()) <= 1024
    assert named != receipts.receipt_key("ü" * 511 + "xx", "receipts/")


def test_what_fails_rests_longer_each_time_for_an_outage_of_three_quarters_of_an_hour() -> None:
    pauses = [ingest.pause_s(receives) for receives in range(1, 9)]

    assert pauses == [30, 60, 120, 240, 480, 900, 900, 900]
    assert sum(pauses[:7]) >= 45 * 60
