"""The four main elements of a complaint, read together: place, counterparty, sum in dispute, people affected."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nlp.elements.choose import Choice, choose_quantity, choose_span
from nlp.elements.net import MAX_CHARS, SPAN_KINDS, ElementNet, Reading, ReadText, SpanKind
from nlp.elements.quantities import Quantity, QuantityKind, amount_candidates, people_candidates, quantity_features
from nlp.prepare import Prepared
from nlp.transcript import TurnSpan

QUANTITY_KINDS: Final[tuple[QuantityKind, ...]] = ("amount", "people")
_FINDERS: Final = {"amount": amount_candidates, "people": people_candidates}


@dataclass(frozen=True, slots=True)
class MainValues:
    """The main elements of one text; what it does not state is missing."""

    spans: dict[SpanKind, Choice]
    quantities: dict[QuantityKind, tuple[Quantity, float]]


def read_main_values(net: ElementNet, texts: Sequence[ReadText]) -> list[MainValues]:
    """Read the main elements of normalised texts that are not empty."""
    return [_chosen(net, text, reading) for text, reading in zip(texts, net.read(texts), strict=True)]


def _chosen(net: ElementNet, given: ReadText, reading: Reading) -> MainValues:
    text = given.text
    spans: dict[SpanKind, Choice] = {}
    for kind in SPAN_KINDS:
        choice = choose_span(text, reading.spans[kind], reading.nulls[kind], null_weight=net.settings[f"null_{kind}"])
        if choice is not None:
            spans[kind] = choice
    quantities: dict[QuantityKind, tuple[Quantity, float]] = {}
    for row, name in enumerate(QUANTITY_KINDS):
        found = candidates(name, given)
        if not found:
            continue
        cues = quantity_features(name, text, found, body_start=given.body_start, agent=agents(len(text), given.turns))
        scores = net.quantity_scores(row, reading, [q.start for q in found], [q.end for q in found], cues)
        chosen = choose_quantity(found, scores, float(reading.quantity_nulls[row]), least=net.settings[f"least_{name}"])
        if chosen is not None:
            quantities[name] = chosen
    return MainValues(spans, quantities)


def agents(length: int, turns: tuple[TurnSpan, ...]) -> NDArray[np.bool_]:
    """Per code point whether the agent of a call said it; bool (length,)."""
    agent = np.zeros(length, bool)
    for turn in turns:
        if turn.speaker == "agent":
            agent[turn.start : turn.end] = True
    return agent


def candidates(kind: QuantityKind, given: ReadText) -> list[Quantity]:
    """Sums or counts in the part of a text that is read."""
    found = _FINDERS[kind](given.text[:MAX_CHARS])
    if not given.hidden:
        return found
    return [item for item in found if not any(item.start < end and start < item.end for start, end in given.hidden)]


def read_text(prepared: Prepared) -> ReadText:
    """A prepared text as the reader takes it."""
    hidden = tuple((mask.start, mask.end) for mask in prepared.masks)
    return ReadText(prepared.normal, prepared.body_start, prepared.turns, hidden)


@cache
def builtin_net() -> ElementNet:
    """The reader shipped with the package."""
    return ElementNet.builtin()
