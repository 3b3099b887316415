"""Ingest: a file that was put into the bucket goes into Postgres, and the matcher is woken.

S3 announces through a standard SQS queue: twice, late, out of order, or with its own test message. Each message of a batch
succeeds or comes again alone; one that fails again and again ends in the dead letter queue, never in a loop.
"""

import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, Final, Protocol
from urllib.parse import unquote_plus

import orjson
import polars as pl
from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailures
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from dedup_core.errors import UnreadableFile
from dedup_core.events import Rejection
from dedup_core.normalising import normalise, normaliser_version
from dedup_core.parsing import parse
from dedup_core.policy import Policy
from dedup_core.validating import Validated, source_code_of, validate
from handlers import wiring
from handlers.failures import described
from handlers.measures import measures
from handlers.receipts import write_those_due
from infra.errors import ForeignMessage, ObjectMissing, ObjectTooLarge
from infra.held_messages import held
from infra.match_queue import MatchQueue
from infra.object_store import recordable
from infra.store import Ingested, Upload

logger = Logger(service="ingest")
metrics = measures("ingest")
# A batch that failed as a whole is a list of failed messages like any other: each was logged, and an exception would only hide
# from the metrics which of "one failed" and "all failed" it was.
processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)

CREATED: Final = "ObjectCreated:"
"""How S3's names of events begin that speak of a new object: Put, Post, Copy, CompleteMultipartUpload."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """An object that S3, a folder or the sweep speaks of. key is decoded. version is empty where the bucket keeps none."""

    bucket: str
    key: str
    version: str = ""
    sequencer: str | None = None


class Objects(Protocol):
    """What ingest asks of the place where files lie."""

    def read(self, bucket: str, key: str, version: str, *, at_most: int) -> bytes:
        """Read a whole object; raises ObjectTooLarge before reading it, ObjectMissing if it is gone."""

    def set_aside(self, bucket: str, key: str, version: str, target: str) -> None:
        """Copy an object to another key; raises ObjectMissing."""

    def write(self, bucket: str, key: str, content: bytes, *, content_type: str) -> None:
        """Write an object."""


class FileStore(Protocol):
    """What ingest asks of the store."""

    def recall(self, upload: Upload) -> Ingested | None:
        """Return what became of this very upload when it was here before, or null."""

    def save_file(
        self,
        upload: Upload,
        *,
        source_code: str,
        processed_at: str | None,
        events: pl.DataFrame,
        raw: pl.Series,
        rejected: tuple[Rejection, ...],
        listings: int,
        normaliser: str,
    ) -> Ingested:
        """Store one file, all or nothing."""

    def save_quarantined(self, upload: Upload, rejection: Rejection, *, source_code: str | None) -> Ingested:
        """Record a file that can't be read."""


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Take a batch of SQS messages with S3 notifications; answers which of them have to come again."""
    parts = wiring.for_ingest()
    metrics.add_metric(name="messages", unit=MetricUnit.Count, value=len(event["Records"]))

    def take(record: SQSRecord) -> None:
        _take(record, parts)

    with held(partial(parts.uploads.hide, [record["receiptHandle"] for record in event["Records"]])):
        answer = process_partial_response(
            event=event, record_handler=take, processor=processor, context=context
        )
        write_those_due(logger)
    _bring_back(event["Records"], answer["batchItemFailures"], parts)
    return dict(answer)


def _bring_back(
    records: list[dict[str, Any]], failures: Sequence[PartialItemFailures], parts: wiring.IngestParts
) -> None:
    """Let what failed come again soon at first, later and later then."""
    failed = {failure["itemIdentifier"] for failure in failures}
    for record in records:
        if record["messageId"] in failed:
            receives = int(record["attributes"]["ApproximateReceiveCount"])
            parts.uploads.hide([record["receiptHandle"]], pause_s(receives))


def pause_s(receives: int) -> int:
    """Say for how many seconds a message rests that was received so often: 30, 60, 120 … and at most 15 minutes."""
    return int(min(30 * 2 ** (receives - 1), 900))


def _take(record: SQSRecord, parts: wiring.IngestParts) -> None:
    """Ingest what a message speaks of; a failure is logged here, as the processor swallows it."""
    try:
        for announced in announcements(record.json_body):
            if _is_ours(announced.key, parts.ignored_prefixes):
                _take_file(announced, parts)
    except Exception as error:
        logger.error(
            "message_failed", extra={"message_id": record.message_id, "errors": 1, **described(error)}
        )
        metrics.add_metric(name="errors", unit=MetricUnit.Count, value=1)
        raise


def _take_file(announced: Announcement, parts: wiring.IngestParts) -> None:
    report = ingest(
        announced,
        objects=parts.objects,
        store=parts.store,
        queue=parts.queue,
        policy=parts.store.policy_in_force() or parts.policy,
        quarantine=parts.quarantine,
    )
    log_file(announced, report)
    count_file(report)


def _is_ours(key: str, ignored_prefixes: tuple[str, ...]) -> bool:
    """Leave out what we write ourselves, and the empty objects that consoles make for folders."""
    return not key.startswith(ignored_prefixes) and not key.endswith("/")


def announcements(body: dict[str, Any]) -> Iterator[Announcement]:
    """Read the new objects out of an S3 notification, keys decoded: once, here. S3's own test message announces none.

    A deletion is none of ours, as what was accepted stays: the version of its marker could be read by nobody.

    Raises:
        ForeignMessage: it is neither.
    """
    if "Records" not in body and body.get("Event") != "s3:TestEvent":
        raise ForeignMessage(f"neither S3's notification nor its test: has {sorted(body)[:5]}")
    for record in body.get("Records", []):
        if not record.get("eventName", CREATED).startswith(CREATED):
            continue
        s3 = record["s3"]
        yield Announcement(
            bucket=s3["bucket"]["name"],
            key=unquote_plus(s3["object"]["key"]),
            version=s3["object"].get("versionId", ""),
            sequencer=s3["object"].get("sequencer"),
        )


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What became of a file.

    status: ``stored``; ``duplicate`` (another file had the same content); ``already_known`` (this very upload was here
        before); ``quarantined``; ``missing`` (gone before it could be read).
    reason: of a quarantined or missing one; may quote the file, so it is not logged.
    listings: those read now; each is one of stored (new or changed), unchanged, superseded (older than what is known),
        repeated (equal to one further down in the file) or rejected.
    generation: the one that the file raised, or null if it changed nothing.   seconds: from reading to the commit.
    """

    status: str
    reason: str | None = None
    file_id: int | None = None
    listings: int = 0
    stored: int = 0
    unchanged: int = 0
    superseded: int = 0
    repeated: int = 0
    rejected: int = 0
    generation: int | None = None
    seconds: float = 0.0


