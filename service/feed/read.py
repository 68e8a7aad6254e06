"""Reading the feed: from a position on, in order, within a region subtree."""

from typing import cast

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from data_contracts import version
from data_contracts.events import CloudEvent, EventType, FeedPage
from service.access.scope import within
from service.store.tables.feed import FeedEventRow


def head(session: Session) -> int:
    """The last position; 0 of an empty feed."""
    return session.scalar(select(func.coalesce(func.max(FeedEventRow.sequence), 0))) or 0


def read(session: Session, after: int, limit: int, scope: str, risk_levels: tuple[str, ...] = ()) -> FeedPage:
    """Events after a position.

    Args:
        session: an open session.
        after: the last position that the reader has seen; 0 for the beginning.
        limit: events at most.
        scope: the reader's region path.
        risk_levels: only events of these levels; all when empty.
    """
    end = head(session)
    wanted = [FeedEventRow.sequence > after, FeedEventRow.sequence <= end, within(FeedEventRow.region_path, scope)]
    if risk_levels:
        wanted.append(FeedEventRow.risk_level.in_(risk_levels))
    rows = session.scalars(select(FeedEventRow).where(*wanted).order_by(FeedEventRow.sequence).limit(limit + 1)).all()
    more = len(rows) > limit
    shown = rows[:limit]
    return FeedPage(
        events=[event(row) for row in shown],
        next=shown[-1].sequence if more else max(after, end),
        more=more,
    )


def event(row: FeedEventRow) -> CloudEvent:
    """One stored event as a CloudEvent."""
    return CloudEvent(
        id=str(row.id),
        type=cast("EventType", row.type),
        subject=row.subject,
        time=row.time,
        dataschema=f"urn:yanpan:event:{row.type}:{version.CONTRACTS}",
        sequence=str(row.sequence),
        data=row.data,
    )
