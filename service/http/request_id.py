"""The id of the request that is being answered, so that a caller's report finds the log line."""

import re
from contextvars import ContextVar
from uuid import uuid4

_GIVEN = re.compile(r"[A-Za-z0-9._-]{1,64}")
_current: ContextVar[str | None] = ContextVar("request_id", default=None)


def begin_request(given: str | None) -> str:
    """Take over a caller's request id if it is harmless in a log, or make one."""
    identifier = given if given and _GIVEN.fullmatch(given) else uuid4().hex
    _current.set(identifier)
    return identifier


def request_id() -> str | None:
    """The id of the request that is being answered; None outside of one."""
    return _current.get()
