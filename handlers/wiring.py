"""Wiring: the only place that reads the settings and builds clients.

What a function needs is built at its first event and kept: a warm function reuses its pool and its clients.
"""

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Final
from urllib.parse import quote_plus

import orjson
from botocore.config import Config
from botocore.session import Session

from dedup_core.policy import Policy, default_policy, parse_policy
from infra.errors import WrongSettings
from infra.held_messages import SqsMessages
from infra.keyring import Keyring
from infra.match_queue import HintingQueue, MatchQueue, RememberingQueue, SqsMatchQueue
from infra.object_store import S3Objects
from infra.secrets import database_url
from infra.settings import PREFIX, Settings, read_settings
from infra.shares import S3Shares
from infra.store import Store

# Standard retries with short timeouts: a hanging call must not use up a function's time.
CLIENT: Final = Config(retries={"mode": "standard", "max_attempts": 5}, connect_timeout=5, read_timeout=60)


@cache
def settings() -> Settings:
    """Read the environment once, and log from the level on that it names; raises WrongSettings."""
    chosen = read_settings()
    for service in ("ingest", "match", "sweep", "migrate", "api"):
        logging.getLogger(service).setLevel(chosen.log_level)
    return chosen


def point_to(url: str) -> None:
    """Let this process and those that it starts use a database that was opened without being named."""
    os.environ[f"{PREFIX}DATABASE_URL"] = url
    settings.cache_clear()


def required(value: str | None, name: str) -> str:
    """Insist on a setting that this function can't do without."""
    if not value:
        raise WrongSettings(f"{PREFIX}{name}: is not set")
    return value


def policy_of(chosen: Settings) -> Policy:
    """Read the policy that the settings name, or the one in the package; raises InvalidPolicy."""
    if chosen.policy_file is None:
        return default_policy()
    return parse_policy(chosen.policy_file.read_text(encoding="utf-8"), name=str(chosen.policy_file))


@cache
def store() -> Store:
    """Open the store that the settings name."""
    chosen = settings()
    if chosen.database_url is not None:
        return Store.at(chosen.database_url.get_secret_value())
    arn = required(chosen.database_secret_arn, "DATABASE_URL or EVENT_DEDUP_DATABASE_SECRET_ARN")
    read_url = partial(database_url, _session().create_client("secretsmanager", config=CLIENT), arn)
    return Store.at(read_url(), renewed_url=read_url)


@cache
def _session() -> Session:
    """Open a session of botocore, which starts sooner than boto3 and makes the same clients."""
    return Session()


@cache
def _sqs() -> Any:
    return _session().create_client("sqs", config=CLIENT)


@cache
def _s3() -> Any:
    import boto3  # noqa: PLC0415 - only its clients of S3 upload and copy in parts; the API seldom needs one

    return boto3.client("s3", config=CLIENT)


@cache
def _objects() -> S3Objects:
    return S3Objects(_s3(), settings().results_bucket)


def _queue() -> SqsMatchQueue:
    return SqsMatchQueue(_sqs(), required(settings().match_queue_url, "MATCH_QUEUE_URL"))


def _ignored_prefixes() -> tuple[str, ...]:
    return settings().quarantine_prefix, settings().receipts_prefix


@dataclass(frozen=True, slots=True)
class IngestParts:
    """What ingest works with."""

    objects: S3Objects
    store: Store
    queue: SqsMatchQueue
    policy: Policy
    quarantine: str
    ignored_prefixes: tuple[str, ...]
    uploads: SqsMessages


@cache
def for_ingest() -> IngestParts:
    """Build what ingest needs."""
    chosen = settings()
    return IngestParts(
        objects=_objects(),
        store=store(),
        queue=_queue(),
        policy=policy_of(chosen),
        quarantine=chosen.quarantine_prefix,
        ignored_prefixes=_ignored_prefixes(),
        uploads=SqsMessages(_sqs(), required(chosen.upload_queue_url, "UPLOAD_QUEUE_URL")),
    )


@dataclass(frozen=True, slots=True)
class MatchParts:
    """What match works with."""

    store: Store
    policy: Policy
    generations: SqsMessages
    retry_after_s: int


@cache
def for_match() -> MatchParts:
    """Build what match needs."""
    chosen = settings()
    url = required(chosen.match_queue_url, "MATCH_QUEUE_URL")
    return MatchParts(store(), policy_of(chosen), SqsMessages(_sqs(), url), chosen.retry_after_s)


@dataclass(frozen=True, slots=True)
class SweepParts:
    """What sweep works with. announce_file: sends bucket, key and version as S3 would."""

    bucket: str
    objects: S3Objects
    store: Store
    queue: SqsMatchQueue
    announce_file: Callable[[str, str, str], None]
    ignored_prefixes: tuple[str, ...]


@cache
def for_sweep() -> SweepParts:
    """Build what sweep needs."""
    chosen = settings()
    url = required(chosen.upload_queue_url, "UPLOAD_QUEUE_URL")

    def announce_file(bucket: str, key: str, version: str) -> None:
        body = orjson.dumps(s3_notification(bucket, key, version)).decode()
        _sqs().send_message(QueueUrl=url, MessageBody=body)

    bucket = required(chosen.uploads_bucket, "UPLOADS_BUCKET")
    return SweepParts(bucket, _objects(), store(), _queue(), announce_file, _ignored_prefixes())


def s3_notification(bucket: str, key: str, version: str) -> dict[str, Any]:
    """Write what S3 would have sent, its key encoded as S3 encodes it.

    Without a sequencer, which only S3 knows: of files with the same processedAt, this one counts as the oldest.
    """
    found = {"key": quote_plus(key, safe="/"), **({"versionId": version} if version else {})}
    return {
        "Records": [{"eventSource": "event-dedup:sweep", "s3": {"bucket": {"name": bucket}, "object": found}}]
    }


@dataclass(frozen=True, slots=True)
class ReceiptParts:
    """What receipts are written with. objects: gives the place to write to; called only when there is something to write."""

    store: Store
    objects: Callable[[], S3Objects]
    prefix: str


def for_receipts() -> ReceiptParts:
    """Build what receipts need."""
    return ReceiptParts(store(), _objects, settings().receipts_prefix)


def for_api() -> Store:
    """Open the store."""
    return store()


@dataclass(frozen=True, slots=True)
class DecidingParts:
    """What decisions are taken in with."""

    store: Store
    queue: MatchQueue
    policy: Policy


@cache
def for_deciding() -> DecidingParts:
    """Build what decisions need. Where no queue wakes a matcher, one looks by itself what is new."""
    chosen = settings()
    queue: MatchQueue = RememberingQueue() if chosen.match_queue_url is None else HintingQueue(_queue())
    return DecidingParts(store(), queue, policy_of(chosen))


@dataclass(frozen=True, slots=True)
class FeedParts:
    """What feeds are made with. public_url: null for as it was asked; shares: where a large export is put, null for nowhere."""

    store: Store
    public_url: str | None
    domain: str
    time_zone: str
    shares: S3Shares | None


@cache
def for_feeds() -> FeedParts:
    """Build what feeds and exports need."""
    chosen = settings()
    shares = None
    if chosen.results_bucket:
        shares = S3Shares(_s3(), chosen.results_bucket)
    return FeedParts(store(), chosen.public_url, chosen.feed_domain, chosen.time_zone, shares)


@cache
def keyring() -> Keyring:
    """Open the keys of the store."""
    return Keyring(store())


def for_migrate() -> Store:
    """Open the store, whatever its schema."""
    return store()
