"""Receipts: which files have theirs. Those of files from before are written by the next sweep."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Bring the schema forward."""
    comment = "when its receipt was written; null if that is to be done"
    op.add_column("files", sa.Column("receipt_at", sa.DateTime(timezone=True), comment=comment))
    op.create_index(
        "files_receipt_due_idx", "files", ["file_id"], postgresql_where=sa.text("receipt_at IS NULL")
    )


def downgrade() -> None:
    """Take the schema back."""
    op.drop_index("files_receipt_due_idx", "files")
    op.drop_column("files", "receipt_at")
