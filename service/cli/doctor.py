"""`yanpan doctor`: look at every part that the service stands on, and say what to do where one is not well."""

import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Literal

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine, text

from nlp.encoder import load_encoder
from nlp.package import ModelPackage
from nlp.pipeline import Pipeline
from service.home import Home
from service.registry import model_in_use
from service.settings import Settings, settings

State = Literal["好", "注意", "不通"]
DISK_FREE_MIN = 2 << 30
"""Below this many free bytes the database is at risk."""
_STYLE: dict[State, str] = {"好": "green", "注意": "yellow", "不通": "red"}


@dataclass(frozen=True)
class Finding:
    """What was found of one part; `remedy` says what to do when it is not well."""

    part: str
    state: State
    said: str
    remedy: str = ""


def register(app: typer.Typer) -> None:
    """Add the command `doctor`."""

    @app.command()
    def doctor() -> None:
        """检查各个部件：目录、密钥、数据库、任务队列、模型；不正常的说明怎么办。"""
        findings = list(examine(settings()))
        table = Table("部件", "状态", "情况", "怎么办", show_lines=False)
        for found in findings:
            table.add_row(found.part, f"[{_STYLE[found.state]}]{found.state}[/]", found.said, found.remedy)
        Console().print(table)
        raise typer.Exit(1 if any(found.state == "不通" for found in findings) else 0)


def examine(of: Settings) -> Iterator[Finding]:
    """Check every part in the order in which they need each other."""
    yield _python()
    yield from _guarded("模型", lambda: _model(of), "重新安装，或用 YANPAN_MODEL 指向完好的模型包")
    home = Home(of)
    yield from _guarded("目录与密钥", lambda: _keys(home), "检查 YANPAN_HOME 的属主与权限")
    yield _disk(home)
    with ExitStack() as stack:
        opened: list[Home] = []

        def start() -> Finding:
            opened.append(stack.enter_context(home))
            return Finding("数据库启动", "好", "内嵌 PostgreSQL" if home.embedded else "外部 PostgreSQL")

        yield from _guarded("数据库启动", start, "内嵌：看目录 postgres/server.log；外部：核对 YANPAN_DATABASE_URL")
        if opened:
            engine = home.engine(pool_size=1)
            stack.callback(engine.dispose)
            yield from _guarded("数据库", lambda: _database(engine), "执行 yanpan db upgrade")
            yield from _guarded("任务队列", lambda: _jobs(engine), "启动 yanpan serve 或 yanpan worker")


def _guarded(part: str, check: Callable[[], Finding], remedy: str) -> Iterator[Finding]:
    try:
        yield check()
    except Exception as error:  # whatever breaks is what the doctor is here to tell
        yield Finding(part, "不通", f"{type(error).__name__}：{error}", remedy)


def _python() -> Finding:
    said = sys.version.split()[0]
    if sys.version_info[:2] == (3, 11):
        return Finding("Python", "好", said)
    return Finding("Python", "注意", said, "请用 Python 3.11")


def _model(of: Settings) -> Finding:
    package = ModelPackage.load(model_in_use(of, Home(of)))
    encoder = load_encoder(of.encoder)
    Pipeline(encoder=encoder, model=package)
    return Finding("模型", "好", f"{package.version}；向量 {encoder.name}，{encoder.dimensions} 维")


def _keys(home: Home) -> Finding:
    home.prepare()
    loose = [
        path.name
        for path in sorted((home.directory / "keys").iterdir())
        if stat.S_IMODE(path.stat().st_mode) & (stat.S_IRWXG | stat.S_IRWXO)
    ]
    if loose:
        return Finding("目录与密钥", "不通", f"他人可读：{'、'.join(loose)}", "chmod 600 这些文件")
    return Finding("目录与密钥", "好", str(home.directory))


def _disk(home: Home) -> Finding:
    free = shutil.disk_usage(home.directory if home.directory.exists() else home.directory.parent).free
    said = f"可用 {free / (1 << 30):.1f} GiB"
    if free < DISK_FREE_MIN:
        return Finding("磁盘", "注意", said, f"至少留出 {DISK_FREE_MIN >> 30} GiB")
    return Finding("磁盘", "好", said)


def _database(engine: Engine) -> Finding:
    with engine.connect() as connection:
        server = connection.scalar(text("SHOW server_version"))
        vector = connection.scalar(text("SELECT extversion FROM pg_extension WHERE extname = 'vector'"))
        complaints = connection.scalar(text("SELECT count(*) FROM complaint"))
        regions = connection.scalar(text("SELECT count(*) FROM region"))
    return Finding("数据库", "好", f"PostgreSQL {server}，pgvector {vector}；诉求 {complaints} 件，区划 {regions} 个")


def _jobs(engine: Engine) -> Finding:
    with engine.connect() as connection:
        counts: dict[str, int] = dict(
            connection.execute(text("SELECT status::text, count(*) FROM procrastinate_jobs GROUP BY 1")).tuples().all()
        )
    waiting, failed = counts.get("todo", 0), counts.get("failed", 0)
    said = f"待办 {waiting}，失败 {failed}"
    if failed:
        return Finding("任务队列", "注意", said, "看服务日志中的失败原因；失败的任务会在下次导入或重启后重试")
    return Finding("任务队列", "好", said)
