"""The evaluation of a model as a page for people: figures with intervals, plots, and every text that was misread."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
from jinja2 import Environment, PackageLoader, select_autoescape
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix, f1_score

from data_contracts.taxonomy import TaxonomyName, taxonomy
from nlp.package import Floats
from nlp.prepare import Prepared
from nlp.risk.signs import Lexicon, lexicons
from training.evaluated import Evaluated, interval, macro_f1
from training.figures import WARNING, calibration_error, quadratic_kappa

Labels = NDArray[np.int64]

NAMES: dict[TaxonomyName, str] = {
    "domain": "领域", "kind": "性质", "dispute_type": "纠纷类型", "stage": "阶段", "risk_level": "风险等级",
}  # fmt: skip
_SHORT, _LONG = 60, 400
"""Texts below and above so many characters are slices of their own."""
_BINS = 10
_NEGATED = re.compile("没有|并未|从未|未曾|并不|不是|不存在|没人")
_COLOUR, _PALE = "#1f5fa8", "#c9d7e8"


def write(path: Path, title: str, evaluated: Evaluated, disturbed: Mapping[str, Evaluated] | None = None) -> None:
    """Write the page: one HTML file that loads nothing from elsewhere.

    Args:
        path: the file.
        title: its title.
        evaluated: the texts as they are.
        disturbed: by what was done to them (`training.disturb`), the same texts disturbed.
    """
    environment = Environment(loader=PackageLoader("training"), autoescape=select_autoescape())
    heads = [_head(evaluated, head) for head in evaluated.truth]
    page = environment.get_template("report.html").render(
        title=title,
        rows=len(evaluated.prepared),
        library=_library(),
        heads=heads,
        slices=_slices(evaluated),
        disturbed=[_disturbed(name, other, evaluated) for name, other in (disturbed or {}).items()],
        slice_heads=[NAMES[head] for head in evaluated.truth],
        misread=_misread(evaluated),
    )
    path.write_text(page, encoding="utf-8")


def _head(evaluated: Evaluated, head: TaxonomyName) -> dict[str, Any]:
    truth, guess, scores = evaluated.truth[head], evaluated.guess(head), evaluated.scores[head]
    confidence = scores[np.arange(len(truth)), guess]
    kept = confidence >= evaluated.abstain_below[head]
    figures = [
        ("准确率", _with_interval(truth, guess, lambda a, b: float((a == b).mean()))),
        ("宏平均 F1", _with_interval(truth, guess, macro_f1)),
        ("校准误差 ECE", f"{calibration_error(confidence, guess == truth):.3f}"),
        ("不弃权的比例", f"{kept.mean():.1%}"),
        ("不弃权时的准确率", f"{(guess == truth)[kept].mean():.1%}" if kept.any() else "—"),
    ]
    if head == "risk_level":
        figures.insert(2, ("二次加权 kappa", _with_interval(truth, guess, quadratic_kappa)))
        raised, due = guess >= WARNING, truth >= WARNING
        figures += [
            ("预警正确", f"{due[raised].mean():.1%}" if raised.any() else "—"),
            ("预警找到", f"{raised[due].mean():.1%}" if due.any() else "—"),
        ]
    plots = [
        _classes(head, truth, guess),
        _confusion(head, truth, guess),
        _reliability(confidence, guess == truth),
        _coverage(confidence, guess == truth, evaluated.abstain_below[head]),
    ]
    return {"name": NAMES[head], "figures": figures, "plots": [_embedded(plot) for plot in plots]}


def _with_interval(truth: Labels, guess: Labels, measure: Any) -> str:
    low, high = interval(truth, guess, measure)
    return f"{measure(truth, guess):.3f}（{low:.3f}–{high:.3f}）"


def _classes(head: TaxonomyName, truth: Labels, guess: Labels) -> go.Figure:
    present = np.unique(truth)
    values = f1_score(truth, guess, labels=present, average=None, zero_division=0)
    order = np.argsort(values)
    labels = taxonomy(head).labels
    names = [f"{labels[present[row]]}（{int((truth == present[row]).sum())}）" for row in order]
    plot = go.Figure(go.Bar(x=values[order], y=names, orientation="h", marker_color=_COLOUR))
    return _laid_out(plot, "各类 F1（括号内为件数）", height=max(260, 24 * len(present) + 90))


def _confusion(head: TaxonomyName, truth: Labels, guess: Labels) -> go.Figure:
    present = np.unique(np.concatenate((truth, guess)))
    counts = confusion_matrix(truth, guess, labels=present)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    names = [taxonomy(head).labels[place] for place in present]
    told = [[str(count) if count else "" for count in row] for row in counts]
    plot = go.Figure(
        go.Heatmap(z=share, x=names, y=names, text=told, texttemplate="%{text}", colorscale="Blues", showscale=False)
    )
    plot.update_yaxes(autorange="reversed", title="人工标注")
    plot.update_xaxes(title="模型")
    return _laid_out(plot, "混淆矩阵（件数，颜色为行占比）", height=max(320, 26 * len(present) + 140))


def _reliability(confidence: Floats, right: NDArray[np.bool_]) -> go.Figure:
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    filled = [number for number in range(_BINS) if (bins == number).any()]
    said = [float(confidence[bins == number].mean()) for number in filled]
    was = [float(right[bins == number].mean()) for number in filled]
    sizes = [int((bins == number).sum()) for number in filled]
    plot = go.Figure(go.Scatter(x=[0, 1], y=[0, 1], mode="lines", line={"dash": "dot", "color": "#999"}))
    plot.add_scatter(
        x=said, y=was, mode="lines+markers", text=sizes, marker={"color": _COLOUR, "size": 9},
        hovertemplate="置信度 %{x:.2f}，正确 %{y:.2f}，%{text} 件<extra></extra>",
    )  # fmt: skip
    plot.update_xaxes(title="模型的置信度", range=[0, 1])
    plot.update_yaxes(title="实际正确的比例", range=[0, 1])
    return _laid_out(plot, "可靠性")


def _coverage(confidence: Floats, right: NDArray[np.bool_], below: float) -> go.Figure:
    order = np.argsort(-confidence)
    share = np.arange(1, len(order) + 1) / len(order)
    accuracy = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    plot = go.Figure(go.Scatter(x=share, y=accuracy, mode="lines", line={"color": _COLOUR}))
    kept = float((confidence >= below).mean())
    plot.add_vline(
        x=kept, line={"dash": "dot", "color": "#999"}, annotation_text="弃权线", annotation_position="bottom left"
    )
    plot.update_xaxes(title="不弃权的比例", range=[0, 1])
    plot.update_yaxes(title="其中正确的比例", range=[min(0.5, float(accuracy.min())), 1.005])
    return _laid_out(plot, "覆盖率与准确率")


def _slices(evaluated: Evaluated) -> list[dict[str, Any]]:
    """Accuracy of every label by channel and by length."""
    prepared = evaluated.prepared
    channels = np.array([item.complaint.channel for item in prepared])
    lengths = np.array([len(item.normal) for item in prepared])
    parts: list[tuple[str, NDArray[np.bool_]]] = [
        (taxonomy("channel").label(code), channels == code) for code in taxonomy("channel").codes
    ]
    parts += [
        (f"不足 {_SHORT} 字", lengths < _SHORT),
        (f"{_SHORT} 至 {_LONG} 字", (lengths >= _SHORT) & (lengths <= _LONG)),
        (f"超过 {_LONG} 字", lengths > _LONG),
        ("通话转写", np.array([bool(item.turns) for item in prepared])),
        ("含否定（没有、并未、从未…）", np.array([bool(_NEGATED.search(item.normal)) for item in prepared])),
    ]
    if "risk_level" in evaluated.truth:
        alarming = np.array([_alarming(item) for item in prepared])
        calm = evaluated.truth["risk_level"] < WARNING
        parts += [("有险词而无险（蓝、黄）", alarming & calm), ("无险词而有险（橙、红）", ~alarming & ~calm)]
    right = {head: evaluated.guess(head) == truth for head, truth in evaluated.truth.items()}
    return [
        {"name": name, "rows": int(rows.sum()), "right": [f"{values[rows].mean():.1%}" for values in right.values()]}
        for name, rows in parts
        if rows.any()
    ]


def _alarming(item: Prepared) -> bool:
    """Whether a word of danger to life or the public stands in the text, harmless idioms left out or not."""
    return any(words.explicit.search(item.normal) or words.hint.search(item.normal) for words in _dangers())


@cache
def _dangers() -> list[Lexicon]:
    return [words for code, words in lexicons().items() if code in {"personal_safety", "public_safety"}]


def _disturbed(name: str, disturbed: Evaluated, evaluated: Evaluated) -> dict[str, Any]:
    """Accuracy of every label on disturbed texts, and by how much it differs."""
    told = []
    for head, truth in evaluated.truth.items():
        before, after = ((one.guess(head) == truth).mean() for one in (evaluated, disturbed))
        told.append(f"{after:.1%}（{100 * (after - before):+.1f}）")
    return {"name": name, "right": told}


def _misread(evaluated: Evaluated) -> list[dict[str, Any]]:
    """Every text with a wrong label, the surest mistakes first; masked."""
    guesses = {head: evaluated.guess(head) for head in evaluated.truth}
    found = []
    for row, item in enumerate(evaluated.prepared):
        wrong = []
        for head, truth in evaluated.truth.items():
            guess = guesses[head][row]
            if guess != truth[row]:
                labels = taxonomy(head).labels
                wrong.append(
                    (NAMES[head], labels[truth[row]], labels[guess], float(evaluated.scores[head][row, guess]))
                )
        if wrong:
            found.append({"id": item.complaint.external_id, "text": item.masked, "wrong": wrong})
    return sorted(found, key=lambda entry: -max(item[3] for item in entry["wrong"]))


def _laid_out(plot: go.Figure, title: str, height: int = 340) -> go.Figure:
    return plot.update_layout(
        title=title, height=height, showlegend=False, margin={"l": 10, "r": 10, "t": 46, "b": 10},
        font={"family": "system-ui, 'Noto Sans CJK SC', 'WenQuanYi Zen Hei', sans-serif", "size": 12},
        plot_bgcolor="white", colorway=[_COLOUR, _PALE],
    )  # fmt: skip


def _embedded(plot: go.Figure) -> str:
    return str(plot.to_html(full_html=False, include_plotlyjs=False, config={"displayModeBar": False}))


def _library() -> str:
    """The plotting script, for the page to carry along."""
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())
