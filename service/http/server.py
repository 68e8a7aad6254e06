"""The web server: uvicorn, told to end event streams at once when it is told to stop."""

import logging
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn
from fastapi import FastAPI

from service.http.sse import Watch
from service.settings import Settings

GRACE_SECONDS = 10
"""Requests under way get so long to end; streams end at once."""


class Server(uvicorn.Server):
    """uvicorn that tells the application of the end before it waits for the connections.

    Args:
        app: the application.
        settings: address and log level.
        started: called once the application has started.
    """

    def __init__(self, app: FastAPI, settings: Settings, started: Callable[[], None] = lambda: None) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                host=settings.host,
                port=settings.port,
                # Its access log holds query strings, and query strings what people searched for; ours does not.
                access_log=False,
                log_config=None,
                server_header=False,
                ws="none",
                timeout_graceful_shutdown=GRACE_SECONDS,
            )
        )
        self._watch: Watch = app.state.watch
        self._announce = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets)
        if self.started:
            self._announce()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop: streams first, they would keep the server waiting."""
        self._watch.stop()
        super().handle_exit(sig, frame)


def configure_logging(level: str) -> None:
    """Log to standard error, one line an entry; libraries only when something is wrong."""
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    for name in ("alembic", "procrastinate", "sentence_transformers", "transformers", "uvicorn.error"):
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))
