"""Texts as they come on a bad day, to see how much a model leans on clean ones: typos, and a call badly transcribed."""

import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from functools import cache

from nlp.frequency import background

TYPOS = 0.05
"""Share of the characters that are mistyped; about what a phone's keyboard does in haste."""
MISHEARD = 0.08
"""Share of the characters that a recogniser writes as another one of the same sound."""
_COMMON = 6
"""So many characters of a sound are taken for one another."""
_FILLERS = ("嗯", "呃", "那个", "就是说", "这个")
_MARKS = re.compile(r"[，。、；：！？,.;!?…“”\"'（）()《》]+")
_DIGITS = str.maketrans("0123456789", "零一二三四五六七八九")
_TURN = re.compile(r"^(话务员|市民|坐席|来电人)[：:]", re.MULTILINE)


def typos(text: str, seed: str) -> str:
    """Some characters doubled, dropped, swapped with the next or replaced by one of the same sound."""
    order = random.Random(seed)  # noqa: S311  # noise, not secrecy
    found: list[str] = []
    chars = list(text)
    place = 0
    while place < len(chars):
        char = chars[place]
        if "一" <= char <= "鿿" and order.random() < TYPOS:
            how = order.randrange(4)
            if how == 0:
                found += [char, char]
            elif how == 1 and place + 1 < len(chars):
                found += [chars[place + 1], char]
                place += 1
            elif how == 2:
                found.append(_same_sound(char, order))
        else:
            found.append(char)
        place += 1
    return "".join(found)


def transcribed(text: str, seed: str) -> str:
    """No punctuation, digits spoken one by one, fillers, characters of the same sound; turns keep their lines."""
    order = random.Random(seed)  # noqa: S311
    lines = []
    for line in text.split("\n"):
        turn = _TURN.match(line)
        start = turn.end() if turn else 0
        said = _MARKS.sub(" ", line[start:]).translate(_DIGITS)
        heard = []
        for part in said.split():
            heard.append("".join(_same_sound(char, order) if order.random() < MISHEARD else char for char in part))
            if order.random() < 0.15:
                heard.append(order.choice(_FILLERS))
        lines.append(line[:start] + "".join(heard))
    return "\n".join(lines)


WAYS: Mapping[str, Callable[[str, str], str]] = {"错别字（5 %）": typos, "转写噪声（无标点，8 % 同音字）": transcribed}


def _same_sound(char: str, order: random.Random) -> str:
    others = [other for other in _by_sound().get(_sound(char), ()) if other != char]
    return order.choice(others) if others else char


@cache
def _sound(char: str) -> str:
    from pypinyin import lazy_pinyin

    return lazy_pinyin(char)[0] if "一" <= char <= "鿿" else char


@cache
def _by_sound() -> dict[str, tuple[str, ...]]:
    """The commoner characters of each sound, as complaints use them."""
    counts: Counter[str] = Counter()
    for term, documents in background().frequencies.items():
        for char in term.lstrip("#"):
            counts[char] += documents
    found: dict[str, list[str]] = defaultdict(list)
    for char, _ in counts.most_common():
        if "一" <= char <= "鿿":
            found[_sound(char)].append(char)
    return {sound: tuple(chars[:_COMMON]) for sound, chars in found.items()}
