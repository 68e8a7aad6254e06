"""Texts to sparse features: hashed character and word n-grams, computed for a whole batch at once.

A span of code points is hashed in constant time from prefix sums (Rabin and Karp, "Efficient randomized
pattern-matching algorithms", 1987, modulo 2^64 with an odd base, so that shifting a span is a multiplication),
therefore all n-grams of a batch cost a handful of array operations and no vocabulary of words is kept:
a model package holds 32-bit hashes and nothing that anybody wrote.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Array = NDArray[np.generic]
_BASE = 0x9E3779B97F4A7C15
_BASE_INVERSE = pow(_BASE, -1, 1 << 64)
_SEPARATOR = "\x00"
TABLE_BITS = 22
CHAR_ORDERS = (1, 2, 3)
WORD_ORDERS = (1, 2)
SCALARS = ("log_length", "transcript", "exclaims", "asks", "digits", "title")


@dataclass(frozen=True, slots=True)
class Grams:
    """All n-gram occurrences of a batch, one row each.

    `hashes` uint32 (m,); `documents` int32 (m,); `starts` and `lengths` int64 and int32 (m,), in code points into the
    batch's texts joined by one separator. `offsets` (n + 1,) is where each text starts there.
    """

    hashes: NDArray[np.uint32]
    documents: NDArray[np.int32]
    starts: NDArray[np.int64]
    lengths: NDArray[np.int32]
    offsets: NDArray[np.int64]


def _fold_table() -> NDArray[np.uint32]:
    table = np.arange(0x10000, dtype=np.uint32)
    for code in range(0x10000):
        lowered = chr(code).lower()
        if len(lowered) == 1:
            table[code] = ord(lowered)
        if chr(code).isdecimal():
            table[code] = ord("0")
        elif chr(code).isspace():
            table[code] = ord(" ")
    return table


_FOLD = _fold_table()


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint32]:
    """Scramble 64-bit span hashes down to 32 well-distributed bits (finaliser of MurmurHash3)."""
    values = values ^ (values >> np.uint64(33))
    values = values * np.uint64(0xFF51AFD7ED558CCD)
    values = values ^ (values >> np.uint64(33))
    values = values * np.uint64(0xC4CEB9FE1A85EC53)
    return (values >> np.uint64(32)).astype(np.uint32)


_POWERS: dict[str, NDArray[np.uint64]] = {}


def _powers(base: int, name: str, size: int) -> NDArray[np.uint64]:
    """base^0 … base^(size-1) modulo 2^64, cached and doubled when too short."""
    known = _POWERS.get(name)
    if known is None or len(known) < size:
        room = max(1 << 16, 1 << (size - 1).bit_length())
        factors = np.full(room, base, dtype=np.uint64)
        factors[0] = 1
        known = np.multiply.accumulate(factors, dtype=np.uint64)
        _POWERS[name] = known
    return known[:size]


def fold(texts: Sequence[str]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Join a batch and fold case, digits (to 0) and white space, one code point for one.

    Returns:
        folded code points (m,) with one separator after each text, and the offset of each text (n + 1,).
    """
    joined = _SEPARATOR.join(texts) + _SEPARATOR
    codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    folded = np.where(codes < 0x10000, _FOLD[np.minimum(codes, 0xFFFF)], codes).astype(np.uint32)
    offsets = np.zeros(len(texts) + 1, dtype=np.int64)
    np.cumsum([len(text) + 1 for text in texts], out=offsets[1:])
    return folded, offsets


def grams_of(
    texts: Sequence[str],
    words: Sequence[Sequence[str]] | None = None,
    char_orders: Sequence[int] = CHAR_ORDERS,
    word_orders: Sequence[int] = WORD_ORDERS,
) -> Grams:
    """Hash every character n-gram and, where words are given, every word n-gram of a batch.

    Args:
        texts: n texts without NUL.
        words: for each text its words in order; joined they must be the text.
        char_orders: lengths of character n-grams.
        word_orders: lengths of word n-grams.

    Returns:
        the occurrences, not yet counted.
    """
    folded, offsets = fold(texts)
    size = len(folded)
    terms = (folded.astype(np.uint64) + np.uint64(1)) * _powers(_BASE, "base", size)
    prefix = np.concatenate((np.zeros(1, dtype=np.uint64), np.cumsum(terms, dtype=np.uint64)))
    shifts = _powers(_BASE_INVERSE, "inverse", size)
    owner = np.repeat(np.arange(len(texts), dtype=np.int32), np.diff(offsets))
    breaks = np.concatenate((np.zeros(1, dtype=np.int32), np.cumsum((folded == 0) | (folded == 32), dtype=np.int32)))
    parts: list[tuple[NDArray[np.int64], NDArray[np.int64], int]] = []
    for order in char_orders:
        starts = np.arange(size - order + 1, dtype=np.int64)
        starts = starts[breaks[starts + order] == breaks[starts]]
        parts.append((starts, starts + order, order))
    if words is not None:
        edges = _word_edges(words, offsets)
        for order in word_orders:
            starts, ends = edges[: len(edges) - order], edges[order:]
            inside = breaks[ends] == breaks[starts]
            if order == 1:
                inside &= ends - starts > max(char_orders, default=0)
            parts.append((starts[inside], ends[inside], 0x100 + order))
    hashes = [
        _mixed((prefix[ends] - prefix[starts]) * shifts[starts] + np.uint64(salt * 0x632BE59BD9B4E019 & (1 << 64) - 1))
        for starts, ends, salt in parts
    ]
    starts = np.concatenate([part[0] for part in parts])
    ends = np.concatenate([part[1] for part in parts])
    return Grams(np.concatenate(hashes), owner[starts], starts, (ends - starts).astype(np.int32), offsets)


