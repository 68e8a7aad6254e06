"""Elements that plain cue words give away: cause, measure taken, kind of hazard, unit in charge."""

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final, get_args

import yaml

from data_contracts.analysis import Element, ElementName
from nlp.prepare import Prepared

_MOST: Final = 3


@dataclass(frozen=True, slots=True)
class Cue:
    """A pattern that gives an element; its group `take`, where it has one, is the span."""

    name: ElementName
    pattern: re.Pattern[str]
    value: str | None


@cache
def cues() -> tuple[Cue, ...]:
    """The cue list of `nlp/rules/elements.yaml` (cached).

    Raises:
        ValueError: the list names an element that the contracts do not know.
    """
    raw = yaml.safe_load((files("nlp.rules") / "elements.yaml").read_text(encoding="utf-8"))
    unknown = set(raw) - set(get_args(ElementName))
    if unknown:
        raise ValueError(f"elements.yaml names unknown elements: {sorted(unknown)}")
    return tuple(Cue(name, re.compile(row["pattern"]), row.get("value")) for name in raw for row in raw[name])


def worded_elements(prepared: Prepared) -> list[Element]:
    """At most three elements of each name, each value once, in the order of the text."""
    found: list[tuple[int, Element]] = []
    for cue in cues():
        match = cue.pattern.search(prepared.normal)
        if match is None:
            continue
        start, end = match.span("take") if "take" in cue.pattern.groupindex else match.span()
        if end > start:
            element = Element(name=cue.name, span=prepared.span(start, end), value=cue.value)
            found.append((start, element))
    found.sort(key=lambda pair: pair[0])
    kept: list[Element] = []
    for _, element in found:
        if sum(other.name == element.name for other in kept) < _MOST:
            kept.append(element)
    return kept
