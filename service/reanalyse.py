"""Read the store again with the model in use: what an older one read, as often as it takes, and what people set stays."""

from collections.abc import Callable

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from data_contracts.analysis import Analysis
from data_contracts.taxonomy import HEADS
from nlp.redact import redacted
from nlp.worth import worth
from service.context import Service
from service.search import rebuild
from service.store.complaints import newest_original
from service.store.tables.complaints import ComplaintRow

BATCH = 100


def reanalyse(service: Service, progress: Callable[[int, int], None]) -> int:
    """Read every complaint that another model read; interrupted, the next call goes on where it stopped.

    Args:
        service: the open service.
        progress: told how many of how many are done.

    Returns:
        How many were read.
    """
    pipeline = service.pipeline
    wanted = _wanted(pipeline.model.version)
    with service.sessions() as session:
        total = session.scalar(select(func.count()).select_from(ComplaintRow).where(wanted)) or 0
    done = 0
    while True:
        with service.sessions.begin() as session:
            rows = session.scalars(
                select(ComplaintRow).where(wanted).order_by(ComplaintRow.id).limit(BATCH).with_for_update()
            ).all()
            if not rows:
                break
            given = [newest_original(session, service.home.keys.ring, row) for row in rows]
            dated = [
                complaint.model_copy(update={"received_at": row.received_at})
                for row, complaint in zip(rows, given, strict=True)
            ]
            for row, analysis in zip(rows, pipeline.analyse(dated), strict=True):
                _put(row, redacted(analysis))
        done += len(rows)
        progress(done, max(total, done))
    rebuild.rebuild(service.sessions, service.search, service.encoder)
    return done


def _wanted(version: str) -> ColumnElement[bool]:
    return (ComplaintRow.model_version != version) & (ComplaintRow.status == "active")


def _put(row: ComplaintRow, analysis: Analysis) -> None:
    """Take over a new reading; labels that a person set stay, and so does a score that goes with one."""
    held = Analysis.model_validate(row.analysis)
    for head in HEADS:
        if held.label(head).corrected:
            kept = held.label(head).model_copy(update={"scores": analysis.label(head).scores})
            if head == "risk_level":
                analysis.risk.level, analysis.risk.score = kept, held.risk.score
            else:
                setattr(analysis, head, kept)
        setattr(row, head, analysis.label(head).label)
    row.analysis = analysis.model_dump(mode="json")
    row.title, row.text = analysis.masked_title, analysis.masked_text
    row.risk_score = analysis.risk.score
    row.model_version = analysis.model_version
    row.review_priority = worth(analysis)[0]


def waiting(session: Session, version: str) -> int:
    """How many complaints another model read."""
    return session.scalar(select(func.count()).select_from(ComplaintRow).where(_wanted(version))) or 0