def _word_edges(words: Sequence[Sequence[str]], offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    lengths = [len(word) for row in words for word in [*row, _SEPARATOR]]
    edges = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(lengths, dtype=np.int64)))
    if edges[-1] != offsets[-1]:
        raise ValueError("the words do not add up to their texts / 分词与原文不一致")
    return edges


class GramIndex:
    """The selected n-grams: from 32-bit hashes to column numbers by one table look-up.

    Args:
        keys: uint32 (f,) hashes, no two with the same low `TABLE_BITS` bits.

    Raises:
        ValueError: two keys share a slot.
    """

    def __init__(self, keys: NDArray[np.uint32]) -> None:
        self.keys = keys
        self._table = np.full(1 << TABLE_BITS, -1, dtype=np.int32)
        slots = keys & np.uint32((1 << TABLE_BITS) - 1)
        self._table[slots] = np.arange(len(keys), dtype=np.int32)
        if np.any(self._table[slots] != np.arange(len(keys))):
            raise ValueError("n-gram keys collide / 特征散列冲突")

    def __len__(self) -> int:
        return len(self.keys)

    def columns(self, hashes: NDArray[np.uint32]) -> NDArray[np.int32]:
        """Column of each hash, -1 for n-grams that were not selected; int32 (m,)."""
        found: NDArray[np.int32] = self._table[hashes & np.uint32((1 << TABLE_BITS) - 1)]
        if not len(self.keys):
            return found
        found[self.keys[found] != hashes] = -1
        return found

    def counts(self, grams: Grams, documents: int) -> sparse.csr_matrix:
        """Counts of the selected n-grams, float32 csr (documents, f)."""
        columns = self.columns(grams.hashes)
        known = columns >= 0
        ones = np.ones(int(known.sum()), dtype=np.float32)
        return sparse.csr_matrix((ones, (grams.documents[known], columns[known])), shape=(documents, len(self.keys)))


def select_grams(grams: Grams, documents: int, least: int = 3) -> NDArray[np.uint32]:
    """Hashes of the n-grams that stand in at least `least` documents, the commoner kept where two share a slot.

    Returns:
        uint32 (f,), by falling document frequency.
    """
    pairs = np.unique(grams.documents.astype(np.uint64) << np.uint64(32) | grams.hashes)
    hashes, frequency = np.unique((pairs & np.uint64(0xFFFFFFFF)).astype(np.uint32), return_counts=True)
    enough = (frequency >= least) & (frequency <= documents)
    hashes, frequency = hashes[enough], frequency[enough]
    hashes = hashes[np.argsort(-frequency, kind="stable")]
    _, first = np.unique(hashes & np.uint32((1 << TABLE_BITS) - 1), return_index=True)
    chosen: NDArray[np.uint32] = hashes[np.sort(first)]
    return chosen


def weighted(counts: sparse.csr_matrix, idf: NDArray[np.float32]) -> sparse.csr_matrix:
    """Sublinear tf-idf with unit rows (Salton and Buckley, 1988): (1 + ln tf) * idf, then the l2 norm."""
    values = (1.0 + np.log(counts.data)) * idf[counts.indices]
    squares = np.add.reduceat(np.append(values * values, 0.0), counts.indptr[:-1])
    squares[np.diff(counts.indptr) == 0] = 1.0
    norms = np.sqrt(np.maximum(squares, 1e-12))
    values = values / np.repeat(norms, np.diff(counts.indptr))
    return sparse.csr_matrix((values.astype(np.float32), counts.indices, counts.indptr), shape=counts.shape)
