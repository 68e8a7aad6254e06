"""What a model reads of a text: masked and normalised, in a call the citizen's words before the agent's."""

import re
from collections.abc import Sequence

from data_contracts.complaint import Channel, Complaint
from nlp.pii import RawMask, render
from nlp.transcript import TurnSpan

AGENT_MARK = "话务员:"
"""Separates what the agent said; it comes after all that the citizen said."""

_ROUTINE = re.compile(
    r"(?:您好|你好|喂)?[,，。!！ ]*(?:[\u4e00-\u9fa5]{0,4}12345[\u4e00-\u9fa5]{0,4})?[,，。!！ ]*"
    r"(?:请讲|请说|您请讲|您请说|您说|你说|您讲|您好|请问(?:有什么|需要|您有什么)[^。?？]{0,14}|什么事情?|您慢慢说|您别急|您稍等|请稍等|"
    r"好的?|嗯+|哦+|明白|是的|对|还有(?:其他|别的)[^。?？]{0,8}|感谢(?:您的)?来电|再见|不客气|祝您[^。]{0,10})?[,，。!！?？ …]*"
)


def model_text(normal: str, masks: Sequence[RawMask], turns: Sequence[TurnSpan], body_start: int) -> str:
    """The text for classifiers and encoders.

    Args:
        normal: normalised full text.
        masks: what to hide, ascending, not overlapping.
        turns: the turns when it is a call; then the citizen's words come first and the agent's routine is left out.
        body_start: where the body begins.
    """
    if not turns:
        return render(normal, masks) if masks else normal
    pieces = [(0, body_start - 1)] if body_start > 1 else []
    before = (body_start, _label_start(normal, turns[0].start))
    if normal[before[0] : before[1]].strip():
        pieces.append(before)
    citizen = [(turn.start, turn.end) for turn in turns if turn.speaker == "citizen"]
    agent = [
        (turn.start, turn.end)
        for turn in turns
        if turn.speaker == "agent" and not _ROUTINE.fullmatch(normal, turn.start, turn.end)
    ]
    said = [_rendered(normal, masks, *piece) for piece in pieces + citizen]
    if agent:
        said.append(AGENT_MARK)
        said.extend(_rendered(normal, masks, *piece) for piece in agent)
    return "\n".join(said)


def prepare_text(text: str, title: str | None = None, channel: Channel = "other") -> Complaint:
    """A complaint around a bare text, for readers that have nothing else."""
    return Complaint(title=title or None, text=text, channel=channel)


def _label_start(normal: str, said: int) -> int:
    """Where the line or sentence begins whose label ends at `said`."""
    colon = max(normal.rfind(":", 0, said), 0)
    while colon > 0 and normal[colon - 1] not in "\n。！？!?；; ":
        colon -= 1
    return colon


def _rendered(normal: str, masks: Sequence[RawMask], start: int, end: int) -> str:
    inside = [
        RawMask(mask.start - start, mask.end - start, mask.kind, mask.tail)
        for mask in masks
        if start <= mask.start and mask.end <= end
    ]
    return render(normal[start:end], inside)
