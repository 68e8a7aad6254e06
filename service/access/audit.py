"""The log of what somebody must answer for: who read which original text, who erased what, who made which key."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field
from sqlalchemy import false, or_, select, true
from sqlalchemy.orm import Session

from service.access.principal import Principal
from service.access.roles import Action
from service.access.scope import within
from service.store.tables.access import AuditEntryRow
from service.store.tables.complaints import ComplaintRow, TombstoneRow


class AuditEntry(BaseModel):
    """One thing that somebody did."""

    id: int
    at: datetime
    key_id: str
    owner: str
    role: str
    action: str
    complaint_id: UUID | None = None
    detail: dict[str, Any] = Field(default_factory=dict)


class AuditPage(BaseModel):
    """Entries, newest first. Ask again with `before=next` for older ones; `next` is null on the last page."""

    entries: list[AuditEntry]
    next: int | None = None


def record(
    session: Session,
    principal: Principal,
    action: Action,
    *,
    complaint_id: UUID | None = None,
    detail: dict[str, Any] | None = None,
) -> None:
    """Write an entry in the session's transaction; the caller commits before it hands out what the entry is about."""
    session.add(
        AuditEntryRow(
            key_id=principal.key_id,
            owner=principal.owner,
            role=principal.role,
            action=action,
            complaint_id=complaint_id,
            detail=detail or {},
        )
    )


def read(
    session: Session,
    scope: str,
    *,
    whole_city: bool,
    complaint_id: UUID | None = None,
    key_id: str | None = None,
    before: int | None = None,
    limit: int = 100,
) -> AuditPage:
    """A page of entries about complaints of a region subtree, newest first.

    Args:
        session: an open session.
        scope: the reader's region path.
        whole_city: whether the scope is the whole tree; only then are entries about no complaint shown.
        complaint_id: only entries about this complaint.
        key_id: only entries of this key.
        before: only entries older than this one.
        limit: entries a page.
    """
    query = (
        select(AuditEntryRow)
        .outerjoin(ComplaintRow, ComplaintRow.id == AuditEntryRow.complaint_id)
        .outerjoin(TombstoneRow, TombstoneRow.complaint_id == AuditEntryRow.complaint_id)
        .where(
            or_(
                true() if whole_city else false(),
                within(ComplaintRow.region_path, scope),
                within(TombstoneRow.region_path, scope),
            )
        )
        .order_by(AuditEntryRow.id.desc())
        .limit(limit + 1)
    )
    if complaint_id is not None:
        query = query.where(AuditEntryRow.complaint_id == complaint_id)
    if key_id is not None:
        query = query.where(AuditEntryRow.key_id == key_id)
    if before is not None:
        query = query.where(AuditEntryRow.id < before)
    return _page(session.scalars(query).all(), limit)


def _page(rows: Sequence[AuditEntryRow], limit: int) -> AuditPage:
    shown = rows[:limit]
    return AuditPage(
        entries=[
            AuditEntry(
                id=row.id,
                at=row.at,
                key_id=row.key_id,
                owner=row.owner,
                role=row.role,
                action=row.action,
                complaint_id=row.complaint_id,
                detail=row.detail,
            )
            for row in shown
        ],
        next=shown[-1].id if len(rows) > limit else None,
    )
