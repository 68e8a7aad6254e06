"""Original texts at rest: only the right key and the right row open them, and a change of keys loses none."""

import base64
import hashlib
import stat
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from pydantic import SecretStr
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from data_contracts.complaint import Answer, Complaint
from service.home import Home
from service.settings import Settings
from service.store import answers, rotation
from service.store.complaints import sealed_version
from service.store.crypto import (
    KeyMissingError,
    KeyRing,
    KeyRingFile,
    Sealed,
    TamperedError,
    answer_context,
    decode_key,
    keyed_digest,
    version_context,
    write_secret,
)
from service.store.engine import Sessions, open_sessions
from service.store.sealing import held_ring
from service.store.tables.answers import AnswerRow
from service.store.tables.complaints import ComplaintRow, ComplaintVersionRow

WORDS = "月漾街道三号楼的电梯又坏了".encode()


class TestSealing:
    def test_what_was_sealed_opens(self):
        ring = KeyRing.fresh()
        assert ring.open(ring.seal(WORDS, "complaint:1:1"), "complaint:1:1") == WORDS

    def test_equal_texts_look_different_and_show_nothing(self):
        ring = KeyRing.fresh()
        first, second = (ring.seal(WORDS, "c") for _ in range(2))
        assert first.data != second.data
        assert WORDS not in first.data

    @pytest.mark.parametrize("place", [0, 12, -1])
    def test_a_changed_byte_is_noticed(self, place: int):
        ring = KeyRing.fresh()
        sealed = ring.seal(WORDS, "c")
        data = bytearray(sealed.data)
        data[place] ^= 1
        with pytest.raises(TamperedError):
            ring.open(Sealed(sealed.key_id, bytes(data)), "c")

    def test_the_text_of_another_row_is_noticed(self):
        ring = KeyRing.fresh()
        complaint = uuid4()
        sealed = ring.seal(WORDS, version_context(complaint, 1))
        for other in (version_context(complaint, 2), version_context(uuid4(), 1), answer_context(complaint, uuid4())):
            with pytest.raises(TamperedError):
                ring.open(sealed, other)

    def test_a_short_text_that_is_no_seal_is_noticed(self):
        ring = KeyRing.fresh()
        with pytest.raises(TamperedError):
            ring.open(Sealed(ring.current, b"\x00" * 14), "c")

    def test_a_missing_key_is_named(self):
        sealed = KeyRing.fresh().seal(WORDS, "c")
        with pytest.raises(KeyMissingError, match=sealed.key_id):
            KeyRing.fresh().open(sealed, "c")


class TestRing:
    def test_a_new_key_seals_and_the_old_one_still_opens(self):
        old = KeyRing.fresh()
        sealed = old.seal(WORDS, "c")
        new = old.with_new_key()
        assert new.current != old.current
        assert new.open(sealed, "c") == WORDS
        assert new.seal(WORDS, "c").key_id == new.current

    def test_its_file_gives_the_same_ring(self):
        ring = KeyRing.fresh().with_new_key()
        again = KeyRing.from_json(ring.to_json())
        assert (again.current, again.keys) == (ring.current, ring.keys)

    @pytest.mark.parametrize("text", ["", "[]", "{}", '{"current": "a", "keys": {}}', '{"current": "a", "keys": []}'])
    def test_a_damaged_file_is_refused(self, text: str):
        with pytest.raises(ValueError):
            KeyRing.from_json(text)

    def test_a_key_without_id_always_gets_the_same_one(self):
        key, older = bytes(range(32)), bytes(32)
        ring = KeyRing.of(key, [older])
        assert ring.current == KeyRing.of(key, []).current
        assert ring.open(KeyRing.of(older, []).seal(WORDS, "c"), "c") == WORDS

    def test_a_ring_notices_that_its_file_was_replaced(self, tmp_path: Path):
        path = tmp_path / "ring.json"
        write_secret(path, KeyRing.fresh().to_json())
        here, elsewhere = KeyRingFile(path), KeyRingFile(path)
        before = here.ring().current
        elsewhere.replace(elsewhere.ring().with_new_key())
        assert here.ring().current != before

    @pytest.mark.parametrize("text", ["", "kurz", base64.b64encode(bytes(31)).decode(), "!" * 44])
    def test_what_is_no_key_is_refused(self, text: str):
        with pytest.raises(ValueError, match="密钥"):
            decode_key(text)

    def test_secrets_lie_open_to_their_owner_only(self, tmp_path: Path):
        write_secret(tmp_path / "secret", "x")
        assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600
        assert [path.name for path in tmp_path.iterdir()] == ["secret"]


def test_digests_depend_on_their_key():
    assert keyed_digest(b"a" * 32, WORDS) == keyed_digest(b"a" * 32, WORDS)
    assert keyed_digest(b"a" * 32, WORDS) != keyed_digest(b"b" * 32, WORDS)
    assert keyed_digest(b"a" * 32, WORDS) != hashlib.sha256(WORDS).digest()


@pytest.fixture
def home(database_url: str, tmp_path: Path) -> Iterator[Home]:
    with Home(Settings(home=tmp_path / "home", database_url=SecretStr(database_url))) as opened:
        yield opened


