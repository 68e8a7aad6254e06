"""Cases: the complaints that speak of the same event."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request

from data_contracts import limits
from data_contracts.case import Case
from data_contracts.clean import STORABLE
from service.cases import read
from service.cases.read import CaseFilter, CasePage, CaseSort
from service.http import examples
from service.http.context import Caller, Running
from service.http.filters import labels, period, written_out
from service.http.parameters import Many
from service.http.route import GuardedRoute, guarded

router = APIRouter(route_class=GuardedRoute, tags=["事件"])

MEMBERS_MAX = 1_000


@router.get("/v1/cases", summary="列出事件", **guarded("case.read"))
def listed(
    request: Request,
    caller: Caller,
    running: Running,
    domain: Many,
    dispute_type: Many,
    risk_level: Many,
    since: Annotated[datetime | None, Query(description="只计此时起收到的诉求")] = None,
    until: Annotated[datetime | None, Query(description="只计此时前收到的诉求")] = None,
    min_size: Annotated[int, Query(ge=1, le=1_000_000, description="至少几件诉求")] = 2,
    sort: Annotated[CaseSort, Query(description="按件数、风险或最近时间，大的在前")] = "size",
    limit: Annotated[int, Query(ge=1, le=limits.PAGE_MAX)] = limits.PAGE_DEFAULT,
    cursor: Annotated[
        Annotated[str, STORABLE] | None, Query(max_length=1024, description="上一页的 cursor，原样传回")
    ] = None,
) -> CasePage:
    """辖区内的事件，不含成员；筛选按成员的标签。"""
    written_out(request.query_params, "since", "until")
    begin, end = period(since, until)
    wanted = CaseFilter(
        min_size=min_size,
        domain=labels("domain", domain),
        dispute_type=labels("dispute_type", dispute_type),
        risk_level=labels("risk_level", risk_level),
        since=begin,
        until=end,
    )
    with running.sessions() as session:
        return read.listed(session, caller.scope, running.regions, wanted, sort=sort, limit=limit, cursor=cursor)


@router.get("/v1/cases/{case_id}", summary="读取事件", **guarded("case.read", 404))
def one(
    case_id: Annotated[UUID, Path(description="事件的编号", examples=[examples.CASE_ID])],
    caller: Caller,
    running: Running,
    members: Annotated[int, Query(ge=0, le=MEMBERS_MAX, description="最多列出几件成员")] = limits.PAGE_MAX,
) -> Case:
    """事件及其在辖区内的成员，早的在前，每件都有归入的依据；已并入别的事件的编号仍可用。"""
    with running.sessions() as session:
        return read.get(session, case_id, caller.scope, running.regions, members=members)
