"""A new key for the original texts: every sealed row is opened with its old key and sealed with the new one."""

from collections.abc import Callable
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from service.home import Home
from service.store.crypto import KeyRing, KeyRingFile, Sealed, answer_context, version_context
from service.store.engine import Sessions, open_sessions
from service.store.sealing import held_ring, hold_alone
from service.store.tables.answers import AnswerRow
from service.store.tables.complaints import ComplaintVersionRow

BATCH = 500


def rotate(home: Home, progress: Callable[[int], None] = lambda done: None) -> int:
    """Make a new key and seal everything with it; an interrupted rotation is taken up where it stopped.

    Args:
        home: the open home whose key ring lies in a file.
        progress: told how many rows are done.

    Returns:
        How many rows were sealed again.

    Raises:
        ValueError: the keys come from the environment; then they are rotated there
            (new one in YANPAN_ENCRYPTION_KEY, former ones in YANPAN_ENCRYPTION_KEYS_OLD).
    """
    source = home.keys.ring
    if not isinstance(source, KeyRingFile):
        raise ValueError(  # noqa: TRY004  # a state of the home, not a mistake of the caller
            "加密密钥来自环境变量：请把新密钥写入 YANPAN_ENCRYPTION_KEY，旧密钥写入 YANPAN_ENCRYPTION_KEYS_OLD"
        )
    engine = home.engine(pool_size=1)
    try:
        sessions = open_sessions(engine)
        with sessions.begin() as session:
            hold_alone(session)
            if not _used(session) - {source.ring().current}:
                source.replace(source.ring().with_new_key())
        done = 0
        while moved := _reseal(sessions, source):
            done += moved
            progress(done)
        with sessions.begin() as session:
            hold_alone(session)
            source.replace(source.ring().only(_used(session)))
    finally:
        engine.dispose()
    return done


def _used(session: Session) -> set[str]:
    """Keys that rows are sealed with; a row that another transaction held is left to the next rotation."""
    return {
        key for table in (ComplaintVersionRow, AnswerRow) for key in session.scalars(select(table.key_id).distinct())
    }


def _reseal(sessions: Sessions, source: KeyRingFile) -> int:
    with sessions.begin() as session:
        ring = held_ring(session, source)
        return _versions(session, ring) or _answers(session, ring)


def _versions(session: Session, ring: KeyRing) -> int:
    rows = session.scalars(
        select(ComplaintVersionRow)
        .where(ComplaintVersionRow.key_id != ring.current)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    ).all()
    for row in rows:
        context = version_context(row.complaint_id, row.version)
        sealed = ring.seal(ring.open(Sealed(row.key_id, row.sealed), context), context)
        row.key_id, row.sealed = sealed.key_id, sealed.data
    return len(rows)


def _answers(session: Session, ring: KeyRing) -> int:
    found = session.execute(
        select(AnswerRow.id, AnswerRow.complaint_id, AnswerRow.key_id, AnswerRow.sealed)
        .where(AnswerRow.key_id != ring.current)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    ).all()
    for row in found:
        context = answer_context(row.complaint_id, row.id)
        sealed = ring.seal(ring.open(Sealed(row.key_id, row.sealed), context), context)
        _put(session, row.id, sealed)
    return len(found)


def _put(session: Session, key: UUID, sealed: Sealed) -> None:
    session.execute(update(AnswerRow).where(AnswerRow.id == key).values(key_id=sealed.key_id, sealed=sealed.data))
