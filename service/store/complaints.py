"""Reading and writing complaints: the current state, masked; the originals, sealed; nothing outside a scope."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast
from uuid import UUID

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from data_contracts.analysis import Analysis
from data_contracts.complaint import Attachment, Channel, Complaint
from data_contracts.record import ComplaintRecord, Original, Status
from data_contracts.region import Region, RegionTree
from data_contracts.taxonomy import HEADS
from nlp.worth import worth
from service.access import audit
from service.access.principal import Principal
from service.access.scope import covers, within
from service.errors import Erased, NotFound
from service.store.crypto import KeyRing, KeySource, Sealed, version_context
from service.store.ids_in import one_of
from service.store.sealing import held_ring
from service.store.tables.complaints import ComplaintRow, ComplaintVersionRow, TombstoneRow


def record_of(row: ComplaintRow, tree: RegionTree) -> ComplaintRecord:
    """A stored complaint as readers get it."""
    region = tree.get(row.region_code)
    return ComplaintRecord(
        complaint_id=row.id,
        source=row.source,
        external_id=row.external_id,
        version=row.version,
        status=cast("Status", row.status),
        channel=cast("Channel", row.channel),
        received_at=row.received_at,
        created_at=row.created_at,
        updated_at=row.updated_at,
        region=row.region_code,
        region_name=region.name if region else row.region_code,
        title=row.title,
        text=row.text,
        reporter=row.reporter,
        likes=row.likes,
        attachments=[Attachment.model_validate(item) for item in row.attachments],
        analysis=Analysis.model_validate(row.analysis),
        case_id=row.case_id,
        topic_id=row.topic_id,
    )


def state(complaint: Complaint, analysis: Analysis, region: Region, digest: bytes, now: datetime) -> dict[str, Any]:
    """The columns that follow from what was sent and what was understood.

    Args:
        complaint: as it was sent.
        analysis: of it, redacted.
        region: where it belongs.
        digest: keyed digest of the original.
        now: time of the change.
    """
    return {
        "channel": complaint.channel,
        "received_at": complaint.received_at,
        "region_code": region.code,
        "region_path": region.path,
        "title": analysis.masked_title,
        "text": analysis.masked_text,
        "reporter": complaint.reporter,
        "likes": complaint.likes,
        "attachments": [item.model_dump(mode="json") for item in complaint.attachments],
        "body_digest": digest,
        "analysis": analysis.model_dump(mode="json"),
        **{head: analysis.label(head).label for head in HEADS},
        "risk_score": analysis.risk.score,
        "model_version": analysis.model_version,
        "review_priority": worth(analysis)[0],
        "reviewed_at": None,
        "updated_at": now,
    }


def find(session: Session, complaint_id: UUID, scope: str, *, lock: bool = False) -> ComplaintRow:
    """The row of a complaint within a scope.

    Raises:
        Erased: it was erased.
        NotFound: there is none, or it lies outside the scope: the two are not told apart.
    """
    query = select(ComplaintRow).where(ComplaintRow.id == complaint_id, within(ComplaintRow.region_path, scope))
    row = session.scalar(query.with_for_update() if lock else query)
    if row is None:
        stone = session.get(TombstoneRow, complaint_id)
        if stone is not None and covers(scope, stone.region_path):
            raise Erased("该诉求已清除，不再保留任何内容", "the complaint was erased; nothing of it is left")
        raise NotFound("没有这件诉求，或不在密钥的辖区内", "no such complaint within the key's region")
    return row


def find_many(session: Session, ids: Sequence[UUID], *, lock: bool = False) -> dict[UUID, ComplaintRow]:
    """Rows by id, for the service's own work (no scope); unknown ids are left out.

    `lock` keeps them as they are until the transaction ends, so that none is erased while it is told of.
    """
    query = select(ComplaintRow).where(one_of(ComplaintRow.id, ids)).order_by(ComplaintRow.id)
    rows = session.scalars(query.with_for_update(read=True) if lock else query)
    return {row.id: row for row in rows}


def newest_original(session: Session, ring: KeySource, row: ComplaintRow) -> Complaint:
    """The newest version as it was sent, decrypted."""
    held = held_ring(session, ring)
    version = session.get_one(ComplaintVersionRow, (row.id, row.version))
    return _opened(held, version)


def read_original(
    session: Session, ring: KeySource, complaint_id: UUID, principal: Principal, version: int | None = None
) -> Original:
    """The text as it was given, with the reading written to the audit log; commit before handing it out.

    Raises:
        NotFound: no such complaint within the scope, or no such version.
        Erased: it was erased.
    """
    row = find(session, complaint_id, principal.scope)
    held = held_ring(session, ring)
    stored = session.get(ComplaintVersionRow, (row.id, version or row.version))
    if stored is None:
        raise NotFound("没有这个版本", "no such version")
    audit.record(
        session, principal, "complaint.original", complaint_id=complaint_id, detail={"version": stored.version}
    )
    complaint = _opened(held, stored)
    return Original(complaint_id=row.id, version=stored.version, title=complaint.title, text=complaint.body)


def sealed_version(
    ring: KeyRing, complaint_id: UUID, version: int, complaint: Complaint, digest: bytes, by: str
) -> dict[str, Any]:
    """The columns of a version: the complaint as JSON, sealed with a ring that the transaction holds."""
    sealed = ring.seal(complaint.model_dump_json(exclude_unset=True).encode(), version_context(complaint_id, version))
    return {
        "complaint_id": complaint_id,
        "version": version,
        "key_id": sealed.key_id,
        "sealed": sealed.data,
        "digest": digest,
        "created_by": by,
    }


def _opened(ring: KeyRing, row: ComplaintVersionRow) -> Complaint:
    text = ring.open(Sealed(row.key_id, row.sealed), version_context(row.complaint_id, row.version))
    return Complaint.model_validate(orjson.loads(text))
