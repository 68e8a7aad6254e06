"""Around every request: an id, one log line without any text, metrics, and the last resort for exceptions."""

import logging
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.http.metrics import Metrics
from service.http.problems import fault_of, respond
from service.http.request_id import begin_request

logger = logging.getLogger("service.access")

_HEADER = "X-Request-ID"


class Trace:
    """ASGI middleware; the outermost one of ours.

    The log line names the route's template and never the address: query strings hold what people searched for.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        identifier = begin_request(Headers(scope=scope).get(_HEADER))
        began = time.perf_counter()
        status = 0

        async def reply(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers[_HEADER] = identifier
                headers.setdefault("Cache-Control", "no-store")
                headers.setdefault("X-Content-Type-Options", "nosniff")
            await send(message)

        try:
            await self.app(scope, receive, reply)
        except Exception as error:
            fault = fault_of(error)
            if status:
                # The answer is under way: breaking it off is all that tells the client.
                raise _BrokenOff from None
            await respond(fault)(scope, receive, reply)
        finally:
            self._note(scope, status, time.perf_counter() - began)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = template(scope)
        self.metrics.answered(scope["method"], route, status, seconds)
        caller = scope.get("state", {}).get("caller")
        logger.info(
            "%s %s %s %.1fms key=%s", scope["method"], route, status, seconds * 1000, caller.key_id if caller else "-"
        )


class _BrokenOff(ConnectionError):  # noqa: N818 - what happened, not an error of the peer
    """A streamed answer failed halfway; its cause is in the log already."""


def template(scope: Scope) -> str:
    """The template of the route that answered, such as `/v1/complaints/{complaint_id}`."""
    route = scope.get("route")
    path = getattr(route, "path", None)
    return path if isinstance(path, str) and path else "-"
