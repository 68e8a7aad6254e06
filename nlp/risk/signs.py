"""The signs of danger that plain words give: found once in a text, read by the classifier and told as evidence."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nlp.risk.said import rules
from nlp.risk.threats import Threat, find_threat

EVIDENCE_MOST: Final = 3
"""So many explicit words of a factor are looked at."""
_HINTS_MOST: Final = 5
_REMEMBERED: Final = 512
"""Texts whose signs are kept, since the classifier and the assessment ask for them one after the other."""


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The words of one factor: those that state it, and those that hint at it."""

    explicit: re.Pattern[str]
    hint: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Signs:
    """What a text's counting words show, by factor code: where it is stated, how often hinted at; and the gravest threat."""

    explicit: Mapping[str, tuple[tuple[int, int], ...]]
    hints: Mapping[str, int]
    threat: Threat | None


@cache
def lexicons() -> dict[str, Lexicon]:
    """The words of each factor, by code (read once)."""
    return {
        code: Lexicon(*(re.compile("|".join(f"(?:{one})" for one in words[key])) for key in ("explicit", "hint")))
        for code, words in rules("factors")["factors"].items()
    }


@lru_cache(maxsize=_REMEMBERED)
def signs_of(said: str) -> Signs:
    """The signs in a text's counting words, as `nlp.risk.said.said` gives them."""
    explicit, hints = {}, {}
    for code, words in lexicons().items():
        spans = []
        for match in words.explicit.finditer(said):
            spans.append(match.span())
            if len(spans) == EVIDENCE_MOST:
                break
        explicit[code] = tuple(spans)
        hints[code] = min(len(words.hint.findall(said)), _HINTS_MOST)
    return Signs(explicit, hints, find_threat(said))


def sign_features(texts: Sequence[str]) -> NDArray[np.float32]:
    """Signs as numbers from 0 to 1, for each factor how often it is stated and how often hinted at; (n, 2k).

    The threat is left out: its rules were written with the labelled texts in view, on which it would be believed too
    much; it raises the level by itself.
    """
    rows = [
        [
            value
            for code in lexicons()
            for value in (len(signs.explicit[code]) / EVIDENCE_MOST, signs.hints[code] / _HINTS_MOST)
        ]
        for signs in map(signs_of, texts)
    ]
    return np.array(rows, np.float32).reshape(len(texts), 2 * len(lexicons()))
