"""A small convolutional reader: where in a text the main place, counterparty, sum and number of people stand.

Three dilated convolutions over character and character-pair embeddings, a pooled view of the whole text, and start,
inside and end scores per code point (the span scoring of extractive question answering, Rajpurkar et al. 2016, with
dilated convolutions as in Strubell et al. 2017). Runs on numpy alone; `training.elements` fits it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Final, Literal, Self

import numpy as np
from numpy.typing import NDArray

from nlp.elements.stated import absence_scores
from nlp.segment import segmenter
from nlp.transcript import TurnSpan

SpanKind = Literal["place", "counterparty"]
SPAN_KINDS: Final[tuple[SpanKind, ...]] = ("place", "counterparty")
PAIR_BUCKETS: Final = 1 << 14
MAX_CHARS: Final = 640
"""The main elements are stated early: what lies beyond is not read (99 % of them lie within the first 500)."""
MAX_SPAN: Final = 28
FLAGS: Final = 13
PAD, UNKNOWN = 0, 1
_TOGETHER: Final = 8
"""Texts that are read at once: enough to spare calls, few enough to stay in the processor's cache."""

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Reading:
    """Scores of one text of n code points (cut at MAX_CHARS).

    spans: per kind, float32 (n, MAX_SPAN): log-odds of the span that starts at row and is column + 1 long.
    nulls: per kind, the score of "none stated", on the same scale.
    starts, ends: float32 (n, 2) for sums and people, added to a candidate's own score.
    quantity_nulls: float32 (2,).
    """

    spans: dict[SpanKind, Array]
    nulls: dict[SpanKind, float]
    starts: Array
    ends: Array
    quantity_nulls: Array


@dataclass(frozen=True, slots=True)
class ReadText:
    """A normalised text, not empty, with the offset of its body (0 without a title) and the turns of a call.

    `hidden` are the stretches that identify somebody: no number in them is a sum or a count.
    """

    text: str
    body_start: int
    turns: tuple[TurnSpan, ...] = ()
    hidden: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class _Laid:
    """Some texts one behind the other: `codes` int64 (m,), `lengths` int64 (t,), first code point of each `starts`."""

    codes: NDArray[np.int64]
    lengths: NDArray[np.int64]
    starts: NDArray[np.int64]

    @classmethod
    def of(cls, texts: Sequence[ReadText]) -> Self:
        codes = [codes_of(item.text) for item in texts]
        lengths = np.array([len(found) for found in codes], np.int64)
        return cls(np.concatenate(codes), lengths, np.cumsum(lengths) - lengths)


def codes_of(text: str) -> NDArray[np.int64]:
    """The code points of the part of a text that is read, int64 (n,)."""
    return np.frombuffer(text[:MAX_CHARS].encode("utf-32-le"), np.uint32).astype(np.int64)


