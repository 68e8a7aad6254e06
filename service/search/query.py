"""From what an analyst types to what the index is asked: pure functions, no server.

A query becomes *units*. A unit is one word; a document holds it as that token, or as all of its character bigrams,
so that a name is found even where the segmenter cut it differently. A document *matches* when the units that it holds
carry at least `MATCH_SHARE` of the query's information (the sum of the units' idf), every phrase stands in its text
word for word, and no excluded word does.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log

from nlp.normalise import normalise
from nlp.segment import bigrams, segmenter

MATCH_SHARE = 0.6
"""Share of the query's information that a document must hold to match."""
MATCH_UNITS = 6
"""Only so many of the most telling units decide on the match; all of them count for the ranking."""
UNITS_MAX = 40
"""Words of a query beyond these are left out of the ranking as well."""
BIGRAM_MARK = "#"
BAND_MARK = "~"

_QUOTED = re.compile(r"(?P<minus>(?:(?<=\s)|^)-)?[“\"](?P<phrase>[^”\"“]+)[”\"]")
_EXCLUDED = re.compile(r"(?:(?<=\s)|^)-(?P<word>[^\s\-]\S*)")


@dataclass(frozen=True, slots=True)
class Unit:
    """One word of a query and its character bigrams (none for Latin words, numbers and single characters)."""

    token: str
    bigrams: tuple[str, ...]

    @property
    def lexemes(self) -> tuple[str, ...]:
        """The index terms that can stand for this unit."""
        return (self.token, *(BIGRAM_MARK + bigram for bigram in self.bigrams))


@dataclass(frozen=True, slots=True)
class ParsedQuery:
    """A query taken apart.

    Attributes:
        text: the free words, normalised; what is embedded (with the phrases).
        units: different words to be ranked by, phrases' words included.
        phrases: exact stretches, folded.
        excluded: words and exact stretches that must not stand in the text, folded.
        bigrams: different character bigrams of the free words and phrases.
    """

    text: str
    units: tuple[Unit, ...]
    phrases: tuple[str, ...]
    excluded: tuple[str, ...]
    bigrams: tuple[str, ...]

    @property
    def empty(self) -> bool:
        """Whether nothing is asked for, so that filters alone decide."""
        return not (self.units or self.phrases or self.excluded)

    @property
    def positive(self) -> bool:
        """Whether there are words to rank by."""
        return bool(self.units)


def fold(text: str) -> str:
    """The form in which text is compared character by character: normalised, lower case, of the same length."""
    normal = normalise(text)
    lowered = normal.lower()
    return lowered if len(lowered) == len(normal) else "".join(c.lower() if len(c.lower()) == 1 else c for c in normal)


def parse(q: str) -> ParsedQuery:
    """Take a query apart: “exact phrases”, -excluded words, and free words."""
    normal = normalise(q)
    phrases: list[str] = []
    excluded: list[str] = []

    def take(match: re.Match[str]) -> str:
        phrase = fold(match["phrase"]).strip()
        if phrase:
            (excluded if match["minus"] else phrases).append(phrase)
        return " "

    rest = _QUOTED.sub(take, normal)
    excluded += [fold(match["word"]) for match in _EXCLUDED.finditer(rest)]
    free = _EXCLUDED.sub(" ", rest).strip()
    positive = " ".join([free, *phrases]).strip()
    return ParsedQuery(
        text=positive,
        units=units_of(positive)[:UNITS_MAX],
        phrases=tuple(dict.fromkeys(phrases)),
        excluded=tuple(dict.fromkeys(excluded)),
        bigrams=tuple(dict.fromkeys(bigrams(positive))),
    )


def units_of(text: str) -> tuple[Unit, ...]:
    """The different words of a text as units, in order."""
    return tuple(Unit(token, tuple(bigrams(token))) for token in dict.fromkeys(segmenter().index_tokens(text)))


