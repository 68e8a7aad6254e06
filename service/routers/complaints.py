"""One complaint: taken in, revised, continued, withdrawn, erased and read."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from data_contracts import limits
from data_contracts.complaint import Complaint, Turn
from data_contracts.record import ComplaintRecord, Original
from service.http import examples
from service.http.context import Caller, Running
from service.http.idempotency import IdempotencyKey, external_id, once
from service.http.metrics import Metrics
from service.http.problems import invalid
from service.http.route import GuardedRoute, Responses, guarded
from service.intake import Accepted
from service.store import complaints as store

router = APIRouter(route_class=GuardedRoute, tags=["诉求"])

ComplaintId = Annotated[UUID, Path(description="诉求的编号，提交时返回", examples=[examples.COMPLAINT_ID])]

_TAKEN: Responses = {
    201: examples.shown("新建的诉求及其分析；Location 是其地址", examples.RECORD),
    200: {"model": ComplaintRecord, **examples.shown("同一诉求先前已收到，内容相同", examples.RECORD)},
}
_NOW: Responses = {200: examples.shown("更新后的诉求", {**examples.RECORD, "version": 2})}


class MoreTurns(BaseModel):
    """What was said after the call was first sent."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [examples.MORE_TURNS]})

    turns: Annotated[list[Turn], Field(min_length=1, max_length=limits.TURNS_MAX)]


@router.post(
    "/v1/complaints",
    summary="提交诉求",
    status_code=201,
    response_model=ComplaintRecord,
    **guarded("complaint.submit", 409, 410, body=True, responses=_TAKEN),
)
def submit(
    complaint: Complaint, request: Request, caller: Caller, running: Running, idempotency_key: IdempotencyKey = None
) -> Response:
    """保存一件诉求并立即返回分析；约一秒后可检索并归入事件。

    `source` 与 `external_id` 相同即同一诉求：内容相同时返回 200 与已存的诉求，内容不同时返回 409 并列出已有版本，
    更正请用 PUT。没有 `external_id` 的系统请带 `Idempotency-Key`，重发才不会重复。
    """

    def act() -> tuple[Response, UUID]:
        given = complaint
        if idempotency_key is not None and "external_id" not in complaint.model_fields_set:
            given = complaint.model_copy(update={"external_id": external_id(caller, idempotency_key)})
        accepted = running.intake.submit(given, caller)
        return _answer(accepted, request), accepted.record.complaint_id

    return once(running, caller, idempotency_key, request, act)


@router.get(
    "/v1/complaints/{complaint_id}",
    summary="读取诉求",
    **guarded("complaint.read", 404, 410, responses={200: examples.shown("诉求的当前版本，已遮盖", examples.RECORD)}),
)
def read(complaint_id: ComplaintId, caller: Caller, running: Running) -> ComplaintRecord:
    """当前版本的遮盖文本、分析与所属事件。"""
    with running.sessions() as session:
        return store.record_of(store.find(session, complaint_id, caller.scope), running.regions)


@router.put(
    "/v1/complaints/{complaint_id}",
    summary="更正诉求",
    response_model=ComplaintRecord,
    **guarded("complaint.submit", 404, 409, 410, body=True, responses=_NOW),
)
def replace(
    complaint_id: ComplaintId,
    complaint: Complaint,
    request: Request,
    caller: Caller,
    running: Running,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """以新的内容成为新版本；内容与当前版本相同时不变。旧版本的原文仍加密留存。"""

    def act() -> tuple[Response, UUID]:
        return _answer(running.intake.replace(complaint_id, complaint, caller), request), complaint_id

    return once(running, caller, idempotency_key, request, act)


@router.post(
    "/v1/complaints/{complaint_id}/turns",
    summary="续传通话",
    response_model=ComplaintRecord,
    **guarded("complaint.submit", 404, 409, 410, body=True, responses=_NOW),
)
def continue_call(
    complaint_id: ComplaintId,
    more: MoreTurns,
    request: Request,
    caller: Caller,
    running: Running,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """在通话之后追加若干轮，成为新版本并重新分析；请带 `Idempotency-Key`，重发才不会重复追加。"""

    def act() -> tuple[Response, UUID]:
        try:
            accepted = running.intake.append_turns(complaint_id, more.turns, caller)
        except ValidationError as error:
            # The call as a whole breaks a limit that its new turns alone do not.
            raise invalid(error) from None
        return _answer(accepted, request), complaint_id

    return once(running, caller, idempotency_key, request, act)


@router.delete(
    "/v1/complaints/{complaint_id}",
    summary="撤回诉求",
    **guarded(
        "complaint.withdraw",
        404,
        410,
        responses={200: examples.shown("已撤回的诉求", {**examples.RECORD, "status": "withdrawn"})},
    ),
)
def withdraw(complaint_id: ComplaintId, caller: Caller, running: Running) -> ComplaintRecord:
    """不再出现在检索与事件中，记录仍在；重复撤回不变。"""
    return running.intake.withdraw(complaint_id, caller)


@router.post(
    "/v1/complaints/{complaint_id}/erasure",
    summary="清除诉求",
    status_code=204,
    response_class=Response,
    **guarded("complaint.erase", 404, 410, responses={204: {"description": "已清除，不再保留任何内容"}}),
)
def erase(complaint_id: ComplaintId, caller: Caller, running: Running) -> Response:
    """从库、索引与向量中清除全部内容与版本，不可恢复；情报流中只留序号。记入审计日志。"""
    running.intake.erase(complaint_id, caller)
    return Response(status_code=204)


@router.get(
    "/v1/complaints/{complaint_id}/original",
    summary="读取原文",
    **guarded("complaint.original", 404, 410),
)
def original(
    complaint_id: ComplaintId,
    caller: Caller,
    running: Running,
    version: Annotated[int | None, Query(ge=1, le=1_000_000, description="版本，默认最新")] = None,
) -> Original:
    """未遮盖的原文；须有专门权限，每次读取都记入审计日志。"""
    # Leaving the block commits the entry in the audit log; only then does the text leave.
    with running.sessions.begin() as session:
        return store.read_original(session, running.home.keys.ring, complaint_id, caller, version)


def _answer(accepted: Accepted, request: Request) -> Response:
    record = accepted.record
    metrics: Metrics = request.app.state.metrics
    metrics.taken("created" if accepted.created else "changed" if accepted.changed else "unchanged")
    headers = {"ETag": f'"{record.version}"'}
    if accepted.created:
        headers["Location"] = f"/v1/complaints/{record.complaint_id}"
    return Response(
        record.model_dump_json(), 201 if accepted.created else 200, headers=headers, media_type="application/json"
    )
