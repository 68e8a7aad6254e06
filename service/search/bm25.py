"""BM25 over packed documents: PostgreSQL finds candidates, this scores them in a few array operations.

A document's terms are packed into one unsigned 32-bit number each, 26 bits of the term's hash and 6 bits of its
weighted frequency, so that a thousand candidates cost one fetch of a few hundred bytes each. Two terms of a query and
a document share 26 bits about once in a hundred thousand documents, which a ranking does not feel.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

K1 = 1.2
B = 0.75
TITLE_WEIGHT = 3
"""A word of the title counts as often as this many in the text (BM25F, Robertson, Zaragoza and Taylor 2004)."""
_FREQUENCY_BITS = 6
_FREQUENCY_MAX = (1 << _FREQUENCY_BITS) - 1
_HASH_MASK = np.uint32(0xFFFFFFFF ^ _FREQUENCY_MAX)
_SLOT_BITS = 16


def weighted(title_tokens: Sequence[str], text_tokens: Sequence[str]) -> Counter[str]:
    """Term frequencies of a document, with the title's counted `TITLE_WEIGHT` times."""
    counts = Counter(text_tokens)
    for token in title_tokens:
        counts[token] += TITLE_WEIGHT
    return counts


def pack(frequencies: Mapping[str, int]) -> bytes:
    """Terms and frequencies as little-endian 32-bit numbers; frequencies above 63 count as 63."""
    packed = [_hash(term) | min(count, _FREQUENCY_MAX) for term, count in frequencies.items()]
    return np.array(packed, dtype="<u4").tobytes()


def scores(
    packed: Sequence[bytes | memoryview], lengths: Sequence[int], mean_length: float, weights: Mapping[str, float]
) -> NDArray[np.float32]:
    """BM25 of every document.

    Args:
        packed: n documents as `pack` made them.
        lengths: n sums of frequencies.
        mean_length: mean of all documents' lengths.
        weights: what each query term weighs: its idf, times its frequency in the query.

    Returns:
        float32 (n,).
    """
    total = np.zeros(len(packed), dtype=np.float32)
    if not packed or not weights:
        return total
    terms = np.frombuffer(b"".join(packed), dtype="<u4")
    owners = np.repeat(np.arange(len(packed)), [len(item) // 4 for item in packed])
    hashes = np.array([_hash(term) for term in weights], dtype=np.uint32)
    values = np.fromiter(weights.values(), dtype=np.float32, count=len(weights))
    order = np.argsort(hashes)
    hashes, values = hashes[order], values[order]
    # A table of 16 bits throws out nearly all terms before the exact look-up.
    wanted = np.zeros(1 << _SLOT_BITS, dtype=bool)
    wanted[hashes >> np.uint32(32 - _SLOT_BITS)] = True
    near = np.flatnonzero(wanted[terms >> np.uint32(32 - _SLOT_BITS)])
    masked = terms[near] & _HASH_MASK
    slots = np.minimum(np.searchsorted(hashes, masked), len(hashes) - 1)
    hit = hashes[slots] == masked
    near, slots = near[hit], slots[hit]
    frequency = (terms[near] & np.uint32(_FREQUENCY_MAX)).astype(np.float32)
    rows = owners[near]
    norm = K1 * (1 - B + B * np.asarray(lengths, dtype=np.float32) / max(mean_length, 1.0))
    gain = values[slots] * frequency * (K1 + 1) / (frequency + norm[rows])
    np.add.at(total, rows, gain)
    return total


def hashes(terms: Iterable[str]) -> NDArray[np.uint32]:
    """The hashes that documents hold of some terms, ascending; uint32."""
    return np.unique(np.array([_hash(term) for term in terms], dtype=np.uint32))


def overlaps(own: NDArray[np.uint32], packed: Sequence[bytes | memoryview]) -> NDArray[np.float64]:
    """Jaccard overlap of `hashes`, not empty, with the terms of n packed documents; float64 (n,)."""
    sizes = np.array([len(item) // 4 for item in packed], dtype=np.int64)
    terms = np.frombuffer(b"".join(packed), dtype="<u4") & _HASH_MASK
    hit = own[np.minimum(np.searchsorted(own, terms), len(own) - 1)] == terms
    both = np.bincount(np.repeat(np.arange(len(packed)), sizes)[hit], minlength=len(packed))
    return np.asarray(both / (len(own) + sizes - both), np.float64)


def _hash(term: str) -> int:
    return crc32(term.encode()) & (0xFFFFFFFF ^ _FREQUENCY_MAX)
