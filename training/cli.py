"""`yanpan train`, `evaluate` and `distil`: make and measure what the service reads with."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast, get_args

import numpy as np
import typer
import yaml
from numpy.typing import NDArray
from pydantic import ValidationError
from rich.console import Console
from rich.status import Status
from rich.table import Table

from data_contracts.example import LabelledExample
from data_contracts.taxonomy import HEADS, TaxonomyName, taxonomy
from nlp.encoder import Encoder, load_encoder
from nlp.package import Floats, ModelPackage, PackageError
from nlp.pipeline import model_directory
from nlp.prepare import prepare
from training import encoder as making
from training import exchange, figures
from training.card import NAME, card
from training.datasets import DataError, Sourced, complaint_of, held_out_ids, labelled_examples, read_examples
from training.distil import DistilConfig
from training.evaluated import Evaluated, differences
from training.fit import FitConfig, fit

if TYPE_CHECKING:
    from nlp.reader import Reader

console = Console()
CONFIGS = Path(__file__).parent / "configs"


def register(app: typer.Typer) -> None:
    """Add the commands that train and measure."""
    app.command()(train)
    app.command()(evaluate)
    app.command()(compare)
    app.command()(distil)
    group = typer.Typer(help="标注样本：转换、统计", no_args_is_help=True)
    app.add_typer(group, name="dataset")
    group.command()(convert)
    group.command()(stats)


def train(
    shared: Annotated[Path, typer.Option(help="标注数据目录（含 data/）")],
    output: Annotated[Path, typer.Option("--output", "-o", help="模型包目录")],
    family: Annotated[
        str, typer.Option(help="模型族：linear（字词线性）、static（向量线性）、transformer（微调预训练模型）")
    ] = "linear",
    config: Annotated[Path | None, typer.Option(help="训练设置（YAML），缺省用该族自带的")] = None,
    encoder: Annotated[str | None, typer.Option(help="向量模型目录，缺省用内置模型")] = None,
    version: Annotated[str | None, typer.Option(help="模型包的版本名，缺省为“族-1”")] = None,
    labels: Annotated[
        list[Path] | None,
        typer.Option(help="另加的标注样本（JSONL），如 yanpan labels export --reviewed 所得；可多次给出"),
    ] = None,
    work: Annotated[
        Path | None, typer.Option(help="transformer 的暂存目录；训练中断后，以同样的设置重来即从断处继续")
    ] = None,
    reader: Annotated[
        str | None,
        typer.Option(
            help="不再微调，沿用一个 transformer 模型包（目录或 accurate）的预训练模型，只重训线性部分，几分钟即成"
        ),
    ] = None,
    tracked: Annotated[
        bool,
        typer.Option(
            "--track/--no-track", help="用 MLflow 记录：缺省记在模型包旁的 mlruns，设 MLFLOW_TRACKING_URI 则记到服务器"
        ),
    ] = True,
) -> None:
    """训练一个模型包：分层交叉验证、两级线性模型、校准与阈值。"""
    try:
        settings = _settings(family, config)
        rows = labelled_examples(shared)
        held_out = held_out_ids(shared)
        rows += [Sourced(item, "file") for path in labels or () for item in read_examples(path, held_out)]
        tuned = _reader_of(reader, settings) if reader else None
    except (OSError, ValidationError, DataError, PackageError) as error:
        raise _said(error) from None
    with console.status("训练") as status:
        try:
            name = version or f"{family}-1"
            package = fit(rows, load_encoder(encoder), settings, name, _teller(status), shared, work, tuned)
        except OSError as error:
            raise _said(error) from None
    package.save(output)
    (output / NAME).write_text(card(package.config), encoding="utf-8")
    _print(package.config["cross_validated"])
    console.print(f"已写入 {output}")
    if tracked:
        from training.track import STORE, NotTracked, track

        try:
            console.print(f"已记录到 MLflow：{track(package.config, output, output.absolute().parent / STORE)}")
        except NotTracked as error:
            console.print(f"[yellow]{error}[/yellow]")


def evaluate(
    model: Annotated[Path, typer.Argument(help="模型包目录；内置模型写 accurate 或 fast")],
    labelled: Annotated[Path, typer.Argument(help="标注样本（JSONL，可为 .gz）")],
    shared: Annotated[Path | None, typer.Option(help="共享数据目录；给出时剔除其中的留出编号")] = None,
    encoder: Annotated[str | None, typer.Option(help="向量模型目录，缺省用内置模型")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="输出 JSON")] = False,
    report: Annotated[Path | None, typer.Option(help="另写一份带图的评估报告（HTML，可离线打开）")] = None,
) -> None:
    """在标注样本上评估模型包：准确率、宏平均 F1、二次加权 kappa、预警、校准误差。"""
    try:
        package = ModelPackage.load(model_directory(model))
        examples = read_examples(labelled, held_out_ids(shared) if shared else frozenset())
    except (PackageError, DataError) as error:
        raise _said(error) from None
    reader = load_encoder(encoder)
    try:
        evaluated = _evaluated(package, reader, examples)
    except PackageError as error:
        raise _said(error) from None
    if not evaluated.truth:
        raise _said(DataError("样本中没有一个标签是齐全的 / no label is given on every example"))
    measured = {labelled.name: figures.measured(evaluated.scores, evaluated.truth, package.config)}
    if report is not None:
        from training import disturb
        from training.report import write

        with console.status("改动文本后再读"):
            disturbed = {
                name: _evaluated(package, reader, [_changed(example, way) for example in examples])
                for name, way in disturb.WAYS.items()
            }
        write(report, f"模型评估：{package.version}，{labelled.name}", evaluated, disturbed)
    if as_json:
        typer.echo(json.dumps(measured, ensure_ascii=False))
    else:
        _print(measured)


def compare(
    now: Annotated[Path, typer.Argument(help="在用的模型包目录；内置模型写 accurate 或 fast")],
    then: Annotated[Path, typer.Argument(help="要换用的模型包目录")],
    labelled: Annotated[list[Path], typer.Argument(help="标注样本（JSONL，可为 .gz），可多个；不要用训练过的")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="指标文件，交 yanpan models promote --figures")
    ] = None,
    encoder: Annotated[str | None, typer.Option(help="向量模型目录，缺省用内置模型")] = None,
) -> None:
    """在同一批标注样本上比较两个模型包：各项指标、差值及其 95 % 区间。"""
    reader = load_encoder(encoder)
    found: dict[str, dict[str, dict[str, float]]] = {"now": {}, "then": {}}
    try:
        packages = [ModelPackage.load(model_directory(path)) for path in (now, then)]
        for path in labelled:
            examples = read_examples(path)
            table = Table("指标", *(package.version for package in packages), "差（95 % 区间）", title=path.name)
            first, second = (_evaluated(package, reader, examples) for package in packages)
            measured = [
                figures.measured(one.scores, one.truth, package.config)
                for one, package in zip((first, second), packages, strict=True)
            ]
            for key, values in zip(("now", "then"), measured, strict=True):
                found[key][path.stem] = values
            for name, difference in differences(first, second).items():
                table.add_row(name, f"{measured[0][name]:.3f}", f"{measured[1][name]:.3f}", difference)
            console.print(table)
    except (PackageError, DataError) as error:
        raise _said(error) from None
    if output is not None:
        output.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        console.print(f"已写入 {output}")


def distil(
    shared: Annotated[Path, typer.Option(help="共享数据目录")],
    teacher: Annotated[Path, typer.Option(help="教师模型目录（sentence-transformers）")],
    output: Annotated[Path, typer.Option("--output", "-o", help="静态向量模型目录")],
    work: Annotated[Path, typer.Option(help="教师向量的暂存目录")] = Path("distil-work"),
) -> None:
    """把教师模型蒸馏为静态向量模型；训练时需要 train 附加依赖。"""
    making.make(shared, teacher, output, work, DistilConfig(), console.print)


def convert(
    source: Annotated[Path, typer.Argument(help="来源文件")],
    output: Annotated[Path, typer.Argument(help="结果文件")],
    given: Annotated[str, typer.Option("--from", help="来源格式：jsonl、label-studio、doccano")] = "jsonl",
    wanted: Annotated[str, typer.Option("--to", help="结果格式：jsonl、label-studio、doccano")] = "label-studio",
) -> None:
    """在本产品的标注样本与 Label Studio、doccano 的格式之间转换。"""
    try:
        examples = exchange.read(source, _form(given))
        exchange.write(output, _form(wanted), examples)
    except (OSError, DataError) as error:
        raise _said(error) from None
    console.print(f"已转换 {len(examples)} 条，写入 {output}")


def stats(
    labelled: Annotated[Path, typer.Argument(help="标注样本（JSONL，可为 .gz）")],
) -> None:
    """标注样本的统计：各标签的件数、未标注的件数、重复的文本。"""
    try:
        examples = read_examples(labelled)
    except DataError as error:
        raise _said(error) from None
    table = Table("标签", "分布", title=f"{labelled.name}：{len(examples)} 条")
    for head in HEADS:
        counts = Counter(getattr(example, head) or "（未标）" for example in examples)
        table.add_row(head, "、".join(f"{name} {count}" for name, count in counts.most_common()))
    console.print(table)
    texts = Counter(example.text.strip() for example in examples)
    console.print(f"文本相同的有 {sum(count - 1 for count in texts.values())} 条。")


def _evaluated(package: ModelPackage, encoder: Encoder, examples: Sequence[LabelledExample]) -> Evaluated:
    """What a package says of examples, and the truth of every label that all of them carry."""
    prepared = [prepare(complaint_of(example)) for example in examples]
    predictions = package.predict(prepared, encoder.encode([item.model_text for item in prepared]))
    scores: dict[TaxonomyName, Floats] = {}
    truth: dict[TaxonomyName, NDArray[np.int64]] = {}
    for head in HEADS:
        values = [getattr(example, head) for example in examples]
        if examples and all(value is not None for value in values):
            labels = taxonomy(head).labels
            truth[head] = np.array([labels.index(value) for value in values])
            scores[head] = predictions.heads[head]
    return Evaluated(prepared, scores, truth, package.level_bias, package.abstain_below)


def _changed(example: LabelledExample, way: Callable[[str, str], str]) -> LabelledExample:
    """The example with its text disturbed, the same way every time; a text that vanished stays as it was."""
    changed = {"text": way(example.text, example.id) or example.text}
    if example.title:
        changed["title"] = way(example.title, f"{example.id} title")
    return example.model_copy(update=changed)


def _settings(family: str, config: Path | None) -> FitConfig:
    path = config or CONFIGS / f"{family}.yaml"
    if config is None and not path.is_file():
        raise DataError(f"没有模型族 {family}，可选 linear、static、transformer / unknown family {family}")
    settings = FitConfig.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    if settings.family != family:
        raise DataError(f"{path} 是 {settings.family} 族的设置，与 --family {family} 不符 / the families differ")
    return settings


def _reader_of(model: str, settings: FitConfig) -> "Reader":
    package = ModelPackage.load(model_directory(model))
    if package.reader is None or settings.family != "transformer":
        raise DataError(
            "--reader 要一个 transformer 模型包，并与 --family transformer 同用 / it goes with a transformer"
        )
    return package.reader


def _teller(status: Status) -> Callable[[str], None]:
    """On a terminal one line that changes, elsewhere (a log) a line each."""
    return status.update if console.is_terminal else console.print


def _form(name: str) -> exchange.Format:
    if name not in get_args(exchange.Format):
        raise DataError(f"格式只能是 {'、'.join(get_args(exchange.Format))} / unknown format {name}")
    return cast("exchange.Format", name)


def _print(by_origin: dict[str, dict[str, float]]) -> None:
    table = Table("指标", *by_origin)
    names = list(dict.fromkeys(name for found in by_origin.values() for name in found))
    for name in names:
        table.add_row(name, *(f"{found[name]:g}" if name in found else "" for found in by_origin.values()))
    console.print(table)


def _said(error: Exception) -> typer.Exit:
    console.print(f"[red]{error}[/red]")
    return typer.Exit(2)
