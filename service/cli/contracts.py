"""`yanpan contracts`: hand the contracts to other systems as JSON Schemas."""

from pathlib import Path
from typing import Annotated

import typer
from rich import print as show

from data_contracts import schema


def register(app: typer.Typer) -> None:
    """Add the group `contracts`."""
    group = typer.Typer(help="数据契约", no_args_is_help=True)
    app.add_typer(group, name="contracts")

    @group.command()
    def export(directory: Annotated[Path, typer.Argument(help="写入的目录")]) -> None:
        """导出全部数据契约的 JSON Schema。"""
        for path in schema.export(directory):
            show(f"已写入 [bold]{path}[/bold]")
