"""Match: bring the canonical events up to date with all source events and verdicts.

A message only says that the data has reached a generation. Ten files cost one run: the first message's run reads all of them, and
the others find their generation matched.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, Protocol

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.data_classes import SQSEvent, event_source
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from dedup_core.events import Resolution
from dedup_core.normalising import normaliser_version
from dedup_core.pipeline import Progress, resolve
from dedup_core.policy import Policy
from handlers import wiring
from handlers.failures import described
from handlers.measures import measures
from handlers.receipts import write_those_due
from handlers.renewing import renewed
from handlers.stopwatch import Stopwatch
from infra.errors import MatcherBusy
from infra.held_messages import held
from infra.store import MatchWork

logger = Logger(service="match")
metrics = measures("match")

REASON_CHARACTERS: Final = 2000
"""Of a failed run's reason; databases quote whole statements."""


class RunStore(Protocol):
    """What match asks of the store."""

    def matching(self) -> AbstractContextManager[MatchWork]:
        """Open a run's transaction under the one lock."""

    def generations(self) -> tuple[int, int]:
        """Return the ingested and the matched generation."""

    def policy_in_force(self) -> Policy | None:
        """Return the policy that was applied last, or null if none ever was."""

    def record_failure(
        self, *, generation: int, reason: str, policy_version: str, policy_hash: str, started_at: datetime
    ) -> None:
        """Write down a run that failed."""


@logger.inject_lambda_context
@metrics.log_metrics
@event_source(data_class=SQSEvent)
def lambda_handler(event: SQSEvent, context: LambdaContext) -> dict[str, Any]:
    """Take messages of the FIFO queue; answers the first that failed and all behind it, so that their order holds."""
    parts = wiring.for_match()
    records = list(event.records)
    metrics.add_metric(name="messages", unit=MetricUnit.Count, value=len(records))
    with held(partial(parts.generations.hide, [record.receipt_handle for record in records])):
        undone = _undone(records, parts)
        if not undone:
            write_those_due(logger)
    parts.generations.hide([record.receipt_handle for record in undone], parts.retry_after_s)
    return {"batchItemFailures": [{"itemIdentifier": record.message_id} for record in undone]}


def _undone(records: list[SQSRecord], parts: wiring.MatchParts) -> list[SQSRecord]:
    """Take one message after the other; gives the first that failed and all behind it."""
    for number, record in enumerate(records):
        try:
            _take(record, parts)
        except Exception as error:  # whatever it was: this message and those behind it come again
            _log_failure(error)
            return records[number:]
    return []


def _take(record: SQSRecord, parts: wiring.MatchParts) -> None:
    report = match(store=parts.store, policy=parts.policy, wanted=int(record.json_body["generation"]))
    log_run(report)
    count_run(report)


def _log_failure(error: Exception) -> None:
    """Write down why a message comes again; that another matcher is at work is no error."""
    if isinstance(error, MatcherBusy):
        logger.info("matcher_busy")
        return
    logger.error("run_failed", extra={"errors": 1, **described(error)})
    metrics.add_metric(name="errors", unit=MetricUnit.Count, value=1)


@dataclass(frozen=True, slots=True)
class RunReport:
    """What a run did. ran: false if the generation was matched before. seconds: by stage, and ``total``."""

    ran: bool
    generation: int
    run_id: int | None = None
    events_created: int = 0
    events_changed: int = 0
    events_gone: int = 0
    result_hash: str | None = None
    statistics: dict[str, float | int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


def match(
    *,
    store: RunStore,
    policy: Policy,
    wanted: int | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    progress: Progress | None = None,
    insist: bool = False,
) -> RunReport:
    """Resolve all source events and write what changed, by the policy that was applied last.

    policy: what holds where none was ever applied; insist: holds in any case.
    wanted: the generation that a message speaks of; if it is matched already, nothing is done. None runs in any case.

    A second run on the same generation changes nothing. A crash anywhere leaves the state of the last run, as everything is
    one transaction; the message comes again. A failure is recorded as a run of its own.

    Raises:
        MatcherBusy: another matcher is at work; the message must come again.
    """
    started_at = now()
    if wanted is not None and wanted <= (matched := store.generations()[1]):
        return RunReport(ran=False, generation=matched)
    try:
        with store.matching() as work:
            if wanted is not None and wanted <= work.matched:  # matched while we asked for the lock
                return RunReport(ran=False, generation=work.matched)
            return _run(work, policy, started_at, Stopwatch(progress), insist=insist)
    except MatcherBusy:
        raise
    except Exception as error:
        _write_down(error, store, policy if insist else None, policy, started_at)
        raise


def _write_down(
    error: Exception, store: RunStore, insisted: Policy | None, otherwise: Policy, started_at: datetime
) -> None:
    # The database may be what failed, and then can't take this either; the first error is raised in any case.
    with suppress(Exception):
        rules = insisted or store.policy_in_force() or otherwise
        store.record_failure(
            generation=store.generations()[0],
            reason=f"{type(error).__name__}: {error}"[:REASON_CHARACTERS],
            policy_version=rules.version,
            policy_hash=rules.hash,
            started_at=started_at,
        )


def _run(
    work: MatchWork, policy: Policy, started_at: datetime, watch: Stopwatch, *, insist: bool
) -> RunReport:
    snapshot, anew = renewed(work.load())
    resolution = resolve(
        snapshot.events,
        snapshot.verdicts,
        snapshot.previous,
        snapshot.policy if snapshot.policy is not None and not insist else policy,
        generation=work.ingested,
        progress=watch.begin,
        observe=True,
    )
    watch.begin("saving", 0.95)
    if not anew.is_empty():  # last, because ingests wait from here to the commit
        work.save_normalised(anew, normaliser_version())
    run_id = work.save(resolution, snapshot.previous, started_at=started_at)
    return _report(resolution, run_id, work.ingested, watch.end())


def _report(resolution: Resolution, run_id: int, generation: int, seconds: dict[str, float]) -> RunReport:
    difference = resolution.difference
    return RunReport(
        ran=True,
        generation=generation,
        run_id=run_id,
        events_created=len(difference.created),
        events_changed=len(difference.changed),
        events_gone=len(difference.gone),
        result_hash=resolution.result_hash,
        statistics=resolution.statistics,
        seconds=seconds,
    )


def log_run(report: RunReport) -> None:
    """Write the one line of a run, or of a message that needed none."""
    if report.ran:
        logger.info("run_finished", extra={**asdict(report), "errors": 0})
    else:
        logger.info("already_matched", extra={"generation": report.generation})


def count_run(report: RunReport) -> None:
    """Add a run to the metrics; a message that needed none counts nothing."""
    if not report.ran:
        return
    for name in ("events_created", "events_changed", "events_gone"):
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=getattr(report, name))
    for name in ("listings", "candidate_pairs", "matches", "ambiguous", "canonical_events", "needs_review"):
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=report.statistics[name])
    metrics.add_metric(name="runs", unit=MetricUnit.Count, value=1)
    metrics.add_metric(name="run_seconds", unit=MetricUnit.Seconds, value=report.seconds["total"])
