"""Lists of events by state, by whether they await review, and by when they came: an index each, as the other orders have."""

from collections.abc import Sequence

from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

COLUMNS = ("created_at", "status", "needs_review")


def upgrade() -> None:
    """Bring the schema forward."""
    for column in COLUMNS:
        op.create_index(
            f"canonical_events_{column}_canonical_id_idx", "canonical_events", [column, "canonical_id"]
        )


def downgrade() -> None:
    """Take the schema back."""
    for column in COLUMNS:
        op.drop_index(f"canonical_events_{column}_canonical_id_idx", "canonical_events")
