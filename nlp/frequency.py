"""How common words are in complaints anywhere: so that a small or young store knows which words are telling.

`frequency.json` counts in how many complaints of a training set a token or a `#`-prefixed character bigram stands;
terms of fewer than three are left out, so the file holds the language of complaints and nobody's words.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import log

Rarity = Callable[[str], float]
"""Inverse document frequency of a token or a `#`-prefixed bigram, in nats."""


@dataclass(frozen=True, slots=True)
class Background:
    """Document count and document frequencies of a training set."""

    documents: int
    frequencies: Mapping[str, int]

    def rarity(self, documents: int = 0, frequency: Callable[[str], int] = lambda _: 0) -> Rarity:
        """Rarity over this background and a store together (idf as BM25 has it, Robertson and Zaragoza 2009).

        Args:
            documents: how many complaints the store holds.
            frequency: in how many of them a term stands.
        """
        total = self.documents + documents
        held = self.frequencies

        def idf(term: str) -> float:
            n = held.get(term, 0) + frequency(term)
            return log(1.0 + max(total - n + 0.5, 0.5) / (n + 0.5))

        return idf

    def share(self, term: str) -> float:
        """In which share of complaints a term stands, 0 to 1."""
        return self.frequencies.get(term, 0) / max(self.documents, 1)


@cache
def background() -> Background:
    """The shipped counts (read once)."""
    raw = json.loads((files("nlp") / "frequency.json").read_text(encoding="utf-8"))
    counts = {term: int(count) for count, terms in raw["terms"].items() for term in terms.split(" ")}
    return Background(raw["documents"], counts)
