"""The first schema: files, listings, canonical events, decisions, verdicts, runs."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Bring the schema forward."""
    op.create_table(
        "audit",
        sa.Column("audit_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("audit_id", name=op.f("audit_pkey")),
    )
    op.create_index(op.f("audit_subject_idx"), "audit", ["subject"], unique=False)
    op.create_table(
        "canonical_events",
        sa.Column("canonical_id", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column(
            "city",
            sa.Text(),
            nullable=True,
            comment="the first 200 characters: longer ones don't fit an index",
        ),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("needs_review", sa.Boolean(), nullable=False),
        sa.Column("n_sources", sa.Integer(), nullable=False),
        sa.Column(
            "content",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="the whole event in the output format",
        ),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column(
            "born", sa.BigInteger(), nullable=False, comment="generation in which the id first appeared"
        ),
        sa.Column("generation", sa.BigInteger(), nullable=False, comment="in which it last changed"),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "status in ('scheduled', 'cancelled', 'moved', 'sold_out')",
            name=op.f("canonical_events_status_check"),
        ),
        sa.CheckConstraint("confidence between 0 and 1", name=op.f("canonical_events_confidence_check")),
        sa.CheckConstraint("first_day <= last_day", name=op.f("canonical_events_days_check")),
        sa.PrimaryKeyConstraint("canonical_id", name=op.f("canonical_events_pkey")),
    )
    op.create_index(
        op.f("canonical_events_city_first_day_idx"), "canonical_events", ["city", "first_day"], unique=False
    )
    op.create_index(
        op.f("canonical_events_first_day_canonical_id_idx"),
        "canonical_events",
        ["first_day", "canonical_id"],
        unique=False,
    )
    op.create_index(op.f("canonical_events_last_day_idx"), "canonical_events", ["last_day"], unique=False)
    op.create_index(
        op.f("canonical_events_n_sources_canonical_id_idx"),
        "canonical_events",
        ["n_sources", "canonical_id"],
        unique=False,
    )
    op.create_index(
        "canonical_events_review_idx",
        "canonical_events",
        ["first_day", "canonical_id"],
        unique=False,
        postgresql_where=sa.text("needs_review"),
    )
    op.create_table(
        "decisions",
        sa.Column("a_source_code", sa.Text(), nullable=False),
        sa.Column("a_id", sa.Text(), nullable=False),
        sa.Column("b_source_code", sa.Text(), nullable=False),
        sa.Column("b_id", sa.Text(), nullable=False),
        sa.Column("prior", sa.Double(), nullable=True),
        sa.Column("title", sa.Double(), nullable=True),
        sa.Column("date", sa.Double(), nullable=True),
        sa.Column("time", sa.Double(), nullable=True),
        sa.Column("city", sa.Double(), nullable=True),
        sa.Column("geo", sa.Double(), nullable=True),
        sa.Column("venue", sa.Double(), nullable=True),
        sa.Column("street", sa.Double(), nullable=True),
        sa.Column("description", sa.Double(), nullable=True),
        sa.Column("categories", sa.Double(), nullable=True),
        sa.Column("source", sa.Double(), nullable=True),
        sa.Column("cap", sa.Double(), nullable=True),
        sa.Column("weight", sa.Double(), nullable=False, comment="bits; the sum of the parts"),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=True),
        sa.Column("relation", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "decision in ('match', 'ambiguous', 'no_match')", name=op.f("decisions_decision_check")
        ),
        sa.PrimaryKeyConstraint(
            "a_source_code", "a_id", "b_source_code", "b_id", name=op.f("decisions_pkey")
        ),
    )
    op.create_index(
        "decisions_ambiguous_idx",
        "decisions",
        ["weight"],
        unique=False,
        postgresql_where=sa.text("decision = 'ambiguous'"),
    )
    op.create_index(
        op.f("decisions_b_source_code_b_id_idx"), "decisions", ["b_source_code", "b_id"], unique=False
    )
    op.create_table(
        "files",
        sa.Column("file_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("bucket", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column(
            "version",
            sa.Text(),
            nullable=False,
            comment="the object's version id; empty where a bucket keeps none",
        ),
        sa.Column(
            "sequencer", sa.Text(), nullable=True, comment="order of the versions of one key, hexadecimal"
        ),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("source_code", sa.Text(), nullable=True),
        sa.Column("processed_at", sa.Text(), nullable=True, comment="ISO 8601, UTC, as the file says"),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column(
            "reason",
            sa.Text(),
            nullable=True,
            comment="why it was quarantined, or which file had the same content",
        ),
        sa.Column("listings", sa.Integer(), server_default="0", nullable=False),
        sa.Column("stored", sa.Integer(), server_default="0", nullable=False),
        sa.Column("unchanged", sa.Integer(), server_default="0", nullable=False),
        sa.Column(
            "superseded",
            sa.Integer(),
            server_default="0",
            nullable=False,
            comment="older than what is known; in the history",
        ),
        sa.Column("rejected", sa.Integer(), server_default="0", nullable=False),
        sa.Column(
            "generation",
            sa.BigInteger(),
            nullable=True,
            comment="the generation that it raised; null if it changed nothing",
        ),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "status in ('stored', 'duplicate', 'quarantined', 'replayed')", name=op.f("files_status_check")
        ),
        sa.PrimaryKeyConstraint("file_id", name=op.f("files_pkey")),
        sa.UniqueConstraint("bucket", "key", "version", name=op.f("files_bucket_key_version_key")),
    )
    op.create_index(op.f("files_received_at_file_id_idx"), "files", ["received_at", "file_id"], unique=False)
    op.create_index(
        op.f("files_sha256_idx"),
        "files",
        ["sha256"],
        unique=False,
        postgresql_where=sa.text("status = 'stored'"),
    )
    op.create_index(
        op.f("files_status_received_at_file_id_idx"),
        "files",
        ["status", "received_at", "file_id"],
        unique=False,
    )
    op.create_table(
        "generations",
        sa.Column("singleton", sa.SmallInteger(), server_default="1", autoincrement=False, nullable=False),
        sa.Column("ingested", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("matched", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint("matched <= ingested", name=op.f("generations_order_check")),
        sa.CheckConstraint("singleton = 1", name=op.f("generations_one_row_check")),
        sa.PrimaryKeyConstraint("singleton", name=op.f("generations_pkey")),
    )
    op.create_table(
        "lineage",
        sa.Column("lineage_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("parent_id", sa.Text(), nullable=False),
        sa.Column("child_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.CheckConstraint("kind in ('merged', 'split')", name=op.f("lineage_kind_check")),
        sa.PrimaryKeyConstraint("lineage_id", name=op.f("lineage_pkey")),
    )
    op.create_index(op.f("lineage_child_id_idx"), "lineage", ["child_id"], unique=False)
    op.create_index(op.f("lineage_parent_id_idx"), "lineage", ["parent_id"], unique=False)
    op.create_table(
        "runs",
        sa.Column("run_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True, comment="why it failed"),
        sa.Column("statistics", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "left_out",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="blocks too large to pair",
        ),
        sa.Column("result_hash", sa.Text(), nullable=True),
        sa.Column("policy_version", sa.Text(), nullable=False),
        sa.Column("policy_hash", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("status in ('done', 'failed')", name=op.f("runs_status_check")),
        sa.PrimaryKeyConstraint("run_id", name=op.f("runs_pkey")),
    )
    op.create_table(
        "verdicts",
        sa.Column("sequence", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("a_source_code", sa.Text(), nullable=False),
        sa.Column("a_id", sa.Text(), nullable=False),
        sa.Column("b_source_code", sa.Text(), nullable=False),
        sa.Column("b_id", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("given_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("taken_back_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind in ('must_link', 'cannot_link')", name=op.f("verdicts_kind_check")),
        sa.CheckConstraint(
            "(a_source_code, a_id) <> (b_source_code, b_id)", name=op.f("verdicts_two_listings_check")
        ),
        sa.PrimaryKeyConstraint("sequence", name=op.f("verdicts_pkey")),
    )
    op.create_index(
        op.f("verdicts_a_source_code_a_id_b_source_code_b_id_idx"),
        "verdicts",
        ["a_source_code", "a_id", "b_source_code", "b_id"],
        unique=False,
    )
    op.create_table(
        "canonical_sources",
        sa.Column("source_code", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("canonical_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["canonical_id"],
            ["canonical_events.canonical_id"],
            name=op.f("canonical_sources_canonical_id_fkey"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("source_code", "id", name=op.f("canonical_sources_pkey")),
    )
    op.create_index(
        op.f("canonical_sources_canonical_id_idx"), "canonical_sources", ["canonical_id"], unique=False
    )
    op.create_table(
        "flags",
        sa.Column("canonical_id", sa.Text(), nullable=False),
        sa.Column("flag", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["canonical_id"],
            ["canonical_events.canonical_id"],
            name=op.f("flags_canonical_id_fkey"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("canonical_id", "flag", "detail", name=op.f("flags_pkey")),
    )
    op.create_table(
        "links",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("from_id", sa.Text(), nullable=False),
        sa.Column("to_id", sa.Text(), nullable=False),
        sa.CheckConstraint("kind in ('part_of', 'date_of')", name=op.f("links_kind_check")),
        sa.ForeignKeyConstraint(
            ["from_id"],
            ["canonical_events.canonical_id"],
            name=op.f("links_from_id_fkey"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["to_id"],
            ["canonical_events.canonical_id"],
            name=op.f("links_to_id_fkey"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("kind", "from_id", "to_id", name=op.f("links_pkey")),
    )
    op.create_index(op.f("links_from_id_idx"), "links", ["from_id"], unique=False)
    op.create_index(op.f("links_to_id_idx"), "links", ["to_id"], unique=False)
    op.create_table(
        "redirects",
        sa.Column("from_id", sa.Text(), nullable=False),
        sa.Column(
            "to_id",
            sa.Text(),
            nullable=False,
            comment="always a living event: chains are followed when they are written",
        ),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["to_id"],
            ["canonical_events.canonical_id"],
            name=op.f("redirects_to_id_fkey"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("from_id", name=op.f("redirects_pkey")),
    )
    op.create_index(op.f("redirects_to_id_idx"), "redirects", ["to_id"], unique=False)
    op.create_table(
        "rejections",
        sa.Column("rejection_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("file_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "index",
            sa.Integer(),
            nullable=True,
            comment="of the listing in the file; null for the whole file",
        ),
        sa.Column("listing_id", sa.Text(), nullable=True),
        sa.Column("field", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("listing", sa.Text(), nullable=True, comment="what was refused, as text"),
        sa.ForeignKeyConstraint(["file_id"], ["files.file_id"], name=op.f("rejections_file_id_fkey")),
        sa.PrimaryKeyConstraint("rejection_id", name=op.f("rejections_pkey")),
    )
    op.create_index(op.f("rejections_file_id_idx"), "rejections", ["file_id"], unique=False)
    op.create_table(
        "source_event_history",
        sa.Column("history_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("source_code", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("raw", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("order_key", sa.Text(collation="C"), nullable=False),
        sa.Column("file_id", sa.BigInteger(), nullable=False),
        sa.Column("replaced_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["file_id"], ["files.file_id"], name=op.f("source_event_history_file_id_fkey")
        ),
        sa.PrimaryKeyConstraint("history_id", name=op.f("source_event_history_pkey")),
    )
    op.create_index(
        op.f("source_event_history_source_code_id_idx"),
        "source_event_history",
        ["source_code", "id"],
        unique=False,
    )
    op.create_table(
        "source_events",
        sa.Column("source_code", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("short_description", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("highlights", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("event_dates", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("venue", sa.Text(), nullable=True),
        sa.Column("city", sa.Text(), nullable=True),
        sa.Column("district", sa.Text(), nullable=True),
        sa.Column("street", sa.Text(), nullable=True),
        sa.Column("street_no", sa.Text(), nullable=True),
        sa.Column("zipcode", sa.Text(), nullable=True),
        sa.Column("sanitized_city", sa.Text(), nullable=True),
        sa.Column("sanitized_district", sa.Text(), nullable=True),
        sa.Column("sanitized_confidence", sa.Double(), nullable=True),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.Column("geo_confidence", sa.Double(), nullable=True),
        sa.Column("country", sa.Text(), nullable=True),
        sa.Column("source_type", sa.Text(), nullable=True),
        sa.Column("categories", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("is_family_event", sa.Boolean(), nullable=True),
        sa.Column("is_child_focused", sa.Boolean(), nullable=True),
        sa.Column("admission_free", sa.Boolean(), nullable=True),
        sa.Column("registration_required", sa.Boolean(), nullable=True),
        sa.Column("registration_contact", sa.Text(), nullable=True),
        sa.Column("confidence_score", sa.Double(), nullable=True),
        sa.Column("title_words", sa.Text(), nullable=False),
        sa.Column("title_tokens", sa.Text(), nullable=False),
        sa.Column("markers", sa.Text(), nullable=True),
        sa.Column("edition", sa.Integer(), nullable=True),
        sa.Column("previous_day", sa.Date(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.Column("city_key", sa.Text(), nullable=True),
        sa.Column("district_key", sa.Text(), nullable=True),
        sa.Column("venue_key", sa.Text(), nullable=True),
        sa.Column("street_key", sa.Text(), nullable=True),
        sa.Column(
            "normaliser",
            sa.Text(),
            nullable=False,
            comment="the rules and lexicon that gave the comparable columns",
        ),
        sa.Column("raw", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "content_hash",
            sa.Text(),
            nullable=False,
            comment="of the valid columns: equal content changes nothing",
        ),
        sa.Column(
            "order_key",
            sa.Text(collation="C"),
            nullable=False,
            comment="which of two versions holds: the greater",
        ),
        sa.Column("file_id", sa.BigInteger(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False, comment="in which it last changed"),
        sa.ForeignKeyConstraint(["file_id"], ["files.file_id"], name=op.f("source_events_file_id_fkey")),
        sa.PrimaryKeyConstraint("source_code", "id", name=op.f("source_events_pkey")),
    )
    op.create_index(op.f("source_events_file_id_idx"), "source_events", ["file_id"], unique=False)
    op.execute("INSERT INTO generations DEFAULT VALUES")  # its only row


def downgrade() -> None:
    """Take the schema back."""
    op.drop_index(op.f("source_events_file_id_idx"), table_name="source_events")
    op.drop_table("source_events")
    op.drop_index(op.f("source_event_history_source_code_id_idx"), table_name="source_event_history")
    op.drop_table("source_event_history")
    op.drop_index(op.f("rejections_file_id_idx"), table_name="rejections")
    op.drop_table("rejections")
    op.drop_index(op.f("redirects_to_id_idx"), table_name="redirects")
    op.drop_table("redirects")
    op.drop_index(op.f("links_to_id_idx"), table_name="links")
    op.drop_index(op.f("links_from_id_idx"), table_name="links")
    op.drop_table("links")
    op.drop_table("flags")
    op.drop_index(op.f("canonical_sources_canonical_id_idx"), table_name="canonical_sources")
    op.drop_table("canonical_sources")
    op.drop_index(op.f("verdicts_a_source_code_a_id_b_source_code_b_id_idx"), table_name="verdicts")
    op.drop_table("verdicts")
    op.drop_table("runs")
    op.drop_index(op.f("lineage_parent_id_idx"), table_name="lineage")
    op.drop_index(op.f("lineage_child_id_idx"), table_name="lineage")
    op.drop_table("lineage")
    op.drop_table("generations")
    op.drop_index(op.f("files_status_received_at_file_id_idx"), table_name="files")
    op.drop_index(op.f("files_sha256_idx"), table_name="files", postgresql_where=sa.text("status = 'stored'"))
    op.drop_index(op.f("files_received_at_file_id_idx"), table_name="files")
    op.drop_table("files")
    op.drop_index(op.f("decisions_b_source_code_b_id_idx"), table_name="decisions")
    op.drop_index(
        "decisions_ambiguous_idx", table_name="decisions", postgresql_where=sa.text("decision = 'ambiguous'")
    )
    op.drop_table("decisions")
    op.drop_index(
        "canonical_events_review_idx", table_name="canonical_events", postgresql_where=sa.text("needs_review")
    )
    op.drop_index(op.f("canonical_events_n_sources_canonical_id_idx"), table_name="canonical_events")
    op.drop_index(op.f("canonical_events_last_day_idx"), table_name="canonical_events")
    op.drop_index(op.f("canonical_events_first_day_canonical_id_idx"), table_name="canonical_events")
    op.drop_index(op.f("canonical_events_city_first_day_idx"), table_name="canonical_events")
    op.drop_table("canonical_events")
    op.drop_index(op.f("audit_subject_idx"), table_name="audit")
    op.drop_table("audit")
