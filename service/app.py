"""Wires the application: routes, guards, error handling and documentation. Nothing else happens here."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi_offline import FastAPIOffline
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware

from service.access.keys import KeyCheck
from service.access.rate import RateLimit
from service.context import Service
from service.errors import Fault
from service.http import openapi, problems
from service.http.gate import Gate
from service.http.metrics import Metrics
from service.http.sse import Watch
from service.http.trace import Trace
from service.routers import (
    analyse,
    answers,
    audit,
    bulk,
    cases,
    complaints,
    feed,
    health,
    models,
    reference,
    review,
    search,
)

ROUTERS = (complaints, bulk, answers, analyse, search, cases, review, feed, models, reference, audit, health)


def create_app(service: Service) -> FastAPI:
    """The application on an open service; whoever opened the service closes it after the application ends."""
    settings = service.settings

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        watch: Watch = app.state.watch
        worker = service.jobs.worker(settings.worker_concurrency) if settings.worker_concurrency else None
        app.state.worker = worker
        if worker is not None:
            worker.start()
        try:
            async with watch:
                yield
        finally:
            if worker is not None:
                await run_in_threadpool(worker.stop)

    app: FastAPI = FastAPIOffline(
        title="研判 API",
        summary="城市诉求智能分析服务",
        description=openapi.DESCRIPTION,
        version=version("yanpan"),
        openapi_tags=openapi.TAGS,
        redoc_url=None,
        # Its default sends the document to a validator on the internet.
        swagger_ui_parameters={"validatorUrl": None, "persistAuthorization": True},
        lifespan=lifespan,
        redirect_slashes=False,
    )
    app.state.service = service
    app.state.worker = None
    app.state.open_actions = frozenset({"metrics.read"}) if settings.metrics_open else frozenset()
    app.state.metrics = metrics = Metrics()
    app.state.gate = Gate(
        KeyCheck(service.sessions, service.home.keys.pepper, seconds=settings.key_memory_seconds),
        RateLimit(settings.rate_per_minute),
    )
    app.state.watch = Watch(lambda: feed.end(service), seconds=settings.stream_poll_seconds)
    for module in ROUTERS:
        app.include_router(module.router)
    for kind in (Fault, HTTPException, RequestValidationError):
        app.add_exception_handler(kind, problems.handle)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST", "PUT", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID", "X-API-Key"],
            expose_headers=["ETag", "Location", "Retry-After", "X-Request-ID"],
        )
    app.add_middleware(Trace, metrics=metrics)
    openapi.install(app)
    return app