def ingest(
    announced: Announcement,
    *,
    objects: Objects,
    store: FileStore,
    queue: MatchQueue,
    policy: Policy,
    quarantine: str,
) -> IngestReport:
    """Store one file's valid listings and wake the matcher.

    A second run on the same content changes nothing, and announces its generation again, which does no harm. A crash before
    the commit leaves nothing; a crash after it leaves a generation that the sweep finds and announces. A file that can't be
    read is copied below ``quarantine`` and recorded with the reason, and never comes again by itself.
    """
    begun = time.monotonic()
    report = _ingest(announced, objects, store, policy, quarantine)
    if report.generation is not None:
        queue.announce(report.generation)
    return replace(report, seconds=round(time.monotonic() - begun, 4))


def _ingest(
    announced: Announcement, objects: Objects, store: FileStore, policy: Policy, quarantine: str
) -> IngestReport:
    try:
        upload, content, refused = _read(announced, objects, at_most=policy.intake.max_file_bytes)
        if known := store.recall(upload):
            return IngestReport("already_known", file_id=known.file_id, generation=known.generation)
        if refused is None:
            try:
                source_code = source_code_of(upload.name)
                parsed = parse(content, intake=policy.intake)
                del content  # the largest files would be held thrice: so, as parsed, and as validated
                told = (parsed.processed_at, len(parsed))
                valid = validate(parsed, file=upload.key, source_code=source_code, intake=policy.intake)
                del parsed
                return _store(upload, source_code, told, valid, store)
            except UnreadableFile as error:
                refused = str(error)
        return _quarantine(announced, upload, refused, objects, store, quarantine)
    except ObjectMissing:
        return IngestReport("missing", "the object is gone")


