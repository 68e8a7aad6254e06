"""`yanpan cases`: which lines of a file speak of the same event, by the code that the running service uses."""

from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from pydantic import ValidationError
from rich.console import Console
from rich.progress import track

from data_contracts.complaint import Complaint
from nlp.encoder import load_encoder
from nlp.indexing import index_fields
from nlp.pairs import PairItem, pair_item
from nlp.pipeline import Pipeline
from nlp.redact import redacted
from service.cases.assign import assign
from service.cases.memory import MemoryCases
from service.importing import readers
from service.importing.rows import RowFault, describe, for_analysis

BATCH = 256


def register(app: typer.Typer) -> None:
    """Add the command `cases`."""

    @app.command()
    def cases(
        source: Annotated[Path, typer.Argument(help="JSONL、CSV 或 XLSX 文件（可为 .gz），至少有 id 与 text")],
        output: Annotated[Path, typer.Option("--output", "-o", help="结果文件，每行 id 与 case_id，顺序与输入一致")],
    ) -> None:
        """把文件中说同一件事的诉求归为一个事件。"""
        console = Console(stderr=True)
        lines: list[dict[str, Any]] = []
        complaints: list[tuple[int, Complaint]] = []
        try:
            for number, row in readers.rows(source):
                identifier = row.get("id") if isinstance(row, dict) else None
                lines.append({"id": identifier, "case_id": None})
                try:
                    if isinstance(row, RowFault):
                        raise row
                    complaints.append((len(lines) - 1, for_analysis(row)))
                except (RowFault, ValidationError) as error:
                    lines[-1]["error"] = {"line": number, **describe(error)}
        except readers.FileFault as fault:
            console.print(f"[red]{fault}[/red]")
            raise typer.Exit(2) from None
        items = _items([complaint for _, complaint in complaints], console) if complaints else []
        found = group(items, console) if items else []
        for (place, _), case in zip(complaints, found, strict=True):
            lines[place]["case_id"] = str(lines[complaints[case][0]]["id"])
        output.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
        console.print(f"共 {len(lines)} 行，{len(set(found))} 个事件，已写入 {output}")


def group(items: list[PairItem], console: Console | None = None) -> list[int]:
    """The case of each item, as the place of the case's first complaint; decided in the order of arrival."""
    store = MemoryCases(items)
    order = sorted(items, key=lambda item: (item.received_at, item.key))
    for item in track(order, "归并", console=console, transient=True, disable=console is None):
        assign(store, item)
    return [store.case_of[place] for place in range(len(items))]


def _items(complaints: list[Complaint], console: Console) -> list[PairItem]:
    encoder = load_encoder(None)
    pipeline = Pipeline.load()
    items: list[PairItem] = []
    starts = range(0, len(complaints), BATCH)
    for start in track(starts, "研读", console=console, transient=True):
        batch = complaints[start : start + BATCH]
        analyses = [redacted(analysis) for analysis in pipeline.analyse(batch)]
        fields = index_fields(encoder, [(found.masked_title, found.masked_text) for found in analyses])
        for complaint, analysis, field in zip(batch, analyses, fields, strict=True):
            place, party = analysis.first("place"), analysis.first("counterparty")
            items.append(
                pair_item(
                    len(items),
                    title=analysis.masked_title,
                    text=analysis.masked_text,
                    fields=field,
                    received_at=complaint.received_at,
                    region_path="/",
                    domain=analysis.domain.label,
                    dispute_type=analysis.dispute_type.label,
                    reporter=complaint.reporter,
                    place=place.span.text if place else None,
                    party=party.span.text if party else None,
                )
            )
    return items
