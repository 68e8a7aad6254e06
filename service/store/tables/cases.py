"""Cases and their members; a merged case points to the one that took it in, so that old ids still lead somewhere."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from service.store.tables.base import Base


class CaseRow(Base):
    """One case. Its id follows from its first complaint."""

    __tablename__ = "complaint_case"
    __table_args__ = (Index("ix_complaint_case_merged_into", "merged_into"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    merged_into: Mapped[UUID | None] = mapped_column(ForeignKey("complaint_case.id"))
    changes: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class CaseMemberRow(Base):
    """One complaint of a case, with the version that was judged and why it was joined."""

    __tablename__ = "case_member"
    __table_args__ = (Index("ix_case_member_case_id", "case_id"),)

    complaint_id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("complaint_case.id"))
    version: Mapped[int]
    repost: Mapped[bool]
    reason: Mapped[dict[str, Any]]
    joined_at: Mapped[datetime] = mapped_column(server_default=func.now())
