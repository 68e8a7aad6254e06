"""What user interfaces need to show and offer: the regions and the taxonomies."""

from typing import Annotated, get_args

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from data_contracts.region import Region
from data_contracts.taxonomy import Entry, TaxonomyName, taxonomy
from service.http.context import Running
from service.http.regions import resolve
from service.http.route import GuardedRoute, guarded

router = APIRouter(route_class=GuardedRoute, tags=["参考"])


class TaxonomyList(BaseModel):
    """One taxonomy: codes for programs, labels and definitions for people."""

    name: TaxonomyName
    classes: list[Entry] = Field(description="按展示顺序")


@router.get("/v1/regions", summary="区划树", **guarded("reference.read"))
def regions(
    running: Running, under: Annotated[str | None, Query(description="只列此区划（代码或全称）及其下级")] = None
) -> list[Region]:
    """市、县（区）、乡（镇、街道）三级区划，父级在前；`path` 是由代码组成的路径，子树即前缀。"""
    root = resolve(running.regions, under)
    return [region for region in running.regions.regions if region.path.startswith(root.path)]


@router.get("/v1/taxonomies", summary="分类表", **guarded("reference.read"))
def taxonomies() -> list[TaxonomyList]:
    """领域、性质、纠纷类型、阶段、风险等级与因素、渠道、角色：代码、中文标签与定义。"""
    return [TaxonomyList(name=name, classes=list(taxonomy(name))) for name in get_args(TaxonomyName)]
