"""Which words moved a label: what each n-gram added to its score, handed to the words that it lies on."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from data_contracts.analysis import Moved
from data_contracts.taxonomy import TaxonomyName
from nlp.features import Grams

WHY_WORDS = 3
_SEPARATOR = "\x00"


class _Words:
    """The different words of each text of a batch, and on which of them every code point lies.

    `texts` and `names` (w,): text and word number of each different word, in text order; `of_position` (m,).
    """

    def __init__(self, words: Sequence[Sequence[str]]) -> None:
        numbers: dict[str, int] = {_SEPARATOR: 0}
        flat = [word for row in words for word in [*row, _SEPARATOR]]
        known = np.array([numbers.setdefault(word, len(numbers)) for word in flat], np.int64)
        owner = np.repeat(np.arange(len(words)), [len(row) + 1 for row in words])
        different, inverse = np.unique(owner * len(numbers) + known, return_inverse=True)
        self.texts, self.names = np.divmod(different, len(numbers))
        self.of_position = np.repeat(inverse, [len(word) for word in flat])
        self.words = list(numbers)
        telling = np.array([len(word) > 1 and any(map(str.isalnum, word)) for word in self.words])
        self.telling = telling[self.names]


def moved_words(
    grams: Grams,
    columns: NDArray[np.int32],
    idf: NDArray[np.float32],
    weights: NDArray[np.float32],
    sums: Mapping[TaxonomyName, NDArray[np.float32]],
    chosen: Mapping[TaxonomyName, tuple[tuple[int, int], NDArray[np.int64]]],
    words: Sequence[Sequence[str]],
) -> list[dict[TaxonomyName, list[Moved]]]:
    """The words that moved each label of n texts most.

    Args:
        grams: the n-gram occurrences of the batch.
        columns: column of each occurrence, -1 where it has none, (m,).
        idf: weight of each column, (f,).
        weights: first-stage weights, (f, c).
        sums: for each head the sum of its columns of `weights`, (f,).
        chosen: for each head its range of columns in `weights`, and the class that each text got (n,).
        words: for each text its words in order; joined they must be the text.

    Returns:
        for each text and head at most `WHY_WORDS` words that spoke for the label, the strongest first.

    Raises:
        ValueError: the words do not add up to their texts.
    """
    cut = _Words(words)
    if len(cut.of_position) != grams.offsets[-1]:
        raise ValueError("the words do not add up to their texts / 分词与原文不一致")
    known = np.flatnonzero(columns >= 0)
    documents, starts, lengths = grams.documents[known], grams.starts[known], grams.lengths[known]
    columns = columns[known]
    raw = idf[columns]
    norm = np.sqrt(np.bincount(documents, raw * raw, len(words)))
    value = raw / norm[documents] / lengths
    covered = [np.flatnonzero(lengths > offset) for offset in range(int(lengths.max(initial=0)))]
    lain_on = [cut.of_position[starts[inside] + offset] for offset, inside in enumerate(covered)]
    told: list[dict[TaxonomyName, list[Moved]]] = [{head: [] for head in chosen} for _ in words]
    edges = np.searchsorted(cut.texts, np.arange(len(words) + 1))
    for head, ((first, last), best) in chosen.items():
        own = weights[columns, first + best[documents]]
        # Against the mean of the other classes: (sum - own) / (k - 1) off own.
        gain = value * (own - (sums[head][columns] - own) / (last - first - 1))
        total = np.zeros(len(cut.texts))
        for inside, place in zip(covered, lain_on, strict=True):
            total += np.bincount(place, gain[inside], len(total))
        total[~cut.telling] = 0.0
        for word, weight in _strongest(total, cut.texts, edges[:-1]):
            told[cut.texts[word]][head].append(Moved(word=cut.words[cut.names[word]], weight=round(weight, 3)))
    return told


def _strongest(
    values: NDArray[np.float64], texts: NDArray[np.int64], starts: NDArray[np.int64]
) -> Iterator[tuple[int, float]]:
    """The greatest values above zero of each text, the greatest first, the earlier of equal ones first.

    Args:
        values: (w,), texts one behind the other; used up.
        texts: (w,): whose each is.
        starts: where each text begins; none is empty.
    """
    for _ in range(WHY_WORDS):
        best = np.maximum.reduceat(values, starts)
        places = np.flatnonzero((values == best[texts]) & (values > 0))
        _, first = np.unique(texts[places], return_index=True)
        for number in places[first].tolist():
            yield number, float(values[number])
        values[places[first]] = 0.0
