"""Finds people's names: a surname and one or two characters that look and stand like a given name.

Each surname followed by such characters is a candidate; a logistic model of its characters and its surroundings,
fitted on labelled texts (`training/names.py`), decides. A name that was found once is hidden wherever it stands.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from nlp.pii.masks import RawMask
from nlp.pii.surnames import given_scores, surnames
from nlp.segment import segmenter
from nlp.transcript import TurnSpan

_CJK = re.compile(r"[\u4e00-\u9fff]")
_LEAST_GIVEN = {1: -0.75, 2: -2.25}
_LEAST_MEAN = {1: -0.75, 2: -1.25}
"""Stretches whose characters stand in given names more rarely (log-odds; least and mean) are not even looked at."""
_NEAR_NUMBER = 6
_SIGNATURE_CHARS = 40
_PLACE = re.compile(
    r"小区|花园|家园|公寓|大厦|广场|新村|[苑园城府庭湾居村镇乡路街巷桥]|小学|中学|学校|医院|公司|集团|商贸|物业|超市|饭店|酒店|建材|建筑|置业"
)
"""What follows a name of a place or a firm, and hardly ever a person's."""
_MINORITY = re.compile(r"(?<![\u4e00-\u9fff·])[\u4e00-\u9fff]{1,6}·[\u4e00-\u9fff]{1,8}(?:·[\u4e00-\u9fff]{1,8})?")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A stretch that may be a name; `given` is where the given name begins."""

    start: int
    given: int
    end: int
    features: tuple[tuple[str, float], ...]


@cache
def _model() -> tuple[dict[str, float], float]:
    raw = json.loads((files(__package__) / "names.json").read_text(encoding="utf-8"))
    return {name: float(value) for name, value in raw["weights"].items()}, float(raw["threshold"])


@cache
def _first_characters() -> re.Pattern[str]:
    table = surnames()
    firsts = table.common | table.rare | table.doubtful | {name[0] for name in table.compound}
    return re.compile("[" + "".join(sorted(firsts)) + "]")


def find_names(normal: str, numbers: Sequence[RawMask], turns: Sequence[TurnSpan]) -> list[RawMask]:
    """Masks over the given names of the people that a text names.

    Args:
        normal: normalised full text.
        numbers: masks of numbers that were found before; a name often stands beside one.
        turns: the turns of a call, whose labels are no names.
    """
    weights, threshold = _model()
    scored = []
    for candidate in candidates(normal, numbers, turns):
        score = sum(weights.get(name, 0.0) * value for name, value in candidate.features)
        if score >= threshold and not _PLACE.match(normal, candidate.end):
            scored.append((score, candidate))
    taken: list[Candidate] = []
    for _, candidate in sorted(scored, key=lambda pair: (-pair[0], pair[1].start)):
        if all(candidate.end <= other.start or candidate.start >= other.end for other in taken):
            taken.append(candidate)
    masks = {(candidate.given, candidate.end) for candidate in taken}
    for candidate in taken:
        name, surname = normal[candidate.start : candidate.end], candidate.given - candidate.start
        position = normal.find(name)
        while len(name) > 2 and position >= 0:
            masks.add((position + surname, position + len(name)))
            position = normal.find(name, position + 1)
    masks |= {(match.start() + 1, match.end()) for match in _MINORITY.finditer(normal)}
    return [RawMask(start, end, "person") for start, end in sorted(masks)]


def candidates(normal: str, numbers: Sequence[RawMask], turns: Sequence[TurnSpan]) -> Iterator[Candidate]:
    """Every surname with the characters behind it that may be a given name, with what speaks for and against it."""
    table, given = surnames(), given_scores()
    starts, ends, whole = _boundaries(normal)
    sides = {mask.start for mask in numbers} | {mask.end for mask in numbers}
    length = len(normal)
    for found in _first_characters().finditer(normal):
        position, char = found.start(), found.group()
        kind = "common" if char in table.common else "rare" if char in table.rare else "doubtful"
        options = []
        if normal[position : position + 2] in table.compound:
            options = [(position + 2, position + 3, "compound"), (position + 2, position + 4, "compound")]
        elif char in table.common or char in table.rare or char in table.doubtful:
            options = [(position + 1, position + 3, kind), (position + 1, position + 2, kind)]
        for begin, end, of in options:
            if end > length or not _possible(normal[begin:end], given):
                continue
            yield Candidate(
                position,
                begin,
                end,
                _features(normal, position, begin, end, of, starts, ends, whole, sides, given),
            )


def _possible(given_name: str, given: dict[str, float]) -> bool:
    scores = [given.get(char, 0.0) for char in given_name if "\u4e00" <= char <= "\u9fff"]
    size = len(given_name)
    return len(scores) == size and min(scores) >= _LEAST_GIVEN[size] and sum(scores) / size >= _LEAST_MEAN[size]


def _features(
    normal: str,
    start: int,
    begin: int,
    end: int,
    kind: str,
    starts: frozenset[int],
    ends: frozenset[int],
    whole: frozenset[tuple[int, int]],
    sides: set[int],
    given: dict[str, float],
) -> tuple[tuple[str, float], ...]:
    name = normal[start:end]
    scores = [given.get(char, 0.0) for char in normal[begin:end]]
    before, after = normal[max(0, start - 2) : start], normal[end : end + 2]
    size = end - begin
    return (
        ("bias", 1.0),
        (f"surname:{kind}", 1.0),
        (f"size:{size}", 1.0),
        (f"given{size}:mean", sum(scores) / size),
        (f"given{size}:least", min(scores)),
        (f"starts:{start in starts}", 1.0),
        (f"ends:{end in ends}", 1.0),
        (f"word:{(start, end) in whole}:{size}", 1.0),
        (f"before:{before[-1:] or '^'}", 1.0),
        (f"before2:{before}", 1.0),
        (f"after:{after[:1] or '$'}", 1.0),
        (f"after2:{after}", 1.0),
        (f"edges:{_kind(before[-1:])}:{_kind(after[:1])}", 1.0),
        (
            "number",
            1.0 if any(end <= side <= end + _NEAR_NUMBER or start - 3 <= side <= start for side in sides) else 0.0,
        ),
        ("again", min(normal.count(name) - 1, 3) / 3 if size == 2 else 0.0),
        ("signed", 1.0 if len(normal) - end <= _SIGNATURE_CHARS and "\n" in normal[-_SIGNATURE_CHARS * 2 :] else 0.0),
        (f"first:{name[:1]}", 1.0),
        (f"next:{normal[begin]}", 1.0),
    )


def _kind(char: str) -> str:
    if not char or char == "\n":
        return "line"
    if _CJK.match(char):
        return "han"
    return "digit" if char.isalnum() else "stop"


def _boundaries(normal: str) -> tuple[frozenset[int], frozenset[int], frozenset[tuple[int, int]]]:
    """Where the segmenter's words begin, where they end, and the words themselves."""
    spans = [(start, end) for _, start, end in segmenter().tokenize(normal)]
    return (
        frozenset(start for start, _ in spans),
        frozenset(end for _, end in spans),
        frozenset(spans),
    )
