"""Appending to the feed: positions follow each other without a gap, and nothing is told twice."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import func, insert, select, text, tuple_, update
from sqlalchemy.orm import Session

from data_contracts.events import EventType
from service.store.tables.feed import FeedEventRow

FEED_LOCK = 0x79616E70_04
"""Held until the transaction ends, so that positions become visible in their order."""


@dataclass(frozen=True, slots=True)
class NewEvent:
    """Something that happened; `type`, `subject` and `occurrence` together are told once, whatever is delivered again.

    `occurrence` tells events of one type and subject apart: a version, an answer's id, a case's change.
    """

    type: EventType
    subject: str
    occurrence: str
    region_path: str
    data: dict[str, Any]
    risk_level: str | None = None


def publish(session: Session, events: Sequence[NewEvent]) -> int:
    """Append events in the session's transaction; returns how many were new."""
    unique = {(event.type, event.subject, event.occurrence): event for event in events}
    if not unique:
        return 0
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": FEED_LOCK})
    known = tuple_(FeedEventRow.type, FeedEventRow.subject, FeedEventRow.occurrence)
    for told in session.execute(
        select(FeedEventRow.type, FeedEventRow.subject, FeedEventRow.occurrence).where(known.in_(list(unique)))
    ):
        del unique[told.type, told.subject, told.occurrence]
    if not unique:
        return 0
    last = session.scalar(select(func.coalesce(func.max(FeedEventRow.sequence), 0))) or 0
    now = datetime.now(UTC)
    session.execute(
        insert(FeedEventRow),
        [
            {
                "sequence": sequence,
                "id": uuid4(),
                "type": event.type,
                "subject": event.subject,
                "occurrence": event.occurrence,
                "region_path": event.region_path,
                "risk_level": event.risk_level,
                "time": now,
                "data": event.data,
            }
            for sequence, event in enumerate(unique.values(), start=last + 1)
        ],
    )
    return len(unique)


def scrub(session: Session, subject: str) -> None:
    """Empty what earlier events told of a subject that was erased; their positions stay."""
    session.execute(
        update(FeedEventRow).where(FeedEventRow.subject == subject).values(data={"erased": True}, risk_level=None)
    )
