"""The search index in PostgreSQL: documents, the statistics that BM25 needs, removed ids, frozen result windows."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pgvector import HalfVector
from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import ARRAY, REAL, CheckConstraint, Index, Uuid, func
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from service.store.tables.base import Base


class SearchDocumentRow(Base):
    """One indexed complaint, masked text only.

    `terms` holds tokens, `#`-prefixed character bigrams and `~`-prefixed MinHash bands for finding;
    `token_weights` and `bigram_weights` hold the same terms packed with their frequencies for scoring.
    """

    __tablename__ = "search_document"
    __table_args__ = (
        Index(
            "ix_search_document_terms",
            "terms",
            postgresql_using="gin",
            postgresql_with={"fastupdate": "on", "gin_pending_list_limit": 1024},
        ),
        Index("ix_search_document_received_at", "received_at", "complaint_id"),
        Index("ix_search_document_risk_score", "risk_score", "complaint_id"),
        Index("ix_search_document_region_path", "region_path", postgresql_ops={"region_path": "text_pattern_ops"}),
        Index("ix_search_document_case_id", "case_id"),
    )

    complaint_id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int]
    external_id: Mapped[str]
    title: Mapped[str | None]
    text: Mapped[str]
    folded: Mapped[str]
    channel: Mapped[str]
    received_at: Mapped[datetime]
    region_code: Mapped[str]
    region_path: Mapped[str]
    domain: Mapped[str]
    kind: Mapped[str]
    dispute_type: Mapped[str]
    stage: Mapped[str]
    risk_level: Mapped[str]
    risk_score: Mapped[float]
    case_id: Mapped[UUID | None]
    place: Mapped[str | None]
    party: Mapped[str | None]
    model_version: Mapped[str]
    terms: Mapped[str] = mapped_column(TSVECTOR)
    token_weights: Mapped[bytes]
    bigram_weights: Mapped[bytes]
    token_length: Mapped[int]
    bigram_length: Mapped[int]
    embedding: Mapped[HalfVector | None] = mapped_column(HALFVEC())


class SearchTermRow(Base):
    """In how many documents a token or bigram stands."""

    __tablename__ = "search_term"
    __table_args__ = ({"postgresql_with": {"fillfactor": 80}},)

    term: Mapped[str] = mapped_column(primary_key=True)
    documents: Mapped[int]


class SearchTotalRow(Base):
    """The single row of totals, and the encoder whose vectors the index holds."""

    __tablename__ = "search_total"
    __table_args__ = (CheckConstraint("id = 1", name="single_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    documents: Mapped[int]
    token_length: Mapped[int]
    bigram_length: Mapped[int]
    encoder: Mapped[str | None]
    dimensions: Mapped[int | None]


class SearchRemovedRow(Base):
    """Complaints that were withdrawn or erased; a late delivery must not bring them back."""

    __tablename__ = "search_removed"

    complaint_id: Mapped[UUID] = mapped_column(primary_key=True)
    removed_at: Mapped[datetime] = mapped_column(server_default=func.now())


class SearchWindowRow(Base):
    """A frozen ranking that later pages are read from; unlogged, and swept when old."""

    __tablename__ = "search_window"
    __table_args__ = (
        Index("ix_search_window_created_at", "created_at"),
        {"prefixes": ["UNLOGGED"]},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    digest: Mapped[str]
    hits: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid(as_uuid=True)))
    scores: Mapped[list[float]] = mapped_column(ARRAY(REAL))
    total: Mapped[int]
    facets: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
