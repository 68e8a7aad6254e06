"""API keys and the log of who read what."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from service.store.tables.base import Base


class ApiKeyRow(Base):
    """An API key: its secret only as HMAC-SHA256, its owner, role and region subtree."""

    __tablename__ = "api_key"

    id: Mapped[str] = mapped_column(primary_key=True)
    secret_hmac: Mapped[bytes]
    owner: Mapped[str]
    role: Mapped[str]
    scope: Mapped[str]
    region_code: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    note: Mapped[str] = mapped_column(server_default="")


class AuditEntryRow(Base):
    """One thing that somebody did and must answer for, such as reading an original text."""

    __tablename__ = "audit_entry"
    __table_args__ = (
        Index("ix_audit_entry_at", "at"),
        Index("ix_audit_entry_complaint_id", "complaint_id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    key_id: Mapped[str]
    owner: Mapped[str]
    role: Mapped[str]
    action: Mapped[str]
    complaint_id: Mapped[UUID | None]
    detail: Mapped[dict[str, Any]]
