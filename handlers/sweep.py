"""Sweep: find what was missed, and announce it again. The clock wakes it.

S3 may forget to announce an object, a function may die between its commit and its message, a message may be lost: the truth
stands in the bucket and in Postgres, and the sweep compares the two.
"""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from handlers import wiring
from infra.match_queue import MatchQueue
from infra.object_store import Objects

logger = Logger(service="sweep")
metrics = Metrics(namespace="event-dedup", service="sweep")


class SweptStore(Protocol):
    """What sweep asks of the store."""

    def known_keys(self, bucket: str) -> set[str]:
        """List the keys of a bucket of which an upload was recorded."""

    def generations(self) -> tuple[int, int]:
        """Return the ingested and the matched generation."""


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
        again=f"-{context.aws_request_id}",
    )
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
    bucket: str | None,
    *,
    objects: Objects,
    store: SweptStore,
    queue: MatchQueue,
    announce_file: Callable[[str, str], None],
    ignored_prefixes: tuple[str, ...],
    again: str,
) -> SweepReport:
    """Announce again the objects that were never ingested, and the generation if the matcher is behind.

    announce_file: called with bucket and key. again: makes this announcement differ from the lost one.

    A second run announces the same again, as long as it is not done; each announcement is harmless, as ingest and match know
    what they have done. A crash leaves the rest to the next sweep.
    """
    missing = list(_missing(bucket, objects, store, ignored_prefixes)) if bucket else []
    for key in missing:
        announce_file(bucket or "", key)
    ingested, matched = store.generations()
    if ingested > matched:
        queue.announce(ingested, again=again)
    return SweepReport(files=len(missing), behind=ingested - matched)


def _missing(
    bucket: str, objects: Objects, store: SweptStore, ignored_prefixes: tuple[str, ...]
) -> Iterable[str]:
    known = store.known_keys(bucket)
    return (
        item.key
        for item in objects.list(bucket)
        if item.key not in known and not item.key.startswith(ignored_prefixes)
    )
