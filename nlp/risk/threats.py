"""Rules for explicit danger: they raise the risk level, never lower it, and say in words why."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from data_contracts.taxonomy import taxonomy
from nlp.risk.said import rules


@dataclass(frozen=True, slots=True)
class Threat:
    """A rule that fired: its name, the level it asks for (0 蓝 … 3 红), and the words, in code points."""

    name: str
    level: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Rule:
    name: str
    level: int
    trigger: tuple[str, ...]
    any: re.Pattern[str]
    also: re.Pattern[str] | None
    unless: re.Pattern[str] | None


def _union(patterns: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns))


@cache
def _rules() -> tuple[_Rule, ...]:
    levels = taxonomy("risk_level").labels
    return tuple(
        _Rule(
            name=row["name"],
            level=levels.index(row["level"]),
            trigger=tuple(row["trigger"]),
            any=_union(row["any"]),
            also=_union(row["with"]) if "with" in row else None,
            unless=_union(row["unless"]) if "unless" in row else None,
        )
        for row in rules("threats")["rules"]
    )


@cache
def _over() -> tuple[re.Pattern[str], re.Pattern[str]]:
    return _union(rules("threats")["over"]), _union(rules("threats")["present"])


def find_threat(said: str) -> Threat | None:
    """The gravest rule that the said words fulfil, None when there is none.

    A text that says the danger is over (solved, rescued, thanked for, a drill, a figure of speech) raises nothing,
    unless it also says that something happens now.

    Args:
        said: normalised text as `nlp.risk.said.said` gives it.
    """
    found = [threat for rule in _rules() if (threat := _match(rule, said)) is not None]
    if not found:
        return None
    over, present = _over()
    if over.search(said) and not present.search(said):
        return None
    return max(found, key=lambda threat: threat.level)


def _match(rule: _Rule, said: str) -> Threat | None:
    if not any(word in said for word in rule.trigger):
        return None
    match = rule.any.search(said)
    if match is None or (rule.also and not rule.also.search(said)) or (rule.unless and rule.unless.search(said)):
        return None
    return Threat(rule.name, rule.level, match.start(), match.end())
