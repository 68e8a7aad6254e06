"""Complaints: the current state with masked text only, and every version's original, encrypted."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from service.store.tables.base import Base


class ComplaintRow(Base):
    """The current state of one complaint. Nothing in this table tells who a person is."""

    __tablename__ = "complaint"
    __table_args__ = (
        UniqueConstraint("source", "external_id"),
        Index("ix_complaint_region_path", "region_path", postgresql_ops={"region_path": "text_pattern_ops"}),
        Index("ix_complaint_received_at", "received_at", "id"),
        Index("ix_complaint_case_id", "case_id"),
        Index(
            "ix_complaint_review_priority",
            "review_priority",
            "id",
            postgresql_where=text("reviewed_at IS NULL AND status = 'active'"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    source: Mapped[str]
    external_id: Mapped[str]
    version: Mapped[int]
    status: Mapped[str]
    channel: Mapped[str]
    received_at: Mapped[datetime]
    region_code: Mapped[str]
    region_path: Mapped[str]
    title: Mapped[str | None]
    text: Mapped[str]
    reporter: Mapped[str | None]
    likes: Mapped[int]
    attachments: Mapped[list[Any]]
    body_digest: Mapped[bytes]
    analysis: Mapped[dict[str, Any]]
    domain: Mapped[str]
    kind: Mapped[str]
    dispute_type: Mapped[str]
    stage: Mapped[str]
    risk_level: Mapped[str]
    risk_score: Mapped[float]
    model_version: Mapped[str]
    case_id: Mapped[UUID | None]
    topic_id: Mapped[int | None]
    review_priority: Mapped[float] = mapped_column(server_default="0")
    reviewed_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ComplaintVersionRow(Base):
    """One version as it was given, encrypted; `key_id` names the key, `sealed` is nonce and ciphertext."""

    __tablename__ = "complaint_version"
    __table_args__ = (Index("ix_complaint_version_key_id", "key_id"),)

    complaint_id: Mapped[UUID] = mapped_column(ForeignKey("complaint.id", ondelete="CASCADE"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    key_id: Mapped[str]
    sealed: Mapped[bytes]
    digest: Mapped[bytes]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    created_by: Mapped[str]


class CorrectionRow(Base):
    """One label that a person set or confirmed; never changed, so that every reading is kept with who and when."""

    __tablename__ = "label_correction"
    __table_args__ = (Index("ix_label_correction_complaint_id", "complaint_id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    complaint_id: Mapped[UUID] = mapped_column(ForeignKey("complaint.id", ondelete="CASCADE"))
    version: Mapped[int]
    head: Mapped[str]
    label: Mapped[str]
    previous: Mapped[str]
    model_version: Mapped[str]
    key_id: Mapped[str]
    owner: Mapped[str]
    role: Mapped[str]
    note: Mapped[str | None]
    at: Mapped[datetime] = mapped_column(server_default=func.now())


class TombstoneRow(Base):
    """All that stays of an erased complaint: that it was there, when it went, and by whose hand."""

    __tablename__ = "tombstone"

    complaint_id: Mapped[UUID] = mapped_column(primary_key=True)
    erased_at: Mapped[datetime] = mapped_column(server_default=func.now())
    erased_by: Mapped[str]
    region_path: Mapped[str]
