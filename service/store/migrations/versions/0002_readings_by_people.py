"""Labels that people set or confirmed, and what is most worth their reading."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

WAITING = sa.text("reviewed_at IS NULL AND status = 'active'")


def upgrade() -> None:
    op.add_column("complaint", sa.Column("review_priority", sa.Float(), server_default="0", nullable=False))
    op.add_column("complaint", sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_complaint_review_priority", "complaint", ["review_priority", "id"], postgresql_where=WAITING)
    op.create_table(
        "label_correction",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("complaint_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("head", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("previous", sa.Text(), nullable=False),
        sa.Column("model_version", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["complaint_id"],
            ["complaint.id"],
            name=op.f("fk_label_correction_complaint_id_complaint"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_label_correction")),
    )
    op.create_index("ix_label_correction_complaint_id", "label_correction", ["complaint_id"])


def downgrade() -> None:
    op.drop_index("ix_label_correction_complaint_id", table_name="label_correction")
    op.drop_table("label_correction")
    op.drop_index("ix_complaint_review_priority", table_name="complaint", postgresql_where=WAITING)
    op.drop_column("complaint", "reviewed_at")
    op.drop_column("complaint", "review_priority")
