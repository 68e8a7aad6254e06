"""Requests that carried an Idempotency-Key, and what was answered to them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, func
from sqlalchemy.orm import Mapped, mapped_column

from service.store.tables.base import Base


class IdempotencyRow(Base):
    """One key of one principal; without a status the first request is still under way."""

    __tablename__ = "idempotency"
    __table_args__ = (Index("ix_idempotency_expires_at", "expires_at"), Index("ix_idempotency_subject", "subject"))

    principal: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    request_digest: Mapped[bytes]
    status: Mapped[int | None]
    response: Mapped[dict[str, Any] | None]
    subject: Mapped[UUID | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]
