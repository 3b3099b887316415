"""What was seen of a pair is kept beside its evidence: which words are rare, how far apart places, days and starts are."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Bring the schema forward; what older runs decided is told without it until the next run looks at it."""
    op.add_column(
        "decisions",
        sa.Column(
            "seen",
            postgresql.JSON(),
            nullable=True,
            comment="words, ways and hours that the evidence was given for; null: not kept then",
        ),
    )


def downgrade() -> None:
    """Take the schema back."""
    op.drop_column("decisions", "seen")
