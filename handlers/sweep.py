"""Sweep: find what was missed, and announce it again. The clock wakes it.

S3 may forget to announce an object, a function may die between its commit and its message, a message may be lost: the truth
stands in the bucket and in Postgres, and the sweep compares the two.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from handlers import wiring
from handlers.measures import measures
from handlers.receipts import write_those_due
from infra.match_queue import MatchQueue
from infra.object_store import Listed, is_input, recordable

logger = Logger(service="sweep")
metrics = measures("sweep")


GRACE: Final = timedelta(minutes=15)
"""For how long an object may wait for its own notification before it counts as missed."""


class Bucket(Protocol):
    """What sweep asks of the place where files lie."""

    def list(self, bucket: str) -> Iterator[Listed]:
        """List all versions of all objects that were not deleted."""


class SweptStore(Protocol):
    """What sweep asks of the store."""

    def known_objects(self, bucket: str) -> set[tuple[str, str]]:
        """List (key, version) of the uploads of a bucket that were recorded."""

    def generations(self) -> tuple[int, int]:
        """Return the ingested and the matched generation."""


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Sweep once; the schedule's event is not read."""
    parts = wiring.for_sweep()
    report = sweep(
        parts.bucket,
        objects=parts.objects,
        store=parts.store,
        queue=parts.queue,
        announce_file=parts.announce_file,
        ignored_prefixes=parts.ignored_prefixes,
        now=datetime.now(UTC),
        again=f"-{context.aws_request_id}",
    )
    write_those_due(logger)
    logger.info("swept", extra=asdict(report))
    metrics.add_metric(name="files_found_missing", unit=MetricUnit.Count, value=report.files)
    metrics.add_metric(name="generations_behind", unit=MetricUnit.Count, value=report.behind)
    return asdict(report)


@dataclass(frozen=True, slots=True)
class SweepReport:
    """files: objects announced again; behind: generations that the matcher is behind."""

    files: int
    behind: int


def sweep(
    bucket: str,
    *,
    objects: Bucket,
    store: SweptStore,
    queue: MatchQueue,
    announce_file: Callable[[str, str, str], None],
    ignored_prefixes: tuple[str, ...],
    now: datetime,
    again: str,
) -> SweepReport:
    """Announce again the objects that were never ingested, and the generation if the matcher is behind.

    announce_file: called with bucket, key and version. again: makes this announcement differ from the lost one.

    A second run announces the same again, as long as it is not done; each announcement is harmless, as ingest and match know
    what they have done. A crash leaves the rest to the next sweep.
    """
    known = store.known_objects(bucket)
    # A bucket that keeps no versions lists none: there, any upload of the key will do.
    known |= {(key, "") for key, _ in known}
    missed = 0
    for item in objects.list(bucket):
        if (recordable(item.key), item.version) not in known and _is_due(item, now, ignored_prefixes):
            announce_file(bucket, item.key, item.version)
            missed += 1
    ingested, matched = store.generations()
    if ingested > matched:
        queue.announce(ingested, again=again)
    return SweepReport(files=missed, behind=ingested - matched)


def _is_due(item: Listed, now: datetime, ignored_prefixes: tuple[str, ...]) -> bool:
    return is_input(item.key) and not item.key.startswith(ignored_prefixes) and item.modified < now - GRACE
