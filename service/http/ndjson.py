"""Many JSON documents in one request, one a line: read, worked on and answered in step, none of it held as a whole."""

import math
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from service import errors
from service.errors import Fault

MEDIA_TYPES = ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/jsonlines")
MEDIA_TYPE = MEDIA_TYPES[0]

_BATCH_LINES = 64
_BATCH_BYTES = 2 << 20
_BATCH_SECONDS = 0.05
_WAITING_LINES = 16


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a request: its number from 1, and its bytes, or why it cannot be read."""

    number: int
    raw: bytes
    fault: Fault | None = None


async def split(chunks: AsyncIterator[bytes], *, max_bytes: int, max_lines: int) -> AsyncIterator[Line]:
    """The lines of a stream; blank ones are left out, and count for the numbers only.

    A line beyond `max_bytes` comes without its bytes and with a fault; what follows is read as usual. After `max_lines`
    one more line with a fault ends the reading.
    """
    number = 1
    held = bytearray()
    overlong = False
    async for chunk in chunks:
        *ended, rest = chunk.split(b"\n")
        for piece in ended:
            held += piece
            line = _line(number, held, overlong or len(held) > max_bytes, max_bytes)
            if line is not None and number > max_lines:
                yield Line(number, b"", _too_many(max_lines))
                return
            if line is not None:
                yield line
            held.clear()
            overlong = False
            number += 1
        held += rest
        if len(held) > max_bytes:
            overlong = True
            held.clear()
    line = _line(number, held, overlong, max_bytes)
    if line is not None:
        yield line if number <= max_lines else Line(number, b"", _too_many(max_lines))


def _line(number: int, held: bytearray, overlong: bool, max_bytes: int) -> Line | None:
    if overlong:
        fault = errors.TooLarge(f"本行超过 {max_bytes} 字节的上限", f"the line exceeds {max_bytes} bytes")
        return Line(number, b"", fault)
    return Line(number, bytes(held)) if held.strip() else None


def _too_many(max_lines: int) -> Fault:
    return errors.TooLarge(
        f"一次最多 {max_lines} 行，从本行起未处理，请分批再发",
        f"at most {max_lines} lines a request; this line and all after it were not read, send them in another request",
    )


class LineByLine(Response):
    """An answer that is written while the request is still read.

    Reading never waits for the client to read: many clients send everything before they read anything, and both sides
    would wait for ever. The answers, some hundred bytes a line, wait in memory instead.

    Args:
        lines: the lines of the request.
        work: answers a batch, one piece of output a line, in order.
    """

    media_type = MEDIA_TYPE

    def __init__(self, lines: AsyncIterator[Line], work: Callable[[Sequence[Line]], Awaitable[list[bytes]]]) -> None:
        self.lines = lines
        self.work = work
        self.status_code = 200
        self.background = None
        self.init_headers({"X-Accel-Buffering": "no"})

    def init_headers(self, headers: "dict[str, str] | None" = None) -> None:  # type: ignore[override]
        """Headers of an answer whose length nobody knows yet."""
        given = {**(headers or {}), "content-type": self.media_type}
        self.raw_headers = [(name.lower().encode(), value.encode()) for name, value in given.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read, work and write at the same time."""
        line_in, line_out = anyio.create_memory_object_stream[Line](_WAITING_LINES)
        answer_in, answer_out = anyio.create_memory_object_stream[bytes](math.inf)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._read, line_in)
            tasks.start_soon(self._work, line_out, answer_in)
            await self._write(answer_out, send)

    async def _read(self, into: MemoryObjectSendStream[Line]) -> None:
        async with into:
            try:
                async for line in self.lines:
                    await into.send(line)
            except ClientDisconnect:
                # What came whole is kept; the client sends the same lines again and gets the same answers.
                return

    async def _work(self, lines: MemoryObjectReceiveStream[Line], into: MemoryObjectSendStream[bytes]) -> None:
        async with lines, into:
            async for first in lines:
                for piece in await self.work(await _batch(first, lines)):
                    await into.send(piece)

    async def _write(self, answers: MemoryObjectReceiveStream[bytes], send: Send) -> None:
        started = False
        async with answers:
            async for piece in answers:
                if not started:
                    await self._start(send)
                    started = True
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        if not started:
            await self._start(send)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _start(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})


async def _batch(first: Line, lines: MemoryObjectReceiveStream[Line]) -> list[Line]:
    """The lines that are there already, and those of the next moment: a slow sender is answered all the same."""
    batch = [first]
    size = len(first.raw)
    with anyio.move_on_after(_BATCH_SECONDS):
        while len(batch) < _BATCH_LINES and size < _BATCH_BYTES:
            try:
                line = await lines.receive()
            except anyio.EndOfStream:
                break
            batch.append(line)
            size += len(line.raw)
    return batch
