"""Who said what: finds the turns of a call that arrives as one text with speaker labels."""

import re
from dataclasses import dataclass

from data_contracts.complaint import Channel, Complaint, Speaker

_AGENT = (
    r"(?:话务|接线|接听|接话|受理|值班|热线|客服|坐席|座席)(?:员|人员|代表|专员|同志)?|工作人员|12345(?:热线)?|客服中心"
)
_SURNAMED = r"[\u4e00-\u9fa5]?(?:先生|女士|小姐|师傅|阿姨|大爷|大姐|老人)"
_CITIZEN = (
    r"(?:来电|诉求|反映|投诉|求助|咨询|举报|报案|申请)(?:人|者|人员|市民|群众)?|市民|群众|居民|村民|业主|客户|用户|当事人|"
    + _SURNAMED
)
_LABEL = rf"[\[【(]?(?:(?P<agent>{_AGENT})|(?P<citizen>{_CITIZEN}))[ 0-9A-Za-z]{{0,8}}[\])】]?[ ]*[:：][ ]*"
_AT_LINE_START = re.compile(rf"^[ ]*{_LABEL}", re.MULTILINE)
_AFTER_A_STOP = re.compile(rf"(?:^|(?<=[\n。！？!?；;…\s]))[ ]*{_LABEL}", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class TurnSpan:
    """The words that one speaker said, without the label: code points into the complaint's full text."""

    speaker: Speaker
    start: int
    end: int


def turns_of(text: str, channel: Channel = "other") -> tuple[TurnSpan, ...]:
    """Find the turns of a call in a text with lines such as `话务员：…` and `市民：…`.

    Outside the hotline channel a text counts as a call only when both sides speak, each on its own line: forms
    (`投诉人：…`) and letters that quote one sentence are not calls.

    Args:
        text: normalised text.
        channel: where the text came from.

    Returns:
        The turns in order; none when the text is not a call.
    """
    if ":" not in text and "：" not in text:
        return ()
    labels = list(_AT_LINE_START.finditer(text))
    if channel == "hotline":
        inline = list(_AFTER_A_STOP.finditer(text))
        labels = inline if _both_speak(inline) else labels
    elif len(labels) < 2 or not _both_speak(labels):
        return ()
    return tuple(
        TurnSpan(
            "agent" if label.group("agent") else "citizen",
            label.end(),
            _trimmed_end(text, label.end(), labels[i + 1].start() if i + 1 < len(labels) else len(text)),
        )
        for i, label in enumerate(labels)
    )


def given_turns(complaint: Complaint) -> tuple[TurnSpan, ...]:
    """The turns of a complaint that came as turns, placed in its full text."""
    spans = []
    position = complaint.body_start
    for turn in complaint.turns or ():
        position += len("话务员：" if turn.speaker == "agent" else "市民：")
        spans.append(TurnSpan(turn.speaker, position, position + len(turn.text)))
        position += len(turn.text) + 1
    return tuple(spans)


def _both_speak(labels: list[re.Match[str]]) -> bool:
    return any(label.group("agent") for label in labels) and any(label.group("citizen") for label in labels)


def _trimmed_end(text: str, start: int, end: int) -> int:
    while end > start and text[end - 1].isspace():
        end -= 1
    return end
