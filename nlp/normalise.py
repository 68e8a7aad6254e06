"""One spelling for what people type differently, at the same length, so that every offset stays true."""

import unicodedata
from functools import cache

from opencc import OpenCC

_CJK_RANGES = ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF))
_LINE_BREAKS = "\x0b\x0c\x85\u2028\u2029"
_INVISIBLE = "\r\t\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
_KEPT_TRADITIONAL = frozenset("乾著藉夥覆瞭徵")
"""Characters that simplified texts use too, where a per-character conversion would change the word."""


@cache
def _table() -> dict[int, str]:
    table: dict[int, str] = {}
    for code in range(0x80, 0x20000):
        char = chr(code)
        # Circled and raised digits mark items and units: as plain digits they would run into the numbers beside them.
        if unicodedata.category(char) in {"No", "Cs"}:
            continue
        folded = unicodedata.normalize("NFKC", char)
        if folded != char and len(folded) == 1:
            table[code] = folded
        elif unicodedata.category(char) == "Zs":
            table[code] = " "
    _simplify(table)
    table.update({ord(char): "\n" for char in _LINE_BREAKS})
    table.update({ord(char): " " for char in _INVISIBLE})
    return table


def _simplify(table: dict[int, str]) -> None:
    """Add the per-character simplification of OpenCC's t2s table, after compatibility folding."""
    chars = [chr(code) for low, high in _CJK_RANGES for code in range(low, high + 1)]
    chars = [char for char in chars if table.get(ord(char), char) not in _KEPT_TRADITIONAL]
    folded = [table.get(ord(char), char) for char in chars]
    simplified = OpenCC("t2s").convert("\n".join(folded)).split("\n")
    for char, simple in zip(chars, simplified, strict=True):
        if simple != char and len(simple) == 1:
            table[ord(char)] = simple


def normalise(text: str) -> str:
    """Full width to half width, traditional to simplified, odd spaces to plain ones.

    Only conversions of one character into one character are made (NFKC, Unicode Standard Annex 15, and the
    characters of OpenCC's t2s), so the result has the same length and offsets into it are offsets into `text`.
    """
    return text if text.isascii() and "\t" not in text and "\r" not in text else text.translate(_table())
