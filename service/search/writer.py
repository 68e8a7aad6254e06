"""Writing to the PostgreSQL index: documents and the statistics of their terms, in one transaction and in step."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pgvector import HalfVector
from sqlalchemy import ARRAY, Text, any_, bindparam, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import Insert
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from nlp.minhash import bands
from service.search.bm25 import pack, weighted
from service.search.protocol import SearchDocument
from service.search.query import BAND_MARK, BIGRAM_MARK, fold
from service.store.ids_in import one_of
from service.store.tables.search import SearchDocumentRow as Document
from service.store.tables.search import SearchRemovedRow as Removed
from service.store.tables.search import SearchTermRow as Term
from service.store.tables.search import SearchTotalRow as Total

WRITER_LOCK = 0x79616E70_03
"""Advisory transaction lock: one writer at a time, so that statistics follow documents and no two writers block."""
VECTOR_INDEX = "ix_search_document_embedding"
TOKEN_CHARS = 64
"""A longer "word" is noise."""


def write(session: Session, documents: Sequence[SearchDocument], *, force: bool = False) -> int:
    """Put documents in, newest version of each; returns how many were new or newer.

    A document whose version the index holds already is left alone (`force` writes it again, for changed labels or
    vectors), an older one always, and one that was removed for good too.
    """
    newest: dict[UUID, SearchDocument] = {}
    for document in documents:
        held = newest.get(document.complaint_id)
        if held is None or document.version >= held.version:
            newest[document.complaint_id] = document
    if not newest:
        return 0
    lock(session)
    _forget(newest, session.scalars(select(Removed.complaint_id).where(one_of(Removed.complaint_id, newest))))
    old = _stored(session, newest)
    for key, stored in old.items():
        if newest[key].version < stored.version or (newest[key].version == stored.version and not force):
            del newest[key]
    if not newest:
        return 0
    rows = [_row(newest[key]) for key in sorted(newest)]
    session.execute(_UPSERT, rows)
    _count(session, _change(rows, [old[key] for key in newest if key in old]))
    return len(rows)


def remove(session: Session, complaint_ids: Iterable[UUID]) -> int:
    """Take documents out for good, and remember that they are out; returns how many there were."""
    ids = sorted(set(complaint_ids))
    if not ids:
        return 0
    lock(session)
    session.execute(
        upsert(Removed).on_conflict_do_nothing(index_elements=[Removed.complaint_id]),
        [{"complaint_id": key} for key in ids],
    )
    old = _stored(session, ids)
    if old:
        session.execute(delete(Document).where(one_of(Document.complaint_id, old)))
        _count(session, _change([], list(old.values())))
    return len(old)


def set_cases(session: Session, cases: dict[UUID, UUID | None]) -> None:
    """Set the case of indexed complaints; unknown ones are passed over."""
    if cases:
        session.execute(
            update(Document.__table__)  # type: ignore[arg-type]
            .where(Document.complaint_id == bindparam("key"))
            .values(case_id=bindparam("case")),
            [{"key": key, "case": cases[key]} for key in sorted(cases)],
        )


def lock(session: Session) -> None:
    """Become the one writer until the transaction ends; makes the row of totals on first use."""
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": WRITER_LOCK})
    session.execute(
        upsert(Total)
        .values(id=1, documents=0, token_length=0, bigram_length=0)
        .on_conflict_do_nothing(index_elements=[Total.id])
    )


def note_encoder(session: Session, name: str, dimensions: int) -> None:
    """Note whose vectors the index holds, and make the graph that finds near ones (HNSW, inner product)."""
    session.execute(update(Total).values(encoder=name, dimensions=dimensions))
    session.execute(
        text(
            f"CREATE INDEX IF NOT EXISTS {VECTOR_INDEX} ON search_document USING hnsw "
            f"((embedding::halfvec({int(dimensions)})) halfvec_ip_ops) WITH (m = 16, ef_construction = 100)"
        )
    )


def drop_vectors(session: Session) -> None:
    """Forget all vectors and whose they were, so that those of another encoder can come."""
    session.execute(text(f"DROP INDEX IF EXISTS {VECTOR_INDEX}"))
    session.execute(update(Document).values(embedding=None))
    session.execute(update(Total).values(encoder=None, dimensions=None))


def _forget(documents: dict[UUID, SearchDocument], removed: Iterable[UUID]) -> None:
    for key in removed:
        del documents[key]


@dataclass(frozen=True, slots=True)
class _Stored:
    """What the statistics hold of a document that is in the index."""

    version: int
    terms: Sequence[str]
    token_length: int
    bigram_length: int


def _stored(session: Session, ids: Iterable[UUID]) -> dict[UUID, _Stored]:
    found = session.execute(
        select(
            Document.complaint_id,
            Document.version,
            func.tsvector_to_array(Document.terms, type_=ARRAY(Text)),
            Document.token_length,
            Document.bigram_length,
        ).where(one_of(Document.complaint_id, ids))
    )
    return {row[0]: _Stored(*row[1:]) for row in found}


@dataclass
class _Change:
    """By how much an operation moves the statistics."""

    terms: Counter[str]
    documents: int = 0
    token_length: int = 0
    bigram_length: int = 0


def _change(new: Sequence[dict[str, Any]], old: Sequence[_Stored]) -> _Change:
    change = _Change(Counter())
    for row in new:
        change.terms.update(_counted(row["terms"]))
        change.documents += 1
        change.token_length += row["token_length"]
        change.bigram_length += row["bigram_length"]
    for stored in old:
        change.terms.subtract(_counted(stored.terms))
        change.documents -= 1
        change.token_length -= stored.token_length
        change.bigram_length -= stored.bigram_length
    return change


def _counted(terms: Iterable[str]) -> list[str]:
    return [term for term in terms if not term.startswith(BAND_MARK)]


def _count(session: Session, change: _Change) -> None:
    """Apply a change; terms that no document holds any more are dropped."""
    moved = {term: count for term, count in change.terms.items() if count}
    session.execute(
        text(
            "INSERT INTO search_term AS held (term, documents) SELECT * FROM unnest(CAST(:terms AS text[]), "
            "CAST(:counts AS integer[])) ON CONFLICT (term) DO UPDATE SET documents = held.documents + excluded.documents"
        ),
        {"terms": list(moved), "counts": list(moved.values())},
    )
    if gone := [term for term, count in moved.items() if count < 0]:
        session.execute(
            delete(Term).where(Term.term == any_(bindparam("gone", gone, ARRAY(Text))), Term.documents <= 0)
        )
    session.execute(
        update(Total).values(
            documents=Total.documents + change.documents,
            token_length=Total.token_length + change.token_length,
            bigram_length=Total.bigram_length + change.bigram_length,
        )
    )


_PLAIN = (
    "complaint_id", "version", "external_id", "title", "text", "channel", "received_at", "region_code", "region_path",
    "domain", "kind", "dispute_type", "stage", "risk_level", "risk_score", "case_id", "place", "party",
    "model_version",
)  # fmt: skip
"""What goes into a row as the document has it."""


def _row(document: SearchDocument) -> dict[str, Any]:
    fields = document.fields
    tokens = weighted(_kept(fields.title_tokens), _kept(fields.text_tokens))
    pairs = Counter(fields.bigrams)
    return {
        **{name: getattr(document, name) for name in _PLAIN},
        "folded": fold(f"{document.title}\n{document.text}" if document.title else document.text),
        "terms": [
            *tokens,
            *(BIGRAM_MARK + pair for pair in pairs),
            *(BAND_MARK + band for band in bands(fields.minhash)),
        ],
        "token_weights": pack(tokens),
        "bigram_weights": pack(pairs),
        "token_length": tokens.total(),
        "bigram_length": pairs.total(),
        "embedding": None if fields.vector is None else HalfVector(fields.vector),
    }


def _kept(tokens: Sequence[str]) -> list[str]:
    """Tokens that fit, and that no mark of ours begins."""
    return [token for token in tokens if len(token) <= TOKEN_CHARS and token[0] not in (BIGRAM_MARK, BAND_MARK)]


def _upsert() -> Insert:
    values: dict[str, Any] = {column.name: bindparam(column.name) for column in Document.__table__.columns}
    values["terms"] = func.array_to_tsvector(bindparam("terms", type_=ARRAY(Text)))
    statement = upsert(Document).values(values)
    taken: dict[str, Any] = {
        name: statement.excluded[name] for name in values if name not in ("complaint_id", "case_id")
    }
    # The case finder sets the case after indexing; a new version of the text does not take it away.
    taken["case_id"] = func.coalesce(statement.excluded.case_id, Document.case_id)
    return statement.on_conflict_do_update(index_elements=[Document.complaint_id], set_=taken)


_UPSERT = _upsert()
