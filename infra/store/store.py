"""The store as the use cases see it: an engine, and one transaction a method."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime

import polars as pl
from sqlalchemy import Connection, Engine, select

from dedup_core.events import Rejection
from dedup_core.policy import Policy
from infra.store import deciding, files, policies, reading, receipts, runs, schema, snapshots, verdicts
from infra.store.deciding import DecisionWork
from infra.store.engine import build_engine
from infra.store.files import Ingested, Upload
from infra.store.merging import FileContent
from infra.store.runs import MatchWork
from infra.store.snapshots import Snapshot
from infra.store.tables import generations


class Store:
    """PostgreSQL. Safe to share between threads and to keep for the life of a process."""

    def __init__(self, engine: Engine) -> None:
        """engine: on pg8000, as from `infra.store.engine.build_engine`."""
        self.engine = engine

    @classmethod
    def at(cls, url: str, *, renewed_url: Callable[[], str] | None = None) -> "Store":
        """Open the store at a URL; nothing is connected yet. renewed_url: asked when its password is refused."""
        return cls(build_engine(url, renewed_url=renewed_url))

    def upgrade(self) -> str:
        """Bring the schema to head; returns its revision."""
        return schema.upgrade(self.engine)

    def require_head(self) -> None:
        """Check the schema; raises SchemaNotReady."""
        schema.require_head(self.engine)

    def recall(self, upload: Upload) -> Ingested | None:
        """Return what became of this very upload when it was here before, or null."""
        with self.engine.connect() as connection:
            return files.recall(connection, upload)

    def save_file(
        self,
        upload: Upload,
        *,
        source_code: str,
        processed_at: str | None,
        events: pl.DataFrame,
        raw: pl.Series,
        rejected: Sequence[Rejection],
        listings: int,
        normaliser: str,
    ) -> Ingested:
        """Store one file's listings, all or nothing; the same content again, under any key, changes nothing.

        events: EVENT_SCHEMA, each listing once; raw: (n,) JSON texts aligned with them; listings: how many the file held.

        Raises:
            ValueError: a listing stands twice; nothing is stored.
        """
        content = FileContent(source_code, processed_at, events, raw, rejected, listings, normaliser)
        with self.engine.begin() as connection:
            return files.save_file(connection, upload, content)

    def save_quarantined(self, upload: Upload, rejection: Rejection, *, source_code: str | None) -> Ingested:
        """Record a file that could not be read."""
        with self.engine.begin() as connection:
            return files.save_quarantined(connection, upload, rejection, source_code=source_code)

    def mark_replayed(self, file_id: int) -> bool:
        """Set a quarantined file free to be ingested again; false if it is not in quarantine."""
        with self.engine.begin() as connection:
            return files.mark_replayed(connection, file_id)

    def keep_quarantined(self, file_id: int) -> None:
        """Take back that a file was set free, and not ingested since."""
        with self.engine.begin() as connection:
            files.keep_quarantined(connection, file_id)

    def matching(self) -> AbstractContextManager[MatchWork]:
        """Open a run's transaction; raises MatcherBusy if another is open. Commits at the end, rolls back on an error."""
        return contextmanager(runs.matching)(self.engine)

    def snapshot(self) -> Snapshot:
        """Read what a run would start from, without its lock: for looking, not for writing."""
        with snapshots.one_moment(self.engine) as moment:
            return snapshots.load_snapshot(moment)

    def record_failure(
        self, *, generation: int, reason: str, policy_version: str, policy_hash: str, started_at: datetime
    ) -> None:
        """Write down a run that failed."""
        runs.record_failure(
            self.engine,
            generation=generation,
            reason=reason,
            policy_version=policy_version,
            policy_hash=policy_hash,
            started_at=started_at,
        )

    def known_objects(self, bucket: str) -> set[tuple[str, str]]:
        """List (key, version) of the uploads of a bucket that were recorded; where it keeps no versions, a hash stands for one."""
        with self.engine.connect() as connection:
            return reading.known_objects(connection, bucket)

    def receipts_due(self, *, limit: int) -> list[receipts.Receipt]:
        """List the receipts that are to be written, oldest file first: of files that are matched, and of those that changed nothing."""
        with self.engine.connect() as connection:
            return receipts.due(connection, limit=limit)

    def receipts_written(self, file_ids: Sequence[int]) -> None:
        """Note that the receipts of files were written."""
        with self.engine.begin() as connection:
            receipts.written(connection, file_ids)

    def generations(self) -> tuple[int, int]:
        """Return the ingested and the matched generation."""
        with self.engine.connect() as connection:
            row = connection.execute(select(generations.c.ingested, generations.c.matched)).one()
        return row.ingested, row.matched

    def give_verdict(
        self, kind: str, a: tuple[str, str], b: tuple[str, str], *, author: str, reason: str | None = None
    ) -> int:
        """Append a verdict; raises UnknownEvent."""
        with self.engine.begin() as connection:
            return verdicts.give_verdict(connection, kind, a, b, author=author, reason=reason)

    def take_back(self, sequence: int, *, author: str) -> bool:
        """Take a verdict back; false if there is nothing to take back."""
        with self.engine.begin() as connection:
            return verdicts.take_back(connection, sequence, author=author)

    def deciding(self) -> AbstractContextManager[DecisionWork]:
        """Open a decision's transaction; others that decide wait. Commits at the end, rolls back on an error."""
        return contextmanager(deciding.deciding)(self.engine)

    def looking(self) -> AbstractContextManager[DecisionWork]:
        """Open a transaction that looks at what a decision would do; it can't write, and nobody waits for it."""
        return contextmanager(deciding.looking)(self.engine)

    def reading(self) -> AbstractContextManager[Connection]:
        """Open a connection for the queries of `infra.store.reading`."""
        return self.engine.connect()

    def moment(self) -> AbstractContextManager[Connection]:
        """Open a connection that sees one moment, whatever is committed while it reads."""
        return snapshots.one_moment(self.engine)

    def policy_in_force(self) -> Policy | None:
        """Return the policy that was applied last; null if none ever was."""
        with self.engine.connect() as connection:
            applied = policies.in_force(connection)
        return None if applied is None else applied.policy
