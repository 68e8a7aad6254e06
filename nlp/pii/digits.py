"""Finds stretches of digits, typed or spoken, and joins those that one breath or one dialogue tore apart."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_SPOKEN = "零〇○一二三四五六七八九幺么两洞拐勾壹贰叁肆伍陆柒捌玖"
_VALUES = dict(zip(_SPOKEN, "000123456789112079123456789", strict=True)) | {str(i): str(i) for i in range(10)}
_COUNTS = {"两": 2, "二": 2, "三": 3, "四": 4, "五": 5, "六": 6}
_PAUSE = r" ,，、。.·…\-—_:;；()（）~/!！?？"

_UNITS = (
    "年月日号点分时秒栋幢座单元楼层室元块毛万千百十亿人户岁平米斤吨里次遍天周级期路组排队亩名辆台件套口条间所家只张本届类类项倍度%％"
    "个"
)
_COMMON_AFTER_ONE = "直下次样共般起定些点天家边再旦切个会时位份条半圈概带律"

_GROUP = re.compile(
    rf"(?P<repeated>[两二三四五六]个[{_SPOKEN}0-9](?![{_UNITS}]))"
    r"|(?P<typed>[0-9]+(?:[Xx](?![A-Za-z0-9]))?)"
    rf"|(?P<spoken>(?:[{_SPOKEN}](?!个[{_SPOKEN}0-9])){{2,}}(?:[Xx叉](?![A-Za-z0-9]))?|(?:(?<=[{_PAUSE}话机是号码])|(?<=^))[{_SPOKEN}](?=[{_PAUSE}]))",
    re.MULTILINE,
)
_FILLER = re.compile(
    r"嗯|呃|额|啊|哦|噢|喔|唔|哎|诶|欸|那个|这个|然后|后面|后头|后边|接着|接下来|就是|等一下|等下|我看看|我看一下|我看|我想想|我想|稍等|中间|"
    r"最后|前面|开头|完了|还有|继续|请讲|请说|您说|你说|您讲|你讲|您记|你记|记好|记下了|记下|记着|听好|好的|好|没错|没有|有|是的|是不是|是吧|是吗|是|"
    r"对的|对吧|对吗|对不对|对|往下|慢点|慢一点|慢慢说|再说一遍|再来|再|的|了|吧|哈|嘛|呢|吗|呀|哇|杠|横杠|转|请|一下|您|你|您好|说|"
    r"收到|明白|知道|先|不急|别急|下面|几|多少|什么|哪|喂|接|念|核对|跟|给|确认|我|四位|三位|两位|" + rf"[{_PAUSE}\s]"
)
_LABEL_IN_GAP = re.compile(r"\n[ ]*[^\n:：]{1,8}[:：]")
_CORRECTED = re.compile(r"不对|错了|说错|记错|重新|不是")

MAX_GAP_IN_TURN = 14
MAX_GAP_ACROSS_TURNS = 60
MAX_LEFTOVER_ACROSS_TURNS = 4


@dataclass(frozen=True, slots=True)
class Group:
    """Digits that stand together: code points of the text, and the digits that they mean (`X` may close them)."""

    start: int
    end: int
    digits: str
    spoken: bool


def groups_of(text: str) -> list[Group]:
    """All stretches of digits in a normalised text that are not counts (`三千`, `12栋`, `2024年`)."""
    return [group for group in map(_group, _GROUP.finditer(text)) if not _is_count(text, group)]


def _group(match: re.Match[str]) -> Group:
    start, end = match.span()
    words = match.group()
    if match.group("typed"):
        return Group(start, end, words.upper(), spoken=False)
    if match.group("repeated"):
        return Group(start, end, _VALUES[words[2]] * _COUNTS[words[0]], spoken=True)
    following = match.string[end : end + 1]
    if len(words) > 2 and words[-1] in "一两" and following and following in _COMMON_AFTER_ONE:
        words, end = words[:-1], end - 1
    return Group(start, end, "".join("X" if char in "Xx叉" else _VALUES[char] for char in words), spoken=True)


def _is_count(text: str, group: Group) -> bool:
    """Whether a unit, a decimal point or a larger numeral makes the digits a quantity and not a number to dial."""
    if len(group.digits) >= 11:
        return False
    after = text[group.end : group.end + 2]
    if after and after[0] in _UNITS:
        return True
    if not group.spoken and after[:1] == "." and after[1:].isdigit() and len(group.digits) < 7:
        return True
    return group.start > 0 and text[group.start - 1] in "第十百千万亿"


def chains_of(text: str, groups: Sequence[Group]) -> Iterator[list[Group]]:
    """Split groups into chains whose members are parted by nothing but pauses, fillers and the other side's nods."""
    chain: list[Group] = []
    for group in groups:
        if chain and not _one_breath(text[chain[-1].end : group.start]):
            yield chain
            chain = []
        chain.append(group)
    if chain:
        yield chain


def _one_breath(gap: str) -> bool:
    if not gap:
        return True
    if "\n" not in gap:
        return len(gap) <= MAX_GAP_IN_TURN and not _FILLER.sub("", _CORRECTED.sub("", gap))
    if len(gap) > MAX_GAP_ACROSS_TURNS or not _LABEL_IN_GAP.search(gap):
        return False
    return len(_FILLER.sub("", _CORRECTED.sub("", _LABEL_IN_GAP.sub("", gap)))) <= MAX_LEFTOVER_ACROSS_TURNS


def without_slips(text: str, chain: Sequence[Group]) -> list[Group]:
    """The chain without groups that the speaker took back (`五五，不对，四四`)."""
    kept: list[Group] = []
    for group in chain:
        if kept and _CORRECTED.search(text[kept[-1].end : group.start]):
            kept.pop()
        kept.append(group)
    return kept


def without_echo(text: str, chain: Sequence[Group]) -> list[Group]:
    """The chain without what the other side merely repeated: the last groups again, in another turn."""
    kept: list[Group] = []
    for group in chain:
        if kept and "\n" in text[kept[-1].end : group.start] and _said(kept, group.digits):
            continue
        kept.append(group)
    return kept


def _said(kept: Sequence[Group], digits: str) -> bool:
    """Whether the digits are what the last one to four groups were."""
    return any("".join(group.digits for group in kept[-count:]) == digits for count in range(1, min(4, len(kept)) + 1))
