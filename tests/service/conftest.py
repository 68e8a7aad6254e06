"""What the tests of the API share: an application on a real service, and keys for whoever calls it."""

import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from service.access import keys
from service.context import Service
from service.http.server import Server

Headers = dict[str, str]
KeyFor = Callable[..., Headers]


@pytest.fixture
def key_for(service: Service) -> KeyFor:
    """Makes a key and gives the headers that carry it: `key_for("hotline", "望湖区")`."""

    def make(role: str = "admin", region: str = "云州市", **more: Any) -> Headers:
        scope = service.regions.resolve(region).path
        with service.sessions.begin() as session:
            shown = keys.create(
                session, service.home.keys.pepper, role=role, owner=f"{region}{role}", scope=scope, **more
            )
        return {"Authorization": f"Bearer {shown}"}

    return make


@pytest.fixture
def app(service: Service) -> FastAPI:
    """The application; no worker runs, a test carries the jobs out by `service.jobs.drain()`."""
    from service.app import create_app

    service.settings = service.settings.model_copy(update={"worker_concurrency": 0, "key_memory_seconds": 0})
    return create_app(service)


@pytest.fixture
def http(app: FastAPI) -> Iterator[TestClient]:
    """A client of the application, without a key."""
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def live(app: FastAPI, service: Service) -> Iterator[str]:
    """The application behind a real server in a thread; gives its address."""
    service.warm()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = Server(app, service.settings)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        deadline = time.monotonic() + 30
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.02)
        assert server.started
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.handle_exit(signal.SIGTERM, None)
        thread.join(20)
        assert not thread.is_alive()
