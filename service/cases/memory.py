"""Cases of a file: the same decisions as online, with everything held in memory."""

from collections import Counter
from collections.abc import Hashable, Sequence
from math import log

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from data_contracts.case import JoinReason
from nlp.frequency import background
from nlp.pairs import PairItem, Scorer

NEAREST = 120
_BLOCK = 256
_WORDS, _MEANING = 1.0, 0.5
"""What similarity of words and of meaning are worth when near complaints are looked up."""


class MemoryCases:
    """A `CaseStore` over a fixed set of complaints, keyed by their place in it.

    Args:
        items: n complaints; the key of each is its place.
    """

    def __init__(self, items: Sequence[PairItem]) -> None:
        self._items = list(items)
        documents: Counter[str] = Counter()
        for item in self._items:
            documents.update(item.tokens.keys())
            documents.update("#" + pair for pair in item.bigrams)
        self._rarity = background().rarity(len(self._items), lambda term: documents.get(term, 0))
        self._scorer = Scorer(self._rarity)
        self._nearest = self._neighbours()
        self.case_of: dict[int, int] = {}
        self._members: dict[int, list[int]] = {}

    def near(self, item: PairItem, k: int) -> Sequence[Hashable]:
        """The nearest of those that have a case already, among the nearest of the whole file."""
        return [other for other in self._nearest[self._place(item.key)] if other in self.case_of][:k]

    def cases_of(self, keys: Sequence[Hashable]) -> dict[Hashable, Hashable]:
        """The case of each complaint that has one."""
        return {key: self.case_of[self._place(key)] for key in keys if self._place(key) in self.case_of}

    def members(self, case: Hashable, limit: int) -> Sequence[Hashable]:
        """The first members and the latest ones, half each."""
        held = sorted(self._members[self._place(case)], key=lambda place: (self._items[place].received_at, place))
        chosen = held if len(held) <= limit else [*held[: limit // 2], *held[-(limit - limit // 2) :]]
        return list(chosen)

    def items(self, keys: Sequence[Hashable]) -> list[PairItem]:
        """The scorer's view of complaints."""
        return [self._items[self._place(key)] for key in keys]

    def scorer(self, items: Sequence[PairItem]) -> Scorer:
        """Rarity over the whole file, which is known from the start."""
        return self._scorer

    def open(self, item: PairItem, reason: JoinReason) -> Hashable:
        """Make a case; its key is its first complaint's place."""
        place = self._place(item.key)
        self._members[place] = [place]
        self.case_of[place] = place
        return place

    def join(self, item: PairItem, case: Hashable, reason: JoinReason, *, repost: bool) -> None:
        """Put a complaint into a case."""
        place, into = self._place(item.key), self._place(case)
        self._members[into].append(place)
        self.case_of[place] = into

    def leave(self, item: PairItem) -> None:
        """Take a complaint out of its case."""
        place = self._place(item.key)
        self._members[self.case_of.pop(place)].remove(place)

    def merge(self, into: Hashable, other: Hashable) -> Hashable:
        """Make one case of two."""
        kept, gone = sorted((self._place(into), self._place(other)), key=self._first)
        for place in self._members.pop(gone):
            self._members[kept].append(place)
            self.case_of[place] = kept
        return kept

    def _first(self, case: int) -> tuple[float, int]:
        return min((self._items[place].received_at.timestamp(), place) for place in self._members[case])

    @staticmethod
    def _place(key: Hashable) -> int:
        assert isinstance(key, int)
        return key

    def _neighbours(self) -> list[list[int]]:
        """The `NEAREST` most similar complaints of each, best first, equal ones in the order of the file."""
        words = self._tfidf()
        vectors: NDArray[np.float32] = np.stack([item.vector for item in self._items])
        found: list[list[int]] = []
        for start in range(0, len(self._items), _BLOCK):
            block = slice(start, start + _BLOCK)
            score = _WORDS * (words[block] @ words.T).toarray() + _MEANING * (vectors[block] @ vectors.T)
            for row, values in enumerate(score):
                values[start + row] = -np.inf
                best = np.argsort(-values, kind="stable")[:NEAREST]
                found.append([int(place) for place in best if np.isfinite(values[place])])
        return found

    def _tfidf(self) -> sparse.csr_array:
        """Rows of unit length over tokens, sublinear term frequency."""
        columns: dict[str, int] = {}
        rows, places, values = [], [], []
        rarity = self._rarity
        for row, item in enumerate(self._items):
            for token, count in item.tokens.items():
                rows.append(row)
                places.append(columns.setdefault(token, len(columns)))
                values.append((1 + log(count)) * rarity(token))
        matrix = sparse.csr_array((values, (rows, places)), shape=(len(self._items), max(len(columns), 1)))
        norms = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
        norms[norms == 0] = 1.0
        return sparse.csr_array(sparse.diags_array(1 / norms) @ matrix)
