"""The feed: what happened, in one gap-free order."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from service.store.tables.base import Base


class FeedEventRow(Base):
    """One event. `occurrence` tells two events of one type and subject apart (a version, an answer)."""

    __tablename__ = "feed_event"
    __table_args__ = (
        UniqueConstraint("type", "subject", "occurrence"),
        Index("ix_feed_event_subject", "subject"),
    )

    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    id: Mapped[UUID]
    type: Mapped[str]
    subject: Mapped[str]
    occurrence: Mapped[str]
    region_path: Mapped[str]
    risk_level: Mapped[str | None]
    time: Mapped[datetime] = mapped_column(server_default=func.now())
    data: Mapped[dict[str, Any]]
