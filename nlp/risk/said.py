"""The words that count for risk: what the citizen said, without harmless idioms, at unchanged offsets."""

import re
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from nlp.prepare import Prepared

BLANK = "□"
"""Stands for every character that must not be matched; patterns cannot cross it by naming letters."""


@cache
def rules(name: str) -> dict[str, Any]:
    """One YAML file of `nlp/rules` (cached)."""
    loaded: dict[str, Any] = yaml.safe_load((files("nlp.rules") / f"{name}.yaml").read_text(encoding="utf-8"))
    return loaded


@cache
def _harmless() -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in rules("factors")["harmless"]))


def said(prepared: Prepared) -> str:
    """The normalised text with the agent's words, masked stretches and harmless idioms blanked out."""
    text = prepared.normal
    hidden = [(turn.start, turn.end) for turn in prepared.turns if turn.speaker == "agent"]
    hidden += [(mask.start, mask.end) for mask in prepared.masks]
    if hidden:
        chars = list(text)
        for start, end in hidden:
            chars[start:end] = BLANK * (end - start)
        text = "".join(chars)
    return _harmless().sub(lambda match: BLANK * len(match[0]), text)
