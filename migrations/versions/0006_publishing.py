"""What is published: what events were that are gone, so that feeds can take them back; policies, the newest in force."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

DERIVED: dict[str, tuple[TypeEngine[Any], str, str | None]] = {
    "sought": (
        sa.Text(),
        "lower(title || ' ' || coalesce(content #>> '{location,name}', '') || ' ' || coalesce(city, ''))",
        "what a search for words looks at",
    ),
    "categories": (postgresql.JSONB(), "content -> 'categories'", None),
    "latitude": (sa.Double(), "(content #>> '{location,geo,latitude}')::double precision", "degrees"),
    "longitude": (sa.Double(), "(content #>> '{location,geo,longitude}')::double precision", "degrees"),
}


def _now(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False)


def upgrade() -> None:
    """Bring the schema forward. Of events that are gone already nobody knows any more what they were."""
    op.create_table(
        "tombstones",
        sa.Column("canonical_id", sa.Text(), nullable=False, comment="of an event that is gone"),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("city", sa.Text(), nullable=True),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("needs_review", sa.Boolean(), nullable=False),
        sa.Column("content", postgresql.JSONB(), nullable=False, comment="what it was at its end"),
        *map(_now, ("created_at", "updated_at", "at")),
        *(
            sa.Column(name, kind, sa.Computed(derived, persisted=True), comment=comment)
            for name, (kind, derived, comment) in DERIVED.items()
        ),
        sa.PrimaryKeyConstraint("canonical_id", name=op.f("tombstones_pkey")),
        comment="what feeds show as cancelled for a while",
    )
    op.create_index("tombstones_at_idx", "tombstones", ["at"])
    op.create_table(
        "policies",
        sa.Column("policy_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("policy_hash", sa.Text(), nullable=False),
        sa.Column("document", postgresql.JSONB(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("generation", sa.BigInteger(), nullable=False, comment="the generation that it raised"),
        _now("at"),
        sa.PrimaryKeyConstraint("policy_id", name=op.f("policies_pkey")),
    )


def downgrade() -> None:
    """Take the schema back; the policies that were applied are lost, and the file's holds again."""
    op.drop_table("policies")
    op.drop_table("tombstones")
