"""Whether a text states an element at all: a linear reader over hashed character n-grams of the whole text."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

BUCKETS: Final = 1 << 15
_FACTORS: Final = (2_654_435_761, 40_503, 2_246_822_519)


def gram_weights(
    codes: NDArray[np.int64], lengths: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Buckets of the character 1- to 3-grams of texts (feature hashing, Weinberger et al. 2009) and 1 + ln(count).

    Args:
        codes: int64 (m,): the code points of t texts, one behind the other.
        lengths: int64 (t,): theirs.

    Returns:
        for each different gram of each text, texts in order, its text, its bucket and its weight, (g,) each.
    """
    owners = np.repeat(np.arange(len(lengths)), lengths)
    one = codes * _FACTORS[0]
    two = one[:-1] + codes[1:] * _FACTORS[1] * 977
    three = two[:-1] * 31 + codes[2:] * _FACTORS[2]
    second, third = owners[:-1] == owners[1:], owners[:-2] == owners[2:]
    hashed = np.concatenate((one, (two ^ (two >> 13))[second], (three ^ (three >> 15))[third]))
    texts = np.concatenate((owners, owners[:-1][second], owners[:-2][third]))
    found, counts = np.unique(texts * BUCKETS + (hashed >> 5) % BUCKETS, return_counts=True)
    return found // BUCKETS, found % BUCKETS, (1 + np.log(counts)).astype(np.float32)


def absence_scores(
    codes: NDArray[np.int64],
    lengths: NDArray[np.int64],
    idf: NDArray[np.float32],
    weight: NDArray[np.float32],
    bias: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Log-odds that each element is not stated.

    Args:
        codes: code points of t texts, one behind the other.
        lengths: int64 (t,): theirs.
        idf: (BUCKETS,).
        weight: (BUCKETS, k).
        bias: (k,).

    Returns:
        float32 (t, k).
    """
    texts, found, values = gram_weights(codes, lengths)
    values = values * idf[found]
    firsts = np.searchsorted(texts, np.arange(len(lengths)))
    norm = np.sqrt(np.add.reduceat(values * values, firsts))
    norm[norm == 0] = 1.0
    summed = np.add.reduceat(values[:, None] * weight[found], firsts)
    return np.asarray(summed / norm[:, None] + bias, np.float32)
