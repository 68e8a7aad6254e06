"""Frozen rankings: what the later pages of a relevance search are read from, so that no hit repeats or is skipped."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import delete, func, insert, text
from sqlalchemy.orm import Session

from service.search import cursor
from service.search.reader import Counts
from service.store.tables.search import SearchWindowRow as Window

KEPT_MINUTES = 30


@dataclass(frozen=True, slots=True)
class Frozen:
    """A ranking with its counts, as it was when its first page was read."""

    key: UUID
    hits: list[tuple[UUID, float]]
    total: int
    facets: Counts


def freeze(session: Session, window: Frozen, mark: bytes) -> None:
    """Keep a ranking for `KEPT_MINUTES`; sweeps those that are older."""
    session.execute(delete(Window).where(Window.created_at < func.now() - text(f"interval '{KEPT_MINUTES} minutes'")))
    session.execute(
        insert(Window).values(
            id=window.key,
            digest=mark.hex(),
            hits=[key for key, _ in window.hits],
            scores=[score for _, score in window.hits],
            total=window.total,
            facets=window.facets,
        )
    )


def thaw(session: Session, key: UUID, mark: bytes) -> Frozen:
    """The ranking of a cursor.

    Raises:
        CursorInvalid: it is gone, or belongs to another query.
    """
    row = session.get(Window, key)
    if row is None or row.digest != mark.hex():
        raise cursor.expired()
    return Frozen(row.id, list(zip(row.hits, row.scores, strict=True)), row.total, row.facets)
