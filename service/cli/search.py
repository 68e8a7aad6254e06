"""`yanpan search` and `yanpan index`: look for complaints from the command line, and look after what finds them."""

from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from data_contracts.search import SearchQuery
from data_contracts.times import LOCAL
from service.context import open_service
from service.errors import Fault
from service.search.rebuild import rebuild, status
from service.settings import settings

SNIPPET = 46


def register(app: typer.Typer) -> None:
    """Add the command `search` and the group `index`."""
    group = typer.Typer(help="检索索引：核对、重建", no_args_is_help=True)
    app.add_typer(group, name="index")
    group.command("status")(index_status)
    group.command("rebuild")(index_rebuild)

    @app.command()
    def search(
        q: Annotated[str, typer.Argument(help="检索词；“…”内为原词，-词 为排除")],
        region: Annotated[str | None, typer.Option(help="区划的代码或名称，含其下级")] = None,
        level: Annotated[list[str] | None, typer.Option(help="风险等级，可重复：蓝 黄 橙 红")] = None,
        limit: Annotated[int, typer.Option(min=1, max=100, help="条数")] = 10,
    ) -> None:
        """检索已入库的诉求。"""
        console = Console()
        try:
            query = SearchQuery(q=q, region=region, risk_level=level or [], limit=limit)
            with open_service(settings()) as service:
                page = service.search.search(query, service.regions.root.path)
        except Fault as fault:
            console.print(f"[red]{fault.zh}[/red]")
            raise typer.Exit(2) from None
        table = Table(
            "时间", "区划", "纠纷类型", "阶段", "风险", "内容", title=f"“{q}”：{page.total} 件", title_justify="left"
        )
        for hit in page.hits:
            said = f"{hit.title}：{hit.snippet}" if hit.title else hit.snippet
            table.add_row(
                hit.received_at.astimezone(LOCAL).strftime("%Y-%m-%d %H:%M"),
                hit.region_name,
                hit.dispute_type,
                hit.stage,
                f"{hit.risk_level} {hit.risk_score:.0f}",
                said.replace("\n", " ")[:SNIPPET],
            )
        console.print(table)


def index_status() -> None:
    """核对索引与诉求库：缺多少、旧多少、多多少。"""
    with open_service(settings()) as service, service.sessions() as session:
        found = status(session)
        running = service.encoder.name
    console = Console()
    console.print(
        f"诉求 {found.complaints} 件，索引 {found.documents} 件；缺 {found.missing}，旧 {found.stale}，多余 {found.extra}"
    )
    if found.encoder not in (None, running):
        console.print(f"[yellow]索引的向量来自 {found.encoder}，当前模型是 {running}。[/yellow]")
    if not found.sound or found.encoder not in (None, running):
        console.print("请运行 yanpan index rebuild")
        raise typer.Exit(1)


def index_rebuild(
    everything: Annotated[bool, typer.Option("--all", help="全部重做，而不只是缺的和旧的")] = False,
) -> None:
    """使索引与诉求库一致；可中断，再次执行即续上。"""
    console = Console()
    with open_service(settings()) as service, Progress(console=console) as progress:
        task = progress.add_task("重建索引", total=None)
        done = rebuild(
            service.sessions,
            service.search,
            service.encoder,
            everything=everything,
            progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
    console.print(f"已重建 {done} 件。")