def _read(announced: Announcement, objects: Objects, *, at_most: int) -> tuple[Upload, bytes, str | None]:
    """Read an object: what it is known by, its content, and, for one that is too large to be read, why it is refused."""
    place = (announced.bucket, announced.key, announced.version)
    recorded = (announced.bucket, recordable(announced.key), announced.version)
    try:
        content = objects.read(*place, at_most=at_most)
    except ObjectTooLarge as error:
        # What can't be hashed by its content is recognised by its place and size.
        stand_in = hashlib.sha256("\0".join((*recorded, str(error))).encode()).hexdigest()
        return Upload(*recorded, announced.sequencer, stand_in, 0), b"", str(error)
    sha256 = hashlib.sha256(content).hexdigest()
    return Upload(*recorded, announced.sequencer, sha256, len(content)), content, None


def _store(
    upload: Upload, source_code: str, told: tuple[str | None, int], valid: Validated, store: FileStore
) -> IngestReport:
    """Store what is valid of a file. told: its processedAt, and how many listings it has."""
    processed_at, listings = told
    done = store.save_file(
        upload,
        source_code=source_code,
        processed_at=processed_at,
        events=normalise(valid.listings),
        raw=valid.raw,
        rejected=valid.rejections,
        listings=listings,
        normaliser=normaliser_version(),
    )
    if done.already:  # another delivery of the same message came first
        return IngestReport("already_known", file_id=done.file_id, generation=done.generation)
    counts = {name: value for name, value in asdict(done).items() if name != "already"}
    return IngestReport(**counts, repeated=valid.duplicates if done.status == "stored" else 0)


def _quarantine(
    announced: Announcement, upload: Upload, reason: str, objects: Objects, store: FileStore, prefix: str
) -> IngestReport:
    """Copy first, then record: a crash between the two comes again and copies the same once more.

    The copy lies in a folder named for its content, so that two bad versions of a key are kept apart.
    """
    target = f"{prefix}{upload.sha256[:16]}/{_shortened(upload.name)}"
    objects.set_aside(announced.bucket, announced.key, announced.version, target)
    note = {"bucket": upload.bucket, "key": upload.key, "version": upload.version, "reason": reason}
    objects.write(upload.bucket, f"{target}.reason.json", orjson.dumps(note), content_type="application/json")
    rejection = Rejection(file=upload.key, index=None, field=None, reason=reason)
    done = store.save_quarantined(upload, rejection, source_code=_source_code(upload))
    return IngestReport("quarantined", reason, done.file_id)


def _shortened(name: str) -> str:
    """Keep the end of a name that has no room for ``.reason.json``: file systems take 255 bytes, S3 1,024 a key."""
    return name.encode()[-200:].decode(errors="ignore")


def _source_code(upload: Upload) -> str | None:
    try:
        return source_code_of(upload.name)
    except UnreadableFile:  # that may be why it is here
        return None


def log_file(announced: Announcement, report: IngestReport) -> None:
    """Write the one line of a file. The reason is left out: it may quote the file, and stands in Postgres and beside the copy."""
    fields = asdict(report)
    del fields["reason"]
    place = {"bucket": announced.bucket, "key": announced.key, "version": announced.version}
    logger.info("file_processed", extra={**place, **fields, "errors": 0})


def count_file(report: IngestReport) -> None:
    """Add a file to the metrics."""
    metrics.add_metric(name="files", unit=MetricUnit.Count, value=1)
    quarantined = int(report.status == "quarantined")
    metrics.add_metric(name="files_quarantined", unit=MetricUnit.Count, value=quarantined)
    metrics.add_metric(name="listings", unit=MetricUnit.Count, value=report.listings)
    for name in ("stored", "unchanged", "superseded", "repeated", "rejected"):
        metrics.add_metric(name=f"listings_{name}", unit=MetricUnit.Count, value=getattr(report, name))
    metrics.add_metric(name="ingest_seconds", unit=MetricUnit.Seconds, value=report.seconds)
