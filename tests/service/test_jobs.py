"""What follows from a complaint after its commit: done once whatever is delivered again, and by others if one dies."""

import asyncio
import threading
import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from procrastinate import PsycopgConnector
from procrastinate.jobs import Job
from sqlalchemy import text

from data_contracts.complaint import Answer, Complaint
from service.access.principal import Principal
from service.context import Service
from service.jobs.process import Process
from service.jobs.queue import JOB_MAX, QUEUE, SPLIT_AFTER, STUCK_AFTER, Jobs, _rescue
from service.store import idempotency
from service.store.engine import Sessions, conninfo
from service.store.ids import complaint_id

CITY = Principal("k", "云州市热线", "hotline", "/990100/")


def told(number: int) -> Complaint:
    return Complaint.model_validate(
        {
            "source": "app",
            "external_id": f"J-{number}",
            "region": "澜江区",
            "received_at": f"2026-05-0{number}T08:00:00+08:00",
            "text": f"缆桥街道{number}号码头的护栏断了{number}根，行人差点落水。",
        }
    )


def snapshot(service: Service) -> dict[str, list[Any]]:
    """All that jobs write."""
    tables = {
        "search_document": "complaint_id, version, case_id, terms::text",
        "search_term": "*", "search_total": "*", "complaint_case": "*", "case_member": "*",
        "feed_event": "sequence, type, subject, occurrence, data::text",
    }  # fmt: skip
    with service.sessions() as session:
        return {
            name: sorted(map(repr, session.execute(text(f"SELECT {columns} FROM {name}"))))
            for name, columns in tables.items()
        }


class TestProcess:
    @pytest.fixture
    def process(self, service: Service) -> Process:
        return Process(service.sessions, lambda: service.encoder, service.search, service.cases)

    @pytest.fixture
    def ids(self, service: Service) -> list[UUID]:
        return [service.intake.submit(told(number), CITY).record.complaint_id for number in range(1, 5)]

    def test_doing_it_again_changes_nothing(self, service: Service, process: Process, ids: list[UUID]):
        service.intake.replace(ids[0], told(1).model_copy(update={"title": "护栏"}), CITY)
        service.intake.answer(ids[1], Answer(office="澜江区交通局", text="已围挡"), CITY)
        service.intake.withdraw(ids[2], CITY)
        service.intake.erase(ids[3], CITY)
        service.jobs.drain()
        before = snapshot(service)
        assert len(before["search_document"]) == 2
        process(ids)
        process(ids[::-1])
        for key in ids:
            process([key])
        assert snapshot(service) == before

    def test_each_thing_that_happened_is_told_once(self, service: Service, process: Process, ids: list[UUID]):
        process(ids)
        service.intake.answer(ids[1], Answer(office="澜江区交通局", text="已围挡"), CITY)
        process(ids)
        service.intake.withdraw(ids[2], CITY)
        process(ids)
        with service.sessions() as session:
            events = session.execute(
                text("SELECT type, count(*) FROM feed_event WHERE type LIKE '%.complaint.%' GROUP BY type")
            )
            counts = {kind.removeprefix("cn.yanpan.complaint."): number for kind, number in events}
        assert counts == {"analysed": 4, "answered": 1, "withdrawn": 1}

    def test_an_unknown_id_is_no_error(self, service: Service, process: Process):
        process([complaint_id("nowhere", "1")])
        assert snapshot(service)["search_document"] == []

    def test_a_step_that_failed_is_made_up_for(self, service: Service, ids: list[UUID]):
        class Dies(type(service.search)):  # type: ignore[misc]
            """Falls over between the commit of a case and the index's hearing of it."""

            def assign(self, cases: dict[UUID, UUID | None]) -> None:
                raise ConnectionError("the machine went down")

        search = Dies(service.sessions, lambda: service.regions, lambda: service.encoder)
        cases = type(service.cases)(service.sessions, search, lambda: service.regions, service.cases._read_fields)
        dying = Process(service.sessions, lambda: service.encoder, search, cases)
        for _ in ids:
            with pytest.raises(ConnectionError):
                dying(ids)
        service.jobs.drain()
        with service.sessions() as session:
            left = session.scalar(
                text(
                    "SELECT count(*) FROM complaint JOIN search_document ON complaint_id = complaint.id "
                    "WHERE search_document.case_id = complaint.case_id"
                )
            )
        assert left == len(ids)


