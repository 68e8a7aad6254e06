"""The auditor's window: who read which original text."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from data_contracts import limits
from service.access import audit
from service.access.audit import AuditPage
from service.http.context import Caller, Running
from service.http.parameters import POSITION_MAX
from service.http.route import GuardedRoute, guarded

router = APIRouter(route_class=GuardedRoute, tags=["管理"])


@router.get("/v1/audit", summary="审计日志", **guarded("audit.read"))
def entries(
    running: Running,
    caller: Caller,
    complaint_id: Annotated[UUID | None, Query(description="只看此诉求")] = None,
    key_id: Annotated[str | None, Query(max_length=40, pattern=r"^[A-Za-z0-9_-]+$", description="只看此密钥")] = None,
    before: Annotated[int | None, Query(ge=1, le=POSITION_MAX, description="只看此编号之前的，取上一页的 next")] = None,
    limit: Annotated[int, Query(ge=1, le=limits.PAGE_MAX)] = limits.PAGE_MAX,
) -> AuditPage:
    """谁在何时读取了哪件诉求的原文、清除了哪件诉求；新的在前，只含辖区内的诉求。"""
    with running.sessions() as session:
        return audit.read(
            session,
            caller.scope,
            whole_city=caller.scope == running.regions.root.path,
            complaint_id=complaint_id,
            key_id=key_id,
            before=before,
            limit=limit,
        )
