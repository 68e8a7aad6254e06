"""API keys: made, checked, listed and revoked.

A key is shown once as `id.secret`; only HMAC-SHA256(pepper, "id.secret") is kept. The secret has 256 random bits, so a
slow password hash would add delay and no strength.
"""

import hashlib
import hmac
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.access import scope as scopes
from service.access.principal import Principal
from service.access.roles import ROLE_ACTIONS
from service.errors import NotFound
from service.store.engine import Sessions
from service.store.tables.access import ApiKeyRow

_SHAPE = re.compile(r"([A-Za-z0-9_-]{1,40})\.([A-Za-z0-9_-]{20,100})")
_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
_ID_LENGTH = 12
_SECRET_BYTES = 32
_REMEMBERED = 4096


def create(
    session: Session,
    pepper: bytes,
    *,
    role: str,
    owner: str,
    scope: str,
    expires: datetime | None = None,
    note: str = "",
) -> str:
    """Make a key in the session's transaction.

    Args:
        session: the caller commits it.
        pepper: the home's HMAC key.
        role: code of a role of the access table.
        owner: the office or system that gets the key.
        scope: region path of the subtree that the key sees.
        expires: when it ends, with a zone; never where None.
        note: free words for whoever lists the keys.

    Returns:
        `id.secret`, which nothing can show again.

    Raises:
        ValueError: role, owner, scope or time make no sense.
    """
    if role not in ROLE_ACTIONS:
        raise ValueError(f"没有角色“{role}”，可用：{'、'.join(ROLE_ACTIONS)}")
    if not owner.strip() or "\x00" in owner:
        raise ValueError("密钥须写明持有者")
    if expires is not None and expires <= datetime.now(UTC):
        raise ValueError("到期时间已过")
    identifier = "".join(secrets.choice(_ALPHABET) for _ in range(_ID_LENGTH))
    shown = f"{identifier}.{secrets.token_urlsafe(_SECRET_BYTES)}"
    session.add(
        ApiKeyRow(
            id=identifier,
            secret_hmac=_digest(pepper, shown),
            owner=owner.strip(),
            role=role,
            scope=scopes.checked(scope),
            region_code=scope.rstrip("/").rsplit("/", 1)[-1],
            expires_at=expires,
            note=note,
        )
    )
    return shown


def listed(session: Session, *, within: str, with_revoked: bool = False) -> Sequence[ApiKeyRow]:
    """The keys of a region subtree, oldest first."""
    query = select(ApiKeyRow).where(scopes.within(ApiKeyRow.scope, within)).order_by(ApiKeyRow.created_at, ApiKeyRow.id)
    if not with_revoked:
        query = query.where(ApiKeyRow.revoked_at.is_(None))
    return session.scalars(query).all()


def revoke(session: Session, identifier: str, *, within: str) -> ApiKeyRow:
    """End a key for good; a second time changes nothing.

    Raises:
        NotFound: no such key in the region subtree.
    """
    row = session.scalar(
        select(ApiKeyRow).where(ApiKeyRow.id == identifier, scopes.within(ApiKeyRow.scope, within)).with_for_update()
    )
    if row is None:
        raise NotFound("没有这个密钥", "no such key")
    if row.revoked_at is None:
        row.revoked_at = datetime.now(UTC)
    return row


@dataclass(frozen=True, slots=True)
class _Known:
    principal: Principal
    digest: bytes
    expires: datetime | None


class KeyCheck:
    """Tells who holds a key; remembers what the store said for some seconds.

    A key that another process revokes ends here when the memory of it does, after `seconds` at the latest; `forget`
    ends it at once.
    """

    def __init__(self, sessions: Sessions, pepper: bytes, *, seconds: float = 3.0) -> None:
        self._sessions = sessions
        self._pepper = pepper
        self._seconds = seconds
        self._memory: OrderedDict[str, tuple[float, _Known | None]] = OrderedDict()
        self._lock = Lock()

    def remembers(self, shown: str) -> bool:
        """Whether `check` can answer without asking the store."""
        shape = _SHAPE.fullmatch(shown)
        return shape is None or self._remembered(shape[1]) is not None

    def check(self, shown: str) -> Principal | None:
        """The holder of a key as shown; None when it is unknown, wrong, revoked or expired."""
        shape = _SHAPE.fullmatch(shown)
        if shape is None:
            return None
        remembered = self._remembered(shape[1])
        known = remembered[1] if remembered else self._load(shape[1])
        digest = _digest(self._pepper, shown)
        if known is None or not hmac.compare_digest(digest, known.digest):
            return None
        if known.expires is not None and known.expires <= datetime.now(UTC):
            return None
        return known.principal

    def forget(self, identifier: str) -> None:
        """Ask the store again at the key's next use."""
        with self._lock:
            self._memory.pop(identifier, None)

    def _remembered(self, identifier: str) -> tuple[float, _Known | None] | None:
        with self._lock:
            entry = self._memory.get(identifier)
        return entry if entry is not None and time.monotonic() - entry[0] < self._seconds else None

    def _load(self, identifier: str) -> _Known | None:
        asked = time.monotonic()
        with self._sessions() as session:
            row = session.get(ApiKeyRow, identifier)
            known = None
            if row is not None and row.revoked_at is None:
                known = _Known(Principal(row.id, row.owner, row.role, row.scope), row.secret_hmac, row.expires_at)
        with self._lock:
            self._memory[identifier] = (asked, known)
            self._memory.move_to_end(identifier)
            while len(self._memory) > _REMEMBERED:
                self._memory.popitem(last=False)
        return known


def _digest(pepper: bytes, shown: str) -> bytes:
    return hmac.new(pepper, shown.encode(), hashlib.sha256).digest()
