"""`yanpan analyse`: read a file of texts without a store or a running service, one line out for each line in."""

import gzip
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import orjson
import typer
from pydantic import ValidationError
from rich.console import Console
from rich.progress import track

from data_contracts.analysis import Analysis, ElementName
from data_contracts.complaint import Complaint
from data_contracts.taxonomy import HEADS
from nlp.package import READER
from nlp.parallel import Workers
from nlp.pipeline import Pipeline, model_directory
from service.home import Home
from service.importing.rows import RowFault, describe, for_analysis
from service.registry import model_in_use
from service.settings import settings

BATCH = 128
"""Lines read at once by one process."""
ONE_PROCESS_BELOW = {"fast": 1_500, "slow": 200}
"""Below this many lines a second process costs more to start than it saves; slow is a model with a transformer."""
BATCH_MODEL = "accurate"
"""Nobody waits for a single line of a file, so the better model reads it; the service answers with the faster one."""
_STATED: tuple[ElementName, ...] = ("place", "counterparty", "amount", "people")


def register(app: typer.Typer) -> None:
    """Add the command `analyse`."""

    @app.command()
    def analyse(
        source: Annotated[Path, typer.Argument(help="JSONL 文件（可为 .gz），每行至少有 id 与 text")],
        output: Annotated[Path, typer.Option("--output", "-o", help="结果文件，每行一条，顺序与输入一致")],
        scores: Annotated[bool, typer.Option("--scores", help="附上各类别的概率")] = False,
        model: Annotated[
            str | None,
            typer.Option(help="accurate（准）、fast（快）或模型包目录，缺省用在用的模型；未换用过则用 accurate"),
        ] = None,
        encoder: Annotated[str | None, typer.Option(help="向量模型目录，缺省用设置所指或内置模型")] = None,
        processes: Annotated[int, typer.Option(min=0, help="进程数，0 表示自动")] = 0,
    ) -> None:
        """研读文件中的诉求：领域、性质、纠纷类型、阶段、风险、要素与脱敏文本。"""
        console = Console(stderr=True)
        if not source.is_file():
            console.print(f"[red]找不到文件：{source}[/red]")
            raise typer.Exit(2)
        with _opened(source) as file:
            lines = sum(1 for _ in file)
        held = settings()
        active = model or model_in_use(held, Home(held), otherwise=BATCH_MODEL)
        workers = Workers(processes or _suitable(lines, model_directory(active)), active, encoder or held.encoder)
        faulty = 0
        with _opened(source) as file, output.open("wb") as out:
            done = workers.map(partial(_read_lines, with_scores=scores), _batches(file))
            for written, faults in track(done, "研读", total=-(-lines // BATCH), console=console, transient=True):
                out.write(written)
                faulty += faults
        console.print(f"共 {lines} 行，已写入 {output}" + (f"；其中 {faulty} 行有误，见该行 error" if faulty else ""))


def _suitable(lines: int, model: Path) -> int:
    kind = "slow" if (model / READER).is_dir() else "fast"
    return 1 if lines < ONE_PROCESS_BELOW[kind] else max(1, len(os.sched_getaffinity(0)))


def _opened(path: Path) -> BinaryIO:
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")  # type: ignore[return-value]


def _batches(file: BinaryIO) -> Iterator[list[tuple[int, bytes]]]:
    batch: list[tuple[int, bytes]] = []
    for number, line in enumerate(file, start=1):
        batch.append((number, line))
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _read_lines(pipeline: Pipeline, lines: list[tuple[int, bytes]], *, with_scores: bool) -> tuple[bytes, int]:
    """Analyse raw lines; returns the output lines and how many of them hold an error."""
    rows: list[dict[str, Any]] = []
    complaints: list[Complaint] = []
    places: list[int] = []
    for number, line in lines:
        row: dict[str, Any] = {"id": None}
        try:
            parsed = orjson.loads(line)
            row["id"] = parsed.get("id") if isinstance(parsed, dict) else None
            complaints.append(for_analysis(parsed))
            places.append(len(rows))
        except (orjson.JSONDecodeError, RowFault, ValidationError) as error:
            row["error"] = {"line": number, **describe(error)}
        rows.append(row)
    for place, complaint, analysis in zip(places, complaints, pipeline.analyse(complaints), strict=True):
        rows[place].update(summary(complaint, analysis, with_scores=with_scores))
    return b"".join(orjson.dumps(row) + b"\n" for row in rows), len(rows) - len(complaints)


def summary(complaint: Complaint, analysis: Analysis, *, with_scores: bool) -> dict[str, Any]:
    """The flat result of one text: labels, score, factors, stated elements, masked text.

    `place` and `counterparty` are verbatim from the text as given; `amount` (yuan) and `people` are numbers.
    """
    row: dict[str, Any] = {head: analysis.label(head).label for head in HEADS}
    row["risk_score"] = round(analysis.risk.score, 1)
    row["factors"] = [factor.label for factor in analysis.risk.factors]
    row["elements"] = {name: _stated(analysis, name) for name in _STATED}
    row["masked_text"] = analysis.masked_text
    if with_scores:
        row["scores"] = {head: analysis.label(head).scores for head in HEADS}
    return row


def _stated(analysis: Analysis, name: ElementName) -> str | float | int | None:
    element = analysis.first(name)
    if element is None:
        return None
    if name in ("place", "counterparty"):
        return element.span.text
    value = element.value
    return int(value) if isinstance(value, float) and value.is_integer() else value
