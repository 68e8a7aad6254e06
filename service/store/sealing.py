"""The key ring as a transaction may use it: no key enters or leaves the ring before the transaction ends."""

from sqlalchemy import text
from sqlalchemy.orm import Session

from service.store.crypto import KeyRing, KeySource

KEY_LOCK = 0x79616E70_06
"""Shared by those who seal or open, held alone by those who change the ring."""


def held_ring(session: Session, source: KeySource) -> KeyRing:
    """The ring, for sealing and opening in this transaction; ask before the sealed rows are read.

    Without the lock, a row that was sealed before a change of keys and committed after it could name a key that is gone.
    """
    session.execute(text("SELECT pg_advisory_xact_lock_shared(:key)"), {"key": KEY_LOCK})
    return source.ring()


def hold_alone(session: Session) -> None:
    """Wait until nobody seals or opens, and let nobody begin until the transaction ends."""
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": KEY_LOCK})
