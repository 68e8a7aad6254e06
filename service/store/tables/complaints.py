"""Complaints: the current state with masked text only, and every version's original, encrypted."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint, func
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


class TombstoneRow(Base):
    """All that stays of an erased complaint: that it was there, when it went, and by whose hand."""

    __tablename__ = "tombstone"

    complaint_id: Mapped[UUID] = mapped_column(primary_key=True)
    erased_at: Mapped[datetime] = mapped_column(server_default=func.now())
    erased_by: Mapped[str]
    region_path: Mapped[str]
