"""The job queue (procrastinate): deferring on an open transaction, and the workers that carry jobs out."""

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from uuid import UUID

from procrastinate import App, JobContext, PsycopgConnector, RetryStrategy, SyncPsycopgConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.types import JSONDict
from sqlalchemy import text
from sqlalchemy.orm import Session

from service.store import idempotency
from service.store.engine import Sessions

logger = logging.getLogger(__name__)

TASK = "process"
QUEUE = "complaints"
ATTEMPTS_MAX = 12
JOB_MAX = 50
"""Complaints in one job: a second or two of work, which is how long a worker that is to stop may take."""
SPLIT_AFTER = 2
"""Attempts after which a batch becomes one job a complaint, so that one that fails does not hold back the others."""
STUCK_AFTER = 4
"""Attempts (half a minute) after which nobody should sit and wait for a job."""
_RETRY = RetryStrategy(max_attempts=ATTEMPTS_MAX, exponential_wait=2)
_STOP_SECONDS = 20.0
_LOOK_SECONDS = 0.2
_AWAY_SECONDS = 5.0
"""A database that is away for longer ends the worker, which then begins anew."""

Process = Callable[[Sequence[UUID]], None]


async def _rescue(app: App, stalled_after: float) -> None:
    """Give the jobs of workers that fell silent to others."""
    for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=stalled_after):
        try:
            await app.job_manager.retry_job(job)
        except ConnectorException:
            # Somebody else rescued it first, or its worker came back and ended it.
            logger.info("job %s needs no rescue any more", job.id)
        else:
            logger.warning("job %s of a silent worker is taken over", job.id)


class Jobs:
    """Defers jobs and runs workers.

    Args:
        conninfo: libpq connection string.
        sessions: the same database, for counting and housekeeping.
        process: indexes complaints, finds their cases, publishes them; idempotent.
        stalled_after: seconds of a worker's silence after which its jobs are taken over.
    """

    def __init__(self, conninfo: str, sessions: Sessions, process: Process, *, stalled_after: float) -> None:
        self._conninfo = conninfo
        self._sessions = sessions
        self._process = process
        self._stalled_after = stalled_after
        # Never opened: it only writes on connections that it is given.
        self._deferring = self.app(SyncPsycopgConnector(conninfo=conninfo))

    def app(self, connector: PsycopgConnector | SyncPsycopgConnector) -> App:
        """The tasks, on a connector."""
        app = App(connector=connector)

        @app.task(name=TASK, queue=QUEUE, retry=_RETRY, pass_context=True)
        def run(context: JobContext, complaint_ids: list[str]) -> None:
            ids = [UUID(value) for value in complaint_ids]
            if len(ids) > 1 and context.job.attempts >= SPLIT_AFTER:
                self._split(ids)
            else:
                self._process(ids)

        @app.periodic(cron="* * * * *")
        @app.task(name="rescue", queue=QUEUE, queueing_lock="rescue", pass_context=True)
        async def rescue(context: JobContext, timestamp: int) -> None:
            await _rescue(context.app, self._stalled_after)

        @app.periodic(cron="17 * * * *")
        @app.task(name="sweep", queue=QUEUE, queueing_lock="sweep")
        def sweep(timestamp: int) -> None:
            with self._sessions.begin() as session:
                idempotency.sweep(session)

        return app

    def defer(self, session: Session, complaint_ids: Sequence[UUID]) -> None:
        """Defer the work of some complaints in the session's transaction: both happen or neither."""
        ids = list(complaint_ids)
        self._defer(session, [ids[start : start + JOB_MAX] for start in range(0, len(ids), JOB_MAX)])

    def open_jobs(self) -> int:
        """Jobs that wait or run."""
        return self._count("status IN ('todo', 'doing')")

    def stuck_jobs(self) -> int:
        """Jobs among the open ones that failed so often that their next attempt is minutes away."""
        return self._count(f"status = 'todo' AND attempts >= {STUCK_AFTER}")

    def worker(self, concurrency: int) -> "Worker":
        """A worker for this process; start and stop it."""
        return Worker(self._conninfo, self.app, concurrency, self._stalled_after)

    def drain(self, stopping: threading.Event | None = None) -> None:
        """Carry out all waiting jobs in this thread, then return; when it is to stop, end the running job only."""

        async def run() -> None:
            app = self.app(_connector(self._conninfo, 4))
            async with app.open_async():
                await _rescue(app, self._stalled_after)
                work = asyncio.create_task(
                    app.run_worker_async(
                        queues=[QUEUE], wait=False, listen_notify=False, install_signal_handlers=False,
                        delete_jobs="successful", update_heartbeat_interval=_heartbeat(self._stalled_after),
                        stalled_worker_timeout=self._stalled_after,
                    )
                )  # fmt: skip
                try:
                    while not (stopping and stopping.is_set()) and not work.done():
                        await asyncio.wait({work}, timeout=_LOOK_SECONDS)
                finally:
                    # Cancelled or not: the running job ends and is signed off before its connections go.
                    work.cancel()
                    with suppress(asyncio.CancelledError):
                        await work

        asyncio.run(run())

    def _split(self, ids: Sequence[UUID]) -> None:
        with self._sessions.begin() as session:
            self._defer(session, [[key] for key in ids])

    def _defer(self, session: Session, batches: Sequence[Sequence[UUID]]) -> None:
        connection = session.connection().connection.driver_connection
        task = self._deferring.tasks[TASK].configure(connection=connection)
        arguments: list[JSONDict] = [{"complaint_ids": [str(value) for value in batch]} for batch in batches]
        task.batch_defer(*arguments)

    def _count(self, condition: str) -> int:
        query = text(f"SELECT count(*) FROM procrastinate_jobs WHERE task_name = :task AND {condition}")  # noqa: S608
        with self._sessions() as session:
            return session.scalar(query, {"task": TASK}) or 0


