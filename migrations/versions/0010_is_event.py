"""A person may say of a listing that it is an event, whatever it looks like."""

from collections.abc import Sequence

from alembic import op

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

BEFORE = "kind in ('must_link', 'cannot_link', 'not_an_event', 'pin')"
NOW = "kind in ('must_link', 'cannot_link', 'not_an_event', 'is_event', 'pin')"


def upgrade() -> None:
    """Bring the schema forward."""
    _check(NOW)


def downgrade() -> None:
    """Take the schema back; that something is an event after all is forgotten."""
    op.execute(
        "DELETE FROM take_backs t USING verdicts v WHERE v.sequence = t.sequence AND v.kind = 'is_event'"
    )
    op.execute("DELETE FROM verdicts WHERE kind = 'is_event'")
    _check(BEFORE)


def _check(condition: str) -> None:
    op.drop_constraint("verdicts_kind_check", "verdicts")
    op.create_check_constraint(op.f("verdicts_kind_check"), "verdicts", condition)
