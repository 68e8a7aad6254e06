"""Numbers as people write and say them: 三万二, 12万多, 一百来户, 上千, 1.2亿, 两三百."""

import re
from functools import lru_cache
from typing import Final

DIGITS: Final = {
    **{char: value for value, char in enumerate("零一二三四五六七八九")},
    **{char: value for value, char in enumerate("〇壹贰叁肆伍陆柒捌玖")},
    "〇": 0, "两": 2, "俩": 2, "仨": 3, "弍": 2, "半": 0.5, "幺": 1,
}  # fmt: skip
UNITS: Final = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1_000, "仟": 1_000, "k": 1_000, "K": 1_000}
SECTIONS: Final = {"万": 10_000, "萬": 10_000, "w": 10_000, "W": 10_000, "亿": 100_000_000}
VAGUE: Final = frozenset("几数多来余好把")
VAGUE_DIGITS: Final = frozenset("几数")

_ARABIC = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_HAN = "〇零一二两三四五六七八九十百千万亿壹贰叁肆伍陆柒捌玖拾佰仟"
NUMBER: Final = (
    rf"(?:(?:{_ARABIC})(?:\s?[多来余几]?[十百千万亿wWkK][多来余几]?(?:\d(?:\.\d+)?(?![\d.])[百千万]?|[一二三四五六七八九](?:[千百]|(?![一二三四五六七八九十]))|[千百])?)*"
    rf"|[{_HAN}几数](?:[{_HAN}]|[几多来余半](?=[十百千万亿])|(?<=[十百千])[几])*)"
)
"""Pattern of one number; it needs the word that is counted after it to be told from a year or a house number."""

_TOKEN = re.compile(rf"({_ARABIC})|(.)", re.DOTALL)


@lru_cache(maxsize=4096)
def parse_number(text: str, *, upper: bool = False) -> float | None:
    """The value of a number in Arabic, Chinese or mixed numerals; None when it is none.

    Vague parts are read at their lower bound, as analysts do: 十几 -> 10, 一百来 -> 100, 几百 -> 100;
    so is a range (两三千 -> 2000) unless `upper` asks for its other end (3000).
    A digit that trails a unit counts the next lower unit: 三万二 -> 32000, 8万7 -> 87000, 两千八 -> 2800.
    """
    total = section = 0.0
    current: float | None = None
    last_unit = 0.0
    zero = False
    digits: list[float] = []
    for arabic, char in _TOKEN.findall(text.strip().replace(" ", "")):
        if arabic:
            current, digits = float(arabic.replace(",", "")), []
        elif char in DIGITS:
            digits.append(DIGITS[char])
            zero = zero or DIGITS[char] == 0
            current = _read_digits(digits, upper=upper)
        elif char in UNITS or char in SECTIONS:
            unit = UNITS.get(char) or SECTIONS[char]
            if char in SECTIONS:
                amount = section + (current if current is not None else 0.0)
                amount = amount if amount or current is not None else (0.0 if total else 1.0)
                total = (total + amount) * unit if amount == 0 or unit > last_unit > 9_999 else total + amount * unit
                section = 0.0
            else:
                section += (1.0 if current is None or current == 0 else current) * unit
            current, digits, last_unit, zero = None, [], float(unit), False
        elif char not in VAGUE:
            return None
        elif char in VAGUE_DIGITS and last_unit == 0 and current is None:
            current = 1.0
    if current is None and last_unit == 0:
        return None
    if current is not None and last_unit >= 100 and current < 10 and not zero:
        current *= last_unit / 10
    return total + section + (current or 0.0)


def _read_digits(digits: list[float], *, upper: bool) -> float:
    """二三 before a unit is a range; three digits or more are read out one by one, as in 二零二三."""
    if len(digits) == 1:
        return digits[0]
    if len(digits) == 2 and digits[1] == digits[0] + 1 and digits[0] > 0:
        return digits[1] if upper else digits[0]
    if any(value != int(value) for value in digits):
        return digits[0]
    return float("".join(str(int(value)) for value in digits))
