"""What every search engine of this service can do, whatever server stands behind it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from data_contracts.search import SearchPage, SearchQuery
from nlp.indexing import IndexFields
from service.errors import SearchUnavailable


@dataclass(frozen=True, slots=True)
class SearchDocument:
    """A complaint as it is indexed: masked text, labels, and the fields that `nlp.indexing` made of the text.

    `version` orders deliveries: an index never goes back to a smaller one. `place` and `party` are the masked main
    elements.
    """

    complaint_id: UUID
    version: int
    external_id: str
    title: str | None
    text: str
    channel: str
    received_at: datetime
    region_code: str
    region_path: str
    domain: str
    kind: str
    dispute_type: str
    stage: str
    risk_level: str
    risk_score: float
    case_id: UUID | None
    place: str | None
    party: str | None
    model_version: str
    fields: IndexFields


@dataclass(frozen=True, slots=True)
class Candidate:
    """A near complaint: `score` is the fused one (greater is nearer), `repost` says that the words are the same."""

    complaint_id: UUID
    score: float
    similarity: float | None = None
    repost: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """Near complaints as a page of hits wants them: with the words that both share."""

    candidate: Candidate
    shared_words: tuple[str, ...]


class IndexMismatch(SearchUnavailable):
    """The index holds vectors of another encoder than the one that runs."""

    type, title = "index-mismatch", "索引与向量模型不符"


class SearchEngine(Protocol):
    """A search engine over masked complaints."""

    def ready(self) -> bool:
        """Whether the engine answers."""
        ...

    def prepare(self) -> None:
        """Make what the engine needs for the current encoder; idempotent.

        Raises:
            IndexMismatch: the index was built with another encoder.
        """
        ...

    def index(self, documents: Sequence[SearchDocument], *, force: bool = False) -> None:
        """Put documents in, each unless the index holds its version or a newer one (`force`: or a newer one only)."""
        ...

    def delete(self, complaint_ids: Sequence[UUID]) -> None:
        """Take documents out for good: no later delivery brings them back."""
        ...

    def assign(self, cases: dict[UUID, UUID | None]) -> None:
        """Set the case of indexed complaints."""
        ...

    def search(self, query: SearchQuery, scope: str) -> SearchPage:
        """Answer a query within a region subtree.

        Raises:
            CursorInvalid: the cursor is not one of this query, or its frozen window is gone.
            RegionUnknown: the query names a region that the tree does not have.
        """
        ...

    def candidates(
        self, fields: IndexFields, scope: str, k: int = 50, *, exclude: Sequence[UUID] = ()
    ) -> list[Candidate]:
        """The k complaints nearest to a text, by its words, bigrams, MinHash bands and vector; best first."""
        ...
