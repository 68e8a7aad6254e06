"""What operators and their probes ask: alive, ready, how much and how fast."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Literal

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel, Field
from sqlalchemy import text

from service import store
from service.context import Service
from service.http.context import Running
from service.http.metrics import Metrics
from service.http.problems import log
from service.http.route import GuardedRoute, guarded, unguarded
from service.jobs.queue import Worker

router = APIRouter(route_class=GuardedRoute, tags=["运行"])

Part = Literal["database", "migrations", "jobs", "search", "model"]


class Alive(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Check(BaseModel):
    """One part that requests need."""

    name: Part
    ok: bool
    detail: str = Field(description="给人看的说明")


class Readiness(BaseModel):
    """Whether requests can be served, and which part is missing if not."""

    ready: bool
    checks: list[Check]


class Metricsheet(Response):
    """Prometheus' text format."""

    media_type = CONTENT_TYPE_LATEST


@router.get("/healthz", summary="存活", **unguarded())
async def healthz() -> Alive:
    """进程在应答即为存活；不查任何部件。"""
    return Alive()


@router.get(
    "/readyz",
    summary="就绪",
    **unguarded(responses={503: {"model": Readiness, "description": "尚有部件不可用，见 checks"}}),
)
def readyz(request: Request, running: Running, response: Response) -> Readiness:
    """逐项检查数据库、迁移、任务队列、检索与模型；全部可用才算就绪。"""
    worker: Worker | None = request.app.state.worker
    checks = [
        _check("database", lambda: _database(running)),
        _check("migrations", lambda: _migrations(running)),
        _check("jobs", lambda: _jobs(running, worker)),
        _check("search", lambda: None if running.search.ready() else "检索引擎未就绪"),
        _check("model", lambda: _model(running)),
    ]
    ready = all(check.ok for check in checks)
    response.status_code = 200 if ready else 503
    return Readiness(ready=ready, checks=checks)


@router.get("/metrics", summary="指标", response_class=Metricsheet, **guarded("metrics.read"))
def metrics(request: Request, running: Running) -> Response:
    """Prometheus 文本格式；标签只有路由模板与状态，没有来文内容。"""
    counted: Metrics = request.app.state.metrics
    counted.waiting(running.jobs.open_jobs())
    return Metricsheet(counted.text())


def _check(name: Part, ask: Callable[[], str | None]) -> Check:
    """Ask a part; it answers None when it is well, or what is wrong."""
    try:
        wrong = ask()
    except Exception as error:
        log(error, f"{name} is not ready")
        wrong = "不可用，原因见服务日志"
    return Check(name=name, ok=wrong is None, detail=wrong or "正常")


def _database(running: Service) -> None:
    with running.sessions() as session:
        session.execute(text("SELECT 1"))


def _migrations(running: Service) -> str | None:
    with running.engine.connect() as connection:
        held = MigrationContext.configure(connection).get_current_revision()
    return None if held == _newest() else "数据库结构与程序版本不符，请执行 yanpan db upgrade"


@cache
def _newest() -> str | None:
    return ScriptDirectory(str(Path(store.__file__).parent / "migrations")).get_current_head()


def _jobs(running: Service, worker: Worker | None) -> str | None:
    running.jobs.open_jobs()
    return None if worker is None or worker.alive else "本进程的任务线程已停止，请重启服务"


def _model(running: Service) -> None:
    assert running.pipeline
