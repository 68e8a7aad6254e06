"""What speaks for and against a stretch being a person's name: its characters, the words around, its place in a letter."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import accumulate, pairwise
from typing import NamedTuple

from nlp.pii import cues
from nlp.pii.masks import RawMask
from nlp.pii.surnames import given_scores, not_names, surnames
from nlp.segment import segmenter
from nlp.transcript import TurnSpan

SIGNATURE_LINES = 7
SIGNATURE_LINE_CHARS = 42
SIGNATURE_CHARS = 200
_SPELLING_CHARS = 20
_LEAST_GIVEN = -3.0
_LEAST_MEAN = -1.9
"""Stretches whose characters stand in given names more rarely (log-odds) are not looked at without a cue."""
_NEVER_GIVEN = "的了是我你他她它们这那没吗吧呢啊某着把被您么啥哪谁就还很太最呀嘛哦啦但而且说讲恁姓什也嗲乎"
_NEVER_ALONE = frozenset("家公工婆某村叔伯爷哥")
_SURE = frozenset({"called", "form", "asked"})
_NUMERALS = frozenset("0123456789一二三四五六七八九十")
_FAMILIAR = frozenset("老小阿")
"""`老王` and `小李` are what neighbours say; they stay, with whatever follows."""
_NEVER_FIRST = "总姐婶嫂奶姨爸妈舅姑"
_TITLE = re.compile(
    r"先生|女士|小姐|老师|医生|师傅|阿姨|大[爷妈姐哥娘伯叔婶嫂人]|叔叔|经理|主任|书记|校长|院长|队长|科长|局长|所长|老板|律师|警官|教练|老[太汉头倌师爷人爹伯]|"
    r"阿[公婆姨]|婆婆|公公|胖子|眼镜|小妹|小朋|家[里人的家]?$|[工公婆]$|公司|姑娘|同[志学]|[县市镇乡区省处村厅部会]长|主席|董事|秘书|大夫|护士|会计|医师|嬢嬢|孃孃|伯伯|爷爷|奶奶|夫妇|夫妻|氏|姓"
)
_FILLING = re.compile(
    r"(?:[嗯哦啊呃好对行哎]+|隔壁的?|就是|是|叫|我叫|我是|姓名|名字|就叫|他叫|她叫|好像叫)*[,，。 …]*"
)
_BEFORE_NUMBER = re.compile(
    r"[ ,，:：(（、。\n]*的?(?:联系)?(?:电话|手机|身份证|微信|卡号|号码|座机|账号)?(?:号码?|是|就)*[:： ,，]*"
)


class _Word(NamedTuple):
    """A word of the segmenter."""

    start: int
    end: int
    is_name: bool
    known: bool
    """Whether it is in the dictionary, longer than a character, and no person's name."""


@dataclass(slots=True)
class Candidate:
    """A stretch that may be a name, in code points; `given` is where the given name begins."""

    start: int
    given: int
    end: int
    features: list[str]
    quality: float
    """Mean log-odds of the given name's characters."""

    def score(self, weights: dict[str, float]) -> float:
        """Log-odds that the stretch is a name."""
        total = weights.get("quality", 0.0) * self.quality + weights.get("bias", 0.0)
        for feature in self.features:
            total += weights.get(feature, 0.0)
        return total


@cache
def _pattern() -> re.Pattern[str]:
    table = surnames()
    singles = "".join(sorted(table.common | table.rare | table.doubtful))
    compounds = "|".join(sorted(table.compound))
    possible = f"[\u4e00-\u9fa5](?<![{_NEVER_GIVEN}])"
    return re.compile(f"({compounds}|[{singles}])(?={possible}(?<![{_NEVER_FIRST}])({possible})?)")


