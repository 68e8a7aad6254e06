"""How much answers overlap: the measure by which a span is right, and by which rivals support each other."""

from collections import Counter

import numpy as np
from numpy.typing import NDArray


def overlaps(words: list[str]) -> NDArray[np.float32]:
    """Character F1 of every pair of n strings (bags of characters, as SQuAD's F1 is over bags of tokens), (n, n)."""
    counts = [Counter(word) for word in words]
    columns = {char: column for column, char in enumerate(dict.fromkeys("".join(words)))}
    table = np.zeros((len(words), len(columns)), np.float32)
    for row, bag in enumerate(counts):
        for char, number in bag.items():
            table[row, columns[char]] = number
    shared = np.minimum(table[:, None], table[None]).sum(-1)
    sizes = table.sum(1)
    return np.asarray(2 * shared / np.maximum(sizes[:, None] + sizes[None], 1), np.float32)
