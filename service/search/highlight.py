"""Which stretches of a hit matched, counted in the masked title and text as readers see them."""

from collections.abc import Iterable, Sequence

from data_contracts.search import Highlight
from service.search.query import ParsedQuery, fold

SNIPPET_CHARS = 120
HIGHLIGHTS_MAX = 100


def needles(parsed: ParsedQuery) -> tuple[str, ...]:
    """The strings to look for: words and phrases, longest first."""
    return tuple(sorted({*(unit.token for unit in parsed.units), *parsed.phrases}, key=lambda word: (-len(word), word)))


def spans(text: str, words: Iterable[str]) -> list[tuple[int, int]]:
    """Where any of the words stands in a text, overlapping and touching stretches merged.

    Args:
        text: the text as readers see it.
        words: folded words.

    Returns:
        ascending (start, end) in code points.
    """
    folded = fold(text)
    found: list[tuple[int, int]] = []
    for word in words:
        start = folded.find(word)
        while start >= 0:
            if _whole(folded, start, word):
                found.append((start, start + len(word)))
            start = folded.find(word, start + 1)
    merged: list[tuple[int, int]] = []
    for start, end in sorted(found):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _whole(text: str, start: int, word: str) -> bool:
    """Whether a Latin word or number stands alone: `12` is not found in `2012`."""
    if not word.isascii() or not word.isalnum():
        return True
    end = start + len(word)
    before, after = text[start - 1 : start], text[end : end + 1]
    return not (before.isascii() and before.isalnum()) and not (after.isascii() and after.isalnum())


def highlights(title: str | None, text: str, words: Sequence[str]) -> list[Highlight]:
    """Matches in title and text, at most `HIGHLIGHTS_MAX`."""
    in_title = [Highlight(field="title", start=start, end=end) for start, end in spans(title or "", words)]
    in_text = [Highlight(field="text", start=start, end=end) for start, end in spans(text, words)]
    return (in_title + in_text)[:HIGHLIGHTS_MAX]


def snippet(text: str, marks: Sequence[Highlight], length: int = SNIPPET_CHARS) -> str:
    """The stretch of a text that holds the most matches; its start where none does."""
    starts = [mark.start for mark in marks if mark.field == "text"]
    if len(text) <= length:
        return text
    best = max(starts, key=lambda s: (sum(s <= other < s + length - 20 for other in starts), -s), default=0)
    begin = min(max(best - 20, 0), len(text) - length)
    return ("…" if begin else "") + text[begin : begin + length] + ("…" if begin + length < len(text) else "")
