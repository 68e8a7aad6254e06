"""Reads JSON bodies without trust: size, media type, encoding, numbers and depth are checked before any contract is."""

from collections.abc import Mapping
from email.message import Message
from typing import Any

import orjson
from starlette.datastructures import Headers
from starlette.requests import Request

from data_contracts import limits
from service import errors

_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


async def read_json(request: Request, max_bytes: int = limits.REQUEST_MAX_BYTES) -> None:
    """Read the body into the request, where the route finds it parsed.

    Raises:
        TooLarge: more than `max_bytes`; the rest is not read.
        UnsupportedMedia: not `application/json` in UTF-8, uncompressed.
        BadRequest: not JSON, not UTF-8, or too deep; the subclass says which.
    """
    body = await _read(request, max_bytes)
    if body:
        require_media_type(request.headers, "application/json")
    # Both attributes are the cache of starlette.requests.Request: the route must not parse the body again its own way.
    request._body = body
    request._json = parse(body) if body else None


def require_media_type(headers: Headers, *accepted: str) -> None:
    """Refuse bodies of another media type, charset or content coding.

    Raises:
        UnsupportedMedia: names what is accepted.
    """
    names = "、".join(accepted)
    given = headers.getlist("content-type")
    if len(given) != 1:
        raise errors.UnsupportedMedia(
            f"请求须带且只带一个 Content-Type：{names}", f"send exactly one Content-Type: {', '.join(accepted)}"
        )
    message = Message()
    message["content-type"] = given[0]
    kind = message.get_content_type()
    structured = "application/json" in accepted and kind.startswith("application/") and kind.endswith("+json")
    # Message answers text/plain for a type that it cannot read.
    if kind not in accepted and not structured:
        raise errors.UnsupportedMedia(
            f"Content-Type 应为 {names}",
            f"the Content-Type must be {' or '.join(accepted)}",
            headers={"Accept": ", ".join(accepted)},
        )
    charset = message.get_content_charset()
    if charset not in (None, "utf-8", "utf8", "us-ascii"):
        raise errors.UnsupportedMedia("只接受 UTF-8 编码的内容", "only UTF-8 is accepted")
    coding = headers.get("content-encoding", "identity")
    if coding != "identity":
        raise errors.UnsupportedMedia("不接受压缩的请求内容", "compressed request bodies are not accepted")


def parse(raw: bytes, max_depth: int = limits.JSON_MAX_DEPTH) -> Any:
    """Parse JSON (RFC 8259: UTF-8, finite numbers).

    Raises:
        InvalidEncoding: not UTF-8; says where.
        MalformedJson: not JSON; says where.
        JsonTooDeep: nested deeper than `max_depth`.
    """
    text = decode(raw)
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        if "depth" in error.msg:
            raise _too_deep(max_depth) from None
        raise errors.MalformedJson(
            f"不是合法的 JSON：第 {error.lineno} 行第 {error.colno} 列附近有误",
            f"not JSON: error near line {error.lineno}, column {error.colno}",
        ) from None
    if _deeper(value, max_depth):
        raise _too_deep(max_depth)
    return value


def decode(raw: bytes) -> str:
    """The text of UTF-8 bytes, without a byte order mark.

    Raises:
        InvalidEncoding: not UTF-8; says where, and what it looks like.
    """
    try:
        return raw.removeprefix(_BOM).decode("utf-8")
    except UnicodeDecodeError as error:
        looks_zh, looks_en = _guess(raw)
        raise errors.InvalidEncoding(
            f"内容不是 UTF-8 编码（第 {error.start} 字节起）{looks_zh}，请转为 UTF-8 后再发",
            f"the content is not UTF-8 (from byte {error.start}){looks_en}; convert it to UTF-8",
        ) from None


def _guess(raw: bytes) -> tuple[str, str]:
    if raw.startswith(_UTF16):
        return "，看来是 UTF-16", ", it looks like UTF-16"
    try:
        raw.decode("gb18030")
    except UnicodeDecodeError:
        return "", ""
    return "，看来是 GBK/GB18030", ", it looks like GBK/GB18030"


def _too_deep(max_depth: int) -> errors.JsonTooDeep:
    return errors.JsonTooDeep(f"JSON 嵌套超过 {max_depth} 层", f"the JSON is nested deeper than {max_depth} levels")


def _deeper(value: Any, depth: int) -> bool:
    """Whether a parsed value is nested deeper than `depth`; level by level, so that no depth can exhaust the stack."""
    level = [value]
    for _ in range(depth):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, Mapping) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return bool(level)


async def _read(request: Request, max_bytes: int) -> bytes:
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:20]) > max_bytes:
        raise too_large(max_bytes)
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > max_bytes:
            raise too_large(max_bytes)
        chunks.append(chunk)
    return b"".join(chunks)


def too_large(max_bytes: int) -> errors.TooLarge:
    """The fault of a body beyond its limit."""
    return errors.TooLarge(
        f"内容超过 {max_bytes} 字节的上限，大批量请用 /v1/complaints:bulk",
        f"the content exceeds {max_bytes} bytes; use /v1/complaints:bulk for many complaints",
    )
