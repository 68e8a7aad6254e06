"""Whether a text states an element at all: a linear reader over hashed character n-grams of the whole text."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

BUCKETS: Final = 1 << 15
_FACTORS: Final = (2_654_435_761, 40_503, 2_246_822_519)


def gram_weights(codes: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Buckets of the character 1- to 3-grams of a text (feature hashing, Weinberger et al. 2009) and 1 + ln(count).

    Args:
        codes: int64 (n,) code points.
    """
    one = codes * _FACTORS[0]
    parts = [one]
    if len(codes) > 1:
        two = one[:-1] + codes[1:] * _FACTORS[1] * 977
        parts.append(two ^ (two >> 13))
    if len(codes) > 2:
        three = two[:-1] * 31 + codes[2:] * _FACTORS[2]
        parts.append(three ^ (three >> 15))
    buckets = (np.concatenate(parts) >> 5) % BUCKETS
    counts = np.bincount(buckets, minlength=BUCKETS)
    found = np.flatnonzero(counts)
    return found, (1 + np.log(counts[found])).astype(np.float32)


def absence_scores(
    codes: NDArray[np.int64], idf: NDArray[np.float32], weight: NDArray[np.float32], bias: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Log-odds that each element is not stated.

    Args:
        codes: code points of the text.
        idf: (BUCKETS,).
        weight: (BUCKETS, k).
        bias: (k,).

    Returns:
        float32 (k,).
    """
    found, values = gram_weights(codes)
    values = values * idf[found]
    length = float(np.sqrt(values @ values)) or 1.0
    return np.asarray(values @ weight[found] / length + bias, np.float32)
