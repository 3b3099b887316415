"""What the API reads: the change log, and columns of the content that events are looked for and sorted by."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

COLUMNS: dict[str, tuple[TypeEngine[Any], str, str | None]] = {
    "sought": (
        sa.Text(),
        "lower(title || ' ' || coalesce(content #>> '{location,name}', '') || ' ' || coalesce(city, ''))",
        "what a search for words looks at",
    ),
    "title_key": (
        sa.Text(),
        "lower(left(title, 200))",
        "what is sorted by: a longer one doesn't fit an index",
    ),
    "categories": (postgresql.JSONB(), "content -> 'categories'", None),
    "latitude": (sa.Double(), "(content #>> '{location,geo,latitude}')::double precision", "degrees"),
    "longitude": (sa.Double(), "(content #>> '{location,geo,longitude}')::double precision", "degrees"),
}

KNOWN = """
INSERT INTO changes (generation, canonical_id, kind, successors, at)
SELECT generation, canonical_id, kind, successors, at FROM (
    SELECT generation, canonical_id, 'created' AS kind, '[]'::jsonb AS successors, updated_at AS at FROM canonical_events
    UNION ALL SELECT generation, from_id, 'merged', jsonb_build_array(to_id), now() FROM redirects
) AS known ORDER BY generation, canonical_id
"""


def upgrade() -> None:
    """Bring the schema forward."""
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    for name, (kind, derived, comment) in COLUMNS.items():
        op.add_column(
            "canonical_events", sa.Column(name, kind, sa.Computed(derived, persisted=True), comment=comment)
        )
    op.create_index(
        "canonical_events_sought_idx",
        "canonical_events",
        ["sought"],
        postgresql_using="gin",
        postgresql_ops={"sought": "gin_trgm_ops"},
    )
    op.create_index(
        "canonical_events_categories_idx", "canonical_events", ["categories"], postgresql_using="gin"
    )
    for columns in (
        ("title_key", "canonical_id"),
        ("latitude", "longitude"),
        ("updated_at", "canonical_id"),
        ("last_day", "canonical_id"),
        ("confidence", "canonical_id"),
    ):
        op.create_index(f"canonical_events_{'_'.join(columns)}_idx", "canonical_events", list(columns))
    op.drop_index("canonical_events_last_day_idx", "canonical_events")
    op.create_table(
        "changes",
        sa.Column("change_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("canonical_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column(
            "successors",
            postgresql.JSONB(),
            nullable=False,
            comment="ids that took over from one that is gone; as of then, redirects lead on",
        ),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "kind in ('created', 'updated', 'merged', 'split', 'withdrawn')", name=op.f("changes_kind_check")
        ),
        sa.PrimaryKeyConstraint("change_id", name=op.f("changes_pkey")),
    )
    op.create_index("changes_canonical_id_change_id_idx", "changes", ["canonical_id", "change_id"])
    op.execute(KNOWN)


def downgrade() -> None:
    """Take the schema back. The extension stays: someone else may use it."""
    op.drop_table("changes")
    op.create_index("canonical_events_last_day_idx", "canonical_events", ["last_day"])
    for name in ("updated_at_canonical_id", "last_day_canonical_id", "confidence_canonical_id"):
        op.drop_index(f"canonical_events_{name}_idx", "canonical_events")
    for name in COLUMNS:  # with their indexes
        op.drop_column("canonical_events", name)
