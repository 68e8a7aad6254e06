"""Sentences and clauses of a text, as spans, for elements and evidence that are quoted whole."""

import re
from collections.abc import Iterator

_CLAUSE = re.compile(r"[^,，。!！?？;；:：\n…]+")
_SENTENCE = re.compile(r"[^。!！?？;；\n…]+")


def clauses(text: str, start: int = 0, end: int | None = None) -> Iterator[tuple[int, int]]:
    """Stretches between marks, without the blanks around them."""
    yield from _stretches(_CLAUSE, text, start, len(text) if end is None else end)


def sentences(text: str, start: int = 0, end: int | None = None) -> Iterator[tuple[int, int]]:
    """Stretches between full stops, line ends and semicolons, without the blanks around them."""
    yield from _stretches(_SENTENCE, text, start, len(text) if end is None else end)


def clause_around(text: str, start: int, end: int) -> tuple[int, int]:
    """The clause, or run of clauses, that covers [start, end)."""
    stops = ",，。!！?？;；:：\n…"
    while start > 0 and text[start - 1] not in stops:
        start -= 1
    while end < len(text) and text[end] not in stops:
        end += 1
    while start < end - 1 and text[start].isspace():
        start += 1
    while end > start + 1 and text[end - 1].isspace():
        end -= 1
    return start, end


def _stretches(pattern: re.Pattern[str], text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    for match in pattern.finditer(text, start, end):
        words = match[0]
        first = match.start() + len(words) - len(words.lstrip())
        last = match.end() - (len(words) - len(words.rstrip()))
        if last > first:
            yield first, last
