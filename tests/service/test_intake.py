"""What happens to a complaint that arrives, whoever sends it, how often, and how many at once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from data_contracts.complaint import Answer, Complaint, Turn
from service.access.principal import Principal
from service.context import Service
from service.errors import Erased, Invalid, NotFound, RegionForbidden, RegionUnknown, VersionConflict, Withdrawn
from service.intake import Accepted
from service.store.complaints import read_original
from service.store.ids import complaint_id
from service.store.tables.complaints import ComplaintRow, ComplaintVersionRow, TombstoneRow

CITY = Principal("k-city", "云州市热线", "hotline", "/990100/")
LAKE = Principal("k-lake", "望湖区热线", "hotline", "/990100/990102/")
PHONE = "13655554444"
WORDS = "鼓铙街道的澡堂锅炉整夜轰鸣"


def told(number: int = 1, **changes: Any) -> Complaint:
    fields = {
        "source": "app",
        "external_id": f"A-{number}",
        "channel": "app",
        "received_at": "2026-05-06T07:08:09+08:00",
        "region": "望湖区",
        "title": "锅炉噪声",
        "text": f"{WORDS}，已经第{number}次反映，请回电{PHONE}。",
    }
    return Complaint.model_validate({**fields, **changes})


def call(*turns: str) -> Complaint:
    said = [{"speaker": "citizen", "text": turn} for turn in turns]
    return Complaint.model_validate({"source": "hl", "external_id": "C-1", "region": "望湖区", "turns": said})


def count(service: Service, table: Any) -> int:
    with service.sessions() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def tables_with(service: Service, words: str) -> set[str]:
    """Every table that holds a row in which the words stand."""
    found = set()
    with service.sessions() as session:
        names = session.scalars(
            text("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")
        ).all()
        for name in names:
            query = text(f'SELECT 1 FROM "{name}" AS held WHERE held::text LIKE :words LIMIT 1')
            if session.scalar(query, {"words": f"%{words}%"}):
                found.add(name)
    return found


class TestSubmit:
    def test_the_same_again_changes_nothing(self, service: Service):
        first, again = (service.intake.submit(told(), CITY) for _ in range(2))
        assert (first.created, first.changed, again.created, again.changed) == (True, True, False, False)
        assert first.record == again.record
        assert (count(service, ComplaintRow), count(service, ComplaintVersionRow)) == (1, 1)
        assert service.jobs.open_jobs() == 1

    def test_another_body_is_a_conflict_that_names_the_versions(self, service: Service):
        record = service.intake.submit(told(), CITY).record
        service.intake.replace(record.complaint_id, told(title="锅炉又响"), CITY)
        with pytest.raises(VersionConflict) as refused:
            service.intake.submit(told(), CITY)
        assert refused.value.status == 409
        assert refused.value.members == {"complaint_id": str(record.complaint_id), "versions": [1, 2]}

    def test_what_the_sender_left_out_makes_no_difference(self, service: Service):
        bare = {"external_id": "B-1", "text": "桥灯全灭"}
        assert service.intake.submit(Complaint.model_validate(bare), CITY).created
        assert not service.intake.submit(Complaint.model_validate(bare), CITY).created

    def test_regions_are_checked(self, service: Service):
        with pytest.raises(RegionForbidden):
            service.intake.submit(told(region="东岭区"), LAKE)
        with pytest.raises(RegionForbidden):
            service.intake.submit(told(region=None), LAKE)
        with pytest.raises(RegionUnknown):
            service.intake.submit(told(region="西山区"), CITY)
        assert service.intake.submit(told(region="柳堤街道"), LAKE).record.region == "990102001"
        assert count(service, ComplaintRow) == 1

    def test_a_batch_refuses_only_what_is_wrong(self, service: Service):
        batch = [told(1), told(2, region="东岭区"), told(3), told(1), told(1, text="另一段话")]
        outcomes = service.intake.submit_many(batch, LAKE)
        first, forbidden, third, twin, changed = outcomes
        assert isinstance(first, Accepted)
        assert isinstance(third, Accepted)
        assert isinstance(twin, Accepted)
        assert (first.created, third.created, twin.created) == (True, True, False)
        assert isinstance(forbidden, RegionForbidden)
        assert isinstance(changed, VersionConflict)
        assert twin.record == first.record
        assert count(service, ComplaintRow) == 2
        assert service.jobs.open_jobs() == 1

    def test_an_empty_batch_is_empty(self, service: Service):
        assert service.intake.submit_many([], CITY) == []
        assert service.jobs.open_jobs() == 0

    def test_two_that_arrive_together_are_one(self, service: Service):
        service.warm()
        together = threading.Barrier(4)

        def send(_: int) -> Accepted:
            together.wait()
            return service.intake.submit(told(), CITY)

        with ThreadPoolExecutor(4) as pool:
            outcomes = list(pool.map(send, range(4)))
        assert sorted(outcome.created for outcome in outcomes) == [False, False, False, True]
        assert len({outcome.record.updated_at for outcome in outcomes}) == 1
        assert (count(service, ComplaintRow), count(service, ComplaintVersionRow)) == (1, 1)
        assert service.jobs.open_jobs() == 1

    def test_batches_that_overlap_never_wait_for_each_other(self, service: Service):
        service.warm()
        numbers = list(range(12))
        batches = [[told(n) for n in order] for order in (numbers, numbers[::-1], numbers[6:] + numbers[:6])]
        with ThreadPoolExecutor(3) as pool:
            outcomes = list(pool.map(lambda batch: service.intake.submit_many(batch, CITY), batches))
        assert all(isinstance(outcome, Accepted) for batch in outcomes for outcome in batch)
        assert sum(outcome.created for batch in outcomes for outcome in batch) == 12
        assert count(service, ComplaintRow) == 12

    def test_a_failed_transaction_leaves_no_job(self, service: Service, monkeypatch: pytest.MonkeyPatch):
        defer = service.jobs.defer

        def fail(session: Session, ids: list[UUID]) -> None:
            defer(session, ids)
            raise RuntimeError("the power went off")

        monkeypatch.setattr(service.jobs, "defer", fail)
        with pytest.raises(RuntimeError):
            service.intake.submit(told(), CITY)
        assert (count(service, ComplaintRow), service.jobs.open_jobs()) == (0, 0)

    def test_nothing_private_is_kept_in_the_open(self, service: Service):
        record = service.intake.submit(told(), CITY).record
        service.jobs.drain()
        assert tables_with(service, PHONE) == set()
        with service.sessions.begin() as session:
            original = read_original(session, service.home.keys.ring, record.complaint_id, CITY)
        assert PHONE in original.text


class TestVersions:
    def test_a_new_body_is_a_new_version(self, service: Service):
        record = service.intake.submit(told(), CITY).record
        put = service.intake.replace(record.complaint_id, told(title="改名", region="柳堤街道"), CITY)
        assert (put.created, put.changed, put.record.version) == (False, True, 2)
        assert (put.record.title, put.record.region) == ("改名", "990102001")
        with service.sessions.begin() as session:
            texts = [
                read_original(session, service.home.keys.ring, record.complaint_id, CITY, version).title
                for version in (1, 2)
            ]
        assert texts == ["锅炉噪声", "改名"]

    def test_the_same_body_is_no_new_version(self, service: Service):
        record = service.intake.submit(told(), CITY).record
        put = service.intake.replace(record.complaint_id, told(), CITY)
        assert (put.changed, put.record) == (False, record)
        bare = told().model_dump(exclude_unset=True, exclude={"source", "external_id"})
        assert not service.intake.replace(record.complaint_id, Complaint.model_validate(bare), CITY).changed

    def test_the_same_body_without_a_source_is_no_new_version(self, service: Service):
        bare = Complaint.model_validate({"external_id": "B-1", "text": "桥灯全灭"})
        record = service.intake.submit(bare, CITY).record
        assert not service.intake.replace(record.complaint_id, bare, CITY).changed

    def test_a_correction_without_a_time_keeps_the_time(self, service: Service):
        bare = Complaint.model_validate({"external_id": "B-1", "text": "桥灯全灭"})
        first = service.intake.submit(bare, CITY).record
        put = service.intake.replace(first.complaint_id, Complaint.model_validate({"text": "桥灯又全灭"}), CITY)
        assert (put.record.version, put.record.received_at) == (2, first.received_at)
        begun = service.intake.submit(call("开头"), CITY).record
        more = service.intake.append_turns(begun.complaint_id, [Turn(speaker="citizen", text="还有")], CITY)
        assert (more.record.version, more.record.received_at) == (2, begun.received_at)

    def test_ids_stay(self, service: Service):
        record = service.intake.submit(told(1), CITY).record
        with pytest.raises(Invalid) as refused:
            service.intake.replace(record.complaint_id, told(2), CITY)
        assert [problem.pointer for problem in refused.value.errors] == ["/external_id"]

    def test_a_call_goes_on(self, service: Service):
        record = service.intake.submit(call("澡堂太吵", "你听得见吗"), CITY).record
        more = service.intake.append_turns(record.complaint_id, [Turn(speaker="agent", text="请讲地址")], CITY)
        assert more.record.version == 2
        assert more.record.text.splitlines() == ["市民：澡堂太吵", "市民：你听得见吗", "话务员：请讲地址"]

    def test_turns_that_come_together_all_stay(self, service: Service):
        service.warm()
        record = service.intake.submit(call("开头"), CITY).record
        together = threading.Barrier(3)

        def append(number: int) -> None:
            together.wait()
            service.intake.append_turns(record.complaint_id, [Turn(speaker="citizen", text=f"第{number}句")], CITY)

        with ThreadPoolExecutor(3) as pool:
            list(pool.map(append, range(3)))
        with service.sessions() as session:
            row = session.get_one(ComplaintRow, record.complaint_id)
        assert row.version == 4
        assert sorted(row.text.splitlines()) == ["市民：开头", "市民：第0句", "市民：第1句", "市民：第2句"]

    def test_a_text_is_no_call(self, service: Service):
        record = service.intake.submit(told(), CITY).record
        with pytest.raises(Invalid):
            service.intake.append_turns(record.complaint_id, [Turn(speaker="agent", text="喂")], CITY)

    def test_other_regions_cannot_reach_it(self, service: Service):
        key = service.intake.submit(told(region="东岭区"), CITY).record.complaint_id
        with pytest.raises(NotFound):
            service.intake.replace(key, told(), LAKE)
        with pytest.raises(NotFound):
            service.intake.withdraw(key, LAKE)
        with pytest.raises(NotFound):
            service.intake.erase(key, LAKE)
        with pytest.raises(NotFound):
            service.intake.answer(key, Answer(office="东岭区城管局", text="已查"), LAKE)

    def test_it_cannot_be_moved_out_of_the_callers_region(self, service: Service):
        key = service.intake.submit(told(), LAKE).record.complaint_id
        with pytest.raises(RegionForbidden):
            service.intake.replace(key, told(region="东岭区"), LAKE)


class TestEnd:
    def test_withdrawing_twice_is_withdrawing_once(self, service: Service):
        key = service.intake.submit(told(), CITY).record.complaint_id
        first = service.intake.withdraw(key, CITY)
        again = service.intake.withdraw(key, CITY)
        assert (first.status, again) == ("withdrawn", first)
        assert service.jobs.open_jobs() == 2
        with pytest.raises(Withdrawn):
            service.intake.replace(key, told(), CITY)
        with pytest.raises(Withdrawn):
            service.intake.answer(key, Answer(office="街道办", text="晚了"), CITY)
        assert not service.intake.submit(told(), CITY).created

    def test_an_erased_one_leaves_its_tombstone_and_nothing_else(self, service: Service):
        kept = service.intake.submit(told(2), CITY).record.complaint_id
        key = service.intake.submit(told(1), CITY).record.complaint_id
        service.intake.answer(key, Answer(office="望湖区生态环境局", text="已到现场查看"), CITY)
        service.jobs.drain()
        assert {"complaint", "complaint_version", "answer", "search_document", "case_member", "feed_event"} <= (
            tables_with(service, str(key))
        )
        service.intake.erase(key, CITY)
        assert "search_document" not in tables_with(service, str(key))
        service.jobs.drain()
        assert tables_with(service, str(key)) == {"tombstone", "search_removed", "feed_event", "audit_entry"}
        assert "feed_event" not in tables_with(service, "A-1")
        with service.sessions() as session:
            stone = session.get_one(TombstoneRow, key)
            assert (stone.erased_by, stone.region_path) == ("k-city", "/990100/990102/")
            assert session.get(ComplaintRow, kept) is not None

    def test_an_erased_one_is_not_taken_again(self, service: Service):
        key = service.intake.submit(told(), CITY).record.complaint_id
        service.intake.erase(key, CITY)
        with pytest.raises(Erased):
            service.intake.submit(told(), CITY)
        with pytest.raises(Erased):
            service.intake.erase(key, CITY)
        refused, taken = service.intake.submit_many([told(1), told(2)], CITY)
        assert isinstance(refused, Erased)
        assert isinstance(taken, Accepted)
        assert count(service, ComplaintRow) == 1

    def test_an_erased_one_is_told_only_within_its_region(self, service: Service):
        key = service.intake.submit(told(region="东岭区"), CITY).record.complaint_id
        service.intake.erase(key, CITY)
        with pytest.raises(NotFound):
            service.intake.withdraw(key, LAKE)


def test_an_answer_is_kept_once(service: Service):
    key = service.intake.submit(told(), CITY).record.complaint_id
    answer = Answer.model_validate(
        {"office": "望湖区生态环境局", "answered_at": "2026-05-09T10:00:00+08:00", "text": f"已电话联系{PHONE}"}
    )
    assert service.intake.answer(key, answer, CITY)
    assert not service.intake.answer(key, answer, CITY)
    assert service.intake.answer_many([(key, answer), (key, answer.model_copy(update={"text": "已整改"}))], CITY) == 1
    assert tables_with(service, PHONE) == set()


def test_the_id_follows_from_source_and_external_id(service: Service):
    record = service.intake.submit(told(7), CITY).record
    assert record.complaint_id == complaint_id("app", "A-7")
    assert complaint_id("a", "b:c") != complaint_id("a:b", "c")
