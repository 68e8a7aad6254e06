"""Bring the index to the state of the store: what is missing, stale or too many, and how to mend it.

All that is to do follows from a comparison of versions, so a rebuild that was interrupted goes on where it stopped.
"""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.orm import Session

from nlp.encoder import Encoder
from nlp.indexing import index_fields
from service.jobs.process import document
from service.search import writer
from service.search.postgres import PostgresSearch
from service.store.complaints import find_many
from service.store.engine import Sessions
from service.store.tables.complaints import ComplaintRow
from service.store.tables.search import SearchDocumentRow as Document
from service.store.tables.search import SearchTotalRow as Total

BATCH = 256


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """The index against the store.

    Attributes:
        complaints: active complaints of the store.
        documents: documents of the index.
        missing: active complaints without a document.
        stale: documents of an older version, of another model's labels, of another case, or without a vector.
        extra: documents whose complaint is not active.
        encoder: whose vectors the index holds.
    """

    complaints: int
    documents: int
    missing: int
    stale: int
    extra: int
    encoder: str | None

    @property
    def sound(self) -> bool:
        """Whether nothing is to be mended."""
        return not (self.missing or self.stale or self.extra)


def status(session: Session) -> IndexStatus:
    """Compare the index with the store."""
    pairs = select(
        func.count(ComplaintRow.id),
        func.count().filter(Document.complaint_id.is_(None)),
        func.count().filter(_stale()),
    ).select_from(ComplaintRow)
    active = ComplaintRow.status == "active"
    row = session.execute(pairs.outerjoin(Document, Document.complaint_id == ComplaintRow.id).where(active)).one()
    return IndexStatus(
        complaints=row[0],
        documents=session.scalar(select(func.count()).select_from(Document)) or 0,
        missing=row[1],
        stale=row[2],
        extra=len(_extra(session)),
        encoder=session.scalar(select(Total.encoder)),
    )


def rebuild(
    sessions: Sessions,
    search: PostgresSearch,
    encoder: Encoder,
    *,
    everything: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Index what is missing or stale and take out what is too many.

    Args:
        sessions: the store.
        search: the index on the same database.
        encoder: the encoder that runs; vectors of another one are replaced.
        everything: treat every document as stale, e.g. after the segmenter's words have changed.
        progress: told how many complaints of how many are done.

    Returns:
        How many complaints were indexed.
    """
    with sessions.begin() as session:
        writer.lock(session)
        held = session.execute(select(Total.encoder, Total.dimensions)).one()
        if tuple(held) != (encoder.name, encoder.dimensions):
            writer.drop_vectors(session)
            writer.note_encoder(session, encoder.name, encoder.dimensions)
        if everything:
            session.execute(update(Document).values(model_version=""))
    with sessions() as session:
        extra, total = _extra(session), _to_do(session)
    if extra:
        search.delete(extra)
    done, last = 0, UUID(int=0)
    while True:
        with sessions() as session:
            ids = _next(session, last)
            rows = [row for row in find_many(session, ids).values() if row.status == "active"]
        if not ids:
            return done
        fields = index_fields(encoder, [(row.title, row.text) for row in rows])
        search.index([document(row, field) for row, field in zip(rows, fields, strict=True)], force=True)
        done, last = done + len(rows), ids[-1]
        if progress:
            progress(done, max(total, done))


def _stale() -> ColumnElement[bool]:
    return Document.complaint_id.is_not(None) & or_(
        Document.version < ComplaintRow.version,
        Document.model_version != ComplaintRow.model_version,
        Document.embedding.is_(None),
        Document.case_id.is_distinct_from(ComplaintRow.case_id),
    )


def _wanting() -> ColumnElement[bool]:
    return (ComplaintRow.status == "active") & or_(Document.complaint_id.is_(None), _stale())


def _to_do(session: Session) -> int:
    query = select(func.count()).select_from(ComplaintRow)
    return session.scalar(query.outerjoin(Document, Document.complaint_id == ComplaintRow.id).where(_wanting())) or 0


def _next(session: Session, last: UUID) -> list[UUID]:
    query = select(ComplaintRow.id).outerjoin(Document, Document.complaint_id == ComplaintRow.id)
    return list(session.scalars(query.where(_wanting(), ComplaintRow.id > last).order_by(ComplaintRow.id).limit(BATCH)))


def _extra(session: Session) -> list[UUID]:
    query = select(Document.complaint_id).outerjoin(ComplaintRow, Document.complaint_id == ComplaintRow.id)
    return list(session.scalars(query.where(or_(ComplaintRow.id.is_(None), ComplaintRow.status != "active"))))
