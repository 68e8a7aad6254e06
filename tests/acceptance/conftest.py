"""The city in which the journeys take place: a running service with its worker, and a key for each role."""

import signal
import socket
import threading
from collections.abc import Callable, Iterator

import httpx
import pytest
from waiting import until

from service.access import keys
from service.context import Service

Client = Callable[..., httpx.Client]


@pytest.fixture
def city(service: Service) -> Iterator[Client]:
    """Gives clients by role and region, as other systems would use the service: over the wire, with its worker."""
    from service.app import create_app
    from service.http.server import Server

    service.warm()
    server = Server(create_app(service), service.settings)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        until(lambda: server.started)
        base = f"http://127.0.0.1:{listener.getsockname()[1]}"
        opened: list[httpx.Client] = []

        def client(role: str, region: str = "云州市") -> httpx.Client:
            scope = service.regions.resolve(region).path
            with service.sessions.begin() as session:
                shown = keys.create(session, service.home.keys.pepper, role=role, owner=f"{region}{role}", scope=scope)
            opened.append(httpx.Client(base_url=base, headers={"Authorization": f"Bearer {shown}"}, timeout=30))
            return opened[-1]

        yield client
        for each in opened:
            each.close()
        server.handle_exit(signal.SIGTERM, None)
        thread.join(30)
