"""Every way in which a request can fail becomes one problem document (RFC 9457)."""

import logging
import traceback
from collections.abc import Mapping

import orjson
import psycopg
import sqlalchemy.exc
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from service import errors
from service.errors import Fault
from service.http.request_id import request_id
from service.http.translate import field_problems

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
_AWAY = (
    sqlalchemy.exc.OperationalError,
    sqlalchemy.exc.InterfaceError,
    sqlalchemy.exc.TimeoutError,
    psycopg.OperationalError,
    psycopg.InterfaceError,
)


def fault_of(error: Exception) -> Fault:
    """The fault that tells a caller of an exception; what the caller cannot mend is logged, without its texts."""
    if isinstance(error, Fault):
        return error
    if isinstance(error, RequestValidationError):
        return invalid(error)
    if isinstance(error, HTTPException):
        return _of_http(error.status_code, error.headers or {})
    if isinstance(error, _AWAY) or _lost(error):
        log(error, "the store is away")
        return errors.StoreUnavailable(
            "数据库暂时连不上或过于繁忙，已确认的内容不会丢失，请稍后重试",
            "the database cannot be reached or is too busy; nothing acknowledged is lost, try again shortly",
        )
    if isinstance(error, sqlalchemy.exc.DataError):
        log(error, "the store refused a value")
        return errors.Invalid("请求中的值超出可存储的范围", "a value of the request is out of the range of the store")
    log(error, "a defect of the service")
    return errors.Internal(
        "服务内部错误，请凭请求编号联系管理员", "the service failed; give the request id to its administrator"
    )


def invalid(error: RequestValidationError | ValidationError) -> Fault:
    """The fault of a request that breaks its contract; names every field."""
    fields = field_problems(error.errors())
    return errors.Invalid(
        "有 1 处不合要求：" + fields[0].zh if len(fields) == 1 else f"有 {len(fields)} 处不合要求，见 errors",
        fields[0].en if len(fields) == 1 else f"{len(fields)} fields are wrong, see errors",
        errors=fields,
    )


def respond(fault: Fault) -> Response:
    """The HTTP answer of a fault."""
    return Response(
        orjson.dumps(fault.problem(request_id())),
        status_code=fault.status,
        headers=fault.headers,
        media_type=MEDIA_TYPE,
    )


async def handle(_request: Request, error: Exception) -> Response:
    """Exception handler of the application."""
    return respond(fault_of(error))


def log(error: BaseException, what: str) -> None:
    """Log where an exception came from, and not what it says: messages of drivers and validators repeat texts."""
    where = "".join(traceback.format_tb(error.__traceback__)[-12:])
    logger.error("%s [%s]: %s\n%s", what, request_id(), _kinds(error), where)


def _kinds(error: BaseException) -> str:
    names: list[str] = []
    link: BaseException | None = error
    while link is not None and len(names) < 5:
        state = getattr(link, "sqlstate", None)
        names.append(f"{type(link).__module__}.{type(link).__qualname__}" + (f" {state}" if state else ""))
        link = link.__cause__ or link.__context__
    return " <- ".join(names)


def _lost(error: Exception) -> bool:
    return isinstance(error, sqlalchemy.exc.DBAPIError) and error.connection_invalidated


def _of_http(status: int, headers: Mapping[str, str]) -> Fault:
    match status:
        case 404:
            return errors.NotFound("没有这个地址，接口目录见 /docs", "no such address; /docs lists them all")
        case 405:
            return errors.MethodNotAllowed(
                f"这个地址不支持该方法，可用：{headers.get('Allow', '见 /docs')}",
                f"the address does not know this method; it knows {headers.get('Allow', 'those in /docs')}",
                headers=headers,
            )
        case 413:
            return errors.TooLarge("请求内容过大", "the request is too large")
        case status if 400 <= status < 500:
            return errors.BadRequest("请求无法读取", "the request cannot be read")
        case _:
            return errors.Internal("服务内部错误", "the service failed")
