"""`yanpan models` and `yanpan reanalyse`: which model reads, and reading anew with it."""

import getpass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from nlp.package import PackageError
from service.context import open_service
from service.home import Home
from service.reanalyse import reanalyse as read_anew
from service.registry import GUARDED, Figures, Registry, RegistryFault
from service.settings import settings

console = Console()
_ORIGINS = {"board": "留言", "channels": "热线、应用、信访、网格"}
_HEADINGS = ("领域", "性质", "纠纷", "阶段", "风险", "预警正确", "预警找到")
"""Of the guarded figures, in their order: accuracy, macro-F1 three times, kappa, two shares."""


def register(app: typer.Typer) -> None:
    """Add the group `models` and the command `reanalyse`."""
    group = typer.Typer(help="模型：列出、换用、退回", no_args_is_help=True)
    app.add_typer(group, name="models")
    group.command("list")(listed)
    group.command()(promote)
    group.command()(rollback)
    app.command()(reanalyse)


def listed() -> None:
    """列出可用的模型包、在用的是哪一个、受保护的指标。"""
    table = Table("名称", "版本", "在用", "样本", *_HEADINGS)
    for held in _registry().listed():
        for origin, figures in held.figures.items() or [("—", {})]:
            values = [f"{figures[name]:.3f}" if name in figures else "—" for name in GUARDED]
            told = _ORIGINS.get(origin, origin)
            table.add_row(held.name, held.version, "●" if held.active else "", told, *values)
    console.print(table)
    if settings().model is not None:
        console.print(f"[yellow]YANPAN_MODEL 指定了 {settings().model}，优先于此表。[/yellow]")


def promote(
    package: Annotated[Path, typer.Argument(help="模型包目录（yanpan train 所写）")],
    figures: Annotated[
        Path | None,
        typer.Option(help="两个模型在同一批样本上的指标（yanpan compare -o 所写）；缺省比较各自的交叉验证"),
    ] = None,
) -> None:
    """换用一个模型包；任何受保护的指标下降则拒绝。运行中的服务随即换用，无需重启。"""
    try:
        held = _registry().promote(package, _person(), _compared(figures) if figures else None)
    except (PackageError, RegistryFault) as error:
        console.print(f"[red]{error}[/red]")
        raise typer.Exit(2) from None
    console.print(f"已换用 {held.version}。已入库的诉求可用 yanpan reanalyse 重新研读。")


def rollback() -> None:
    """退回上一个在用的模型包。"""
    try:
        held = _registry().rollback(_person())
    except (PackageError, RegistryFault) as error:
        console.print(f"[red]{error}[/red]")
        raise typer.Exit(2) from None
    console.print(f"已退回 {held.version}。")


def reanalyse() -> None:
    """用在用的模型重新研读已入库的诉求；可中断续跑，人定的标签不变。"""
    with open_service(settings()) as service, Progress(console=console) as progress:
        task = progress.add_task("重新研读", total=None)
        done = read_anew(service, lambda done, total: progress.update(task, completed=done, total=total))
        version = service.pipeline.model.version
    console.print(f"已用 {version} 重新研读 {done} 件。")


def _registry() -> Registry:
    home = Home(settings())
    home.prepare()
    return Registry(home.directory / "models")


def _compared(path: Path) -> tuple[Figures, Figures]:
    import json

    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        return raw["now"], raw["then"]
    except (OSError, json.JSONDecodeError, KeyError, TypeError) as error:
        raise RegistryFault(f"指标文件无法读取：{error} / the figures cannot be read") from None


def _person() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
