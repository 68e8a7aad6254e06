"""Streams: lines in, lines out, and server-sent events, as they are without any service behind them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

import anyio
import psycopg
import pytest
from starlette.requests import ClientDisconnect

from data_contracts.events import CloudEvent, FeedPage
from service.errors import Unavailable
from service.http import sse
from service.http.ndjson import Line, LineByLine, split
from service.http.sse import Watch, events, frame


async def chunked(raw: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(raw), size):
        yield raw[start : start + size]


def lines(raw: bytes, size: int = 7, max_bytes: int = 20, max_lines: int = 100) -> list[Line]:
    async def gather() -> list[Line]:
        return [line async for line in split(chunked(raw, size), max_bytes=max_bytes, max_lines=max_lines)]

    return asyncio.run(gather())


class TestSplit:
    @pytest.mark.parametrize("size", [1, 2, 7, 1000])
    def test_lines_come_whole_whatever_the_chunks(self, size: int):
        found = lines("一\n二二\r\n三".encode(), size)
        assert [(line.number, line.raw.decode().strip()) for line in found] == [(1, "一"), (2, "二二"), (3, "三")]

    def test_blank_lines_count_for_the_numbers_only(self):
        assert [(line.number, line.raw) for line in lines(b"a\n\n  \nb\n")] == [(1, b"a"), (4, b"b")]

    @pytest.mark.parametrize("size", [1, 7, 1000])
    def test_a_line_that_is_too_long_is_told_and_the_next_is_read(self, size: int):
        first, second, third = lines(b"a\n" + b"x" * 50 + b"\nc", size)
        assert (first.raw, third.raw, third.number) == (b"a", b"c", 3)
        assert second.fault is not None
        assert (second.fault.status, second.number, second.raw) == (413, 2, b"")

    def test_an_overlong_last_line_without_newline_is_told(self):
        assert [line.fault is not None for line in lines(b"a\n" + b"x" * 500)] == [False, True]

    def test_a_line_of_just_the_limit_is_read(self):
        assert [line.fault for line in lines(b"x" * 20 + b"\n" + b"y" * 20)] == [None, None]

    def test_after_the_last_allowed_line_one_more_tells_that_the_rest_was_not_read(self):
        found = lines(b"1\n2\n3\n4\n5\n", max_lines=3)
        assert [line.number for line in found] == [1, 2, 3, 4]
        assert found[-1].fault is not None

    def test_as_many_lines_as_allowed_are_no_fault(self):
        assert all(line.fault is None for line in lines(b"1\n2\n3\n", max_lines=3))


class TestLineByLine:
    def test_answers_come_while_the_request_is_still_sent(self):
        order: list[str] = []

        async def request() -> AsyncIterator[Line]:
            for number in range(1, 4):
                order.append(f"in {number}")
                yield Line(number, b"x")
                await anyio.sleep(0.15)

        async def work(batch: Sequence[Line]) -> list[bytes]:
            return [b"%d\n" % line.number for line in batch]

        async def send(message: dict[str, object]) -> None:
            if message.get("body"):
                order.append(f"out {message['body'].decode().strip()}")

        asyncio.run(LineByLine(request(), work)({}, None, send))
        assert order == ["in 1", "out 1", "in 2", "out 2", "in 3", "out 3"]

    def test_a_client_that_reads_nothing_does_not_stop_the_reading(self):
        read = 0

        async def request() -> AsyncIterator[Line]:
            nonlocal read
            for number in range(1, 501):
                read = number
                yield Line(number, b"x")

        async def work(batch: Sequence[Line]) -> list[bytes]:
            return [b"x\n" for _ in batch]

        async def main() -> list[bytes]:
            reads = anyio.Event()
            got: list[bytes] = []

            async def send(message: dict[str, object]) -> None:
                await reads.wait()
                got.append(message.get("body", b""))

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(LineByLine(request(), work), {}, None, send)
                await anyio.sleep(0.5)
                assert read == 500
                reads.set()
            return got

        assert b"".join(asyncio.run(main())) == b"x\n" * 500

    def test_a_client_that_left_ends_the_reading_without_an_error(self):
        async def request() -> AsyncIterator[Line]:
            yield Line(1, b"x")
            raise ClientDisconnect

        async def work(batch: Sequence[Line]) -> list[bytes]:
            return [b"done\n" for _ in batch]

        sent: list[bytes] = []

        async def send(message: dict[str, object]) -> None:
            sent.append(message.get("body", b""))

        asyncio.run(LineByLine(request(), work)({}, None, send))
        assert b"".join(sent) == b"done\n"


def event(sequence: int) -> CloudEvent:
    return CloudEvent(
        id=f"e{sequence}",
        type="cn.yanpan.complaint.analysed",
        subject="c",
        time=datetime(2026, 4, 15, tzinfo=UTC),
        dataschema="urn:x",
        sequence=str(sequence),
        data={"title": "路灯\n坏了"},
    )


class Feed:
    """A feed in memory."""

    def __init__(self) -> None:
        self.events: list[CloudEvent] = []
        self.away = False

    def head(self) -> int:
        return len(self.events)

    def read(self, after: int) -> FeedPage:
        if self.away:
            raise psycopg.OperationalError("gone")
        shown = self.events[after : after + 2]
        return FeedPage(events=shown, next=after + len(shown), more=len(self.events) > after + len(shown))


def identifiers(pieces: list[bytes]) -> list[int]:
    return [int(piece.split(b"\n")[0][4:]) for piece in pieces if piece.startswith(b"id: ")]


async def take(stream: AsyncIterator[bytes], until: int, into: list[bytes]) -> None:
    async for piece in stream:
        into.append(piece)
        if len(identifiers(into)) == until:
            return


class TestEvents:
    def test_a_frame_is_one_line_a_field(self):
        raw = frame(event(7)).decode()
        assert raw.endswith("\n\n")
        assert [line.partition(": ")[0] for line in raw.strip().split("\n")] == ["id", "event", "data"]

    def test_old_events_come_first_and_new_ones_as_they_happen(self):
        feed, got = Feed(), []
        feed.events = [event(1), event(2), event(3)]

        async def main() -> None:
            async with Watch(feed.head, seconds=0.02) as watch:
                stream = events(watch, feed.read, 1, admitted=lambda: True)
                async with asyncio.timeout(5):
                    await take(stream, 2, got)
                    feed.events.append(event(4))
                    await take(stream, 3, got)

        asyncio.run(main())
        assert identifiers(got) == [2, 3, 4]

    def test_silence_is_broken_by_a_comment(self):
        feed = Feed()

        async def main() -> list[bytes]:
            async with Watch(feed.head, seconds=0.02) as watch:
                stream = events(watch, feed.read, 0, admitted=lambda: True, keep_alive=0.05)
                return [await anext(stream) for _ in range(3)]

        assert asyncio.run(main())[1:] == [b": keep-alive\n\n"] * 2

    def test_stopping_ends_a_silent_stream_at_once(self):
        feed = Feed()

        async def main() -> float:
            async with Watch(feed.head, seconds=0.02) as watch:
                stream = events(watch, feed.read, 0, admitted=lambda: True, keep_alive=60)
                await anext(stream)
                began = asyncio.get_running_loop().time()
                asyncio.get_running_loop().call_later(0.1, watch.stop)
                async for _ in stream:
                    pass
                return asyncio.get_running_loop().time() - began

        assert asyncio.run(main()) < 5

    def test_a_revoked_key_ends_its_stream(self):
        feed, admitted = Feed(), [True, False]

        async def main() -> list[bytes]:
            async with Watch(feed.head, seconds=0.02) as watch:
                stream = events(watch, feed.read, 0, admitted=lambda: admitted.pop(0), keep_alive=0.01)
                return [piece async for piece in stream]

        assert len(asyncio.run(main())) == 2

    def test_a_store_that_was_away_loses_nothing(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(sse, "_AWAY_SECONDS", 0.02)
        feed, got = Feed(), []
        feed.events, feed.away = [event(1)], True

        async def main() -> None:
            async with Watch(feed.head, seconds=0.02) as watch:
                stream = events(watch, feed.read, 0, admitted=lambda: True)
                asyncio.get_running_loop().call_later(0.1, lambda: setattr(feed, "away", False))
                async with asyncio.timeout(5):
                    await take(stream, 1, got)

        asyncio.run(main())
        assert identifiers(got) == [1]

    def test_too_many_streams_are_refused(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(sse, "STREAMS_MAX", 1)
        watch = Watch(lambda: 0, seconds=1)
        with watch.listening(), pytest.raises(Unavailable), watch.listening():
            pass
