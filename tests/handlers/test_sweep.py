import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from handlers import ingest, migrate, sweep, wiring
from infra.match_queue import SqsMatchQueue
from infra.object_store import Listed, S3Objects
from infra.store import Store, schema
from tests.faults.poison import file_of, listing
from tests.handlers.conftest import BUCKET, CONTEXT, Aws, Lines, batch, failed, notification
from tests.handlers.worlds import run

LATER = datetime.now(UTC) + timedelta(hours=1)


def swept(
    aws: Aws, store: Store, *, now: datetime = LATER, objects: sweep.Bucket | None = None
) -> sweep.SweepReport:
    parts = wiring.for_sweep()
    return sweep.sweep(
        BUCKET,
        objects=objects or S3Objects(aws.s3),
        store=store,
        queue=SqsMatchQueue(aws.sqs, aws.match_queue),
        announce_file=parts.announce_file,
        ignored_prefixes=parts.ignored_prefixes,
        now=now,
        again="-sweep",
    )


def test_what_s3_forgot_to_announce_is_announced_and_ingested_once(aws: Aws, store: Store) -> None:
    missed = ["in/a+b c%20ü.json", "in/bwb_2.json"]
    known = aws.put("bwb_1.json", file_of(listing("a")))
    ingest.lambda_handler(batch(notification("bwb_1.json", known)), CONTEXT)
    for number, key in enumerate([*missed, "quarantine/0a/bwb_3.json", "in/notes.txt", "in/"]):
        aws.put(key, file_of(listing(f"b{number}")))

    report = swept(aws, store)
    announced = [json.dumps(body) for body in aws.waiting(aws.upload_queue)]
    answer = ingest.lambda_handler(batch(*announced), CONTEXT)

    assert report.files == 2
    assert failed(answer) == []
    assert {(key, version) for key, version in store.known_objects(BUCKET) if key in missed} == {
        (key, aws.s3.head_object(Bucket=BUCKET, Key=key)["VersionId"]) for key in missed
    }
    assert swept(aws, store).files == 0


def test_each_version_is_looked_for_but_not_those_of_a_deleted_object(aws: Aws, store: Store) -> None:
    first = aws.put("bwb_1.json", file_of(listing("a")))
    second = aws.put("bwb_1.json", file_of(listing("b")))
    aws.put("bwb_2.json", file_of(listing("c")))
    aws.s3.delete_object(Bucket=BUCKET, Key="bwb_2.json")
    ingest.lambda_handler(batch(notification("bwb_1.json", second)), CONTEXT)

    report = swept(aws, store)

    assert report.files == 1
    (body,) = aws.waiting(aws.upload_queue)
    assert body["Records"][0]["s3"]["object"] == {"key": "bwb_1.json", "versionId": first}


def test_a_key_that_no_text_in_postgres_can_hold_is_recorded_once(aws: Aws, store: Store) -> None:
    good = aws.put("bwb_a\0b.json", file_of(listing("a")))
    bad = aws.put("bwb_a\0c.json", b"[")

    answer = ingest.lambda_handler(
        batch(notification("bwb_a%00b.json", good), notification("bwb_a%00c.json", bad)), CONTEXT
    )

    assert failed(answer) == []
    assert len(aws.keys("quarantine/")) == 2
    assert store.known_objects(BUCKET) == {("bwb_a\ufffdb.json", good), ("bwb_a\ufffdc.json", bad)}
    assert swept(aws, store, objects=Listing(("bwb_a\0b.json", good), ("bwb_a\0c.json", bad))).files == 0
    assert swept(aws, store, objects=Listing(("bwb_a\0d.json", "another"))).files == 1


class Listing:
    """A bucket's list, for names that moto can't list: it writes them into XML as they are, and XML knows no NUL."""

    def __init__(self, *objects: tuple[str, str]) -> None:
        self._objects = objects

    def list(self, _: str) -> Iterator[Listed]:
        return (Listed(key, version, LATER - timedelta(days=1)) for key, version in self._objects)


def test_an_object_may_wait_for_its_own_announcement(aws: Aws, store: Store) -> None:
    aws.put("bwb_1.json", file_of(listing("a")))

    assert swept(aws, store, now=datetime.now(UTC) + timedelta(minutes=5)).files == 0


def test_a_lost_wake_up_is_sent_again_as_a_new_message(
    aws: Aws, store: Store, logged: Lines, capsys: pytest.CaptureFixture[str]
) -> None:
    version = aws.put("bwb_1.json", file_of(listing("a")))
    ingest.lambda_handler(batch(notification("bwb_1.json", version)), CONTEXT)
    aws.sqs.purge_queue(QueueUrl=aws.match_queue)

    behind = sweep.lambda_handler({}, CONTEXT)
    found = aws.waiting(aws.match_queue)
    run(store)
    done = sweep.lambda_handler({}, CONTEXT)

    assert (behind, done) == ({"files": 0, "behind": 1}, {"files": 0, "behind": 0})
    assert found == [{"generation": 1}]
    assert [line["behind"] for line in logged.named("swept")] == [1, 0]


def test_a_bucket_without_versions_is_compared_by_keys(aws: Aws, store: Store) -> None:
    plain = "plain"
    aws.s3.create_bucket(Bucket=plain, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    for number in (1, 2):
        aws.s3.put_object(Bucket=plain, Key=f"bwb_{number}.json", Body=file_of(listing(str(number))))
    ingest.lambda_handler(batch(notification("bwb_1.json", bucket=plain)), CONTEXT)
    announced: list[tuple[str, str, str]] = []

    def remember(bucket: str, key: str, version: str) -> None:
        announced.append((bucket, key, version))

    sweep.sweep(
        plain,
        objects=S3Objects(aws.s3),
        store=store,
        queue=SqsMatchQueue(aws.sqs, aws.match_queue),
        announce_file=remember,
        ignored_prefixes=("quarantine/",),
        now=LATER,
        again="",
    )

    assert announced == [(plain, "bwb_2.json", "")]


def test_migrate_answers_with_the_revision_again_and_again(
    monkeypatch: pytest.MonkeyPatch, aws: Aws, empty_database: str
) -> None:
    monkeypatch.setenv("EVENT_DEDUP_DATABASE_URL", empty_database)
    wiring.settings.cache_clear()
    wiring.store.cache_clear()

    answers = [migrate.lambda_handler({}, CONTEXT) for _ in range(2)]

    assert answers == [{"revision": schema.head()}] * 2
    wiring.store().engine.dispose()