class Context:
    """A text with all that is computed once for its candidates."""

    def __init__(self, text: str, numbers: Sequence[RawMask], turns: Sequence[TurnSpan]) -> None:
        self.text = text
        self.listed: frozenset[int] = frozenset()
        self._numbers = numbers
        self._number_starts = [mask.start for mask in numbers]
        self._number_ends = {mask.end for mask in numbers}
        self._labelled = frozenset(turn.start for turn in turns)
        self._asked = _asked(text, turns)
        self._declared = frozenset(cues.DECLARED.findall(text)) if "姓" in text else frozenset()
        self._letter_end = len(text) if turns else _signature_start(text)
        words = segmenter().tag(text)
        self._ends = list(accumulate(len(word) for word, _ in words))
        self._words = words
        self._cached: list[Candidate] | None = None

    def called(self, position: int) -> bool:
        """Whether the words before a position announce a name."""
        return self._announced(position) in _SURE

    def candidates(self) -> Iterator[Candidate]:
        """Every surname with one or two characters that may be a given name, with its features.

        What depends on names found so far (`listed`) is worked out anew at each call.
        """
        if self._cached is None:
            self._cached = list(self._possible())
        for candidate in self._cached:
            if self.listed and self._listed_before(candidate.start):
                features = [*candidate.features, "listed"]
                yield Candidate(candidate.start, candidate.given, candidate.end, features, candidate.quality)
            else:
                yield candidate

    def _possible(self) -> Iterator[Candidate]:
        scores = given_scores()
        text = self.text
        for match in _pattern().finditer(text):
            start, given = match.span()
            first = scores.get(text[given], 0.0)
            cue = self._announced(start)
            if not cue and first < _LEAST_GIVEN:
                continue
            word = self._word(start)
            if not cue and word.known and (word.start != start or (word.end > given + 1 and not self._signs(start))):
                continue
            if start and text[start - 1] in _FAMILIAR and cue not in _SURE:
                continue
            if self._hidden(start) or (cue not in _SURE and _TITLE.match(text, given)):
                continue
            sizes = (2, 1) if match.group(2) and not self._hidden(given + 1) else (1,)
            for size in sizes:
                end = given + size
                second = scores.get(text[end - 1], 0.0) if size == 2 else first
                mean = (first + second) / 2
                if not cue and (mean < _LEAST_MEAN or min(first, second) < _LEAST_GIVEN):
                    continue
                if (size == 1 and text[given] in _NEVER_ALONE) or (cue not in _SURE and text[start:end] in not_names()):
                    continue
                last = word if word.end >= end else self._word(end - 1)
                if not cue and last.known and (last.end > end or last.start == start) and not self._signs(start):
                    continue
                yield Candidate(start, given, end, self._features(start, given, end, cue, word, last), mean)

    def _word(self, position: int) -> _Word:
        """The segmenter's word around a position."""
        index = bisect_right(self._ends, position)
        end = self._ends[index]
        word, tag = self._words[index]
        is_name = tag.startswith("nr")
        return _Word(end - len(word), end, is_name, len(word) > 1 and not is_name and _is_word(word))

    def _announced(self, start: int) -> str:
        """What kind of words before a position announce a name; empty when none do."""
        text = self.text
        if start in self._asked:
            return "asked"
        if not start or text[start - 1] not in cues.BORDERS or start in self._labelled:
            return ""
        position = start
        while position > 0 and start - position < 3 and text[position - 1] in cues.SKIPPED:
            position -= 1
        linked = ":" in text[position:start]
        kind = self._ending(position)
        if kind in {"", "named"} and position > 1:
            if text[position - 1] in cues.LINKS and self._ending(position - 1) in {"role", "kin"}:
                return "form"
            if text[position - 1] in cues.NUMBERED and text[position - 2] in _NUMERALS:
                return "named"
            if text[position - 1] in ",叫。" and position > 2 and text[position - 3] == "姓":
                return "called"
        return "form" if linked and kind in {"role", "kin"} else kind

    def _ending(self, position: int) -> str:
        """The kind of the longest announcing word that ends at a position."""
        text = self.text
        if not position or text[position - 1] not in cues.LAST_CHARACTERS:
            return ""
        for size in range(min(cues.LONGEST, position), 0, -1):
            kind = cues.ANNOUNCES.get(text[position - size : position])
            if kind:
                return kind
        return ""

    def _features(self, start: int, given: int, end: int, cue: str, word: _Word, last: _Word) -> list[str]:
        size = end - given
        text = self.text
        left = cue or self._line_place(start)
        right = self._right(end)
        features = [
            f"left:{left}",
            f"right:{right}",
            f"both:{left}:{right}",
            f"size:{size}",
            f"surname:{self._tier(start, given)}",
            f"fit:{_fit(start, end, word)}:{size}",
            f"edges:{_edges(start, end, word, last)}",
            f"before:{text[start - 1] if start else '^'}",
            f"after:{text[end] if end < len(text) else '$'}",
            f"last:{text[end - 1]}",
        ]
        if text[start] in self._declared:
            features.append("declared")
        if self._signs(start):
            features.append(f"signed:{size}")
        spelling = text[end : end + _SPELLING_CHARS]
        if "的" in spelling and any(f"的{char}" in spelling for char in text[start:end]):
            features.append("spelled")
        if text[end - 1] in cues.PLACE_ENDS:
            features.append(f"place:{size}")
        if size == 2 and text[start : end - 1] in not_names():
            features.append("not_name")
        if size == 2 and text.count(text[start:end]) > 1:
            features.append("again")
        return features

    def _tier(self, start: int, given: int) -> str:
        if given - start == 2:
            return "compound"
        table = surnames()
        char = self.text[start]
        return "common" if char in table.common else "rare" if char in table.rare else "doubtful"

    def _line_place(self, start: int) -> str:
        if start in self._number_ends:
            return "number"
        if start == 0 or self.text[start - 1] == "\n":
            return "line"
        char = self.text[start - 1]
        return "stop" if not char.isalnum() else "han" if char > "\u2e80" else "digit"

    def _right(self, end: int) -> str:
        text = self.text
        if cues.ORGANISATION.match(text, end):
            return "place"
        index = bisect_left(self._number_starts, end)
        if (
            index < len(self._numbers)
            and self._number_starts[index] - end <= 14
            and self._numbers[index].kind != "room"
        ):
            gap = _BEFORE_NUMBER.match(text, end)
            if gap and gap.end() >= self._number_starts[index]:
                return "number"
        match = cues.AFTER.match(text, end)
        return (match.lastgroup or "") if match else "other"

    def _signs(self, start: int) -> bool:
        """Whether a position begins an item of a short last line without a full stop, as signatures do."""
        if start < self._letter_end:
            return False
        text = self.text
        begin = text.rfind("\n", 0, start) + 1
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        if end - begin > SIGNATURE_LINE_CHARS or text[end - 1] in "。;；!！?？":
            return False
        return start == begin or text[start - 1] in " 、,，:：)）"

    def _listed_before(self, start: int) -> bool:
        if not self.listed:
            return False
        return any(
            start - 18 <= end < start and cues.LIST_JOINT.fullmatch(self.text, end, start) for end in self.listed
        )

    def _hidden(self, position: int) -> bool:
        index = bisect_right(self._number_starts, position) - 1
        return index >= 0 and position < self._numbers[index].end


