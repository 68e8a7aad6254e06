"""Which model reads the texts, and how well."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from service.http.context import Running
from service.http.route import GuardedRoute, guarded

router = APIRouter(route_class=GuardedRoute, tags=["参考"])


class Model(BaseModel):
    """The model package in use."""

    model_config = ConfigDict(protected_namespaces=())

    version: str = Field(description="与 analysis.model_version 相同", examples=["2026.04"])
    encoder: str = Field(description="向量模型")
    dimensions: int = Field(description="向量维数")
    card: dict[str, Any] = Field(description="模型卡：数据、指标与局限")


@router.get("/v1/models", summary="在用的模型", **guarded("model.read"))
def models(running: Running) -> list[Model]:
    """在用的模型包及其模型卡。"""
    package, encoder = running.pipeline.model, running.encoder
    return [Model(version=package.version, encoder=encoder.name, dimensions=encoder.dimensions, card=package.config)]
