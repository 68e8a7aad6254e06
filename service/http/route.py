"""The one kind of route that the API has: it declares its action, and admits, limits and parses before it answers."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from data_contracts.problem import FieldProblem
from service import errors
from service.access.roles import Action, roles_for
from service.http.body import read_json
from service.http.gate import Gate
from service.http.problems import MEDIA_TYPE

ACTION = "x-yanpan-action"
ROLES = "x-yanpan-roles"
OPEN = "x-yanpan-open"

Responses = dict[int | str, dict[str, Any]]
"""OpenAPI responses by status."""

PROBLEMS: dict[int, str] = {
    400: "请求无法读取：不是 JSON、不是 UTF-8 或嵌套过深",
    401: "没有密钥，或密钥无效、已吊销、已过期",
    403: "密钥的角色或辖区不允许",
    404: "没有这一项，或不在密钥的辖区内",
    409: "与已有内容冲突",
    410: "诉求已清除",
    413: "内容过大",
    415: "内容类型、字符集或压缩方式不支持",
    422: "内容不合要求，errors 逐项说明",
    429: "请求过于频繁，见 Retry-After",
    503: "数据库、检索或模型暂不可用，见 Retry-After",
}


def guarded(
    action: Action,
    *also: int,
    body: bool = False,
    responses: Responses | None = None,
    **extra: Any,
) -> dict[str, Any]:
    """What a route says of itself: its action and the problems that it answers with.

    Args:
        action: what the access table is asked.
        also: statuses of problems beside those that every guarded route has.
        body: whether the route reads a body.
        responses: descriptions and examples of its good answers.
        extra: more OpenAPI of the operation, e.g. a request body that FastAPI does not see.

    Returns:
        Keyword arguments for the router's decorators.
    """
    statuses = {401, 403, 422, 429, 503, *also} | ({400, 413, 415} if body else set())
    return {
        "responses": {**problem_responses(statuses), **(responses or {})},
        "openapi_extra": {
            ACTION: action,
            ROLES: list(roles_for(action)),
            "security": [{"bearer": []}, {"apiKey": []}],
            **extra,
        },
    }


def unguarded(*problems: int, responses: Responses | None = None) -> dict[str, Any]:
    """What a route says of itself that needs no key."""
    return {
        "responses": {**problem_responses(set(problems)), **(responses or {})},
        "openapi_extra": {OPEN: True, "security": []},
    }


def problem_responses(statuses: set[int]) -> Responses:
    """OpenAPI responses for problem documents."""
    schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {status: {"description": PROBLEMS[status], "content": {MEDIA_TYPE: schema}} for status in sorted(statuses)}


class GuardedRoute(APIRoute):
    """A route that admits the caller before it reads the body, and the body before FastAPI does."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler with the guard before it.

        Raises:
            TypeError: the route declares neither an action nor that it is open.
        """
        answer = super().get_route_handler()
        declared = self.openapi_extra or {}
        if ACTION not in declared and OPEN not in declared:
            raise TypeError(f"route {self.path} declares no action")
        action: Action | None = declared.get(ACTION)
        known = query_names(self)
        reads_json = self.body_field is not None

        async def guard(request: Request) -> Response:
            if action is not None and action not in request.app.state.open_actions:
                gate: Gate = request.app.state.gate
                request.state.caller = await gate.admit(request, action)
            _refuse_unknown(request, known)
            if reads_json:
                await read_json(request)
            return await answer(request)

        return guard


def query_names(route: APIRoute) -> tuple[str, ...]:
    """The query parameters that a route knows, in the order of its documentation."""
    names: list[str] = []
    for field in route.dependant.query_params:
        model = field.field_info.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            names += model.model_fields
        else:
            names.append(field.alias)
    return tuple(dict.fromkeys(names))


def _refuse_unknown(request: Request, known: tuple[str, ...]) -> None:
    unknown = [name for name in request.query_params if name not in known]
    if not unknown:
        return
    zh = f"可用的参数：{'、'.join(known)}" if known else "这个地址没有查询参数"
    en = f"known parameters: {', '.join(known)}" if known else "this address takes no query parameters"
    shown = unknown[:10]
    raise errors.Invalid(
        f"不认识的查询参数“{'”“'.join(name[:40] for name in shown)}”，{zh}",
        f"unknown query parameters {', '.join(name[:40] for name in shown)}; {en}",
        errors=[
            FieldProblem(pointer=f"query/{name[:40]}", code="extra-forbidden", zh=f"不认识，{zh}", en=f"unknown; {en}")
            for name in shown
        ],
    )