def pair_buckets(codes: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """Bucket of each code point together with the next one of its text (multiplicative hashing, Knuth).

    Args:
        codes: int64 (m,), texts one behind the other.
        ends: behind the last code point of each.
    """
    following = np.zeros_like(codes)
    following[:-1] = codes[1:]
    following[ends - 1] = 0
    return ((codes * 2_654_435_761 + following * 40_503) >> 7) % PAIR_BUCKETS


def text_flags(texts: Sequence[ReadText], codes: NDArray[np.int64], lengths: NDArray[np.int64]) -> Array:
    """What a reader sees beside the characters: title, speaker, digits, position, repetition of the title.

    Args:
        texts: t texts.
        codes: int64 (m,): their code points, one text behind the other.
        lengths: int64 (t,): of how many code points each was read.

    Returns:
        float32 (m, FLAGS).
    """
    starts = np.cumsum(lengths) - lengths
    owners = np.repeat(np.arange(len(lengths)), lengths)
    flags = np.zeros((len(codes), FLAGS), np.float32)
    position = np.arange(len(codes)) - starts[owners]
    body = np.array([item.body_start for item in texts])[owners]
    since = position - body
    flags[:, 0] = since < 0
    for item, start, length in zip(texts, starts.tolist(), lengths.tolist(), strict=True):
        for turn in item.turns:
            flags[start + min(turn.start, length) : start + min(turn.end, length), 1 + (turn.speaker != "agent")] = 1
    flags[:, 3] = (codes >= 48) & (codes <= 57)
    flags[:, 4] = (codes >= 65) & (codes <= 90)
    flags[:, 5] = body > 0
    for column, bound in enumerate((10, 30, 80, 200)):
        flags[:, 6 + column] = since < bound
    flags[:, 10] = position >= lengths[owners] - 40
    # Which pairs of neighbours stand more than once in their text.
    keys = np.flatnonzero(owners[:-1] == owners[1:])
    pairs = (owners[keys] << 42) + (codes[keys] << 21) + codes[keys + 1]
    order = np.argsort(pairs)
    same = np.zeros(len(pairs) + 1, bool)
    same[1:-1] = pairs[order[1:]] == pairs[order[:-1]]
    repeated = keys[order[same[:-1] | same[1:]]]
    flags[repeated, 11] = 1
    flags[repeated + 1, 12] = 1
    return flags


class ElementNet:
    """The fitted reader; `save` and `load` are exact inverses (up to half precision)."""

    def __init__(
        self, vocabulary: str, words: tuple[str, ...], arrays: dict[str, Array], settings: dict[str, float]
    ) -> None:
        self.vocabulary = vocabulary
        self.words = words
        self.arrays = arrays
        self.settings = settings
        self._word_ids = {word: row for row, word in enumerate(words, start=2)}
        self._ids = np.full(0x11_0000, UNKNOWN, np.int32)
        self._ids[[ord(char) for char in vocabulary]] = np.arange(2, len(vocabulary) + 2)

    def ids(self, codes: NDArray[np.int64]) -> NDArray[np.int32]:
        """Vocabulary rows of code points."""
        return self._ids[codes]

    def word_rows(self, texts: Sequence[str]) -> tuple[NDArray[np.int64], Array]:
        """Per code point the row of its word, int64 (m,), and whether it begins or ends it, float32 (m, 2).

        The m code points are those of the texts that are read, one text behind the other.
        """
        known = self._word_ids
        words = [word for text in texts for word in segmenter().cut(text[:MAX_CHARS])]
        lengths = np.array([len(word) for word in words])
        rows = np.repeat(np.array([known.get(word, UNKNOWN) for word in words], np.int64), lengths)
        edges = np.zeros((len(rows), 2), np.float32)
        ends = np.cumsum(lengths)
        edges[ends - lengths, 0] = 1
        edges[ends - 1, 1] = 1
        return rows, edges

    def read(self, texts: Sequence[ReadText]) -> list[Reading]:
        """Score every span of normalised texts."""
        found: list[Reading] = []
        for first in range(0, len(texts), _TOGETHER):
            found += self._read(texts[first : first + _TOGETHER])
        return found

    def _read(self, texts: Sequence[ReadText]) -> list[Reading]:
        """Texts one behind the other, parted by zeros so wide that neither a convolution nor a span reaches across."""
        laid = _Laid.of(texts)
        weights = self.arrays
        words, edges = self.word_rows([item.text for item in texts])
        starts = laid.starts + MAX_SPAN * np.arange(len(texts))
        places = np.arange(len(laid.codes)) + np.repeat(starts - laid.starts, laid.lengths)
        inputs = np.zeros((int(starts[-1] + laid.lengths[-1]), len(weights["conv1"]) // 5), np.float32)
        inputs[places] = np.concatenate(
            (
                weights["chars"][self.ids(laid.codes)],
                weights["pairs"][pair_buckets(laid.codes, laid.starts + laid.lengths)],
                weights["words"][words],
                text_flags(texts, laid.codes, laid.lengths),
                edges,
            ),
            axis=1,
        )
        parted = np.ones(len(inputs), bool)
        parted[places] = False
        hidden = _convolve(inputs, weights["conv1"], weights["bias1"], width=5, dilation=1)
        hidden[parted] = 0
        for layer, dilation in ((2, 2), (3, 4)):
            hidden += _convolve(hidden, weights[f"conv{layer}"], weights[f"bias{layer}"], width=3, dilation=dilation)
            hidden[parted] = 0
        # The zeros between change neither a sum nor, as nothing is below zero, a maximum.
        mean = np.add.reduceat(hidden, starts) / laid.lengths[:, None]
        pooled = np.concatenate((mean, np.maximum.reduceat(hidden, starts)), axis=1, dtype=np.float32)
        whole = np.tanh(pooled @ weights["pool"] + weights["pool_bias"])
        top = hidden @ weights["top"]
        top[places] += np.repeat(whole @ weights["top_whole"] + weights["top_bias"], laid.lengths, axis=0)
        scores = np.maximum(top, 0, out=top) @ weights["out"] + weights["out_bias"]
        absent = absence_scores(
            laid.codes, laid.lengths, weights["absent_idf"], weights["absent"], weights["absent_bias"]
        )
        nulls = whole @ weights["null"] + weights["null_bias"] + absent * weights["absent_scale"]
        spans = [
            _span_scores(scores[:, 3 * row : 3 * row + 3], weights["length"][row], parted)
            for row in range(len(SPAN_KINDS))
        ]
        return [
            Reading(
                spans={kind: spans[row][start:end] for row, kind in enumerate(SPAN_KINDS)},
                nulls={kind: float(nulls[text, row]) for row, kind in enumerate(SPAN_KINDS)},
                starts=scores[start:end, 6:8],
                ends=scores[start:end, 8:10],
                quantity_nulls=nulls[text, 2:4],
            )
            for text, (start, end) in enumerate(zip(starts.tolist(), (starts + laid.lengths).tolist(), strict=True))
        ]

    def quantity_scores(self, row: int, reading: Reading, starts: list[int], ends: list[int], features: Array) -> Array:
        """Scores of candidate sums (row 0) or counts of people (row 1), on the scale of `quantity_nulls`."""
        weights = self.arrays
        name = ("amount", "people")[row]
        hidden = np.maximum(features @ weights[f"{name}_1"] + weights[f"{name}_bias1"], 0)
        own = hidden @ weights[f"{name}_2"] + weights[f"{name}_bias2"]
        limit = len(reading.starts) - 1
        first = np.minimum(starts, limit)
        last = np.minimum(np.asarray(ends) - 1, limit)
        return np.asarray(own[:, 0] + reading.starts[first, row] + reading.ends[last, row], np.float32)

    def save(self, directory: Path) -> None:
        """Write `net.npz` (half precision) and `net.json` into a directory."""
        directory.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(
            directory / "net.npz", allow_pickle=False, **{k: v.astype(np.float16) for k, v in self.arrays.items()}
        )
        described = {"vocabulary": self.vocabulary, "words": " ".join(self.words), "settings": self.settings}
        (directory / "net.json").write_text(json.dumps(described, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Read what `save` wrote; FileNotFoundError where a file is missing."""
        return cls._unpacked((directory / "net.json").read_text(encoding="utf-8"), (directory / "net.npz").read_bytes())

    @classmethod
    def _unpacked(cls, described: str, packed: bytes) -> Self:
        meta = json.loads(described)
        with np.load(BytesIO(packed), allow_pickle=False) as stored:
            arrays = {name: np.ascontiguousarray(stored[name], np.float32) for name in stored.files}
        return cls(meta["vocabulary"], tuple(meta["words"].split(" ")), arrays, meta["settings"])

    @classmethod
    @lru_cache(maxsize=1)
    def builtin(cls) -> "ElementNet":
        """The reader shipped beside this module (cached)."""
        weights = files("nlp.elements") / "weights"
        return cls._unpacked((weights / "net.json").read_text(encoding="utf-8"), (weights / "net.npz").read_bytes())


def _convolve(inputs: Array, weight: Array, bias: Array, *, width: int, dilation: int) -> Array:
    """Dilated convolution along the text with zero padding and ReLU; weight (width * d_in, d_out).

    One product per tap on shifted views: nothing large is copied, which costs more than the arithmetic.
    """
    count, depth = inputs.shape
    taps = weight.reshape(width, depth, -1)
    out = inputs @ taps[width // 2]
    out += bias
    for tap in range(width):
        shift = (tap - width // 2) * dilation
        if shift and abs(shift) < count:
            low, high = max(0, -shift), min(count, count - shift)
            out[low:high] += inputs[low + shift : high + shift] @ taps[tap]
    return np.asarray(np.maximum(out, 0, out=out), np.float32)


def _span_scores(scores: Array, length: Array, parted: NDArray[np.bool_]) -> Array:
    """(n, 3) start, inside, end -> (n, MAX_SPAN) span scores; -inf where a span would end beyond its text."""
    count = len(scores)
    summed = np.zeros(count + MAX_SPAN + 1, np.float32)
    np.cumsum(scores[:, 1], out=summed[1 : count + 1])
    summed[count + 1 :] = summed[count]
    ends = np.full(count + MAX_SPAN, -np.inf, np.float32)
    ends[:count] = np.where(parted, -np.inf, scores[:, 2])
    tail = ends + summed[1:]
    windows = np.lib.stride_tricks.sliding_window_view(tail, MAX_SPAN)[:count]
    return np.asarray(windows + (scores[:, 0] - summed[:count])[:, None] + length, np.float32)
