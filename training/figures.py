"""Figures of a classifier: how right it is, by origin and label, and the thresholds that follow from them."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import cohen_kappa_score, f1_score

from data_contracts.taxonomy import HEADS, TaxonomyName, taxonomy
from nlp.package import Floats, slices

if TYPE_CHECKING:
    from training.fit import Data, FitConfig

Labels = NDArray[np.int64]
CASES_AT_LEAST = 5
"""Classes with fewer cases are left out of macro averages."""
_BINS = 10
_STEPS = np.arange(-1.2, 1.21, 0.2)
WARNING = 2
"""Levels from this one on (橙, 红) are warnings."""


def probabilities(logits: Floats) -> dict[str, Floats]:
    """By head and `factor`: probabilities of the second stage's logits (n, c)."""
    found: dict[str, Floats] = {}
    for head, (first, last) in slices().items():
        powers = np.exp(logits[:, first:last] - logits[:, first:last].max(axis=1, keepdims=True))
        found[head] = powers / powers.sum(axis=1, keepdims=True)
    found["factor"] = 1.0 / (1.0 + np.exp(-logits[:, -len(taxonomy("factor")) :]))
    return found


def thresholds(logits: Floats, data: "Data", core: Labels, config: "FitConfig") -> dict[str, Any]:
    """Abstention, the bias of the risk levels, and factor thresholds, from cross-validated logits.

    Args:
        logits: of the core rows, by models that have not seen them.
        data: all rows.
        core: which of them.
        config: the shares that must be right.
    """
    scores = probabilities(logits)
    service = data.origins[core] == "channels"
    bias = level_bias(scores["risk_level"], data.labels["risk_level"][core], service, config.warning_right)
    abstain = {}
    for head in HEADS:
        truth = data.labels[head][core]
        chosen = decided(scores[head], bias if head == "risk_level" else None)
        confidence = scores[head][np.arange(len(truth)), chosen]
        abstain[head] = abstain_below(confidence, chosen == truth, config.abstain_right)
    names = taxonomy("factor").codes
    factors = {
        code: best_threshold(scores["factor"][:, place], data.factors[core][:, place])
        for place, code in enumerate(names)
    }
    return {"abstain_below": abstain, "level_bias": bias, "factor_thresholds": factors}


def decided(scores: Floats, bias: Sequence[float] | None = None) -> Labels:
    """The class of each row: the greatest log probability plus bias."""
    logs = np.log(np.maximum(scores, 1e-9))
    return np.asarray(np.argmax(logs if bias is None else logs + np.asarray(bias), axis=1))


def level_bias(scores: Floats, truth: Labels, service: NDArray[np.bool_], right: float) -> list[float]:
    """The bias with the best quadratic kappa among those whose warnings are right often enough.

    Args:
        scores: probabilities of the levels, (n, 4).
        truth: levels, (n,).
        service: which rows came by a channel that the service listens to; on them warnings must be right, for that
            is where they are raised. All rows where none did.
        right: share of warnings that must be right.
    """
    counted = service if service.any() else np.ones(len(truth), bool)
    best, chosen = -1.0, [0.0, 0.0, 0.0, 0.0]
    for yellow in _STEPS:
        for orange in _STEPS:
            for red in _STEPS:
                bias = [0.0, float(yellow), float(orange), float(red)]
                guess = decided(scores, bias)
                raised = (guess >= WARNING) & counted
                if raised.any() and (truth[raised] >= WARNING).mean() >= right:
                    kappa = quadratic_kappa(truth, guess)
                    if kappa > best:
                        best, chosen = kappa, bias
    return [round(value, 2) + 0.0 for value in chosen]


def quadratic_kappa(truth: Labels, guess: Labels) -> float:
    """Quadratic kappa of two ratings of four levels, from their table (faster than scikit-learn's in a search)."""
    table = np.bincount(truth * 4 + guess, minlength=16).reshape(4, 4) / len(truth)
    distance = (np.arange(4)[:, None] - np.arange(4)[None, :]) ** 2
    expected = table.sum(1)[:, None] * table.sum(0)[None, :]
    return float(1 - (distance * table).sum() / max((distance * expected).sum(), 1e-12))


def abstain_below(confidence: Floats, right: NDArray[np.bool_], wanted: float) -> float:
    """The least confidence from which the given labels are right often enough; above 1 where none is."""
    order = np.argsort(-confidence)
    share = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    enough = np.flatnonzero(share >= wanted)
    return round(float(confidence[order][enough[-1]]), 4) if len(enough) else 1.01


def best_threshold(scores: Floats, truth: NDArray[np.bool_]) -> float:
    """The probability from which a factor is told, by F1."""
    steps = np.arange(0.1, 0.9, 0.02)
    return round(float(max(steps, key=lambda step: f1_score(truth, scores >= step, zero_division=0))), 2)


def table(logits: Floats, data: "Data", core: Labels, chosen: dict[str, Any]) -> dict[str, dict[str, float]]:
    """By origin: accuracy, macro-F1, kappa, warnings, calibration error, coverage."""
    scores = probabilities(logits)
    found = {}
    for origin in ("board", "channels"):
        rows = np.flatnonzero(data.origins[core] == origin)
        if len(rows):
            truth = {head: data.labels[head][core][rows] for head in HEADS}
            part = {head: values[rows] for head, values in scores.items()}
            found[origin] = measured(part, truth, chosen)
    return found


def measured(
    scores: Mapping[Any, Floats], truth: Mapping[TaxonomyName, Labels], chosen: dict[str, Any]
) -> dict[str, float]:
    """The figures of some rows; `chosen` holds `level_bias` and `abstain_below`."""
    result: dict[str, float] = {"rows": len(next(iter(truth.values())))}
    for head, labels in truth.items():
        guess = decided(scores[head], chosen["level_bias"] if head == "risk_level" else None)
        confidence = scores[head][np.arange(len(labels)), guess]
        classes = [c for c in range(len(taxonomy(head))) if (labels == c).sum() >= CASES_AT_LEAST]
        result[f"{head}_accuracy"] = float((guess == labels).mean())
        result[f"{head}_macro_f1"] = float(f1_score(labels, guess, labels=classes, average="macro", zero_division=0))
        result[f"{head}_ece"] = calibration_error(confidence, guess == labels)
        kept = confidence >= chosen["abstain_below"][head]
        result[f"{head}_covered"] = float(kept.mean())
        result[f"{head}_right_when_covered"] = float((guess == labels)[kept].mean()) if kept.any() else 1.0
        if head == "risk_level":
            result["risk_level_kappa"] = float(cohen_kappa_score(labels, guess, weights="quadratic"))
            raised, due, red = guess >= WARNING, labels >= WARNING, labels == len(taxonomy(head)) - 1
            result["warnings_right"] = float(due[raised].mean()) if raised.any() else 0.0
            result["warnings_found"] = float(raised[due].mean()) if due.any() else 0.0
            result["red_warned"] = float(raised[red].mean()) if red.any() else 0.0
            result["red_found"] = float((guess == labels)[red].mean()) if red.any() else 0.0
    return {name: round(value, 4) for name, value in result.items()}


def calibration_error(confidence: Floats, right: NDArray[np.bool_]) -> float:
    """Expected calibration error over ten bins (Guo et al., "On calibration of modern neural networks", 2017)."""
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    return float(
        sum(
            (bins == number).mean() * abs(confidence[bins == number].mean() - right[bins == number].mean())
            for number in range(_BINS)
            if (bins == number).any()
        )
    )
