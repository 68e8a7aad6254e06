"""Why a matter is risky: nine factors, each with the words that show it."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from data_contracts.analysis import Factor
from data_contracts.taxonomy import taxonomy
from nlp.elements.clauses import clause_around, sentences
from nlp.prepare import Prepared
from nlp.risk.signs import lexicons, signs_of

DEFAULT_THRESHOLD: Final = 0.5
EXPLICIT_FLOOR: Final = 0.8
"""Share of its threshold that a factor's probability must reach for plain words to make it a factor."""


def find_factors(
    prepared: Prepared, said: str, chances: Sequence[float], thresholds: Mapping[str, float] | None = None
) -> list[Factor]:
    """The factors of a matter, in taxonomy order, none without evidence.

    Args:
        prepared: the text, for spans.
        said: its counting words, as `nlp.risk.said.said` gives them.
        chances: nine probabilities in taxonomy order.
        thresholds: probability from which a factor holds, by code; 0.5 where missing.
    """
    found = []
    signs = signs_of(said)
    for entry, chance in zip(taxonomy("factor"), chances, strict=True):
        threshold = (thresholds or {}).get(entry.code, DEFAULT_THRESHOLD)
        if chance < threshold * EXPLICIT_FLOOR:
            continue
        spans = signs.explicit[entry.code]
        if not spans and chance < threshold:
            continue
        evidence = sorted({clause_around(said, *span) for span in spans}) or _likeliest(
            said, lexicons()[entry.code].hint
        )
        spans_of = [prepared.span(*span) for span in evidence]
        if spans_of:
            found.append(Factor(label=entry.label, confidence=float(min(1.0, max(0.0, chance))), evidence=spans_of))
    return found


def _likeliest(said: str, hint: re.Pattern[str]) -> list[tuple[int, int]]:
    """The sentence with the most words that hint at a factor; the first one with words where none does."""
    best: list[tuple[int, int]] = []
    most = -1
    for start, end in sentences(said):
        if not any(char.isalnum() and char != "□" for char in said[start:end]):
            continue
        hits = len(hint.findall(said, start, end))
        if hits > most:
            best, most = [(start, end)], hits
    return best
