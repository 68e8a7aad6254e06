"""Answers that offices gave: masked text for readers, the original encrypted."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from service.store.tables.base import Base


class AnswerRow(Base):
    """One answer; the digest makes a repeated delivery of the same answer one row."""

    __tablename__ = "answer"
    __table_args__ = (
        UniqueConstraint("complaint_id", "digest"),
        Index("ix_answer_key_id", "key_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    complaint_id: Mapped[UUID] = mapped_column(ForeignKey("complaint.id", ondelete="CASCADE"))
    digest: Mapped[bytes]
    office: Mapped[str]
    answered_at: Mapped[datetime]
    text: Mapped[str]
    resolved: Mapped[bool | None]
    satisfaction: Mapped[int | None]
    key_id: Mapped[str]
    sealed: Mapped[bytes]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    created_by: Mapped[str]