@lru_cache(maxsize=1 << 16)
def _is_word(word: str) -> bool:
    return segmenter().has_word(word)


def _fit(start: int, end: int, word: _Word) -> str:
    """How a stretch agrees with the segmenter's words."""
    if word.start != start or word.end != end:
        return "split"
    return "name" if word.is_name else "word" if word.known else "guess"


def _edges(start: int, end: int, word: _Word, last: _Word) -> str:
    """Whether the stretch cuts a word at either side, and whether the dictionary knows that word."""
    left = "clean" if word.start == start else "known" if word.known else "cut"
    right = "clean" if last.end == end else "known" if last.known else "cut"
    return f"{left}:{right}"


def _asked(text: str, turns: Sequence[TurnSpan]) -> frozenset[int]:
    """Where an answer to the question for a name begins."""
    found = set()
    for before, turn in pairwise(turns):
        answers = before.speaker == "agent" and turn.speaker == "citizen"
        if answers and cues.ASKS_NAME.search(text, before.start, before.end):
            filling = _FILLING.match(text, turn.start, turn.end)
            found |= {turn.start, filling.end() if filling else turn.start}
    return frozenset(found)


def _signature_start(text: str) -> int:
    """Where the last lines of a letter begin, in which it is signed; its end when it has one line only."""
    length = len(text.rstrip())
    position = length
    for _ in range(SIGNATURE_LINES):
        before = text.rfind("\n", 0, position)
        if before < 0:
            break
        position = before
    return max(position, length - SIGNATURE_CHARS)