@pytest.fixture
def store(home: Home) -> Sessions:
    return open_sessions(home.engine(pool_size=2))


def keep(session: Session, home: Home, number: int) -> UUID:
    """One complaint with one sealed version and one sealed answer."""
    key = uuid4()
    now = datetime.now(UTC)
    session.execute(
        insert(ComplaintRow).values(
            id=key, source="t", external_id=str(number), version=1, status="active", channel="app", received_at=now,
            region_code="990100", region_path="/990100/", title=None, text="", reporter=None, likes=0, attachments=[],
            body_digest=b"", analysis={}, domain="", kind="", dispute_type="", stage="", risk_level="", risk_score=0,
            model_version="",
        )
    )  # fmt: skip
    complaint = Complaint(external_id=str(number), text=f"第{number}件：路灯不亮")
    ring = held_ring(session, home.keys.ring)
    session.execute(insert(ComplaintVersionRow), [sealed_version(ring, key, 1, complaint, b"", "t")])
    answers.add(session, ring, home.keys.digest, key, Answer(office="路灯所", text=f"已修第{number}盏"), "t")
    return key


def opened(store: Sessions, home: Home) -> set[str]:
    """Every original that can be read, with the one current key alone."""
    ring = home.keys.ring.ring()
    with store() as session:
        texts = [
            ring.open(Sealed(row.key_id, row.sealed), version_context(row.complaint_id, row.version))
            for row in session.scalars(select(ComplaintVersionRow))
        ] + [
            ring.open(Sealed(row.key_id, row.sealed), answer_context(row.complaint_id, row.id))
            for row in session.scalars(select(AnswerRow))
        ]
    return {text.decode() for text in texts}


class TestRotation:
    def test_everything_is_sealed_again_and_the_old_key_is_gone(self, home: Home, store: Sessions):
        with store.begin() as session:
            for number in range(3):
                keep(session, home, number)
        before, old = opened(store, home), home.keys.ring.ring()
        assert rotation.rotate(home) == 6
        now = home.keys.ring.ring()
        assert list(now.keys) == [now.current]
        assert now.current not in old.keys
        assert opened(store, home) == before

    def test_an_interrupted_one_is_taken_up_again(self, home: Home, store: Sessions, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(rotation, "BATCH", 2)
        with store.begin() as session:
            for number in range(5):
                keep(session, home, number)
        before = opened(store, home)

        def cut_short(done: int) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            rotation.rotate(home, cut_short)
        halfway = home.keys.ring.ring()
        assert len(halfway.keys) == 2
        assert opened(store, home) == before
        assert rotation.rotate(home) == 8
        assert list(home.keys.ring.ring().keys) == [halfway.current]
        assert opened(store, home) == before

    def test_a_key_that_a_row_still_needs_is_kept(self, home: Home, store: Sessions):
        with store.begin() as session:
            first = keep(session, home, 1)
            keep(session, home, 2)
        before = opened(store, home)
        with store() as other:
            # Another transaction holds a row while the keys change.
            other.execute(
                select(ComplaintVersionRow).where(ComplaintVersionRow.complaint_id == first).with_for_update()
            )
            rotation.rotate(home)
            other.rollback()
        assert opened(store, home) == before
        rotation.rotate(home)
        assert len(home.keys.ring.ring().keys) == 1
        assert opened(store, home) == before

    def test_what_is_committed_while_the_key_changes_can_be_read(self, home: Home, store: Sessions):
        with store.begin() as session:
            keep(session, home, 1)
        with ThreadPoolExecutor(1) as pool:
            with store.begin() as slow:
                keep(slow, home, 2)
                changing = pool.submit(rotation.rotate, home)
                # The transaction sealed with the old key and is still open: the change must wait for it.
                with pytest.raises(TimeoutError):
                    changing.result(0.5)
            assert changing.result(30) == 4
        assert len(home.keys.ring.ring().keys) == 1
        assert len(opened(store, home)) == 4

    def test_changes_at_the_same_time_lose_nothing(self, home: Home, store: Sessions, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(rotation, "BATCH", 1)
        with store.begin() as session:
            for number in range(6):
                keep(session, home, number)
        before = opened(store, home)
        writing = threading.Event()

        def write() -> None:
            number = 100
            while not writing.is_set():
                with store.begin() as session:
                    keep(session, home, number)
                number += 1

        with ThreadPoolExecutor(4) as pool:
            writer = pool.submit(write)
            changes = [pool.submit(rotation.rotate, home) for _ in range(3)]
            for change in changes:
                change.result(60)
            writing.set()
            writer.result(30)
        assert before < opened(store, home)

    def test_an_empty_store_gets_a_new_key(self, home: Home):
        before = home.keys.ring.ring().current
        assert rotation.rotate(home) == 0
        assert home.keys.ring.ring().current != before

    def test_a_key_from_the_environment_is_changed_there(self, database_url: str, tmp_path: Path):
        key = SecretStr(base64.b64encode(bytes(range(32))).decode())
        settings = Settings(home=tmp_path / "home", database_url=SecretStr(database_url), encryption_key=key)
        with Home(settings) as home, pytest.raises(ValueError, match="YANPAN_ENCRYPTION_KEYS_OLD"):
            rotation.rotate(home)
