"""`yanpan serve`: start the service, and show how to talk to it."""

import logging
import shlex
import signal
import socket
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.status import Status
from rich.table import Table

from data_contracts.taxonomy import taxonomy
from service.access import sample_keys
from service.app import create_app
from service.context import Service, open_service
from service.http.server import Server, configure_logging
from service.sample import load
from service.settings import Settings, settings

logger = logging.getLogger(__name__)
console = Console()
SWITCH_SECONDS = 0.0005
"""So soon a job in the background lets a request go on, which else waits ten times as long after each of its queries."""


def register(app: typer.Typer) -> None:
    """Add the command `serve`."""
    app.command()(serve)


def serve(
    host: Annotated[str | None, typer.Option(help="监听地址，默认 YANPAN_HOST 或 127.0.0.1")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="端口，默认 YANPAN_PORT 或 8000")] = None,
    sample: Annotated[bool, typer.Option("--sample", help="首次启动时载入虚构的云州市样例")] = False,
) -> None:
    """启动服务；Ctrl-C 停止它启动的一切，数据留存。"""
    given = {"host": host, "port": port}
    of = settings().model_copy(update={name: value for name, value in given.items() if value is not None})
    configure_logging(of.log_level)
    # uvicorn hands the signal on when it is done; the embedded database must then still be left in order.
    signal.signal(signal.SIGTERM, _leave)
    try:
        with _listen(of) as listener, console.status("正在启动…") as status, open_service(of) as service:
            service.warm()
            sys.setswitchinterval(SWITCH_SECONDS)
            if sample and not sample_keys.read(service.home.directory):
                status.stop()
                _load_sample(service)
                status.start()
            server = Server(create_app(service), of, started=lambda: _announce(status, of, service))
            server.run(sockets=[listener])
    except KeyboardInterrupt:
        console.print("已停止。")


def _load_sample(service: Service) -> None:
    """Load the sample city, with a progress bar; it happens once in a home's life."""
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("载入云州市样例", total=load.size())
        tally = load.load(service, lambda line: progress.update(task, completed=line))
    console.print(f"已载入云州市样例：{tally.created} 件诉求，{tally.answers} 条答复。")


def show(of: Settings, service: Service) -> None:
    """Print the addresses, the sample city's keys and three calls."""
    host = "127.0.0.1" if of.host in {"0.0.0.0", "::"} else of.host  # noqa: S104 - what is shown, not what is bound
    base = f"http://[{host}]:{of.port}" if ":" in host else f"http://{host}:{of.port}"
    table = Table.grid(padding=(0, 2))
    for name, where in (("接口文档", "/docs"), ("接口", "/v1"), ("就绪", "/readyz"), ("指标", "/metrics")):
        table.add_row(name, base + where)
    console.print("[bold green]研判服务已启动[/bold green]")
    console.print(table)
    held = sample_keys.read(service.home.directory)
    if held:
        _show_keys(held, service)
    else:
        console.print("还没有样例密钥，用 [bold]yanpan key create[/bold] 新建。")
    console.print("\n[bold]试一试[/bold]")
    for title, command in calls(base, held):
        console.print(f"[dim]# {title}[/dim]")
        console.print(command, markup=False, highlight=False, soft_wrap=True)
    console.print("\nCtrl-C 停止，数据留存。")


def calls(base: str, keys: dict[str, str]) -> list[tuple[str, str]]:
    """Three example calls, with the sample city's keys where there are any."""

    def call(role: str, path: str, *more: str) -> str:
        key = keys.get(role, f"<{taxonomy('role').label(role)}的密钥>")
        return shlex.join(["curl", "-s", "-H", f"Authorization: Bearer {key}", *more, base + path])

    complaint = '{"channel":"app","region":"望湖区","text":"柳堤街道工地拖欠我们三十多名工人四个月工资，共六十万元。"}'
    return [
        (
            "热线平台：提交一件诉求",
            call("hotline", "/v1/complaints", "-H", "Content-Type: application/json", "-d", complaint),
        ),
        ("分析员：检索", call("analyst", "/v1/search", "-G", "--data-urlencode", "q=拖欠工资", "-d", "limit=3")),
        ("研判中心：读取情报流", call("centre", "/v1/feed?after=0&limit=5")),
    ]


def _show_keys(held: dict[str, str], service: Service) -> None:
    where = sample_keys.path_in(service.home.directory)
    table = Table("角色", "样例密钥", title=f"全文见 {where}", title_justify="left")
    for role, shown in held.items():
        table.add_row(taxonomy("role").label(role), shown)
    console.print(table)


def _listen(of: Settings) -> socket.socket:
    """Take the port before anything is started, so that a port in use is told at once."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(of.host, of.port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        console.print(f"[red]无法监听 {of.host}:{of.port}：{error.strerror}[/red]")
        console.print("可换一个端口：YANPAN_PORT=8001，或 --port 8001")
        raise typer.Exit(1) from None
    return listener


def _leave(_signal: int, _frame: object) -> None:
    raise SystemExit(0)


def _announce(status: Status, of: Settings, service: Service) -> None:
    status.stop()
    show(of, service)
