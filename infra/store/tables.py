"""The schema as Python. The migrations are its history; a test keeps the two equal.

A listing is kept twice: ``raw`` as it came, with fields that we don't know, and its columns, valid and normalised, which
the matcher reads. Lists are ``jsonb``: COPY moves them as text, and SQL can still look inside.

Longer than a module usually is, because a schema is read as a whole.
"""

from typing import Any, Final

import polars as pl
from sqlalchemy import (
    DDL,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Date,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    event,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSON, JSONB
from sqlalchemy.types import TypeEngine

from dedup_core.events import EVENT_SCHEMA, EVIDENCE

metadata: Final = MetaData(
    naming_convention={
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s_check",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "pk": "%(table_name)s_pkey",
    }
)

# A migration does it on the way to head; whoever creates the tables from here needs it as well.
event.listen(metadata, "before_create", DDL("CREATE EXTENSION IF NOT EXISTS pg_trgm"))  # type: ignore[no-untyped-call]


def _now(name: str) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=False, server_default=func.now())


files: Final = Table(
    "files",
    metadata,
    Column("file_id", BigInteger, Identity(always=True), primary_key=True),
    Column("bucket", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column(
        "version", Text, nullable=False, comment="the object's version id; empty where a bucket keeps none"
    ),
    Column("sequencer", Text, comment="order of the versions of one key, hexadecimal"),
    Column("sha256", Text, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("source_code", Text),
    Column("processed_at", Text, comment="ISO 8601, UTC, as the file says"),
    Column("status", Text, nullable=False),
    Column("reason", Text, comment="why it was quarantined, or which file had the same content"),
    Column("listings", Integer, nullable=False, server_default="0"),
    Column("stored", Integer, nullable=False, server_default="0"),
    Column("unchanged", Integer, nullable=False, server_default="0"),
    Column(
        "superseded",
        Integer,
        nullable=False,
        server_default="0",
        comment="older than what is known; in the history",
    ),
    Column("rejected", Integer, nullable=False, server_default="0"),
    Column("generation", BigInteger, comment="the generation that it raised; null if it changed nothing"),
    _now("received_at"),
    Column(
        "receipt_at",
        DateTime(timezone=True),
        comment="when its receipt was written; null if that is to be done",
    ),
    UniqueConstraint("bucket", "key", "version"),
    CheckConstraint("status in ('stored', 'duplicate', 'quarantined', 'replayed')", name="status"),
    Index(None, "sha256", postgresql_where=text("status = 'stored'")),
    Index(None, "received_at", "file_id"),
    Index(None, "status", "received_at", "file_id"),
    Index("files_receipt_due_idx", "file_id", postgresql_where=text("receipt_at IS NULL")),
)

_SQL_TYPES: Final[dict[pl.DataType, type[TypeEngine[Any]]]] = {
    pl.String(): Text,
    pl.Float64(): Double,
    pl.Boolean(): Boolean,
    pl.Date(): Date,
    pl.Int32(): Integer,
}
REQUIRED: Final = ("source_code", "id", "title", "event_dates", "title_words", "title_tokens")


def _listing_column(name: str, dtype: pl.DataType) -> Column[object]:
    return Column(name, _SQL_TYPES.get(dtype, JSONB)(), nullable=name not in REQUIRED)


def _identity(prefix: str = "") -> list[Column[object]]:
    return [Column(f"{prefix}source_code", Text, nullable=False), Column(f"{prefix}id", Text, nullable=False)]


source_events: Final = Table(
    "source_events",
    metadata,
    *(_listing_column(name, dtype) for name, dtype in EVENT_SCHEMA.items()),
    Column(
        "normaliser", Text, nullable=False, comment="the rules and lexicon that gave the comparable columns"
    ),
    Column("raw", JSONB, nullable=False),
    Column(
        "content_hash", Text, nullable=False, comment="of the valid columns: equal content changes nothing"
    ),
    Column(
        "order_key", Text(collation="C"), nullable=False, comment="which of two versions holds: the greater"
    ),
    Column("file_id", BigInteger, ForeignKey("files.file_id"), nullable=False),
    Column("generation", BigInteger, nullable=False, comment="in which it last changed"),
    PrimaryKeyConstraint("source_code", "id"),
    Index(None, "file_id"),
    # Who else has the same text is asked to tell a template; texts are too long for any other kind of index.
    Index(None, "description", postgresql_using="hash"),
    Index(None, "short_description", postgresql_using="hash"),
)

source_event_history: Final = Table(
    "source_event_history",
    metadata,
    Column("history_id", BigInteger, Identity(always=True), primary_key=True),
    *_identity(),
    Column("raw", JSONB, nullable=False),
    Column("content_hash", Text, nullable=False),
    Column("order_key", Text(collation="C"), nullable=False),
    Column("file_id", BigInteger, ForeignKey("files.file_id"), nullable=False),
    _now("replaced_at"),
    Index(None, "source_code", "id"),
)

rejections: Final = Table(
    "rejections",
    metadata,
    Column("rejection_id", BigInteger, Identity(always=True), primary_key=True),
    Column("file_id", BigInteger, ForeignKey("files.file_id"), nullable=False),
    Column("index", Integer, comment="of the listing in the file; null for the whole file"),
    Column("listing_id", Text),
    Column("field", Text),
    Column("reason", Text, nullable=False),
    Column("listing", Text, comment="what was refused, as text"),
    Index(None, "file_id"),
)


def _derived(name: str, kind: TypeEngine[Any], derived: str, comment: str | None = None) -> Column[Any]:
    """Let the database derive a column, so that no run has to write it."""
    return Column(name, kind, Computed(derived, persisted=True), comment=comment)


def _looked_for() -> list[Column[Any]]:
    """Derive what filters look at from an event's content."""
    degrees = "(content #>> '{{location,geo,{}}}')::double precision"
    return [
        _derived(
            "sought",
            Text(),
            "lower(title || ' ' || coalesce(content #>> '{location,name}', '') || ' ' || coalesce(city, ''))",
            "what a search for words looks at",
        ),
        _derived("categories", JSONB(), "content -> 'categories'"),
        _derived("latitude", Double(), degrees.format("latitude"), "degrees"),
        _derived("longitude", Double(), degrees.format("longitude"), "degrees"),
    ]


canonical_events: Final = Table(
    "canonical_events",
    metadata,
    Column("canonical_id", Text, primary_key=True),
    Column("title", Text, nullable=False),
    Column("city", Text, comment="the first 200 characters: longer ones don't fit an index"),
    Column("first_day", Date, nullable=False),
    Column("last_day", Date, nullable=False),
    Column("status", Text, nullable=False),
    Column("confidence", Double, nullable=False),
    Column("needs_review", Boolean, nullable=False),
    Column("n_sources", Integer, nullable=False),
    Column("content", JSONB, nullable=False, comment="the whole event in the output format"),
    Column("content_hash", Text, nullable=False),
    Column(
        "hidden",
        Boolean,
        nullable=False,
        server_default="false",
        comment="a person called it no event: kept, and shown to no reader",
    ),
    Column("born", BigInteger, nullable=False, comment="generation in which the id first appeared"),
    Column("generation", BigInteger, nullable=False, comment="in which it last changed"),
    _now("created_at"),
    _now("updated_at"),
    _derived(
        "title_key",
        Text(),
        "lower(left(title, 200))",
        "what is sorted by: a longer one doesn't fit an index",
    ),
    *_looked_for(),
    CheckConstraint("confidence between 0 and 1", name="confidence"),
    CheckConstraint("first_day <= last_day", name="days"),
    CheckConstraint("status in ('scheduled', 'cancelled', 'moved', 'sold_out')", name="status"),
    # With the last day, what is over is passed without a look at its row: a list from a day on begins before it.
    Index(None, "first_day", "canonical_id", "last_day"),
    Index(None, "city", "first_day"),
    # What is still to come, after years of events that are over: their first days don't tell.
    Index(None, "last_day", "canonical_id"),
    Index(None, "n_sources", "canonical_id"),
    Index(None, "title_key", "canonical_id"),
    Index(None, "confidence", "canonical_id"),
    Index(None, "updated_at", "canonical_id"),
    Index(None, "created_at", "canonical_id"),
    Index(None, "status", "canonical_id"),
    Index(None, "needs_review", "canonical_id"),
    Index(None, "latitude", "longitude"),
    Index(None, "categories", postgresql_using="gin"),
    Index(None, "sought", postgresql_using="gin", postgresql_ops={"sought": "gin_trgm_ops"}),
    Index("canonical_events_hidden_idx", "canonical_id", postgresql_where=text("hidden")),
    Index("canonical_events_review_idx", "first_day", "canonical_id", postgresql_where=text("needs_review")),
)


def _living(name: str, *, primary_key: bool = False, comment: str | None = None) -> Column[str]:
    """Point to a canonical event that lives. Deferred: a run writes in several statements, and only the end has to be right."""
    target = ForeignKey("canonical_events.canonical_id", deferrable=True, initially="DEFERRED")
    return Column(name, Text, target, primary_key=primary_key, nullable=False, comment=comment)


canonical_sources: Final = Table(
    "canonical_sources",
    metadata,
    Column("source_code", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    _living("canonical_id"),
    Index(None, "canonical_id"),
)

decisions: Final = Table(
    "decisions",
    metadata,
    *(
        Column(f"{side}_{name}", Text, primary_key=True)
        for side in ("a", "b")
        for name in ("source_code", "id")
    ),
    *(Column(part, Double) for part in EVIDENCE),
    Column("weight", Double, nullable=False, comment="bits; the sum of the parts"),
    Column("score", Double, nullable=False),
    Column("decision", Text, nullable=False),
    Column("reasons", Text),
    Column("relation", Text),
    Column(
        "seen", JSON, comment="words, ways and hours that the evidence was given for; null: not kept then"
    ),
    CheckConstraint("decision in ('match', 'ambiguous', 'no_match')", name="decision"),
    Index(None, "b_source_code", "b_id"),
    Index("decisions_ambiguous_idx", "weight", postgresql_where=text("decision = 'ambiguous'")),
)

links: Final = Table(
    "links",
    metadata,
    Column("kind", Text, primary_key=True),
    _living("from_id", primary_key=True),
    _living("to_id", primary_key=True),
    CheckConstraint("kind in ('part_of', 'date_of')", name="kind"),
    Index(None, "from_id"),
    Index(None, "to_id"),
)

flags: Final = Table(
    "flags",
    metadata,
    _living("canonical_id", primary_key=True),
    Column("flag", Text, primary_key=True),
    Column("detail", Text, primary_key=True),
)

verdicts: Final = Table(
    "verdicts",
    metadata,
    Column("sequence", BigInteger, Identity(always=True), primary_key=True),
    Column("kind", Text, nullable=False),
    *_identity("a_"),
    Column("b_source_code", Text, comment="null where the verdict is on one listing"),
    Column("b_id", Text),
    Column("field", Text, comment="of a pin, by its name in the output"),
    Column("value", Text, comment="of a pin: JSON, written in one way"),
    Column("given_with", BigInteger, comment="the first verdict that was given by the same act"),
    Column("act", Text, comment="merge, split or move, if it was one"),
    Column("author", Text, nullable=False),
    Column("reason", Text),
    _now("given_at"),
    CheckConstraint("kind in ('must_link', 'cannot_link', 'not_an_event', 'is_event', 'pin')", name="kind"),
    CheckConstraint("(a_source_code, a_id) <> (b_source_code, b_id)", name="two_listings"),
    CheckConstraint(
        "(kind in ('must_link', 'cannot_link')) = (b_source_code is not null and b_id is not null)",
        name="pair",
    ),
    CheckConstraint("(kind = 'pin') = (field is not null and value is not null)", name="pin"),
    Index(None, "a_source_code", "a_id", "b_source_code", "b_id"),
    Index(None, "b_source_code", "b_id"),
    Index(None, "given_with"),
)

take_backs: Final = Table(
    "take_backs",
    metadata,
    Column("sequence", BigInteger, ForeignKey("verdicts.sequence"), primary_key=True, autoincrement=False),
    Column("author", Text, nullable=False),
    Column("reason", Text),
    _now("at"),
)

given_answers: Final = Table(
    "given_answers",
    metadata,
    Column("who", Text, primary_key=True),
    Column("key", Text, primary_key=True, comment="Idempotency-Key: of who asks, not of all"),
    Column("request_hash", Text, nullable=False),
    Column("answer", Text, nullable=False, comment="JSON, as it was sent"),
    _now("at"),
    Index(None, "at"),
)

runs: Final = Table(
    "runs",
    metadata,
    Column("run_id", BigInteger, Identity(always=True), primary_key=True),
    Column("generation", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
    Column("reason", Text, comment="why it failed"),
    Column("statistics", JSONB, nullable=False),
    Column("left_out", JSONB, nullable=False, comment="blocks too large to pair"),
    Column("result_hash", Text),
    Column("policy_version", Text, nullable=False),
    Column("policy_hash", Text, nullable=False),
    Column("started_at", DateTime(timezone=True), nullable=False),
    _now("finished_at"),
    CheckConstraint("status in ('done', 'failed')", name="status"),
)

lineage: Final = Table(
    "lineage",
    metadata,
    Column("lineage_id", BigInteger, Identity(always=True), primary_key=True),
    Column("generation", BigInteger, nullable=False),
    Column("parent_id", Text, nullable=False),
    Column("child_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    CheckConstraint("kind in ('merged', 'split')", name="kind"),
    Index(None, "parent_id"),
    Index(None, "child_id"),
)

redirects: Final = Table(
    "redirects",
    metadata,
    Column("from_id", Text, primary_key=True),
    _living("to_id", comment="always a living event: chains are followed when they are written"),
    Column("generation", BigInteger, nullable=False),
    Index(None, "to_id"),
)

changes: Final = Table(
    "changes",
    metadata,
    # One matcher writes, under its lock: the order of the numbers is the order of the commits.
    Column("change_id", BigInteger, Identity(always=True), primary_key=True),
    Column("generation", BigInteger, nullable=False),
    Column("canonical_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column(
        "successors",
        JSONB,
        nullable=False,
        comment="ids that took over from one that is gone; as of then, redirects lead on",
    ),
    _now("at"),
    CheckConstraint("kind in ('created', 'updated', 'merged', 'split', 'withdrawn')", name="kind"),
    Index(None, "canonical_id", "change_id"),
)

generations: Final = Table(
    "generations",
    metadata,
    Column("singleton", SmallInteger, primary_key=True, server_default="1", autoincrement=False),
    Column("ingested", BigInteger, nullable=False, server_default="0"),
    Column("matched", BigInteger, nullable=False, server_default="0"),
    CheckConstraint("singleton = 1", name="one_row"),
    CheckConstraint("matched <= ingested", name="order"),
)

audit: Final = Table(
    "audit",
    metadata,
    Column("audit_id", BigInteger, Identity(always=True), primary_key=True),
    _now("at"),
    Column("who", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", JSONB, nullable=False),
    Index(None, "subject"),
)

api_keys: Final = Table(
    "api_keys",
    metadata,
    Column("key_id", BigInteger, Identity(always=True), primary_key=True),
    Column("name", Text, nullable=False, comment="whom the audit trail names"),
    Column("role", Text, nullable=False),
    Column(
        "hash",
        Text,
        nullable=False,
        comment="SHA-256, hexadecimal; of 256 random bits, so it needs neither salt nor delay",
    ),
    _now("created_at"),
    Column("last_used_at", DateTime(timezone=True), comment="to within some minutes"),
    Column("revoked_at", DateTime(timezone=True)),
    UniqueConstraint("hash"),
    CheckConstraint("role in ('reader', 'editor', 'admin')", name="role"),
    # Two who may ask at the same time have two names; a name is free again when its key is revoked.
    Index("api_keys_name_idx", "name", unique=True, postgresql_where=text("revoked_at IS NULL")),
)

tombstones: Final = Table(
    "tombstones",
    metadata,
    Column("canonical_id", Text, primary_key=True, comment="of an event that is gone"),
    Column("title", Text, nullable=False),
    Column("city", Text),
    Column("first_day", Date, nullable=False),
    Column("last_day", Date, nullable=False),
    Column("status", Text, nullable=False),
    Column("confidence", Double, nullable=False),
    Column("needs_review", Boolean, nullable=False),
    Column("content", JSONB, nullable=False, comment="what it was at its end"),
    _now("created_at"),
    _now("updated_at"),
    _now("at"),
    *_looked_for(),
    Index(None, "at"),
    comment="what feeds show as cancelled for a while",
)

policies: Final = Table(
    "policies",
    metadata,
    # The newest is in force; written under a lock, so the order of the numbers is the order of the commits.
    Column("policy_id", BigInteger, Identity(always=True), primary_key=True),
    Column("policy_hash", Text, nullable=False),
    Column("document", JSONB, nullable=False),
    Column("author", Text, nullable=False),
    Column("reason", Text),
    Column("generation", BigInteger, nullable=False, comment="the generation that it raised"),
    _now("at"),
)
