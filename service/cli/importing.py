"""`yanpan import`: bring a file of complaints in, with everything that follows from them."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from service.access.principal import Principal
from service.context import open_service
from service.errors import Fault
from service.home import user_pseudonym
from service.http.regions import resolve
from service.importing import readers
from service.importing.rows import FIELDS, Mapped
from service.importing.run import Import, Tally
from service.settings import settings


def register(app: typer.Typer) -> None:
    """Add the command `import`."""

    @app.command("import")
    def bring_in(
        file: Annotated[Path, typer.Argument(help="JSONL、CSV 或 XLSX 文件，均可为 .gz")],
        source: Annotated[str, typer.Option(help="来源系统的名称，与 id 一起决定是否同一件")] = "import",
        region: Annotated[str | None, typer.Option(help="未注明区划的行归入此区划")] = None,
        channel: Annotated[str | None, typer.Option(help="未注明渠道的行用此渠道")] = None,
        mapping: Annotated[
            list[str] | None, typer.Option("--map", help="列名对应，如 --map text=内容 --map time=受理时间；可重复")
        ] = None,
        rejects: Annotated[Path | None, typer.Option(help="拒收清单，缺省为 文件名.rejects.jsonl")] = None,
        processes: Annotated[int, typer.Option(min=0, help="研读用的进程数，0 表示按设置")] = 0,
    ) -> None:
        """导入文件中的诉求与答复：研读、入库、建索引、归入事件。可随时中断，再次执行即续上。"""
        console = Console()
        refused = rejects or file.with_name(f"{file.name}.rejects.jsonl")
        try:
            total = readers.count(file)
            columns = _columns(mapping or [])
            with _told_to_end(), open_service(settings()) as service:
                root = service.regions.root
                if region is not None:
                    resolve(service.regions, region)
                key = service.home.keys.pseudonym
                rows = Mapped(columns, source, channel, region, lambda user: user_pseudonym(key, user))
                principal = Principal(key_id="cli", owner="命令行", role="admin", scope=root.path)
                with _progress(console) as progress:
                    task = progress.add_task("导入", total=total)
                    importing = Import(service, file, rows, principal, refused)
                    tally = importing.run(
                        processes or service.settings.import_processes,
                        lambda line: progress.update(task, completed=line),
                    )
        except (readers.FileFault, Fault) as fault:
            console.print(f"[red]{fault.zh if isinstance(fault, Fault) else fault}[/red]")
            raise typer.Exit(2) from None
        except KeyboardInterrupt:
            console.print("已中断；再次执行同一命令即从断点续上。")
            raise typer.Exit(130) from None
        console.print(_told(tally, refused))
        if importing.stuck:
            console.print(f"[red]{importing.stuck} 个后续任务反复失败，服务运行时会继续重试；原因见日志[/red]")
            raise typer.Exit(1)


@contextmanager
def _told_to_end() -> Iterator[None]:
    """Take SIGTERM as Ctrl-C, so that the database is left in order whoever ends the program."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _columns(mapping: list[str]) -> dict[str, str]:
    columns = {}
    for pair in mapping:
        name, equals, column = pair.partition("=")
        if not equals or name not in FIELDS:
            raise typer.BadParameter(f"应为 字段=列名，字段为 {'、'.join(FIELDS)} 之一：{pair}", param_hint="--map")
        columns[name] = column
    return columns


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(),
        console=console,
    )  # fmt: skip


def _told(tally: Tally, refused: Path) -> str:
    said = f"新入库 {tally.created} 件，已有 {tally.unchanged} 件，答复 {tally.answers} 条"
    if tally.rejected:
        return f"{said}；[yellow]拒收 {tally.rejected} 行，原因见 {refused}[/yellow]"
    return f"{said}；全部完成。"
