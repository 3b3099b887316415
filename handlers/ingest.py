"""Ingest: a file that was put into the bucket goes into Postgres, and the matcher is woken.

S3 announces through a standard SQS queue: twice, late, out of order, or with its own test message. Each record of the batch
succeeds or comes again alone.
"""

import hashlib
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Protocol
from urllib.parse import unquote_plus

import orjson
import polars as pl
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from dedup_core.errors import UnreadableFile
from dedup_core.events import Rejection
from dedup_core.normalising import normalise, normaliser_version
from dedup_core.parsing import parse
from dedup_core.policy import Policy
from dedup_core.validating import source_code_of, validate
from handlers import wiring
from infra.errors import ObjectMissing, ObjectTooLarge
from infra.match_queue import MatchQueue
from infra.object_store import Objects
from infra.store import Ingested, Upload

logger = Logger(service="ingest")
metrics = Metrics(namespace="event-dedup", service="ingest")
# A batch that failed as a whole is a list of failed records like any other: an exception would log a stack and change nothing.
processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


@dataclass(frozen=True, slots=True)
class Announcement:
    """An object that S3, a folder or the sweep speaks of. key is decoded. version is empty where the bucket keeps none."""

    bucket: str
    key: str
    version: str = ""
    sequencer: str | None = None


class FileStore(Protocol):
    """What ingest asks of the store."""

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


@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Take a batch of SQS messages with S3 notifications; answers which of them have to come again."""
    answer = process_partial_response(
        event=event, record_handler=_record, processor=processor, context=context
    )
    return dict(answer)


def _record(record: SQSRecord) -> None:
    parts = wiring.for_ingest()
    for announced in announcements(record.json_body):
        if announced.key.startswith(parts.ignored_prefixes):
            continue
        report = ingest(
            announced,
            objects=parts.objects,
            store=parts.store,
            queue=parts.queue,
            policy=parts.policy,
            quarantine=parts.quarantine,
        )
        log_file(announced, report)
        count_file(report)


def announcements(body: dict[str, Any]) -> Iterator[Announcement]:
    """Read the objects out of an S3 notification, keys decoded: once, here. S3's test message announces none."""
    for record in body.get("Records", []):
        s3 = record["s3"]
        yield Announcement(
            bucket=s3["bucket"]["name"],
            key=unquote_plus(s3["object"]["key"]),
            version=s3["object"].get("versionId", ""),
            sequencer=s3["object"].get("sequencer"),
        )


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What became of a file; counts as in `infra.store.Ingested`. seconds: from reading to the commit."""

    status: str
    reason: str | None
    listings: int
    stored: int
    unchanged: int
    superseded: int
    rejected: int
    generation: int | None
    seconds: float


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
    read is copied to ``quarantine`` and recorded with the reason, and never comes again by itself.
    """
    begun = time.monotonic()
    cap = policy.intake.max_file_bytes
    try:
        content = objects.read(announced.bucket, announced.key, announced.version, at_most=cap)
    except ObjectMissing:
        return _report(None, "the object is gone", begun)
    except ObjectTooLarge as error:
        upload = _upload(announced, _stand_in(announced, str(error)), 0)
        return _quarantined(upload, str(error), objects, store, quarantine, begun)
    upload = _upload(announced, hashlib.sha256(content).hexdigest(), len(content))
    try:
        done = _store(upload, content, store, policy)
    except UnreadableFile as error:
        return _quarantined(upload, str(error), objects, store, quarantine, begun)
    if done.generation is not None:
        queue.announce(done.generation)
    return _report(done, None, begun)


def _stand_in(announced: Announcement, reason: str) -> str:
    """Name content that was too large to be read, so that a second delivery of it is recognised."""
    return hashlib.sha256(
        f"{announced.bucket}\0{announced.key}\0{announced.version}\0{reason}".encode()
    ).hexdigest()


def _upload(announced: Announcement, sha256: str, size: int) -> Upload:
    return Upload(announced.bucket, announced.key, announced.version, announced.sequencer, sha256, size)


def _store(upload: Upload, content: bytes, store: FileStore, policy: Policy) -> Ingested:
    source_code = source_code_of(upload.name)
    parsed = parse(content, intake=policy.intake)
    valid = validate(parsed, file=upload.key, source_code=source_code, intake=policy.intake)
    return store.save_file(
        upload,
        source_code=source_code,
        processed_at=parsed.processed_at,
        events=normalise(valid.listings),
        raw=valid.raw,
        rejected=valid.rejections,
        listings=len(parsed),
        normaliser=normaliser_version(),
    )


def _quarantined(
    upload: Upload, reason: str, objects: Objects, store: FileStore, prefix: str, begun: float
) -> IngestReport:
    """Copy first, then record: a crash between the two comes again and copies the same once more."""
    target = prefix + upload.key
    try:
        objects.set_aside(upload.bucket, upload.key, upload.version, target)
    except ObjectMissing:
        return _report(None, "the object is gone", begun)
    note = {"bucket": upload.bucket, "key": upload.key, "version": upload.version, "reason": reason}
    objects.write(upload.bucket, f"{target}.reason.json", orjson.dumps(note), content_type="application/json")
    try:
        source_code: str | None = source_code_of(upload.name)
    except UnreadableFile:
        source_code = None
    rejection = Rejection(file=upload.key, index=None, field=None, reason=reason)
    return _report(store.save_quarantined(upload, rejection, source_code=source_code), reason, begun)


def _report(done: Ingested | None, reason: str | None, begun: float) -> IngestReport:
    seconds = round(time.monotonic() - begun, 4)
    if done is None:
        return IngestReport("missing", reason, 0, 0, 0, 0, 0, None, seconds)
    status = "already_known" if done.already else done.status
    return IngestReport(
        status,
        reason,
        done.listings,
        done.stored,
        done.unchanged,
        done.superseded,
        done.rejected,
        done.generation,
        seconds,
    )


def log_file(announced: Announcement, report: IngestReport) -> None:
    """Write the one line of a file."""
    logger.info("file_processed", extra={"bucket": announced.bucket, "key": announced.key, **asdict(report)})


def count_file(report: IngestReport) -> None:
    """Add a file to the metrics."""
    metrics.add_metric(name="listings", unit=MetricUnit.Count, value=report.listings)
    for name in ("stored", "unchanged", "superseded", "rejected"):
        metrics.add_metric(name=f"listings_{name}", unit=MetricUnit.Count, value=getattr(report, name))
    metrics.add_metric(name="files", unit=MetricUnit.Count, value=1)
    metrics.add_metric(
        name="files_quarantined", unit=MetricUnit.Count, value=int(report.status == "quarantined")
    )
    metrics.add_metric(name="ingest_seconds", unit=MetricUnit.Seconds, value=report.seconds)
