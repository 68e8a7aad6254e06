"""Search, and the complaints that are similar to one."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from data_contracts import limits
from data_contracts.search import SearchPage, SearchQuery, SimilarHit
from service.http.context import Caller, Running
from service.http.filters import checked, written_out
from service.http.route import GuardedRoute, guarded
from service.routers.complaints import ComplaintId
from service.search.similar import similar_to

router = APIRouter(route_class=GuardedRoute, tags=["检索"])


@router.get("/v1/search", summary="检索诉求", **guarded("search"))
def search(query: Annotated[SearchQuery, Query()], request: Request, caller: Caller, running: Running) -> SearchPage:
    """按词与按意检索遮盖后的文本；`“…”` 内为原词，`-词` 为排除。

    各标签的筛选可重复：同名的为“或”，不同名的为“且”。`region` 含其下级；`since` 含，`until` 不含。
    翻页：把上一页的 `cursor` 原样传回，条件不变。
    """
    written_out(request.query_params, "since", "until")
    return running.search.search(checked(query), caller.scope)


@router.get(
    "/v1/complaints/{complaint_id}/similar",
    summary="相似诉求及其答复",
    **guarded("search", 404, 410),
)
def similar(
    complaint_id: ComplaintId,
    caller: Caller,
    running: Running,
    limit: Annotated[int, Query(ge=1, le=limits.PAGE_MAX, description="最多几件")] = 10,
) -> list[SimilarHit]:
    """辖区内与此最相似的诉求，最相似的在前：共有的词、地点与对象是否相同，以及它们得到的答复。"""
    return similar_to(
        running.sessions, running.search, running.encoder, running.regions, complaint_id, caller.scope, limit
    )
