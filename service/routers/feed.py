"""The feed: the judgement workflow's pull side, and the urgent part of it as server-sent events."""

import re
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from data_contracts import limits
from data_contracts.events import FeedPage
from data_contracts.problem import FieldProblem
from service.context import Service
from service.errors import Invalid
from service.feed.read import head, read
from service.http.context import Caller, Running
from service.http.gate import Gate, presented
from service.http.parameters import POSITION_MAX
from service.http.route import GuardedRoute, guarded
from service.http.sse import Watch, events

router = APIRouter(route_class=GuardedRoute, tags=["情报流"])

URGENT = ("红", "橙")
"""Risk levels that city and county must see at once."""

After = Annotated[int | None, Query(ge=0, le=POSITION_MAX, description="已读到的位置")]
_STREAM = {
    "description": "事件流：id 是位置，event 是类型，data 是 CloudEvents 1.0 的 JSON",
    "content": {"text/event-stream": {"schema": {"type": "string"}}},
}


class EventStream(StreamingResponse):
    """Server-sent events; nothing on the way may keep or hold them back."""

    media_type = "text/event-stream"


@router.get("/v1/feed", summary="读取情报流", **guarded("feed.read"))
def page(
    caller: Caller,
    running: Running,
    after: Annotated[int, Query(ge=0, le=POSITION_MAX, description="已读到的位置，取上一页的 next；0 为从头")] = 0,
    limit: Annotated[int, Query(ge=1, le=limits.FEED_PAGE_MAX)] = limits.FEED_PAGE_DEFAULT,
) -> FeedPage:
    """自某个位置之后的事件，有序、不缺号；记住 `next`，下次以 `after` 续读，断线不漏。只含辖区内的事件。"""
    with running.sessions() as session:
        return read(session, after, limit, caller.scope)


@router.get(
    "/v1/feed/stream",
    summary="红橙事件推送",
    response_class=EventStream,
    **guarded("feed.read", responses={200: _STREAM}),
)
async def stream(
    request: Request,
    caller: Caller,
    running: Running,
    after: After = None,
    last_event_id: Annotated[str | None, Header(max_length=19, description="断线前最后收到的 id，由此续传")] = None,
) -> Response:
    """辖区内红、橙级的事件一出现即推送（server-sent events）。

    断线后带 `Last-Event-ID` 重连，中间的事件补发；首次可用 `after` 指定位置，默认从现在起。
    """
    watch: Watch = request.app.state.watch
    gate: Gate = request.app.state.gate
    shown = presented(request) or ""
    start = _position(last_event_id) if last_event_id is not None else after

    def further(position: int) -> FeedPage:
        with running.sessions() as session:
            return read(session, position, limits.FEED_PAGE_DEFAULT, caller.scope, URGENT)

    begin = start if start is not None else await run_in_threadpool(end, running)
    content = events(watch, further, begin, admitted=lambda: gate.keys.check(shown) == caller)
    return EventStream(content, headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"})


def end(running: Service) -> int:
    """The feed's last position."""
    with running.sessions() as session:
        return head(session)


def _position(value: str) -> int:
    if re.fullmatch(r"[0-9]{1,19}", value) and int(value) <= POSITION_MAX:
        return int(value)
    zh, en = "Last-Event-ID 应为收到过的 id", "Last-Event-ID must be an id that was received"
    raise Invalid(zh, en, errors=[FieldProblem(pointer="header/last-event-id", code="int-parsing", zh=zh, en=en)])
