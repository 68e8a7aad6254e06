"""The one segmenter: index and query are cut by the same words."""

import re
from functools import cache
from importlib.resources import files
from threading import Lock

import rjieba

_LEXICON = files("nlp") / "lexicon"
_TAG = re.compile(r"\[[^\[\]\n]{2,12}\]")
_TAG_NAMES = ("姓名", "手机号", "电话", "身份证号", "银行卡号", "车牌号", "邮箱", "微信号", "QQ号", "房号", "号码")
_MASK_TAG = re.compile(r"\[(?:" + "|".join(_TAG_NAMES) + r")[0-9A-Za-z\u4e00-\u9fa5]{0,2}\]")
_WORD = re.compile(r"[0-9A-Za-z\u4e00-\u9fff]")
_CJK_RUN = re.compile(r"[\u4e00-\u9fff]{2,}")


def _lines(name: str) -> list[str]:
    text = (_LEXICON / name).read_text(encoding="utf-8")
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]


@cache
def lexicon() -> tuple[tuple[str, int | None, str | None], ...]:
    """The domain's words, as (word, frequency, tag), in the format of jieba's user dictionaries."""
    entries = []
    for line in _lines("domain.txt"):
        word, *rest = line.split()
        frequency = int(rest[0]) if rest and rest[0].isdigit() else None
        tag = rest[-1] if rest and not rest[-1].isdigit() else None
        entries.append((word, frequency, tag))
    return tuple(entries)


@cache
def stop_words() -> frozenset[str]:
    """Words that say nothing about a matter; they are in no index."""
    return frozenset(_lines("stop_words.txt"))


class Segmenter:
    """Cuts Chinese into words (jieba's algorithm and dictionary, with the domain's words). Safe to share by threads."""

    def __init__(self) -> None:
        self._jieba = rjieba.Jieba()
        for word, frequency, tag in lexicon():
            self._jieba.add_word(word, frequency, tag)
        self._stop_words = stop_words()

    def cut(self, text: str) -> list[str]:
        """The words of a text, in order, nothing left out."""
        return self._jieba.cut(text)

    def tokenize(self, text: str) -> list[tuple[str, int, int]]:
        """The words of a text with their offsets in code points."""
        return self._jieba.tokenize(text)

    def tag(self, text: str) -> list[tuple[str, str]]:
        """The words of a text with their part of speech in jieba's tag set."""
        return self._jieba.tag(text)

    def has_word(self, word: str) -> bool:
        """Whether the dictionary knows a word (as opposed to one that was guessed from its characters)."""
        return self._jieba.has_word(word)

    def index_tokens(self, text: str) -> list[str]:
        """Lower-cased words for index and query: no punctuation, no stop words, no mask tags."""
        bare = _MASK_TAG.sub(" ", text) if "[" in text else text
        stops = self._stop_words
        return [word for word in self._jieba.cut(bare.lower()) if word not in stops and _WORD.search(word)]


_lock = Lock()


@cache
def _build() -> Segmenter:
    return Segmenter()


def segmenter() -> Segmenter:
    """The shared segmenter; the first call loads the dictionary (about 0.1 s)."""
    with _lock:
        return _build()


def bigrams(text: str) -> list[str]:
    """Overlapping pairs of characters of every CJK run, mask tags left out."""
    bare = _MASK_TAG.sub(" ", text) if "[" in text else text
    return [run[i : i + 2] for run in _CJK_RUN.findall(bare) for i in range(len(run) - 1)]
