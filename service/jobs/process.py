"""The job of a complaint: index it, find its case, tell the feed. Every step may be repeated and then changes nothing."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select

from data_contracts.analysis import Analysis
from nlp.encoder import Encoder
from nlp.indexing import IndexFields, index_fields
from service.cases.online import Cases
from service.feed.publish import NewEvent, publish
from service.search.protocol import SearchDocument, SearchEngine
from service.store.complaints import find_many
from service.store.engine import Sessions
from service.store.ids_in import one_of
from service.store.tables.answers import AnswerRow
from service.store.tables.complaints import ComplaintRow


class Process:
    """What a worker does with complaints after their commit."""

    def __init__(self, sessions: Sessions, encoder: Callable[[], Encoder], search: SearchEngine, cases: Cases) -> None:
        self._sessions = sessions
        self._encoder = encoder
        self._search = search
        self._cases = cases

    def __call__(self, ids: Sequence[UUID]) -> None:
        """Bring index, cases and feed to the state of the store.

        Raises:
            Exception: whatever a step meets; the job is then repeated as a whole.
        """
        with self._sessions() as session:
            rows = find_many(session, ids)
        active = [row for row in rows.values() if row.status == "active"]
        gone = [key for key in ids if key not in rows or rows[key].status != "active"]
        if gone:
            self._search.delete(gone)
            self._cases.remove(gone)
        if active:
            fields = index_fields(self._encoder(), [(row.title, row.text) for row in active])
            documents = [document(row, field) for row, field in zip(active, fields, strict=True)]
            self._search.index(documents)
            # Labels that a person set come with no new version.
            read = [item for row, item in zip(active, documents, strict=True) if row.reviewed_at is not None]
            self._search.index(read, force=True)
            self._cases.assign(active, fields)
        self._tell(ids)

    def _tell(self, ids: Sequence[UUID]) -> None:
        with self._sessions.begin() as session:
            rows = find_many(session, ids, lock=True)
            events = [told(row) for row in rows.values()]
            events += [revision(row) for row in rows.values() if row.version > 1 and row.status == "active"]
            events += [
                corrected(row) for row in rows.values() if row.reviewed_at is not None and row.status == "active"
            ]
            answers = session.execute(
                select(AnswerRow.id, AnswerRow.complaint_id, AnswerRow.office, AnswerRow.resolved).where(
                    one_of(AnswerRow.complaint_id, rows)
                )
            )
            events += [
                NewEvent(
                    "cn.yanpan.complaint.answered",
                    str(answer.complaint_id),
                    str(answer.id),
                    rows[answer.complaint_id].region_path,
                    {"complaint_id": str(answer.complaint_id), "office": answer.office, "resolved": answer.resolved},
                )
                for answer in answers
            ]
            publish(session, events)


def document(row: ComplaintRow, fields: IndexFields) -> SearchDocument:
    """A stored complaint as the index holds it."""
    analysis = Analysis.model_validate(row.analysis)
    place, party = analysis.first("place"), analysis.first("counterparty")
    return SearchDocument(
        complaint_id=row.id,
        version=row.version,
        external_id=row.external_id,
        title=row.title,
        text=row.text,
        channel=row.channel,
        received_at=row.received_at,
        region_code=row.region_code,
        region_path=row.region_path,
        domain=row.domain,
        kind=row.kind,
        dispute_type=row.dispute_type,
        stage=row.stage,
        risk_level=row.risk_level,
        risk_score=row.risk_score,
        case_id=row.case_id,
        place=place.span.text if place else None,
        party=party.span.text if party else None,
        model_version=row.model_version,
        fields=fields,
    )


def told(row: ComplaintRow) -> NewEvent:
    """The first event of a complaint, or the event of its end."""
    if row.status == "active":
        return NewEvent("cn.yanpan.complaint.analysed", str(row.id), "1", row.region_path, summary(row), row.risk_level)
    return NewEvent("cn.yanpan.complaint.withdrawn", str(row.id), "1", row.region_path, {"complaint_id": str(row.id)})


def revision(row: ComplaintRow) -> NewEvent:
    """The event of a later version."""
    return NewEvent(
        "cn.yanpan.complaint.updated", str(row.id), str(row.version), row.region_path, summary(row), row.risk_level
    )


def corrected(row: ComplaintRow) -> NewEvent:
    """The event of labels that a person set, once for each reading."""
    assert row.reviewed_at is not None
    occurrence = f"{row.version}:{row.reviewed_at.isoformat()}"
    return NewEvent(
        "cn.yanpan.complaint.updated", str(row.id), occurrence, row.region_path, summary(row), row.risk_level
    )


def summary(row: ComplaintRow) -> dict[str, Any]:
    """What the judgement workflow needs to decide whether to look; masked."""
    analysis = Analysis.model_validate(row.analysis)
    return {
        "complaint_id": str(row.id),
        "source": row.source,
        "external_id": row.external_id,
        "version": row.version,
        "channel": row.channel,
        "received_at": row.received_at.isoformat(),
        "region": row.region_code,
        "title": row.title,
        "domain": row.domain,
        "kind": row.kind,
        "dispute_type": row.dispute_type,
        "stage": row.stage,
        "risk_level": row.risk_level,
        "risk_score": row.risk_score,
        "factors": [factor.label for factor in analysis.risk.factors],
        "case_id": str(row.case_id) if row.case_id else None,
        "model_version": row.model_version,
    }
