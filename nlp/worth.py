"""How much a person's reading of a complaint is worth: what the model is unsure of, contradicts itself in, or warns of."""

from data_contracts.analysis import Analysis
from data_contracts.review import ReviewReason
from data_contracts.taxonomy import HEADS, taxonomy

WARNINGS = taxonomy("risk_level").labels[2:]
"""Levels that warn: 橙 and 红."""
_CLOSE = 0.75
"""From here on the model cannot say whether to warn: 4p(1 - p) of the chance p of a warning."""


def worth(analysis: Analysis) -> tuple[float, list[ReviewReason]]:
    """How much a person's reading is worth, 0 to 3, and why.

    One part for each of three: labels that the model is unsure of (mean of 1 - confidence), a warning that hangs in
    the balance, and parts of the reading that contradict each other.
    """
    labels = [analysis.label(head) for head in HEADS]
    unsure = sum(1.0 - label.confidence for label in labels) / len(labels)
    warned = min(1.0, sum(analysis.risk.level.scores.get(level, 0.0) for level in WARNINGS))
    balance = 4.0 * warned * (1.0 - warned)
    disagrees = _disagrees(analysis)
    reasons: list[ReviewReason] = []
    if any(label.abstain for label in labels):
        reasons.append("uncertain")
    if disagrees:
        reasons.append("disagreeing")
    if balance >= _CLOSE or analysis.risk.level.label in WARNINGS:
        reasons.append("risky")
    return round(unsure + balance + float(disagrees), 4), reasons


def _disagrees(analysis: Analysis) -> bool:
    warns = analysis.risk.level.label in WARNINGS
    return (
        analysis.risk.raised_by_rule is not None
        or (analysis.dispute_type.label == "非纠纷" and analysis.kind.label in {"投诉", "举报"})
        or (warns and (analysis.stage.label == "化解" or analysis.kind.label == "表扬"))
    )
