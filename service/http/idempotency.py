"""Idempotency-Key: a request sent again under the same key gets the first one's answer and changes nothing."""

import hashlib
from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import Header
from starlette.requests import Request
from starlette.responses import Response

from service.access.principal import Principal
from service.context import Service
from service.store import idempotency
from service.store.crypto import keyed_digest

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=128,
        pattern=r"^[\x21-\x7e]+$",
        description="自选的唯一键；24 小时内同键同内容的请求只执行一次，重发得到首次的答复",
        examples=["9b1f6c1e-3b0e-4f7a-8a5e-6c0f2d1b7a90"],
    ),
]


def once(
    service: Service,
    caller: Principal,
    key: str | None,
    request: Request,
    act: Callable[[], tuple[Response, UUID | None]],
) -> Response:
    """Answer a request, or give the answer that its key got before.

    Args:
        service: the running service.
        caller: keys belong to one principal each.
        key: the Idempotency-Key; without one the request is simply answered.
        request: method, address and body tell one request from another.
        act: carries the request out; gives the answer and the complaint that it is about.

    Raises:
        IdempotencyConflict: the key was used for another request.
        Conflict: the first request with the key is still under way.
    """
    if key is None:
        return act()[0]
    digest = _digest(service, request)
    with service.sessions.begin() as session:
        before = idempotency.begin(session, caller.key_id, key, digest)
    if before is not None:
        return _again(before.status, before.response)
    try:
        response, subject = act()
    except BaseException:
        with service.sessions.begin() as session:
            idempotency.release(session, caller.key_id, key)
        raise
    kept = {"body": orjson.loads(response.body), "headers": _kept_headers(response)}
    with service.sessions.begin() as session:
        idempotency.finish(session, caller.key_id, key, response.status_code, kept, subject)
    return response


def external_id(caller: Principal, key: str) -> str:
    """The id of a complaint that came with a key and without an id of its own.

    It follows from the key: a crash between the commit and the memory of the answer must not let a second one in.
    """
    return "ik-" + hashlib.sha256(f"{caller.key_id}\n{key}".encode()).hexdigest()[:40]


def _digest(service: Service, request: Request) -> bytes:
    # The guard has read the body; `_body` is the request's own cache of it.
    body: bytes = getattr(request, "_body", b"")
    told = f"{request.method} {request.url.path}\n".encode() + body
    return keyed_digest(service.home.keys.digest, told)


def _kept_headers(response: Response) -> dict[str, str]:
    return {name: response.headers[name] for name in ("Location", "ETag") if name in response.headers}


def _again(status: int, kept: dict[str, Any]) -> Response:
    headers = {**kept.get("headers", {}), "Idempotency-Replayed": "true"}
    return Response(orjson.dumps(kept["body"]), status, headers, "application/json")
