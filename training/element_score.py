"""How right the main elements are: F1 over stated sums and counts, token F1 of places and counterparties."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Protocol

SPANS = ("place", "counterparty")
QUANTITIES = ("amount", "people")


class Scored(Protocol):
    """What a scored text must tell."""

    @property
    def gold(self) -> dict[str, Any]:
        """The labelled values by element name, None where nothing is stated."""

    @property
    def source(self) -> str:
        """Where the text is from."""


def token_f1(given: str | None, gold: str | None) -> float:
    """Character F1 of two strings (SQuAD's token F1); both None counts 1, one None 0."""
    if given is None or gold is None:
        return float(given is None and gold is None)
    shared = sum((Counter(given) & Counter(gold)).values())
    return 2 * shared / (len(given) + len(gold))


def quantity_f1(pairs: Sequence[tuple[float | None, float | None]]) -> float:
    """F1 over stated values; right when equal within 1 %, a value where none is stated counts against."""
    right = sum(a is not None and b is not None and abs(a - b) <= 0.01 * abs(b) for a, b in pairs)
    given, stated = sum(a is not None for a, _ in pairs), sum(b is not None for _, b in pairs)
    return 2 * right / (given + stated) if given + stated else 1.0


def score(answers: Sequence[tuple[Scored, dict[str, Any]]]) -> dict[str, dict[str, float]]:
    """Figures by source (and of all) and element."""
    parts = {"all": list(answers)}
    for pair in answers:
        parts.setdefault(pair[0].source, []).append(pair)
    table: dict[str, dict[str, float]] = {}
    for part, pairs in parts.items():
        figures: dict[str, float] = {}
        for name in SPANS:
            scores = [token_f1(answer[name], example.gold[name]) for example, answer in pairs]
            figures[name] = round(sum(scores) / max(1, len(scores)), 4)
        for name in QUANTITIES:
            figures[name] = round(quantity_f1([(answer[name], example.gold[name]) for example, answer in pairs]), 4)
        table[part] = figures
    return table
