"""How dangerous a matter is: a calibrated level, a score, reasons with evidence, and rules that only raise."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from data_contracts.analysis import Factor, Label, Risk
from data_contracts.taxonomy import TaxonomyName, taxonomy
from nlp.prepare import Prepared
from nlp.risk.factors import find_factors
from nlp.risk.said import said
from nlp.risk.signs import signs_of
from nlp.risk.threats import Threat

__all__ = ["PredictedRow", "assess", "decide_level", "risk_score"]

_RULE_CONFIDENCE: Final = 0.8
"""What a fired rule is worth where the classifier saw nothing."""
_OVER: Final = 0.5
_OVER_LABELS: Final[tuple[tuple[TaxonomyName, str], ...]] = (("stage", "化解"), ("kind", "表扬"))
_BAND: Final = 25.0


class PredictedRow(Protocol):
    """What the classifier says of one text."""

    @property
    def heads(self) -> Mapping[TaxonomyName, NDArray[np.float32]]:
        """Calibrated class probabilities by head, in taxonomy order."""

    @property
    def factors(self) -> NDArray[np.float32]:
        """Nine probabilities in taxonomy order."""


def assess(
    prepared: Prepared,
    predicted: PredictedRow,
    *,
    level_bias: Sequence[float] | None = None,
    factor_thresholds: Mapping[str, float] | None = None,
    abstain_below: float = 0.5,
) -> Risk:
    """The risk of one complaint.

    Args:
        prepared: the text.
        predicted: class probabilities of the text.
        level_bias: added to the log probability of each level before the decision; from the model package.
        factor_thresholds: by factor code; from the model package.
        abstain_below: confidence of the level under which a person is asked to look.

    Returns:
        Score 0-100 in the band of the level (蓝 0-25, 黄 25-50, 橙 50-75, 红 75-100), level, factors with evidence;
        `raised_by_rule` names the rule for explicit danger that raised the level.
    """
    chances = np.asarray(predicted.heads["risk_level"], np.float64)
    words = said(prepared)
    level = decide_level(chances, level_bias)
    threat = None if _is_over(predicted) else signs_of(words).threat
    raised = threat is not None and threat.level > level
    if raised and threat is not None:
        level = threat.level
    confidence = float(chances[level])
    if raised:
        confidence = max(float(chances[level:].sum()), _RULE_CONFIDENCE)
    labels = taxonomy("risk_level").labels
    factors = find_factors(prepared, words, [float(chance) for chance in predicted.factors], factor_thresholds)
    return Risk(
        score=risk_score(chances, level),
        level=Label(
            label=labels[level],
            confidence=min(1.0, confidence),
            abstain=confidence < abstain_below,
            scores={label: round(float(chance), 4) for label, chance in zip(labels, chances, strict=True)},
        ),
        factors=_with_threat(prepared, factors, threat) if raised else factors,
        raised_by_rule=threat.name if raised and threat is not None else None,
    )


def _is_over(predicted: PredictedRow) -> bool:
    """Whether the classifier is fairly sure that the matter is solved, or only praise: then old drama raises nothing."""
    return any(
        head in predicted.heads and float(predicted.heads[head][taxonomy(head).labels.index(label)]) > _OVER
        for head, label in _OVER_LABELS
    )


def decide_level(chances: NDArray[Any], bias: Sequence[float] | None = None) -> int:
    """The level with the largest biased log probability, 0 (蓝) to 3 (红)."""
    scores = np.log(np.maximum(chances, 1e-9))
    return int(np.argmax(scores if bias is None else scores + np.asarray(bias)))


def risk_score(chances: NDArray[Any], level: int) -> float:
    """0-100: the band of the level, and in it how far the expected level leans to the next one or back."""
    expected = float(chances @ np.arange(len(chances))) / max(float(chances.sum()), 1e-9)
    place = min(0.98, max(0.02, 0.5 + (expected - level) / 2))
    return round(_BAND * (level + place), 2)


def _with_threat(prepared: Prepared, factors: list[Factor], threat: Threat | None) -> list[Factor]:
    """A matter raised by a rule carries 人身安全, or 群体 for a crowd, with the words that raised it."""
    assert threat is not None
    entries = taxonomy("factor")
    wanted = entries.label("group" if "大批人" in threat.name else "personal_safety")
    span = prepared.span(threat.start, threat.end)
    if any(factor.label == wanted for factor in factors):
        return [
            factor.model_copy(update={"evidence": [span, *factor.evidence]}) if factor.label == wanted else factor
            for factor in factors
        ]
    order = list(entries.labels)
    added = Factor(label=wanted, confidence=_RULE_CONFIDENCE, evidence=[span])
    return sorted([*factors, added], key=lambda factor: order.index(factor.label))
