"""The OpenAPI document: what FastAPI finds, with problem documents, key schemes and Chinese tags."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from data_contracts.problem import FieldProblem, Problem
from service.http.bulk_result import BulkResult

TAGS: list[dict[str, str]] = [
    {"name": "诉求", "description": "接收、更新、撤回与清除诉求；热线平台由此开始"},
    {"name": "答复", "description": "承办部门的答复与市民的满意度"},
    {"name": "分析", "description": "只分析、不保存"},
    {"name": "检索", "description": "检索诉求与相似诉求；分析员由此开始"},
    {"name": "事件", "description": "同一事件的诉求归并在一起，并说明归并的依据"},
    {"name": "复核", "description": "人读过之后更正或确认标签；训练员由此取得新的标注"},
    {"name": "情报流", "description": "有序、不缺号、可续读的事件流；研判系统由此读取"},
    {"name": "参考", "description": "模型、区划与分类表"},
    {"name": "管理", "description": "审计与密钥"},
    {"name": "运行", "description": "存活、就绪与指标"},
]

DESCRIPTION = """\
诉求文本进，纠纷类型、发展阶段、风险、要素、重复与事件出。

* **密钥**：`Authorization: Bearer 编号.密钥`。每个密钥有角色与辖区，只能看到、改动辖区内的诉求。
* **错误**：一律为 RFC 9457 的 `application/problem+json`，`type` 不变，可供程序判断；
  `instance` 是请求编号，同响应头 `X-Request-ID`。
* **隐私**：姓名、电话、证件号等在保存与返回前均已遮盖；读取原文须有专门权限，逐次记入审计日志。
"""


def install(app: FastAPI) -> None:
    """Make the application answer with our document; built once, at the first request."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _document(app: FastAPI) -> dict[str, Any]:
    built: dict[str, Any] = get_openapi(
        title=app.title,
        version=app.version,
        openapi_version=app.openapi_version,
        summary=app.summary,
        description=app.description,
        routes=app.routes,
        tags=app.openapi_tags,
    )
    components = built.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    _, extra = models_json_schema(
        [(Problem, "serialization"), (FieldProblem, "serialization"), (BulkResult, "serialization")],
        ref_template="#/components/schemas/{model}",
    )
    for name, schema in extra["$defs"].items():
        schemas.setdefault(name, schema)
    components["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "description": "编号.密钥"},
        "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "编号.密钥"},
    }
    return built
