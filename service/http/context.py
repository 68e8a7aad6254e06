"""What routes ask for: who asks them, and the parts of this process."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from service.access.principal import Principal
from service.context import Service


def _caller(request: Request) -> Principal:
    caller: Principal = request.state.caller
    return caller


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


Caller = Annotated[Principal, Depends(_caller)]
"""The holder of the request's key; the route's guard has let it in."""

Running = Annotated[Service, Depends(_service)]
"""The parts of this process."""