class Seen:
    """A process that notes what it was given, and fails as often as it is told to."""

    def __init__(self, failures: int = 0) -> None:
        self.batches: list[list[UUID]] = []
        self.failures = failures

    def __call__(self, ids: Sequence[UUID]) -> None:
        self.batches.append(list(ids))
        if len(self.batches) <= self.failures:
            raise ConnectionError("not now")


def statuses(sessions: Sessions) -> list[str]:
    with sessions() as session:
        # The periodic jobs of the queue itself come and go with the clock.
        query = "SELECT status::text FROM procrastinate_jobs WHERE task_name = 'process' ORDER BY id"
        return list(session.scalars(text(query)))


def due(sessions: Sessions) -> None:
    """Let the waiting times of failed jobs be over."""
    with sessions.begin() as session:
        session.execute(text("UPDATE procrastinate_jobs SET scheduled_at = now() WHERE status = 'todo'"))


class TestQueue:
    @pytest.fixture
    def queue(self, database_url: str, sessions: Sessions) -> tuple[Jobs, Seen]:
        seen = Seen()
        return Jobs(conninfo(database_url), sessions, seen, stalled_after=5), seen

    def test_drain_carries_out_everything_once(self, queue: tuple[Jobs, Seen], sessions: Sessions):
        jobs, seen = queue
        ids = [[complaint_id("s", f"{batch}-{number}") for number in range(3)] for batch in range(4)]
        for batch in ids:
            with sessions.begin() as session:
                jobs.defer(session, batch)
        assert jobs.open_jobs() == 4
        jobs.drain()
        jobs.drain()
        assert jobs.open_jobs() == 0
        assert sorted(seen.batches) == sorted(ids)

    def test_a_job_belongs_to_its_transaction(self, queue: tuple[Jobs, Seen], sessions: Sessions):
        jobs, seen = queue
        with sessions() as session:
            jobs.defer(session, [complaint_id("s", "1")])
            assert jobs.open_jobs() == 0
            session.rollback()
        jobs.drain()
        assert (jobs.open_jobs(), seen.batches) == (0, [])

    def test_a_job_that_failed_waits_for_another_try(self, queue: tuple[Jobs, Seen], sessions: Sessions):
        jobs, seen = queue
        seen.failures = 1
        with sessions.begin() as session:
            jobs.defer(session, [complaint_id("s", "1")])
        jobs.drain()
        assert (jobs.open_jobs(), statuses(sessions)) == (1, ["todo"])
        due(sessions)
        jobs.drain()
        assert (jobs.open_jobs(), len(seen.batches)) == (0, 2)

    def test_a_job_of_a_silent_worker_is_taken_over(
        self, queue: tuple[Jobs, Seen], sessions: Sessions, database_url: str
    ):
        jobs, seen = queue
        key = complaint_id("s", "1")
        with sessions.begin() as session:
            jobs.defer(session, [key])

        async def fetch_and_die() -> Job | None:
            app = jobs.app(PsycopgConnector(conninfo=conninfo(database_url)))
            async with app.open_async():
                worker = await app.job_manager.register_worker()
                return await app.job_manager.fetch_job([QUEUE], worker)

        assert asyncio.run(fetch_and_die()) is not None
        assert statuses(sessions) == ["doing"]
        jobs.drain()
        # Its heart beat a moment ago: it may still be at work.
        assert (seen.batches, jobs.open_jobs()) == ([], 1)
        with sessions.begin() as session:
            session.execute(text("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '6 seconds'"))
        jobs.drain()
        assert (seen.batches, jobs.open_jobs()) == ([[key]], 0)

    def test_one_that_always_fails_does_not_hold_back_its_batch(self, sessions: Sessions, database_url: str):
        good, bad = [complaint_id("s", f"{number}") for number in range(3)], complaint_id("s", "bad")
        done: set[UUID] = set()

        def process(ids: Sequence[UUID]) -> None:
            if bad in ids:
                raise ValueError("cannot be read")
            done.update(ids)

        jobs = Jobs(conninfo(database_url), sessions, process, stalled_after=5)
        with sessions.begin() as session:
            jobs.defer(session, [*good, bad])
        for _ in range(SPLIT_AFTER + 1):
            jobs.drain()
            due(sessions)
        jobs.drain()
        assert done == set(good)
        assert (jobs.open_jobs(), jobs.stuck_jobs()) == (1, 0)
        for _ in range(STUCK_AFTER):
            due(sessions)
            jobs.drain()
        assert (jobs.open_jobs(), jobs.stuck_jobs()) == (1, 1)

    def test_a_job_that_another_one_rescued_is_no_error(
        self, queue: tuple[Jobs, Seen], sessions: Sessions, database_url: str, monkeypatch: pytest.MonkeyPatch
    ):
        jobs, _ = queue
        with sessions.begin() as session:
            jobs.defer(session, [complaint_id("s", "1")])

        async def rescue_too_late() -> None:
            app = jobs.app(PsycopgConnector(conninfo=conninfo(database_url)))
            async with app.open_async():
                job = await app.job_manager.fetch_job([QUEUE], await app.job_manager.register_worker())

                async def stalled(**_: object) -> list[Job | None]:
                    return [job]

                monkeypatch.setattr(app.job_manager, "get_stalled_jobs", stalled)
                await _rescue(app, 5)
                await _rescue(app, 5)

        asyncio.run(rescue_too_late())
        assert statuses(sessions) == ["todo"]

    def test_one_that_is_to_stop_ends_the_running_job_only(
        self, queue: tuple[Jobs, Seen], sessions: Sessions, database_url: str
    ):
        stopping = threading.Event()
        begun = []

        def process(ids: Sequence[UUID]) -> None:
            begun.append(ids)
            stopping.set()
            time.sleep(0.5)

        jobs = Jobs(conninfo(database_url), sessions, process, stalled_after=5)
        for number in range(3):
            with sessions.begin() as session:
                jobs.defer(session, [complaint_id("s", f"{number}")])
        jobs.drain(stopping)
        assert (len(begun), jobs.open_jobs(), statuses(sessions)) == (1, 2, ["todo", "todo"])

    def test_a_large_batch_is_several_jobs(self, queue: tuple[Jobs, Seen], sessions: Sessions):
        jobs, seen = queue
        ids = [complaint_id("s", f"{number}") for number in range(2 * JOB_MAX + 1)]
        with sessions.begin() as session:
            jobs.defer(session, ids)
        assert jobs.open_jobs() == 3
        jobs.drain()
        assert [key for batch in seen.batches for key in batch] == ids

    def test_old_idempotency_keys_are_swept(self, queue: tuple[Jobs, Seen], sessions: Sessions):
        jobs, _ = queue
        with sessions.begin() as session:
            idempotency.begin(session, "k", "old", b"d")
            session.execute(text("UPDATE idempotency SET expires_at = now() - interval '1 second'"))
            idempotency.begin(session, "k", "new", b"d")
        jobs.app(PsycopgConnector()).tasks["sweep"](timestamp=0)
        with sessions() as session:
            assert session.scalars(text("SELECT key FROM idempotency")).all() == ["new"]

    def test_a_worker_hears_of_new_jobs_and_stops(self, queue: tuple[Jobs, Seen], sessions: Sessions):
        jobs, seen = queue
        worker = jobs.worker(1)
        worker.start()
        with sessions.begin() as session:
            jobs.defer(session, [complaint_id("s", "1")])
        deadline = time.monotonic() + 30
        while not seen.batches and time.monotonic() < deadline:
            time.sleep(0.05)
        worker.stop()
        assert len(seen.batches) == 1
        assert not worker.alive