def _connector(conninfo: str, size: int) -> PsycopgConnector:
    return PsycopgConnector(
        conninfo=conninfo, min_size=1, max_size=size, timeout=_AWAY_SECONDS, reconnect_timeout=_AWAY_SECONDS
    )


def _heartbeat(stalled_after: float) -> float:
    return max(1.0, stalled_after / 3)


class Worker:
    """A worker in a thread of its own, with its own event loop."""

    def __init__(
        self, conninfo: str, app: Callable[[PsycopgConnector], App], concurrency: int, stalled_after: float
    ) -> None:
        self._conninfo = conninfo
        self._app = app
        self._concurrency = concurrency
        self._stalled_after = stalled_after
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopping = threading.Event()

    @property
    def alive(self) -> bool:
        """Whether the worker's thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Start the thread; it outlives the database's absences."""
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), name="yanpan-worker", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Let running jobs end, then stop; what waits stays in the queue."""
        self._stopping.set()
        if self._loop is not None and self._task is not None and self._loop.is_running():
            self._loop.call_soon_threadsafe(self._task.cancel)
        if self._thread is not None:
            self._thread.join(_STOP_SECONDS)

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        while not self._stopping.is_set():
            self._task = asyncio.create_task(self._work())
            try:
                await self._task
            except asyncio.CancelledError:
                return
            except Exception:
                logger.exception("the worker lost its database; it tries again")
            if not self._stopping.is_set():
                await asyncio.sleep(1.0)

    async def _work(self) -> None:
        app = self._app(_connector(self._conninfo, self._concurrency + 2))
        async with app.open_async():
            await _rescue(app, self._stalled_after)
            await app.run_worker_async(
                queues=[QUEUE], concurrency=self._concurrency, install_signal_handlers=False,
                fetch_job_polling_interval=2.0, delete_jobs="successful", shutdown_graceful_timeout=10.0,
                update_heartbeat_interval=_heartbeat(self._stalled_after), stalled_worker_timeout=self._stalled_after,
            )  # fmt: skip
