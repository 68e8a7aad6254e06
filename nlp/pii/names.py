"""Finds people's names: a surname and one or two characters that look and stand like a given name.

Each surname followed by such characters is a candidate; a logistic model of its characters, of its agreement with
the segmenter's words and of what stands around it, fitted on labelled texts (`training/names.py`), decides.
A name that was found once is hidden wherever it stands.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from nlp.pii.context import Candidate, Context
from nlp.pii.masks import RawMask
from nlp.transcript import TurnSpan

_SOUNDS = "阿艾爱买麦提依伊古丽吐图托尔江木穆合哈别克热孜汗罕帕尼亚娅库西迪布拉卜力里扎卓玛次仁多吉央措巴特格日其雅斯赛萨比那娜努奴肉玉素甫普苏莱曼沙吾拜叶德加塔坦旦什祖农肯马地逊"
_PARTED = re.compile(rf"[{_SOUNDS}]{{2,6}}·[{_SOUNDS}]{{2,8}}(?:·[{_SOUNDS}]{{2,8}})?")
"""Names of several parts are written with the syllables of transliteration; others count only after a cue."""
_PARTED_OTHERWISE = re.compile(r"(?<![\u4e00-\u9fff])[\u4e00-\u9fff]{2,6}·[\u4e00-\u9fff]{2,6}(?![\u4e00-\u9fff·])")


@dataclass(frozen=True, slots=True)
class _Model:
    weights: dict[str, float]
    threshold: float


@cache
def _model() -> _Model:
    raw = json.loads((files(__package__) / "names.json").read_text(encoding="utf-8"))
    return _Model({name: float(value) for name, value in raw["weights"].items()}, float(raw["threshold"]))


def find_names(normal: str, numbers: Sequence[RawMask], turns: Sequence[TurnSpan] = ()) -> list[RawMask]:
    """Masks over the given names of the people that a text names; the surname stays outside.

    Args:
        normal: normalised full text.
        numbers: masks of numbers that were found before, ascending; a name often stands beside one.
        turns: the turns of a call; the answer to `您贵姓` is a name.
    """
    context = Context(normal, numbers, turns)
    masks = _everywhere(normal, _believed(context, _model()))
    if "·" in normal:
        masks |= _parted(context)
    return sorted(masks)


def _believed(context: Context, model: _Model) -> list[Candidate]:
    """The candidates that the model believes, ascending; of two that overlap the better one.

    A second round looks at what stands beside the names of the first, as names come in lists.
    """
    found: list[Candidate] = []
    for _ in range(2):
        context.listed = frozenset(candidate.end for candidate in found)
        scored = [
            (score, candidate)
            for candidate in context.candidates()
            if (score := candidate.score(model.weights)) >= model.threshold
        ]
        taken: list[Candidate] = []
        for _, candidate in sorted(scored, key=lambda pair: (-pair[0], pair[1].start)):
            if all(candidate.end <= other.start or candidate.start >= other.end for other in taken):
                taken.append(candidate)
        if len(taken) == len(found):
            return taken
        found = taken
    return found


def _everywhere(normal: str, names: Sequence[Candidate]) -> set[RawMask]:
    """Masks of every occurrence of the names; two-character ones only where they were found."""
    masks = {RawMask(name.given, name.end, "person") for name in names}
    for name in names:
        full, surname = normal[name.start : name.end], name.given - name.start
        at = normal.find(full) if len(full) > 2 else -1
        while at >= 0:
            masks.add(RawMask(at + surname, at + len(full), "person"))
            at = normal.find(full, at + len(full))
    return masks


def _parted(context: Context) -> set[RawMask]:
    """Masks of names of several parts (`阿依古丽·买买提`); estates and brands are written so too and stay."""
    text = context.text
    masks = {RawMask(*match.span(), "person") for match in _PARTED.finditer(text)}
    masks |= {
        RawMask(*match.span(), "person") for match in _PARTED_OTHERWISE.finditer(text) if context.called(match.start())
    }
    return masks
