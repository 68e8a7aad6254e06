"""A small convolutional reader: where in a text the main place, counterparty, sum and number of people stand.

Three dilated convolutions over character and character-pair embeddings, a pooled view of the whole text, and start,
inside and end scores per code point (the span scoring of extractive question answering, Rajpurkar et al. 2016, with
dilated convolutions as in Strubell et al. 2017). Runs on numpy alone; `training.elements` fits it.
"""

import json
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

SpanKind = Literal["place", "counterparty"]
SPAN_KINDS: Final[tuple[SpanKind, ...]] = ("place", "counterparty")
PAIR_BUCKETS: Final = 1 << 14
MAX_CHARS: Final = 1_000
"""The main elements are stated early: what lies beyond is not read (99 % of them lie within the first 500)."""
MAX_SPAN: Final = 28
FLAGS: Final = 13
PAD, UNKNOWN = 0, 1

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


def codes_of(text: str) -> NDArray[np.int64]:
    """The code points of the part of a text that is read, int64 (n,)."""
    return np.frombuffer(text[:MAX_CHARS].encode("utf-32-le"), np.uint32).astype(np.int64)


def pair_buckets(codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Bucket of each code point together with the next one (multiplicative hashing, Knuth)."""
    following = np.empty_like(codes)
    following[:-1], following[-1] = codes[1:], 0
    return ((codes * 2_654_435_761 + following * 40_503) >> 7) % PAIR_BUCKETS


def text_flags(
    codes: NDArray[np.int64], body_start: int, agent: NDArray[np.bool_], citizen: NDArray[np.bool_]
) -> Array:
    """What a reader sees beside the characters: title, speaker, digits, position, repetition of the title.

    Returns:
        float32 (n, FLAGS).
    """
    count = len(codes)
    flags = np.zeros((count, FLAGS), np.float32)
    position = np.arange(count)
    flags[:, 0] = position < body_start
    flags[:, 1] = agent
    flags[:, 2] = citizen
    flags[:, 3] = (codes >= 48) & (codes <= 57)
    flags[:, 4] = (codes >= 65) & (codes <= 90)
    flags[:, 5] = body_start > 0
    since = np.maximum(position - body_start, 0)
    for column, bound in enumerate((10, 30, 80, 200)):
        flags[:, 6 + column] = since < bound
    flags[:, 10] = position >= count - 40
    keys = codes[:-1] * 70_000 + codes[1:] if count > 1 else codes[:0]
    _, inverse, counts = np.unique(keys, return_inverse=True, return_counts=True)
    repeated = (counts > 1)[inverse]
    flags[:-1, 11] = repeated
    flags[1:, 12] = repeated
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

    def word_rows(self, text: str) -> tuple[NDArray[np.int64], Array]:
        """Per code point, the row of the word that it belongs to, int64 (n,), and whether it begins or ends it (n, 2)."""
        tokens = segmenter().tokenize(text[:MAX_CHARS])
        known = self._word_ids
        lengths = [end - start for _, start, end in tokens]
        rows = np.repeat(np.array([known.get(word, UNKNOWN) for word, _, _ in tokens], np.int64), lengths)
        edges = np.zeros((len(rows), 2), np.float32)
        ends = np.cumsum(lengths)
        edges[ends - lengths, 0] = 1
        edges[ends - 1, 1] = 1
        return rows, edges

    def read(self, text: str, *, body_start: int, agent: NDArray[np.bool_], citizen: NDArray[np.bool_]) -> Reading:
        """Score every span of a normalised text.

        Args:
            text: normalised text, not empty.
            body_start: offset of the body, 0 without a title.
            agent: bool (n,): code points that the agent of a call said.
            citizen: bool (n,): code points that the citizen of a call said.
        """
        codes = codes_of(text)
        count = len(codes)
        weights = self.arrays
        words, edges = self.word_rows(text)
        inputs = np.concatenate(
            (
                weights["chars"][self.ids(codes)],
                weights["pairs"][pair_buckets(codes)],
                weights["words"][words],
                edges,
                text_flags(codes, body_start, agent[:count], citizen[:count]),
            ),
            axis=1,
        )
        hidden = _convolve(inputs, weights["conv1"], weights["bias1"], width=5, dilation=1)
        hidden += _convolve(hidden, weights["conv2"], weights["bias2"], width=3, dilation=2)
        hidden += _convolve(hidden, weights["conv3"], weights["bias3"], width=3, dilation=4)
        pooled = np.concatenate((hidden.mean(0), hidden.max(0)))
        whole = np.tanh(pooled @ weights["pool"] + weights["pool_bias"])
        top = np.maximum(hidden @ weights["top"] + (whole @ weights["top_whole"] + weights["top_bias"]), 0)
        scores = top @ weights["out"] + weights["out_bias"]
        absent = absence_scores(codes, weights["absent_idf"], weights["absent"], weights["absent_bias"])
        nulls = whole @ weights["null"] + weights["null_bias"] + absent * weights["absent_scale"]
        spans = {
            kind: _span_scores(scores[:, 3 * row : 3 * row + 3], weights["length"][row])
            for row, kind in enumerate(SPAN_KINDS)
        }
        return Reading(
            spans=spans,
            nulls={kind: float(nulls[row]) for row, kind in enumerate(SPAN_KINDS)},
            starts=scores[:, 6:8],
            ends=scores[:, 8:10],
            quantity_nulls=nulls[2:4],
        )

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
        return cls._read((directory / "net.json").read_text(encoding="utf-8"), (directory / "net.npz").read_bytes())

    @classmethod
    def _read(cls, described: str, packed: bytes) -> Self:
        meta = json.loads(described)
        with np.load(BytesIO(packed), allow_pickle=False) as stored:
            arrays = {name: np.ascontiguousarray(stored[name], np.float32) for name in stored.files}
        return cls(meta["vocabulary"], tuple(meta["words"].split(" ")), arrays, meta["settings"])

    @classmethod
    @lru_cache(maxsize=1)
    def builtin(cls) -> "ElementNet":
        """The reader shipped beside this module (cached)."""
        weights = files("nlp.elements") / "weights"
        return cls._read((weights / "net.json").read_text(encoding="utf-8"), (weights / "net.npz").read_bytes())


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


def _span_scores(scores: Array, length: Array) -> Array:
    """(n, 3) start, inside, end -> (n, MAX_SPAN) span scores; -inf beyond the text."""
    count = len(scores)
    summed = np.zeros(count + MAX_SPAN + 1, np.float32)
    np.cumsum(scores[:, 1], out=summed[1 : count + 1])
    summed[count + 1 :] = summed[count]
    ends = np.full(count + MAX_SPAN, -np.inf, np.float32)
    ends[:count] = scores[:, 2]
    tail = ends + summed[1:]
    windows = np.lib.stride_tricks.sliding_window_view(tail, MAX_SPAN)[:count]
    return np.asarray(windows + (scores[:, 0] - summed[:count])[:, None] + length, np.float32)
