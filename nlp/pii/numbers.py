"""Finds phone, ID-card and bank-card numbers, typed or spoken, by their shape and by the words before them."""

import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from data_contracts.analysis import MaskKind
from nlp.pii import checks
from nlp.pii.digits import Group, chains_of, groups_of, without_echo, without_slips
from nlp.pii.masks import RawMask

CueKind = Literal["id_card", "bank_card", "phone", "qq", "case"]

_CUE = re.compile(
    r"(?P<id_card>身份证|身份正|证件号|身分证|身份号|公民身份)"
    r"|(?P<case>编号|单号|案号|文号|受理号|订单|工单|合同号|流水号|回执|快递|运单|登记号|许可证|执照|信用代码|条码|诉求号|信访件|"
    r"户号|表号|批号|备案|准考证|学籍|发票|序列号|统一社会|房产证|不动产|凭证|缴费号|产权证|行驶证号|机身|设备号|邮编|查询码|取件|验证码|受理[了过]?[，,：:]?号)"
    r"|(?P<bank_card>银行卡|卡号|账号|帐号|账户|帐户|储蓄卡|存折|收款卡|对方卡|工资卡|社保卡|开户|[农工建中交招]行|信用社|邮储|个人卡|打款)"
    r"|(?P<qq>[Qq]{2}(?:号码?)?|扣扣)"
    r"|(?P<phone>电话|手机|号码|座机|固话|联系方式|打我|打给|拨打|我的是|致电|来电|微信|热线|[Tt][Ee][Ll]|传真|短信|回电|打这个)"
)
_SENTENCE_END = re.compile(r"[\n。！？!?；;]")
CUE_REACH = 14
CUE_REACH_ACROSS_TURNS = 60
MIN_FRAGMENT = 4
MIN_SPOKEN_FRAGMENT = 3
_SHORTEST = 10
_MAX_DIGITS = 24
_DATE = re.compile(r"(?:19|20)\d\d(?:1[0-2]|0?[1-9])(?:3[01]|[12]\d|0?[1-9])")
_TIMESTAMP = re.compile(r"20[0-3]\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d*")
_LINE_NAME = re.compile(r"(?:^|[^0-9A-Za-z])(?:tel|qq|vx?|wx)$", re.IGNORECASE)
_SIGNED = re.compile(r"[\u4e00-\u9fff)] ([2-8]\d{6,7})$", re.MULTILINE)
"""A line that ends in a landline number, as signatures do."""
_SIGNATURE_CHARS = 200
_BLOCK_JOINT = re.compile(r"[ \-.·)]{1,3}")
_PLAIN_JOINT = re.compile(r"[ \-,，、·.]*")


@dataclass(frozen=True, slots=True)
class _Found:
    groups: tuple[Group, ...]
    digits: str
    kind: MaskKind


class _Cues:
    """The words that announce a number, by where they end."""

    def __init__(self, text: str) -> None:
        self._text = text
        matches = list(_CUE.finditer(text))
        self._ends = [match.end() for match in matches]
        self._kinds = [match.lastgroup for match in matches]

    def before(self, position: int) -> str | None:
        """The kind of the nearest cue before a position, within reach; `None` when there is none."""
        index = bisect_left(self._ends, position + 1) - 1
        if index < 0:
            return None
        gap = self._text[self._ends[index] : position]
        if self._kinds[index] == "case" and _SENTENCE_END.search(gap):
            return None
        reach = CUE_REACH_ACROSS_TURNS if gap.count("\n") == 1 else CUE_REACH
        return self._kinds[index] if len(gap) <= reach and gap.count("\n") <= 1 else None


def find_numbers(text: str) -> list[RawMask]:
    """Masks of every phone, ID-card, bank-card and QQ number, and of their repeated pieces.

    Args:
        text: normalised full text; speaker labels stand on line starts.
    """
    groups = groups_of(text)
    if not any(len(group.digits) >= MIN_SPOKEN_FRAGMENT for group in groups):
        return []
    cues = _Cues(text)
    found: list[_Found] = []
    for chain in chains_of(text, groups):
        found.extend(_numbers_in(text, chain, cues))
    masks = [mask for number in found for mask in _pieces(text, number)]
    masks.extend(
        RawMask(*match.span(1), "landline", match.group(1)[-2:])
        for match in _SIGNED.finditer(text, max(0, len(text) - _SIGNATURE_CHARS))
        if not _DATE.fullmatch(match.group(1))
    )
    taken = {group.start for number in found for group in number.groups}
    masks.extend(_echoes([group for group in groups if group.start not in taken], found))
    return masks


def _numbers_in(text: str, chain: Sequence[Group], cues: _Cues) -> list[_Found]:
    """Numbers of a chain: whole groups first, then neighbours joined, slips and the other side's echo left out."""
    found = []
    rest: list[list[Group]] = [[]]
    for group in chain:
        kind = _kind_by_shape(text, [group], group.digits, cues)
        if kind:
            found.append(_Found((group,), group.digits, kind))
            rest.append([])
        else:
            rest[-1].append(group)
    for part in rest:
        for reading in _readings(text, part):
            joined = _joined(text, reading, cues, _kind_by_shape)
            if joined:
                found.extend(joined)
                break
    taken = {group.start for number in found for group in number.groups}
    left = [group for group in chain if group.start not in taken]
    found.extend(_joined(text, left, cues, _kind_by_cue))
    return found


def _readings(text: str, groups: Sequence[Group]) -> list[Sequence[Group]]:
    """What a chain may have meant, the likelier first: without slips and echoes, then as it stands."""
    if len(groups) < 2:
        return []
    careful = without_echo(text, without_slips(text, groups))
    return [careful] if len(careful) == len(groups) else [careful, groups]


