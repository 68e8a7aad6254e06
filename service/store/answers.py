"""Answers that offices gave: masked for readers, the original sealed."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from data_contracts.complaint import Answer, Complaint
from nlp.prepare import prepare
from service.store.crypto import KeyRing, answer_context, keyed_digest
from service.store.ids import answer_id
from service.store.ids_in import one_of
from service.store.tables.answers import AnswerRow


def add(session: Session, ring: KeyRing, digest_key: bytes, complaint_id: UUID, answer: Answer, by: str) -> UUID | None:
    """Store an answer in the session's transaction, which holds the ring; returns its id, None when it was there."""
    given = answer.model_dump_json(exclude_unset=True).encode()
    digest = keyed_digest(digest_key, given)
    identifier = answer_id(complaint_id, digest)
    sealed = ring.seal(given, answer_context(complaint_id, identifier))
    masked = prepare(Complaint(external_id="answer", text=answer.text)).masked_text
    return session.scalar(
        insert(AnswerRow)
        .values(
            id=identifier,
            complaint_id=complaint_id,
            digest=digest,
            office=answer.office,
            answered_at=answer.answered_at,
            text=masked,
            resolved=answer.resolved,
            satisfaction=answer.satisfaction,
            key_id=sealed.key_id,
            sealed=sealed.data,
            created_by=by,
        )
        .on_conflict_do_nothing(index_elements=[AnswerRow.complaint_id, AnswerRow.digest])
        .returning(AnswerRow.id)
    )


def listed(session: Session, complaint_ids: Iterable[UUID]) -> dict[UUID, list[Answer]]:
    """Masked answers by complaint, oldest first; complaints without any have an empty list."""
    ids = list(complaint_ids)
    answers: dict[UUID, list[Answer]] = {identifier: [] for identifier in ids}
    rows = session.scalars(
        select(AnswerRow).where(one_of(AnswerRow.complaint_id, ids)).order_by(AnswerRow.answered_at, AnswerRow.id)
    )
    for row in rows:
        answers[row.complaint_id].append(
            Answer(
                office=row.office,
                answered_at=row.answered_at,
                text=row.text,
                resolved=row.resolved,
                satisfaction=row.satisfaction,
            )
        )
    return answers
