"""From scores to the one main value: the answer whose expected overlap with the truth is largest."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nlp.elements.overlap import overlaps
from nlp.elements.quantities import Quantity

_KEPT: Final = 12
_REACH: Final = 9.0
"""Spans e^9 times less likely than the likeliest answer weigh nothing."""
_EDGE_CHARS: Final = " \n\t,，。、;；:：!！?？~·"


@dataclass(frozen=True, slots=True)
class Choice:
    """A main value's place in the text and how sure the reader is, 0 to 1."""

    start: int
    end: int
    confidence: float


def choose_span(text: str, scores: NDArray[np.float32], null: float, *, null_weight: float = 1.0) -> Choice | None:
    """The span with the highest expected character F1 under the reader's own distribution (minimum Bayes risk).

    Args:
        text: the text that was scored.
        scores: (n, longest) span scores.
        null: score of "none stated".
        null_weight: factor on the worth of answering "none"; above 1 answers less often.

    Returns:
        None when "none stated" is worth more than any span.
    """
    flat = scores.ravel()
    peak = max(float(flat.max()), null)
    near = np.flatnonzero(flat > peak - _REACH)
    if len(near) == 0:
        return None
    spread = np.exp(flat[near] - peak)
    absent = float(np.exp(null - peak))
    total = float(spread.sum()) + absent
    if float(spread.sum()) <= absent * null_weight:
        # No span can be worth more than all of them together.
        return None
    order = np.argsort(-spread)[:_KEPT]
    width = scores.shape[1]
    spans = [(int(cell) // width, int(cell) // width + int(cell) % width + 1) for cell in near[order]]
    worth = overlaps([text[start:end] for start, end in spans]) @ (spread[order] / total)
    best = int(np.argmax(worth))
    if worth[best] <= absent / total * null_weight:
        return None
    start, end = spans[best]
    while start < end - 1 and text[start] in _EDGE_CHARS:
        start += 1
    while end > start + 1 and text[end - 1] in _EDGE_CHARS:
        end -= 1
    return Choice(start, end, float(min(1.0, worth[best])))


def choose_quantity(
    candidates: list[Quantity], scores: NDArray[np.float32], null: float, *, least: float
) -> tuple[Quantity, float] | None:
    """The value whose candidates together are likeliest, at its best-scored mention; None below `least`."""
    if not candidates:
        return None
    peak = max(float(scores.max()), null)
    chances = np.exp(scores - peak)
    chances /= chances.sum() + np.exp(null - peak)
    by_value: dict[float, float] = {}
    for item, chance in zip(candidates, chances, strict=True):
        by_value[item.value] = by_value.get(item.value, 0.0) + float(chance)
    value, chance = max(by_value.items(), key=lambda pair: pair[1])
    if chance < least:
        return None
    best = max((row for row, item in enumerate(candidates) if item.value == value), key=lambda row: float(scores[row]))
    return candidates[best], min(1.0, chance)
