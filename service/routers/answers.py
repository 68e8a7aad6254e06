"""What offices replied to a complaint."""

from uuid import UUID

import orjson
from fastapi import APIRouter, Request, Response

from data_contracts.complaint import Answer
from service.http import examples
from service.http.context import Caller, Running
from service.http.idempotency import IdempotencyKey, once
from service.http.route import GuardedRoute, guarded
from service.routers.complaints import ComplaintId
from service.store import answers as store
from service.store import complaints

router = APIRouter(route_class=GuardedRoute, tags=["答复"])


@router.post(
    "/v1/complaints/{complaint_id}/answers",
    summary="登记答复",
    status_code=201,
    response_model=list[Answer],
    **guarded(
        "answer.write",
        404,
        409,
        410,
        body=True,
        responses={201: examples.shown("这件诉求的全部答复，先后有序", [examples.ANSWER])},
    ),
)
def add(
    complaint_id: ComplaintId,
    answer: Answer,
    request: Request,
    caller: Caller,
    running: Running,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """登记承办部门的答复；同一答复重发只存一次。"""

    def act() -> tuple[Response, UUID]:
        running.intake.answer(complaint_id, answer, caller)
        body = [item.model_dump(mode="json") for item in _answers(running, complaint_id, caller.scope)]
        return Response(orjson.dumps(body), 201, media_type="application/json"), complaint_id

    return once(running, caller, idempotency_key, request, act)


@router.get(
    "/v1/complaints/{complaint_id}/answers",
    summary="读取答复",
    **guarded("answer.read", 404, 410, responses={200: examples.shown("先后有序，已遮盖", [examples.ANSWER])}),
)
def listed(complaint_id: ComplaintId, caller: Caller, running: Running) -> list[Answer]:
    """这件诉求的全部答复，已遮盖。"""
    return _answers(running, complaint_id, caller.scope)


def _answers(running: Running, complaint_id: UUID, scope: str) -> list[Answer]:
    with running.sessions() as session:
        complaints.find(session, complaint_id, scope)
        return store.listed(session, [complaint_id])[complaint_id]
