"""The words that say what a text is about: frequency in the text against rarity in Chinese."""

import re
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from nlp.segment import stop_words

TOP = 8
_WORD = re.compile(r"[\u4e00-\u9fff]{2,8}")
_TAGS = frozenset(
    {"姓名", "手机号", "电话", "身份证号", "银行卡号", "车牌号", "邮箱", "微信号", "房号", "号码", "话务员", "市民"}
)


@cache
def _rarity() -> tuple[dict[str, float], float]:
    """Inverse document frequencies that jieba ships, and their median for words it does not know."""
    import jieba.analyse

    path = Path(jieba.analyse.__file__).parent / "idf.txt"
    pairs = (line.split(" ") for line in path.read_text(encoding="utf-8").splitlines())
    idf = {word: float(value) for word, value in pairs}
    return idf, sorted(idf.values())[len(idf) // 2]


def keywords(tokens: Sequence[str], top: int = TOP) -> list[str]:
    """The words of most TF-IDF weight (Sparck Jones 1972), best first; no numbers, names' tags or stop words.

    Args:
        tokens: the masked text's words in order.
        top: how many at most.
    """
    idf, usual = _rarity()
    stops = stop_words()
    weighed = {
        word: count * idf.get(word, usual)
        for word, count in Counter(tokens).items()
        if word not in stops and word not in _TAGS and _WORD.fullmatch(word)
    }
    return sorted(weighed, key=lambda word: (-weighed[word], word))[:top]
