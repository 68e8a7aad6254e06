"""People and the model's labels: what is most worth a reading, and what becomes of what the reader says."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from data_contracts.analysis import Analysis, Label
from data_contracts.complaint import Complaint
from data_contracts.region import RegionTree
from data_contracts.review import CorrectedLabel, Correction, ReviewItem, ReviewPage
from data_contracts.taxonomy import taxonomy
from nlp.prepare import prepare
from nlp.worth import worth
from service.access import audit
from service.access.principal import Principal
from service.access.scope import within
from service.errors import VersionConflict, Withdrawn
from service.store.complaints import find, record_of
from service.store.tables.complaints import ComplaintRow, CorrectionRow

_BAND = 100.0 / len(taxonomy("risk_level"))


def next_page(session: Session, scope: str, tree: RegionTree, *, limit: int) -> ReviewPage:
    """What nobody has read yet in a subtree, the most worthwhile first."""
    waiting: tuple[ColumnElement[bool], ...] = (
        ComplaintRow.reviewed_at.is_(None),
        ComplaintRow.status == "active",
        within(ComplaintRow.region_path, scope),
    )
    rows = session.scalars(
        select(ComplaintRow)
        .where(*waiting)
        .order_by(ComplaintRow.review_priority.desc(), ComplaintRow.id.desc())
        .limit(limit)
    ).all()
    items = []
    for row in rows:
        record = record_of(row, tree)
        items.append(ReviewItem(complaint=record, priority=row.review_priority, reasons=worth(record.analysis)[1]))
    total = session.scalar(select(func.count()).select_from(ComplaintRow).where(*waiting)) or 0
    return ReviewPage(items=items, waiting=total)


def correct(session: Session, correction: Correction, principal: Principal) -> ComplaintRow:
    """Set labels as a person read them; every label is kept with who and when, and the model's scores stay.

    Raises:
        NotFound, Erased, Withdrawn: the complaint takes no labels.
        VersionConflict: another version is there by now, so another text.
    """
    row = find(session, correction.complaint_id, principal.scope, lock=True)
    if row.status == "withdrawn":
        raise Withdrawn("诉求已撤回，不能再改标签", "the complaint was withdrawn and takes no labels")
    if row.version != correction.version:
        raise VersionConflict(
            f"诉求已有新版本 {row.version}，请重新阅读后再改标签",
            f"the complaint is at version {row.version} by now; read it again",
            complaint_id=str(row.id),
            versions=list(range(1, row.version + 1)),
        )
    analysis = Analysis.model_validate(row.analysis)
    note = prepare(Complaint(text=correction.note)).masked_text if correction.note and correction.note.strip() else None
    for head, label in correction.labels.items():
        held = analysis.label(head)
        session.add(
            CorrectionRow(
                complaint_id=row.id, version=row.version, head=head, label=label, previous=held.label,
                model_version=row.model_version, key_id=principal.key_id, owner=principal.owner, role=principal.role,
                note=note,
            )
        )  # fmt: skip
        _set(held, label)
        setattr(row, head, label)
    if "risk_level" in correction.labels:
        analysis.risk.score = row.risk_score = _score(analysis.risk.score, correction.labels["risk_level"])
    row.analysis = analysis.model_dump(mode="json")
    row.reviewed_at = row.updated_at = datetime.now(UTC)
    audit.record(
        session, principal, "label.write", complaint_id=row.id, detail={"labels": dict(correction.labels.items())}
    )
    return row


def _set(held: Label, label: str) -> None:
    held.label, held.confidence, held.abstain, held.corrected = label, 1.0, False, True
    held.why = []


def _score(score: float, level: str) -> float:
    """The score itself where it lies in the band of the level, else the middle of the band."""
    first = taxonomy("risk_level").labels.index(level) * _BAND
    return score if first <= score <= first + _BAND else first + _BAND / 2


def history(session: Session, complaint_id: UUID, scope: str) -> Sequence[CorrectedLabel]:
    """Every label that people set on a complaint, oldest first.

    Raises:
        NotFound, Erased: there is no such complaint within the scope.
    """
    row = find(session, complaint_id, scope)
    found = session.scalars(
        select(CorrectionRow).where(CorrectionRow.complaint_id == row.id).order_by(CorrectionRow.id)
    )
    return [
        CorrectedLabel(
            head=item.head,
            label=item.label,
            previous=item.previous,
            confirmed=item.label == item.previous,
            version=item.version,
            model_version=item.model_version,
            role=item.role,
            owner=item.owner,
            at=item.at,
            note=item.note,
        )
        for item in found
    ]
