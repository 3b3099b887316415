"""Verdicts: on single listings, and taken back by a fact of its own; answers that are given once; events that are hidden."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

TEXTS = ("description", "short_description")
CHECKS = {
    "kind": "kind in ('must_link', 'cannot_link', 'not_an_event', 'pin')",
    "pair": "(kind in ('must_link', 'cannot_link')) = (b_source_code is not null and b_id is not null)",
    "pin": "(kind = 'pin') = (field is not null and value is not null)",
}
COLUMNS = {
    "field": (sa.Text, "of a pin, by its name in the output"),
    "value": (sa.Text, "of a pin: JSON, written in one way"),
    "given_with": (sa.BigInteger, "the first verdict that was given by the same act"),
    "act": (sa.Text, "merge, split or move, if it was one"),
}


def upgrade() -> None:
    """Bring the schema forward."""
    _widen_verdicts()
    op.create_table(
        "take_backs",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["sequence"], ["verdicts.sequence"], name=op.f("take_backs_sequence_fkey")),
        sa.PrimaryKeyConstraint("sequence", name=op.f("take_backs_pkey")),
    )
    # Who took them back stands in the audit trail.
    op.execute("""
        INSERT INTO take_backs (sequence, author, at)
        SELECT v.sequence, coalesce((SELECT who FROM audit WHERE action = 'take_back' AND subject = 'verdict ' || v.sequence LIMIT 1),
                                    v.author), v.taken_back_at
        FROM verdicts v WHERE v.taken_back_at IS NOT NULL
    """)
    op.drop_column("verdicts", "taken_back_at")
    op.create_table(
        "given_answers",
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False, comment="Idempotency-Key: of who asks, not of all"),
        sa.Column("request_hash", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False, comment="JSON, as it was sent"),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("who", "key", name=op.f("given_answers_pkey")),
    )
    op.create_index("given_answers_at_idx", "given_answers", ["at"])
    op.add_column(
        "canonical_events",
        sa.Column(
            "hidden",
            sa.Boolean(),
            server_default="false",
            nullable=False,
            comment="a person called it no event: kept, and shown to no reader",
        ),
    )
    op.create_index(
        "canonical_events_hidden_idx",
        "canonical_events",
        ["canonical_id"],
        postgresql_where=sa.text("hidden"),
    )
    for name in TEXTS:
        # On a large database an operator makes them beforehand, without stopping ingests as this does.
        op.create_index(
            f"source_events_{name}_idx", "source_events", [name], postgresql_using="hash", if_not_exists=True
        )


def _widen_verdicts() -> None:
    op.drop_constraint("verdicts_kind_check", "verdicts")
    for side in ("b_source_code", "b_id"):
        comment = "null where the verdict is on one listing" if side == "b_source_code" else None
        op.alter_column("verdicts", side, nullable=True, comment=comment)
    for name, (kind, comment) in COLUMNS.items():
        op.add_column("verdicts", sa.Column(name, kind(), nullable=True, comment=comment))
    for name, condition in CHECKS.items():
        op.create_check_constraint(op.f(f"verdicts_{name}_check"), "verdicts", condition)
    op.create_index("verdicts_b_source_code_b_id_idx", "verdicts", ["b_source_code", "b_id"])
    op.create_index("verdicts_given_with_idx", "verdicts", ["given_with"])


def downgrade() -> None:
    """Take the schema back; verdicts on single listings are lost."""
    for name in TEXTS:
        op.drop_index(f"source_events_{name}_idx", "source_events")
    op.drop_column("canonical_events", "hidden")
    op.drop_table("given_answers")
    op.add_column("verdicts", sa.Column("taken_back_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE verdicts v SET taken_back_at = t.at FROM take_backs t WHERE t.sequence = v.sequence")
    op.drop_table("take_backs")
    op.execute("DELETE FROM verdicts WHERE b_id IS NULL")
    op.drop_index("verdicts_given_with_idx", "verdicts")
    op.drop_index("verdicts_b_source_code_b_id_idx", "verdicts")
    for name in CHECKS:
        op.drop_constraint(f"verdicts_{name}_check", "verdicts")
    for name in COLUMNS:
        op.drop_column("verdicts", name)
    for side in ("b_source_code", "b_id"):
        op.alter_column("verdicts", side, nullable=False, comment=None)
    op.create_check_constraint(
        op.f("verdicts_kind_check"), "verdicts", "kind in ('must_link', 'cannot_link')"
    )
