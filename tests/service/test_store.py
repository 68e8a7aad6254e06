"""The store of record: what is kept of a complaint, who finds it, and what a repeated delivery changes."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, insert, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from data_contracts.analysis import Analysis, Label, Risk
from data_contracts.complaint import Answer, Complaint, Turn
from data_contracts.region import Region, RegionTree, sample_regions
from data_contracts.taxonomy import HEADS, taxonomy
from service.access.principal import Principal
from service.errors import Conflict, Erased, IdempotencyConflict, NotFound
from service.store import answers, idempotency
from service.store.complaints import find, find_many, newest_original, read_original, record_of, sealed_version, state
from service.store.crypto import FixedRing, KeyRing, TamperedError
from service.store.engine import Sessions, conninfo, normal_url
from service.store.ids import answer_id, complaint_id
from service.store.regions import load_sample_if_empty, read_tree, replace_tree
from service.store.tables.access import AuditEntryRow
from service.store.tables.complaints import ComplaintRow, ComplaintVersionRow, TombstoneRow

TREE = sample_regions()
CITY, LAKE, RIDGE = (TREE.resolve(name).path for name in ("云州市", "望湖区", "东岭区"))
RING = FixedRing(KeyRing.fresh())
DIGEST_KEY = b"d" * 32
READER = Principal("k-1", "望湖区研判中心", "centre", LAKE)


def analysis(**changes: Any) -> Analysis:
    labels = {head: Label(label=taxonomy(head).labels[0], confidence=0.9) for head in HEADS}
    risk = Risk(score=12.5, level=labels.pop("risk_level"))
    return Analysis.model_validate(
        {**labels, "risk": risk, "masked_text": "井盖松动，请联系[手机号66]", "model_version": "hand-1", **changes}
    )


def complaint(number: int = 1, **changes: Any) -> Complaint:
    fields = {"source": "grid", "external_id": f"G-{number}", "text": "井盖松动，请联系13788886666"}
    return Complaint.model_validate({**fields, **changes})


def keep(session: Session, given: Complaint, region: str = "望湖区") -> UUID:
    """A complaint with its first version, as intake stores it."""
    key = complaint_id(given.source, given.external_id)
    now = datetime.now(UTC)
    columns = state(given, analysis(), TREE.resolve(region), b"digest", now)
    session.execute(
        insert(ComplaintRow).values(
            id=key, source=given.source, external_id=given.external_id, version=1, status="active", **columns
        )
    )
    session.execute(insert(ComplaintVersionRow), [sealed_version(RING.ring(), key, 1, given, b"digest", "k-1")])
    return key


class TestComplaints:
    def test_a_record_is_what_was_stored(self, sessions: Sessions):
        given = complaint(channel="grid", likes=3, reporter="0123456789abcdef", title="井盖")
        with sessions.begin() as session:
            key = keep(session, given, "柳堤街道")
        with sessions() as session:
            record = record_of(find(session, key, CITY), TREE)
        assert (record.complaint_id, record.version, record.status) == (key, 1, "active")
        assert (record.region, record.region_name) == ("990102001", "柳堤街道")
        assert (record.channel, record.likes, record.reporter) == ("grid", 3, "0123456789abcdef")
        assert record.text == "井盖松动，请联系[手机号66]"
        assert record.analysis == analysis()
        assert record.case_id is None

    def test_a_region_that_the_tree_lost_still_has_its_code(self, sessions: Sessions):
        with sessions.begin() as session:
            key = keep(session, complaint())
        other = RegionTree([Region(code="990100", name="云州市", level="city", path="/990100/")])
        with sessions() as session:
            assert record_of(find(session, key, CITY), other).region_name == "990102"

    def test_it_is_found_within_the_scope_only(self, sessions: Sessions):
        with sessions.begin() as session:
            key = keep(session, complaint(), "柳堤街道")
            assert find(session, key, LAKE).id == key
            assert find(session, key, f"{LAKE}990102001/").id == key
            for scope in (RIDGE, f"{LAKE}990102002/"):
                with pytest.raises(NotFound):
                    find(session, key, scope)
            with pytest.raises(ValueError, match="region path"):
                find(session, key, "")

    def test_what_was_erased_is_told_within_the_scope_only(self, sessions: Sessions):
        key = uuid4()
        with sessions.begin() as session:
            session.add(TombstoneRow(complaint_id=key, erased_by="k", region_path=LAKE))
        with sessions() as session:
            with pytest.raises(Erased):
                find(session, key, CITY)
            with pytest.raises(NotFound):
                find(session, key, RIDGE)

    def test_unknown_ids_are_left_out(self, sessions: Sessions):
        with sessions.begin() as session:
            key = keep(session, complaint())
            assert set(find_many(session, [uuid4(), key])) == {key}
            assert find_many(session, [], lock=True) == {}

    def test_one_source_has_an_id_once(self, sessions: Sessions):
        with sessions.begin() as session:
            keep(session, complaint())
        with pytest.raises(IntegrityError), sessions.begin() as session:
            keep(session, complaint())


class TestOriginals:
    def test_reading_one_is_written_down(self, sessions: Sessions):
        with sessions.begin() as session:
            key = keep(session, complaint())
            original = read_original(session, RING, key, READER)
        assert original.text == "井盖松动，请联系13788886666"
        with sessions() as session:
            (entry,) = session.scalars(select(AuditEntryRow)).all()
        assert (entry.key_id, entry.action, entry.complaint_id) == ("k-1", "complaint.original", key)
        assert entry.detail == {"version": 1}

    def test_a_missing_version_and_another_region_are_not_found(self, sessions: Sessions):
        with sessions.begin() as session:
            here, there = keep(session, complaint(1)), keep(session, complaint(2), "东岭区")
            with pytest.raises(NotFound):
                read_original(session, RING, here, READER, 2)
            with pytest.raises(NotFound):
                read_original(session, RING, there, READER)
            assert session.scalars(select(AuditEntryRow)).all() == []

    def test_it_comes_back_as_it_was_sent(self, sessions: Sessions):
        given = complaint(text=None, turns=[Turn(speaker="citizen", text="井盖响", offset=1.5)], region="望湖区")
        with sessions.begin() as session:
            key = keep(session, given)
            back = newest_original(session, RING, find(session, key, CITY))
        assert back.model_dump(exclude_unset=True) == given.model_dump(exclude_unset=True)

    def test_it_cannot_be_put_under_another_complaint(self, sessions: Sessions):
        with sessions.begin() as session:
            first, second = keep(session, complaint(1)), keep(session, complaint(2))
            stored = session.get_one(ComplaintVersionRow, (first, 1))
            session.get_one(ComplaintVersionRow, (second, 1)).sealed = stored.sealed
            session.flush()
            with pytest.raises(TamperedError):
                newest_original(session, RING, find(session, second, CITY))

    def test_the_table_does_not_show_it(self, sessions: Sessions):
        with sessions.begin() as session:
            key = keep(session, complaint())
            row = session.get_one(ComplaintVersionRow, (key, 1))
        assert b"13788886666" not in row.sealed
        assert "井盖".encode() not in row.sealed


class TestAnswers:
    def test_the_same_answer_is_one(self, sessions: Sessions):
        answer = Answer(office="望湖区城管局", text="已更换井盖，联系13788886666")
        with sessions.begin() as session:
            key = keep(session, complaint())
            first = answers.add(session, RING.ring(), DIGEST_KEY, key, answer, "k")
            assert first is not None
            assert answers.add(session, RING.ring(), DIGEST_KEY, key, answer, "k") is None
            other = Answer(office="望湖区城管局", text="已回访", satisfaction=5)
            assert answers.add(session, RING.ring(), DIGEST_KEY, key, other, "k") not in (None, first)

    def test_they_are_listed_masked_and_oldest_first(self, sessions: Sessions):
        now = datetime.now(UTC)
        with sessions.begin() as session:
            key, other = keep(session, complaint(1)), keep(session, complaint(2))
            for days, words in ((1, "二答"), (5, "一答，请致电13788886666")):
                given = Answer(office="城管局", answered_at=now - timedelta(days=days), text=words)
                answers.add(session, RING.ring(), DIGEST_KEY, key, given, "k")
            found = answers.listed(session, [key, other])
        assert [answer.text for answer in found[key]] == ["一答，请致电[手机号66]", "二答"]
        assert found[other] == []

    def test_their_ids_follow_from_complaint_and_words(self):
        key = uuid4()
        assert answer_id(key, b"1") == answer_id(key, b"1")
        assert len({answer_id(key, b"1"), answer_id(key, b"2"), answer_id(uuid4(), b"1")}) == 3


class TestIdempotency:
    def test_a_repeated_request_gets_its_answer(self, sessions: Sessions):
        with sessions.begin() as session:
            assert idempotency.begin(session, "p", "k", b"body") is None
        with sessions.begin() as session:
            with pytest.raises(Conflict):
                idempotency.begin(session, "p", "k", b"body")
            with pytest.raises(IdempotencyConflict):
                idempotency.begin(session, "p", "k", b"other")
            idempotency.finish(session, "p", "k", 201, {"id": 1}, uuid4())
        with sessions.begin() as session:
            assert idempotency.begin(session, "p", "k", b"body") == idempotency.Remembered(201, {"id": 1})
            assert idempotency.begin(session, "q", "k", b"other") is None

    def test_a_failed_or_forgotten_one_is_free_again(self, sessions: Sessions):
        subject = uuid4()
        with sessions.begin() as session:
            idempotency.begin(session, "p", "k", b"body")
            idempotency.release(session, "p", "k")
            assert idempotency.begin(session, "p", "k", b"other") is None
            idempotency.finish(session, "p", "k", 201, {}, subject)
            idempotency.forget(session, subject)
            assert idempotency.begin(session, "p", "k", b"third") is None

    def test_a_request_that_died_frees_its_key(self, sessions: Sessions, engine: Engine):
        with sessions.begin() as session:
            idempotency.begin(session, "p", "k", b"body")
        with engine.begin() as connection:
            connection.execute(text("UPDATE idempotency SET created_at = now() - interval '1 hour'"))
        with sessions.begin() as session:
            assert idempotency.begin(session, "p", "k", b"other") is None
            idempotency.finish(session, "p", "k", 200, {}, None)
        with engine.begin() as connection:
            connection.execute(text("UPDATE idempotency SET expires_at = now() - interval '1 second'"))
        with sessions.begin() as session:
            idempotency.sweep(session)
            assert session.scalar(text("SELECT count(*) FROM idempotency")) == 0


class TestRegions:
    def test_the_sample_is_loaded_into_an_empty_store_only(self, engine: Engine, sessions: Sessions):
        load_sample_if_empty(engine)
        with sessions.begin() as session:
            assert read_tree(session).regions == TREE.regions
            replace_tree(session, RegionTree([Region(code="990300", name="别市", level="city", path="/990300/")]))
        load_sample_if_empty(engine)
        with sessions() as session:
            assert read_tree(session).root.name == "别市"

    def test_a_tree_that_would_orphan_complaints_is_refused(self, engine: Engine, sessions: Sessions):
        load_sample_if_empty(engine)
        with sessions.begin() as session:
            keep(session, complaint())
        other = RegionTree([Region(code="990100", name="云州市", level="city", path="/990100/")])
        with pytest.raises(ValueError, match="990102"), sessions.begin() as session:
            replace_tree(session, other)
        with sessions() as session:
            assert read_tree(session).regions == TREE.regions


class TestUrls:
    @pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg", "postgresql+psycopg2"])
    def test_all_usual_spellings_are_understood(self, scheme: str):
        assert normal_url(f"{scheme}://u:p@h/d").drivername == "postgresql+psycopg"
        assert conninfo(f"{scheme}://u:p@h/d") == "postgresql://u:p@h/d"

    def test_another_database_is_refused(self):
        with pytest.raises(ValueError, match="PostgreSQL"):
            normal_url("sqlite:///x.db")


def test_an_error_of_the_database_repeats_no_words(sessions: Sessions):
    """What a failed statement raises may reach a log; the parameters are people's words."""
    with sessions() as session, pytest.raises(DBAPIError) as refused:
        session.execute(text("SELECT CAST(:words AS integer)"), {"words": 1.5e300})
    assert "1.5e+300" not in str(refused.value).split("[SQL", 1)[1]
