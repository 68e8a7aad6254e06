"""People and the model's labels: what to read next, and what was read."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query

from data_contracts import limits
from data_contracts.record import ComplaintRecord
from data_contracts.review import CorrectedLabel, Correction, ReviewPage
from service import review
from service.http import examples
from service.http.context import Caller, Running
from service.http.route import GuardedRoute, guarded
from service.store.complaints import record_of

router = APIRouter(route_class=GuardedRoute, tags=["复核"])


@router.get("/v1/review", summary="待复核的诉求", **guarded("label.read"))
def waiting(
    caller: Caller,
    running: Running,
    limit: Annotated[int, Query(ge=1, le=limits.PAGE_MAX, description="给出几件")] = limits.PAGE_DEFAULT,
) -> ReviewPage:
    """辖区内尚无人读过的诉求，最值得读的在前：模型没有把握（uncertain）、各标签自相矛盾（disagreeing）、预警在两可之间或已预警（risky）。"""
    with running.sessions() as session:
        return review.next_page(session, caller.scope, running.regions, limit=limit)


@router.post(
    "/v1/labels",
    summary="更正或确认标签",
    **guarded(
        "label.write", 404, 409, 410, body=True, responses={200: examples.shown("更正后的诉求", examples.RECORD)}
    ),
)
def correct(correction: Correction, caller: Caller, running: Running) -> ComplaintRecord:
    """按人的阅读设定标签：检索、事件与情报流随即采用，模型给出的概率仍保留。

    每次更正都记下何人何时改了什么；`version` 须为读到的版本，诉求有了新版本则返回 409。备注入库前遮盖个人信息。
    """
    with running.sessions.begin() as session:
        row = review.correct(session, correction, caller)
        running.jobs.defer(session, [row.id])
        session.flush()
        return record_of(row, running.regions)


@router.get("/v1/complaints/{complaint_id}/labels", summary="标签的更正记录", **guarded("label.read", 404, 410))
def history(
    complaint_id: Annotated[UUID, Path(description="诉求的编号", examples=[examples.COMPLAINT_ID])],
    caller: Caller,
    running: Running,
) -> list[CorrectedLabel]:
    """人对这件诉求的全部更正与确认，旧的在前。"""
    with running.sessions() as session:
        return list(review.history(session, complaint_id, caller.scope))
