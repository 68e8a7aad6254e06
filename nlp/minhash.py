"""Near-duplicates without comparing all pairs: MinHash signatures and the bands that near texts share.

Broder, "On the resemblance and containment of documents", 1997; banding after Leskovec, Rajaraman and Ullman,
"Mining of Massive Datasets", chapter 3. One 64-bit multiply-shift hash family, vectorised over the permutations.
"""

import numpy as np
from numpy.typing import NDArray

PERMUTATIONS = 64
BANDS = 16
ROWS = PERMUTATIONS // BANDS
SHINGLE = 3
"""Characters a shingle."""

Signature = NDArray[np.uint32]

_random = np.random.default_rng(20260415)
_MULTIPLIERS = _random.integers(1, 1 << 63, PERMUTATIONS, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
_ADDENDS = _random.integers(0, 1 << 63, PERMUTATIONS, dtype=np.uint64)
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(32)
_EMPTY = np.full(PERMUTATIONS, np.iinfo(np.uint32).max, np.uint32)


def signature(text: str) -> Signature:
    """The MinHash signature of a text over its distinct shingles, white space and punctuation left out.

    Returns:
        uint32 (64,); the share of equal places of two signatures estimates their Jaccard similarity.
    """
    bare = "".join(character for character in text if character.isalnum())
    if not bare:
        return _EMPTY.copy()
    codes = np.frombuffer(bare.ljust(SHINGLE).encode("utf-32-le"), np.uint32).astype(np.uint64)
    shingles = np.unique((codes[:-2] << np.uint64(42)) ^ (codes[1:-1] << np.uint64(21)) ^ codes[2:]) * _SPREAD
    hashed = (shingles[:, None] * _MULTIPLIERS[None, :] + _ADDENDS[None, :]) >> _SHIFT
    least: Signature = hashed.min(axis=0).astype(np.uint32)
    return least


def bands(held: Signature) -> list[str]:
    """The bands of a signature as short strings; near texts share at least one (half of those at Jaccard 0.5)."""
    rows = held.reshape(BANDS, ROWS).astype(np.uint64)
    mixed = np.zeros(BANDS, np.uint64)
    for column in range(ROWS):
        mixed = (mixed ^ rows[:, column]) * _SPREAD
        mixed ^= mixed >> np.uint64(29)
    return [f"{band:x}{value & 0xFFFFFFFFFFFF:012x}" for band, value in enumerate(mixed.tolist())]


def jaccard(left: Signature, right: Signature) -> float:
    """Estimated Jaccard similarity of two texts, 0 to 1."""
    return np.count_nonzero(left == right) / PERMUTATIONS
