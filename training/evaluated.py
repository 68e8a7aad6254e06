"""Texts with what a model said of them, and how sure their figures are."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import f1_score

from data_contracts.taxonomy import TaxonomyName
from nlp.package import Floats
from nlp.prepare import Prepared
from training.figures import CASES_AT_LEAST, decided, quadratic_kappa

Labels = NDArray[np.int64]
Measure = Callable[[Labels, Labels], float]
RESAMPLES: Final = 500


@dataclass(frozen=True)
class Evaluated:
    """n texts with what a model said of them: by head probabilities (n, c) and the truth (n,)."""

    prepared: Sequence[Prepared]
    scores: Mapping[TaxonomyName, Floats]
    truth: Mapping[TaxonomyName, Labels]
    level_bias: Sequence[float]
    abstain_below: Mapping[TaxonomyName, float]

    def guess(self, head: TaxonomyName) -> Labels:
        """The label that the model decides on."""
        return decided(self.scores[head], self.level_bias if head == "risk_level" else None)


def macro_f1(truth: Labels, guess: Labels) -> float:
    """Mean F1 of the classes with enough cases; of all classes where none has."""
    classes, counts = np.unique(truth, return_counts=True)
    kept = classes[counts >= CASES_AT_LEAST] if (counts >= CASES_AT_LEAST).any() else classes
    return float(f1_score(truth, guess, labels=kept, average="macro", zero_division=0))


def interval(truth: Labels, guess: Labels, measure: Any, seed: int = 7) -> tuple[float, float]:
    """The 95 % bootstrap interval of a measure of truth and guess (Efron 1979)."""
    random = np.random.default_rng(seed)
    rows = random.integers(0, len(truth), (RESAMPLES, len(truth)))
    values = np.nan_to_num([measure(truth[row], guess[row]) for row in rows])
    return float(np.quantile(values, 0.025)), float(np.quantile(values, 0.975))


def accuracy(truth: Labels, guess: Labels) -> float:
    """Share of the texts whose label is right."""
    return float((truth == guess).mean())


def differences(now: Evaluated, then: Evaluated) -> dict[str, str]:
    """By figure: how much better the second model reads the same texts, with its 95 % bootstrap interval."""
    found = {}
    random = np.random.default_rng(7)
    rows = random.integers(0, len(now.prepared), (RESAMPLES, len(now.prepared)))
    for head, truth in now.truth.items():
        first, second = now.guess(head), then.guess(head)
        measures: dict[str, Measure] = {f"{head}_accuracy": accuracy, f"{head}_macro_f1": macro_f1}
        if head == "risk_level":
            measures["risk_level_kappa"] = quadratic_kappa
        for name, measure in measures.items():
            drawn = [measure(truth[row], second[row]) - measure(truth[row], first[row]) for row in rows]
            low, high = np.quantile(np.nan_to_num(drawn), (0.025, 0.975))
            found[name] = f"{measure(truth, second) - measure(truth, first):+.3f}（{low:+.3f} 至 {high:+.3f}）"
    return found