def _joined(
    text: str,
    groups: Sequence[Group],
    cues: _Cues,
    kind_of: Callable[[str, Sequence[Group], str, _Cues], MaskKind | None],
) -> list[_Found]:
    """The longest runs of neighbouring groups that together make a number, from left to right."""
    found = []
    first = 0
    while first < len(groups):
        digits = ""
        best: _Found | None = None
        for last in range(first, len(groups)):
            digits += groups[last].digits
            if len(digits) > _MAX_DIGITS or "X" in digits[:-1]:
                break
            window = groups[first : last + 1]
            kind = kind_of(text, window, digits, cues)
            if kind:
                best = _Found(tuple(window), digits, kind)
        if best:
            found.append(best)
            first += len(best.groups)
        else:
            first += 1
    return found


def _kind_by_shape(text: str, window: Sequence[Group], digits: str, cues: _Cues) -> MaskKind | None:
    """What a number is by its digits alone; a cue may only veto."""
    length = len(digits)
    if length < _SHORTEST or (len(window) == 1 and _within_code(text, window[0].start)):
        return None
    cue = cues.before(window[0].start)
    if cue == "case" or (cue is None and not _written_as_one(text, window)):
        return None
    if checks.is_mobile(digits):
        return "mobile"
    if length == 18 and checks.has_birth_date(digits) and digits[0] in "123456789":
        return "id_card"
    if length == 15 and checks.has_birth_date(digits) and digits[0] in "123456" and cue == "id_card":
        return "id_card"
    if _is_card(digits, cue):
        return "bank_card"
    if digits[0] == "0" and checks.is_landline(digits):
        return "landline"
    return None


def _within_code(text: str, position: int) -> bool:
    """Whether digits continue a code of letters; letters that name a line (`tel`, `QQ`, `vx`) do not make a code."""
    before = text[position - 1] if position else ""
    if not (before.isascii() and before.isalpha()):
        return False
    return _LINE_NAME.search(text[max(0, position - 5) : position]) is None


def _is_card(digits: str, cue: str | None) -> bool:
    if not 16 <= len(digits) <= 19 or "X" in digits or cue == "id_card":
        return False
    if digits.startswith("62"):
        return True
    return digits[0] in "3459" and checks.luhn_holds(digits) and not _TIMESTAMP.match(digits)


def _kind_by_cue(text: str, window: Sequence[Group], digits: str, cues: _Cues) -> MaskKind | None:
    """What a number of the wrong length or checksum must be, given the words right before it."""
    length = len(digits)
    if length < 5:
        return None
    cue = cues.before(window[0].start)
    if cue is None or cue == "case" or checks.is_public_line(digits):
        return None
    if any(checks.is_public_line(group.digits) for group in window):
        return None
    if cue == "id_card" and 14 <= length <= 20:
        return "id_card"
    if cue == "bank_card" and 11 <= length <= 23:
        return "bank_card"
    if cue == "qq" and length <= 12 and len(window) == 1:
        return "qq"
    if cue == "phone" and not _DATE.fullmatch(digits) and _plainly_joined(text, window):
        if 9 <= length <= 13:
            return "mobile" if digits[0] == "1" else "landline"
        if length in {7, 8} and digits[0] in "23456789":
            return "landline"
    return None


def _written_as_one(text: str, window: Sequence[Group]) -> bool:
    """Whether typed groups stand together as the blocks of one number do; lists of numbers have commas."""
    pairs = pairwise(window)
    return all(
        left.spoken or right.spoken or _BLOCK_JOINT.fullmatch(text, left.end, right.start) for left, right in pairs
    )


def _plainly_joined(text: str, window: Sequence[Group]) -> bool:
    """Whether typed groups have nothing but short joints between them (spoken ones may pause as they like)."""
    pairs = pairwise(window)
    return all(left.spoken or _PLAIN_JOINT.fullmatch(text, left.end, right.start) for left, right in pairs)


def _pieces(text: str, number: _Found) -> list[RawMask]:
    """One mask over a number said in one go, or one for each stretch between which somebody else spoke."""
    stretches: list[list[Group]] = [[]]
    for group in number.groups:
        if stretches[-1] and not _closely(text[stretches[-1][-1].end : group.start]):
            stretches.append([])
        stretches[-1].append(group)
    tails = [""] * (len(stretches) - 1) + [number.digits[-2:]]
    return [
        RawMask(_opening(text, stretch), stretch[-1].end, number.kind, tail)
        for stretch, tail in zip(stretches, tails, strict=True)
    ]


def _opening(text: str, stretch: Sequence[Group]) -> int:
    """Where a mask begins: at a plus sign or at the bracket around an area code, when there is one."""
    start = stretch[0].start
    before = text[start - 1] if start else ""
    bracketed = before == "(" and ")" in text[start : stretch[-1].end]
    return start - 1 if before == "+" or bracketed else start


def _closely(gap: str) -> bool:
    return "\n" not in gap and len(gap) <= 6


def _echoes(groups: Sequence[Group], found: Sequence[_Found]) -> list[RawMask]:
    """Masks of the pieces of a found number that are said again elsewhere."""
    masks = []
    for group in groups:
        least = MIN_SPOKEN_FRAGMENT if group.spoken else MIN_FRAGMENT
        if len(group.digits) < least:
            continue
        whole = next((number for number in found if group.digits in number.digits), None)
        if whole:
            masks.append(RawMask(group.start, group.end, whole.kind))
    return masks