@dataclass(frozen=True, slots=True)
class Statistics:
    """What the index knows of its terms: document count, mean field lengths, document frequencies by lexeme."""

    documents: int
    token_length: float
    bigram_length: float
    frequencies: Mapping[str, int]

    def idf(self, lexeme: str) -> float:
        """Inverse document frequency as BM25 has it, never below 0 (Robertson and Zaragoza 2009, with Lucene's 1 +)."""
        n = self.frequencies.get(lexeme, 0)
        return log(1.0 + max(self.documents - n + 0.5, 0.5) / (n + 0.5))

    def reach(self, unit: Unit) -> int:
        """At most how many documents hold a unit: those with its token, and those with all of its bigrams."""
        whole = self.frequencies.get(unit.token, 0)
        apart = [self.frequencies.get(BIGRAM_MARK + bigram, 0) for bigram in unit.bigrams]
        return max(whole, min(apart, default=0))

    def unit_idf(self, unit: Unit) -> float:
        """How telling a unit is."""
        n = self.reach(unit)
        return log(1.0 + max(self.documents - n + 0.5, 0.5) / (n + 0.5))


def minimal_sets(weights: Sequence[float], share: float) -> list[tuple[int, ...]]:
    """All smallest sets of indices whose weights sum up to a share of the whole.

    No set holds another one: a document that holds every index of one set carries at least the share.

    Args:
        weights: positive weights, at most a handful.
        share: between 0 and 1.
    """
    need = share * sum(weights) - 1e-9
    found: list[tuple[int, ...]] = []
    order = sorted(range(len(weights)), key=lambda index: (-weights[index], index))

    def extend(chosen: tuple[int, ...], position: int, missing: float) -> None:
        if missing <= 0:
            found.append(tuple(sorted(chosen)))
            return
        if position == len(order) or sum(weights[index] for index in order[position:]) < missing:
            return
        index = order[position]
        extend((*chosen, index), position + 1, missing - weights[index])
        extend(chosen, position + 1, missing)

    extend((), 0, need)
    sets = sorted(found, key=lambda indices: (len(indices), indices))
    return [
        indices for place, indices in enumerate(sets) if not any(set(other) <= set(indices) for other in sets[:place])
    ]


def match_expression(parsed: ParsedQuery, statistics: Statistics, share: float = MATCH_SHARE) -> str | None:
    """The tsquery of all documents that hold enough of a query's units; None where no document can.

    Units that no document holds weigh as well: a query that is mostly unknown words matches nothing by its one
    common word.
    """
    weighed = sorted(parsed.units, key=lambda unit: -statistics.unit_idf(unit))[:MATCH_UNITS]
    sets = minimal_sets([statistics.unit_idf(unit) for unit in weighed], share)
    held = [[weighed[index] for index in indices] for indices in sets]
    possible = [units for units in held if all(statistics.reach(unit) for unit in units)]
    if not possible:
        return None
    return any_of([all_of([unit_expression(unit) for unit in units]) for units in possible])


def any_unit_expression(parsed: ParsedQuery, statistics: Statistics) -> str | None:
    """The tsquery of all documents that hold any unit of a query; None where no document does."""
    known = [unit for unit in parsed.units if statistics.reach(unit)]
    return any_of([unit_expression(unit) for unit in known]) if known else None


def unit_expression(unit: Unit) -> str:
    """A unit as a tsquery: its token, or all of its bigrams."""
    if not unit.bigrams:
        return lexeme(unit.token)
    return any_of([lexeme(unit.token), all_of([lexeme(BIGRAM_MARK + bigram) for bigram in unit.bigrams])])


def phrase_expression(phrase: str) -> str | None:
    """A tsquery that every document with a phrase fulfils: its bigrams; None for a phrase without any."""
    pairs = list(dict.fromkeys(bigrams(phrase)))
    return all_of([lexeme(BIGRAM_MARK + pair) for pair in pairs]) if pairs else None


def lexeme(term: str) -> str:
    """A term quoted as a tsquery operand."""
    return "'" + term.replace("\\", "\\\\").replace("'", "''") + "'"


def any_of(parts: Sequence[str]) -> str:
    """Disjunction."""
    return parts[0] if len(parts) == 1 else "(" + " | ".join(parts) + ")"


def all_of(parts: Sequence[str]) -> str:
    """Conjunction."""
    return parts[0] if len(parts) == 1 else "(" + " & ".join(parts) + ")"
