"""Server-sent events: one look at the feed's end serves all open streams, and all of them end when the service does."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from types import TracebackType
from typing import Self

from starlette.concurrency import run_in_threadpool

from data_contracts.events import CloudEvent, FeedPage
from service.errors import Unavailable
from service.http.problems import fault_of

logger = logging.getLogger(__name__)

KEEP_ALIVE_SECONDS = 15.0
STREAMS_MAX = 500
_AWAY_SECONDS = 2.0
_RETRY = b"retry: 3000\n\n"
_KEEP_ALIVE = b": keep-alive\n\n"


class Watch:
    """Looks at the feed's last position for as long as somebody listens; a context manager of the application's life.

    Args:
        head: asks the store for the last position; runs in a thread.
        seconds: time between two looks.
    """

    def __init__(self, head: Callable[[], int], *, seconds: float) -> None:
        self._ask = head
        self._seconds = seconds
        self._listeners = 0
        self._moved = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.position = 0
        self.stopping = False

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.create_task(self._look())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def stop(self) -> None:
        """End all streams now; may be called from a signal handler or another thread."""
        self.stopping = True
        if self._loop is not None and self._loop.is_running():
            self._loop.call_soon_threadsafe(lambda: asyncio.ensure_future(self._stop()))

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Count a stream while it is open.

        Raises:
            Unavailable: too many streams are open.
        """
        if self._listeners >= STREAMS_MAX:
            raise Unavailable("同时打开的事件流过多，请稍后重试", "too many event streams are open; try again later")
        self._listeners += 1
        try:
            yield
        finally:
            self._listeners -= 1

    async def beyond(self, position: int, timeout: float) -> None:
        """Wait until the feed goes beyond a position, the service stops, or the time is over."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout), self._moved:
                await self._moved.wait_for(lambda: self.stopping or self.position > position)

    async def _stop(self) -> None:
        self.stopping = True
        async with self._moved:
            self._moved.notify_all()

    async def _look(self) -> None:
        while not self.stopping:
            await asyncio.sleep(self._seconds)
            if not self._listeners:
                continue
            try:
                position = await run_in_threadpool(self._ask)
            except Exception as error:
                fault_of(error)
                await asyncio.sleep(_AWAY_SECONDS)
                continue
            if position != self.position:
                self.position = position
                async with self._moved:
                    self._moved.notify_all()


async def events(
    watch: Watch,
    read: Callable[[int], FeedPage],
    after: int,
    *,
    admitted: Callable[[], bool],
    keep_alive: float = KEEP_ALIVE_SECONDS,
) -> AsyncIterator[bytes]:
    """The feed after a position as server-sent events, until the client leaves or the service stops.

    Args:
        watch: tells when there is more.
        read: reads a page of the feed after a position; runs in a thread.
        after: the position of the last event that the client has seen.
        admitted: whether the stream's key still holds; asked before each read, so that a revoked key's stream ends.
        keep_alive: seconds of silence after which a comment tells proxies and clients that the line is alive.
    """
    with watch.listening():
        yield _RETRY
        while not watch.stopping and await run_in_threadpool(admitted):
            try:
                page = await run_in_threadpool(read, after)
            except Exception as error:
                fault_of(error)
                await asyncio.sleep(_AWAY_SECONDS)
                yield _KEEP_ALIVE
                continue
            for event in page.events:
                yield frame(event)
            after = page.next
            if not page.more:
                await watch.beyond(after, keep_alive)
                if watch.position <= after:
                    yield _KEEP_ALIVE


def frame(event: CloudEvent) -> bytes:
    """One event in the wire format (WHATWG HTML, server-sent events); its id is the feed position."""
    return f"id: {event.sequence}\nevent: {event.type}\ndata: {event.model_dump_json()}\n\n".encode()
