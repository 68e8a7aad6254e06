"""Idempotency-Key: the same request sent again gets the answer that the first one got."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from service.errors import Conflict, IdempotencyConflict
from service.store.tables.idempotency import IdempotencyRow

KEPT_FOR = timedelta(hours=24)
UNDER_WAY_FOR = timedelta(minutes=2)
"""After that the first request is taken for dead, and the key is free again."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """The answer to a request that was sent before."""

    status: int
    response: dict[str, Any]


def begin(session: Session, principal: str, key: str, digest: bytes) -> Remembered | None:
    """Take a key; None means: go on and answer. Commit at once, so that a second request sees it.

    Raises:
        IdempotencyConflict: the key was used for another request.
        Conflict: the first request with this key is still under way.
    """
    now = datetime.now(UTC)
    session.execute(
        delete(IdempotencyRow).where(
            IdempotencyRow.principal == principal,
            IdempotencyRow.key == key,
            (IdempotencyRow.expires_at < now)
            | (IdempotencyRow.status.is_(None) & (IdempotencyRow.created_at < now - UNDER_WAY_FOR)),
        )
    )
    taken = session.scalar(
        insert(IdempotencyRow)
        .values(principal=principal, key=key, request_digest=digest, created_at=now, expires_at=now + KEPT_FOR)
        .on_conflict_do_nothing(index_elements=[IdempotencyRow.principal, IdempotencyRow.key])
        .returning(IdempotencyRow.key)
    )
    if taken is not None:
        return None
    row = session.scalar(select(IdempotencyRow).where(IdempotencyRow.principal == principal, IdempotencyRow.key == key))
    if row is None or row.status is None:
        if row is not None and row.request_digest != digest:
            raise _used()
        raise Conflict(
            "同一幂等键的请求正在处理，请稍后重试", "a request with this Idempotency-Key is under way; retry later"
        )
    if row.request_digest != digest:
        raise _used()
    return Remembered(row.status, row.response or {})


def finish(
    session: Session, principal: str, key: str, status: int, response: dict[str, Any], subject: UUID | None
) -> None:
    """Remember the answer to a request."""
    session.execute(
        update(IdempotencyRow)
        .where(IdempotencyRow.principal == principal, IdempotencyRow.key == key)
        .values(status=status, response=response, subject=subject)
    )


def release(session: Session, principal: str, key: str) -> None:
    """Give a key back whose request failed."""
    session.execute(delete(IdempotencyRow).where(IdempotencyRow.principal == principal, IdempotencyRow.key == key))


def sweep(session: Session) -> None:
    """Forget what is older than a day."""
    session.execute(delete(IdempotencyRow).where(IdempotencyRow.expires_at < datetime.now(UTC)))


def forget(session: Session, subject: UUID) -> None:
    """Forget answers about a complaint that was erased."""
    session.execute(delete(IdempotencyRow).where(IdempotencyRow.subject == subject))


def _used() -> IdempotencyConflict:
    return IdempotencyConflict(
        "这个幂等键已用于另一个请求，请换一个", "this Idempotency-Key was used for another request; use a new one"
    )
