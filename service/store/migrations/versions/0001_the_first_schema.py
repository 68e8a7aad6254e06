"""The first schema: complaints, answers, search, cases, feed, access, and the job queue's own tables."""

import sqlalchemy as sa
from alembic import op
from pgvector.sqlalchemy import HALFVEC
from sqlalchemy.dialects import postgresql

from service.store.queue_schema import create_queue, drop_queue

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS vector")
    create_queue(op.get_bind())
    op.create_table(
        "api_key",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("secret_hmac", sa.LargeBinary(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("region_code", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
    )
    op.create_table(
        "audit_entry",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("complaint_id", sa.Uuid(), nullable=True),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entry")),
    )
    op.create_index("ix_audit_entry_at", "audit_entry", ["at"], unique=False)
    op.create_index("ix_audit_entry_complaint_id", "audit_entry", ["complaint_id"], unique=False)
    op.create_table(
        "complaint",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("region_code", sa.Text(), nullable=False),
        sa.Column("region_path", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("reporter", sa.Text(), nullable=True),
        sa.Column("likes", sa.Integer(), nullable=False),
        sa.Column("attachments", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("body_digest", sa.LargeBinary(), nullable=False),
        sa.Column("analysis", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("dispute_type", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("risk_level", sa.Text(), nullable=False),
        sa.Column("risk_score", sa.Double(), nullable=False),
        sa.Column("model_version", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("topic_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_complaint")),
        sa.UniqueConstraint("source", "external_id", name=op.f("uq_complaint_source_external_id")),
    )
    op.create_index("ix_complaint_case_id", "complaint", ["case_id"], unique=False)
    op.create_index("ix_complaint_received_at", "complaint", ["received_at", "id"], unique=False)
    op.create_index(
        "ix_complaint_region_path",
        "complaint",
        ["region_path"],
        unique=False,
        postgresql_ops={"region_path": "text_pattern_ops"},
    )
    op.create_table(
        "complaint_case",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("merged_into", sa.Uuid(), nullable=True),
        sa.Column("changes", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["merged_into"], ["complaint_case.id"], name=op.f("fk_complaint_case_merged_into_complaint_case")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_complaint_case")),
    )
    op.create_index("ix_complaint_case_merged_into", "complaint_case", ["merged_into"], unique=False)
    op.create_table(
        "feed_event",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("occurrence", sa.Text(), nullable=False),
        sa.Column("region_path", sa.Text(), nullable=False),
        sa.Column("risk_level", sa.Text(), nullable=True),
        sa.Column("time", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_feed_event")),
        sa.UniqueConstraint("type", "subject", "occurrence", name=op.f("uq_feed_event_type_subject_occurrence")),
    )
    op.create_index("ix_feed_event_subject", "feed_event", ["subject"], unique=False)
    op.create_table(
        "idempotency",
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_digest", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("response", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("subject", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("principal", "key", name=op.f("pk_idempotency")),
    )
    op.create_index("ix_idempotency_expires_at", "idempotency", ["expires_at"], unique=False)
    op.create_index("ix_idempotency_subject", "idempotency", ["subject"], unique=False)
    op.create_table(
        "import_progress",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("created", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("unchanged", sa.Integer(), nullable=False),
        sa.Column("answers", sa.Integer(), nullable=False),
        sa.Column("rejected", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_progress")),
    )
    op.create_table(
        "region",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("parent", sa.Text(), nullable=True),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("population", sa.Integer(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_region")),
        sa.UniqueConstraint("path", name=op.f("uq_region_path")),
    )
    op.create_table(
        "search_document",
        sa.Column("complaint_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("folded", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("region_code", sa.Text(), nullable=False),
        sa.Column("region_path", sa.Text(), nullable=False),
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("dispute_type", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("risk_level", sa.Text(), nullable=False),
        sa.Column("risk_score", sa.Double(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("place", sa.Text(), nullable=True),
        sa.Column("party", sa.Text(), nullable=True),
        sa.Column("model_version", sa.Text(), nullable=False),
        sa.Column("terms", postgresql.TSVECTOR(), nullable=False),
        sa.Column("token_weights", sa.LargeBinary(), nullable=False),
        sa.Column("bigram_weights", sa.LargeBinary(), nullable=False),
        sa.Column("token_length", sa.Integer(), nullable=False),
        sa.Column("bigram_length", sa.Integer(), nullable=False),
        sa.Column("embedding", HALFVEC(), nullable=True),
        sa.PrimaryKeyConstraint("complaint_id", name=op.f("pk_search_document")),
    )
    op.create_index("ix_search_document_case_id", "search_document", ["case_id"], unique=False)
    op.create_index("ix_search_document_received_at", "search_document", ["received_at", "complaint_id"], unique=False)
    op.create_index(
        "ix_search_document_region_path",
        "search_document",
        ["region_path"],
        unique=False,
        postgresql_ops={"region_path": "text_pattern_ops"},
    )
    op.create_index("ix_search_document_risk_score", "search_document", ["risk_score", "complaint_id"], unique=False)
    op.create_index(
        "ix_search_document_terms",
        "search_document",
        ["terms"],
        unique=False,
        postgresql_using="gin",
        postgresql_with={"fastupdate": "on", "gin_pending_list_limit": 1024},
    )
    op.create_table(
        "search_removed",
        sa.Column("complaint_id", sa.Uuid(), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("complaint_id", name=op.f("pk_search_removed")),
    )
    op.create_table(
        "search_term",
        sa.Column("term", sa.Text(), nullable=False),
        sa.Column("documents", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("term", name=op.f("pk_search_term")),
        postgresql_with={"fillfactor": 80},
    )
    op.create_table(
        "search_total",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("documents", sa.Integer(), nullable=False),
        sa.Column("token_length", sa.Integer(), nullable=False),
        sa.Column("bigram_length", sa.Integer(), nullable=False),
        sa.Column("encoder", sa.Text(), nullable=True),
        sa.Column("dimensions", sa.Integer(), nullable=True),
        sa.CheckConstraint("id = 1", name=op.f("ck_search_total_single_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_search_total")),
    )
    op.create_table(
        "search_window",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("hits", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("scores", sa.ARRAY(sa.REAL()), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("facets", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_search_window")),
        prefixes=["UNLOGGED"],
    )
    op.create_index("ix_search_window_created_at", "search_window", ["created_at"], unique=False)
    op.create_table(
        "tombstone",
        sa.Column("complaint_id", sa.Uuid(), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("erased_by", sa.Text(), nullable=False),
        sa.Column("region_path", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("complaint_id", name=op.f("pk_tombstone")),
    )
    op.create_table(
        "answer",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("complaint_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("office", sa.Text(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("resolved", sa.Boolean(), nullable=True),
        sa.Column("satisfaction", sa.Integer(), nullable=True),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["complaint_id"], ["complaint.id"], name=op.f("fk_answer_complaint_id_complaint"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_answer")),
        sa.UniqueConstraint("complaint_id", "digest", name=op.f("uq_answer_complaint_id_digest")),
    )
    op.create_index("ix_answer_key_id", "answer", ["key_id"], unique=False)
    op.create_table(
        "case_member",
        sa.Column("complaint_id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("repost", sa.Boolean(), nullable=False),
        sa.Column("reason", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("joined_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["complaint_case.id"], name=op.f("fk_case_member_case_id_complaint_case")),
        sa.PrimaryKeyConstraint("complaint_id", name=op.f("pk_case_member")),
    )
    op.create_index("ix_case_member_case_id", "case_member", ["case_id"], unique=False)
    op.create_table(
        "complaint_version",
        sa.Column("complaint_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["complaint_id"],
            ["complaint.id"],
            name=op.f("fk_complaint_version_complaint_id_complaint"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("complaint_id", "version", name=op.f("pk_complaint_version")),
    )
    op.create_index("ix_complaint_version_key_id", "complaint_version", ["key_id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_complaint_version_key_id", table_name="complaint_version")
    op.drop_table("complaint_version")
    op.drop_index("ix_case_member_case_id", table_name="case_member")
    op.drop_table("case_member")
    op.drop_index("ix_answer_key_id", table_name="answer")
    op.drop_table("answer")
    op.drop_table("tombstone")
    op.drop_index("ix_search_window_created_at", table_name="search_window")
    op.drop_table("search_window")
    op.drop_table("search_total")
    op.drop_table("search_term")
    op.drop_table("search_removed")
    op.drop_index(
        "ix_search_document_terms",
        table_name="search_document",
        postgresql_using="gin",
        postgresql_with={"fastupdate": "on", "gin_pending_list_limit": 1024},
    )
    op.drop_index("ix_search_document_risk_score", table_name="search_document")
    op.drop_index(
        "ix_search_document_region_path",
        table_name="search_document",
        postgresql_ops={"region_path": "text_pattern_ops"},
    )
    op.drop_index("ix_search_document_received_at", table_name="search_document")
    op.drop_index("ix_search_document_case_id", table_name="search_document")
    op.drop_table("search_document")
    op.drop_table("region")
    op.drop_table("import_progress")
    op.drop_index("ix_idempotency_subject", table_name="idempotency")
    op.drop_index("ix_idempotency_expires_at", table_name="idempotency")
    op.drop_table("idempotency")
    op.drop_index("ix_feed_event_subject", table_name="feed_event")
    op.drop_table("feed_event")
    op.drop_index("ix_complaint_case_merged_into", table_name="complaint_case")
    op.drop_table("complaint_case")
    op.drop_index(
        "ix_complaint_region_path", table_name="complaint", postgresql_ops={"region_path": "text_pattern_ops"}
    )
    op.drop_index("ix_complaint_received_at", table_name="complaint")
    op.drop_index("ix_complaint_case_id", table_name="complaint")
    op.drop_table("complaint")
    op.drop_index("ix_audit_entry_complaint_id", table_name="audit_entry")
    op.drop_index("ix_audit_entry_at", table_name="audit_entry")
    op.drop_table("audit_entry")
    op.drop_table("api_key")
    drop_queue(op.get_bind())
