"""`yanpan db` and `yanpan worker`: look after the database, and lend more processes to the jobs."""

import signal
import threading
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from data_contracts.region import read_regions
from service.context import open_service
from service.home import Home
from service.settings import settings
from service.store.engine import open_sessions
from service.store.regions import replace_tree
from service.store.rotation import rotate

console = Console()


def register(app: typer.Typer) -> None:
    """Add the group `db` and the command `worker`."""
    group = typer.Typer(help="数据库：升级、区划、换密钥", no_args_is_help=True)
    app.add_typer(group, name="db")
    group.command()(upgrade)
    group.command()(regions)
    group.command("rotate-key")(rotate_key)
    app.command()(worker)


def upgrade() -> None:
    """把数据库升级到本程序需要的结构。"""
    with Home(settings()):
        console.print("数据库结构已是最新。")


def regions(file: Annotated[Path, typer.Argument(help="CSV：code,name,parent,population，上级在前")]) -> None:
    """换用本市的区划树。"""
    try:
        tree = read_regions(file)
        with Home(settings()) as home, open_sessions(home.engine(pool_size=1)).begin() as session:
            replace_tree(session, tree)
    except (OSError, ValueError) as error:
        console.print(f"[red]{error}[/red]")
        raise typer.Exit(2) from None
    console.print(f"已载入 {tree.root.name} 的 {len(tree.regions)} 个区划。")


def rotate_key() -> None:
    """换一把原文加密密钥，并用它重新加密全部原文；可中断，再次执行即续上。"""
    with Home(settings()) as home, Progress(console=console) as progress:
        task = progress.add_task("重新加密", total=None)
        try:
            done = rotate(home, lambda done: progress.update(task, completed=done))
        except ValueError as error:
            console.print(f"[red]{error}[/red]")
            raise typer.Exit(2) from None
    console.print(f"已重新加密 {done} 份原文，旧密钥已移除。")


def worker(
    concurrency: Annotated[int, typer.Option(min=1, max=32, help="同时处理的任务数")] = 2,
) -> None:
    """另开一个处理任务的进程；Ctrl-C 停止。"""
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    with open_service(settings()) as service:
        service.search.prepare()
        running = service.jobs.worker(concurrency)
        running.start()
        console.print("任务进程已启动，Ctrl-C 停止。")
        stop.wait()
        running.stop()
