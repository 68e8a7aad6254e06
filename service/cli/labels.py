"""`yanpan labels`: hand the stored complaints to model trainers as labelled examples."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from data_contracts.analysis import Analysis
from data_contracts.example import LabelledExample
from data_contracts.taxonomy import HEADS
from service.access.scope import within
from service.home import Home
from service.http.regions import resolve
from service.settings import settings
from service.store.engine import open_sessions
from service.store.regions import read_tree
from service.store.tables.complaints import ComplaintRow

PAGE = 500


def register(app: typer.Typer) -> None:
    """Add the group `labels`."""
    group = typer.Typer(help="标注数据", no_args_is_help=True)
    app.add_typer(group, name="labels")

    @group.command()
    def export(
        output: Annotated[Path, typer.Option("--output", "-o", help="结果文件（JSONL，每行一个标注样本）")],
        region: Annotated[str | None, typer.Option(help="只导出该区划及其下级")] = None,
        everything: Annotated[bool, typer.Option("--all", help="连同模型没有把握的标签")] = False,
        reviewed: Annotated[bool, typer.Option("--reviewed", help="只导出有人读过的诉求，且只导出人定的标签")] = False,
    ) -> None:
        """导出已入库诉求的脱敏文本与标签；模型没有把握的标签留空，等人来标。"""
        console = Console(stderr=True)
        with Home(settings()) as home, open_sessions(home.engine(pool_size=1))() as session:
            scope = resolve(read_tree(session), region).path
            wanted = _wanted(scope, reviewed=reviewed)
            total = session.scalar(select(func.count()).select_from(ComplaintRow).where(wanted)) or 0
            with output.open("w", encoding="utf-8") as file:
                for row in track(_rows(session, wanted), "导出", total=total, console=console, transient=True):
                    file.write(example(row, everything=everything, reviewed=reviewed).model_dump_json() + "\n")
        console.print(f"已导出 {total} 条到 {output}")


def example(row: ComplaintRow, *, everything: bool, reviewed: bool = False) -> LabelledExample:
    """The masked text of a stored complaint with the labels that the model stands by, or with those of people only."""
    analysis = Analysis.model_validate(row.analysis)
    labels = {head: analysis.label(head) for head in HEADS}
    place, counterparty = analysis.first("place"), analysis.first("counterparty")
    return LabelledExample.model_validate(
        {
            "id": f"{row.source}:{row.external_id}",
            "channel": row.channel,
            "time": row.received_at.isoformat(),
            "region": row.region_code,
            "title": row.title,
            "text": row.text,
            **{
                head: found.label
                for head, found in labels.items()
                if found.corrected or not (reviewed or (found.abstain and not everything))
            },
            "factors": None if reviewed else [factor.label for factor in analysis.risk.factors],
            "place": place.span.text if place else None,
            "counterparty": counterparty.span.text if counterparty else None,
        }
    )


def _wanted(scope: str, *, reviewed: bool) -> ColumnElement[bool]:
    wanted = within(ComplaintRow.region_path, scope) & (ComplaintRow.status == "active")
    return wanted & ComplaintRow.reviewed_at.is_not(None) if reviewed else wanted


def _rows(session: Session, wanted: ColumnElement[bool]) -> Iterator[ComplaintRow]:
    rows = select(ComplaintRow).where(wanted).order_by(ComplaintRow.received_at, ComplaintRow.id)
    yield from session.scalars(rows.execution_options(yield_per=PAGE))
