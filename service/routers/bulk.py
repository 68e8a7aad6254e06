"""Many complaints in one request, NDJSON in and NDJSON out."""

from collections.abc import Sequence

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from data_contracts import limits
from data_contracts.complaint import Complaint
from service.access.principal import Principal
from service.context import Service
from service.errors import Fault
from service.http import examples
from service.http.body import parse, require_media_type
from service.http.bulk_result import BulkResult
from service.http.context import Caller, Running
from service.http.metrics import Metrics
from service.http.ndjson import MEDIA_TYPE, MEDIA_TYPES, Line, LineByLine, split
from service.http.problems import fault_of, invalid
from service.http.route import GuardedRoute, guarded

router = APIRouter(route_class=GuardedRoute, tags=["诉求"])

_BODY = {
    "required": True,
    "content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}, "example": examples.BULK_REQUEST}},
}
_ANSWER = {
    "description": "每行一个结果，与请求行同序；单行出错不影响其余",
    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/BulkResult"}, "example": examples.BULK_ANSWER}},
}


@router.post(
    "/v1/complaints:bulk",
    summary="批量提交诉求",
    status_code=200,
    response_class=LineByLine,
    **guarded("complaint.submit", 415, requestBody=_BODY, responses={200: _ANSWER}),
)
async def bulk(request: Request, caller: Caller, running: Running) -> Response:
    """逐行接收 NDJSON（每行一件诉求），边收边存，逐行返回结果，顺序与请求相同。

    每行各有状态：201 新建、200 已有，出错的行带 `problem`，不影响其余各行。空行略过。
    断线后整批重发即可，已存的行返回 200，不会重复；每件须自带 `source` 与 `external_id`。
    """
    require_media_type(request.headers, *MEDIA_TYPES)
    metrics: Metrics = request.app.state.metrics
    lines = split(request.stream(), max_bytes=limits.BULK_LINE_MAX_BYTES, max_lines=limits.BULK_MAX_LINES)

    async def work(batch: Sequence[Line]) -> list[bytes]:
        results = await run_in_threadpool(take_in, batch, caller, running)
        for result in results:
            metrics.taken("created" if result.status == 201 else "unchanged" if result.status == 200 else "refused")
        return [result.to_line() for result in results]

    return LineByLine(lines, work)


def take_in(batch: Sequence[Line], caller: Principal, running: Service) -> list[BulkResult]:
    """Take in the complaints of a batch in one transaction; one result a line, in order."""
    read = [_read(line) for line in batch]
    complaints = [item for item in read if isinstance(item, Complaint)]
    try:
        outcomes = iter(running.intake.submit_many(complaints, caller) if complaints else [])
    except Exception as error:
        outcomes = iter([fault_of(error)] * len(complaints))
    results = []
    for line, item in zip(batch, read, strict=True):
        if isinstance(item, Fault):
            results.append(BulkResult.refused(line.number, item))
            continue
        outcome = next(outcomes)
        if isinstance(outcome, Fault):
            results.append(BulkResult.refused(line.number, outcome, item.source, item.external_id))
        else:
            results.append(BulkResult.of(line.number, outcome))
    return results


def _read(line: Line) -> Complaint | Fault:
    if line.fault is not None:
        return line.fault
    try:
        return Complaint.model_validate(parse(line.raw))
    except ValidationError as error:
        return invalid(error)
    except Fault as fault:
        return fault
