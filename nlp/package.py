"""A model package: a directory that explains itself, from which the same classifier comes back, and never a pickle.

Two linear stages. The first scores every class of every label and factor from character n-grams, the text's vector and
a few scalars. The second, logistic, reads those scores beside the signs of danger and gives calibrated probabilities.
Three families share it: `linear`; `static`, whose first stage reads the vector and no n-grams; and `transformer`, whose
second stage also reads what a fine-tuned encoder says (`nlp.reader`), slower and better.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from data_contracts.analysis import Moved
from data_contracts.taxonomy import HEADS, TaxonomyName, taxonomy
from nlp.encoder import Vectors
from nlp.features import GramIndex, Grams, grams_of, weighted
from nlp.prepare import Prepared
from nlp.risk.said import said
from nlp.risk.signs import sign_features
from nlp.why import moved_words

if TYPE_CHECKING:
    from nlp.reader import Reader

FORMAT = 2
CONFIG, WEIGHTS, READER = "config.json", "model.safetensors", "reader"
VECTOR_SCALE = SCALAR_SCALE = 0.3
"""Against n-gram rows of unit length; at 1.0 the vector drowned them in cross-validation, without it was worse too."""
_CHANNELS = taxonomy("channel").codes

Floats = NDArray[np.float32]


class PackageError(Exception):
    """A model package that cannot be used; in Chinese and English."""


@dataclass(frozen=True, slots=True)
class PredictedRow:
    """Calibrated probabilities of one text: by head (classes,), and of the nine factors."""

    heads: Mapping[TaxonomyName, Floats]
    factors: Floats


@dataclass(frozen=True, slots=True)
class Predictions:
    """Calibrated probabilities of n texts: by head float32 (n, classes) in taxonomy order, factors float32 (n, 9).

    `grams` are the n-grams that were read, kept so that reasons can be given without reading again.
    """

    heads: Mapping[TaxonomyName, Floats]
    factors: Floats
    grams: Grams | None = None

    def row(self, index: int) -> PredictedRow:
        """What is said of one text."""
        return PredictedRow({head: scores[index] for head, scores in self.heads.items()}, self.factors[index])


@dataclass(frozen=True)
class ModelPackage:
    """The classifier.

    Attributes:
        config: everything that is not an array; `version`, `encoder`, `thresholds`, data hash, figures.
        arrays: `keys` uint32 (f,), `idf` float32 (f,), `first` int8 (f, c) with `first_scale` (c,), `dense` (d, c),
            `first_bias` (c,), `mean` and `spread` (c,), `second` (c + b, c), `second_bias` (c,); c counts all classes
            of the five heads and the nine factors, d the vector's width and the scalars, b the columns of `beside`.
            With a reader also `reader_mean` and `reader_spread` (c,), and `second` is (c + b + c, c).
        reader: the fine-tuned encoder of the family `transformer`.
    """

    config: dict[str, Any]
    arrays: dict[str, NDArray[Any]]
    reader: "Reader | None" = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "_index", GramIndex(self.arrays["keys"]))
        scaled = self.arrays["first"].astype(np.float32) * self.arrays["first_scale"]
        object.__setattr__(self, "_first", np.ascontiguousarray(scaled))
        sums = {head: scaled[:, first:last].sum(axis=1) for head, (first, last) in slices().items()}
        object.__setattr__(self, "_sums", sums)

    @property
    def version(self) -> str:
        """Names the package in every analysis."""
        return str(self.config["version"])

    @property
    def abstain_below(self) -> dict[TaxonomyName, float]:
        """By head: the confidence under which a person is asked to look."""
        return {head: float(self.config["abstain_below"][head]) for head in HEADS}

    @property
    def level_bias(self) -> list[float]:
        """Added to the log probability of each risk level before the decision."""
        return [float(value) for value in self.config["level_bias"]]

    @property
    def factor_thresholds(self) -> dict[str, float]:
        """By factor code: the probability from which a factor is told."""
        return {code: float(value) for code, value in self.config["factor_thresholds"].items()}

    def predict(self, prepared: Sequence[Prepared], vectors: Vectors) -> Predictions:
        """Read n texts.

        Args:
            prepared: the texts.
            vectors: float32 (n, width), their unit vectors by the encoder that the package names.

        Raises:
            PackageError: the vectors are of another width.
        """
        if vectors.shape[1] != self.config["dimensions"]:
            raise PackageError(
                f"模型包需要 {self.config['dimensions']} 维向量，实为 {vectors.shape[1]} 维；请用 {self.config['encoder']}"
                f" / the package needs vectors of {self.config['encoder']}"
            )
        grams = self._grams(prepared)
        scores = self._scores(grams, prepared, vectors)
        more = beside(prepared)
        if self.reader is not None:
            said_of = log_chances(self.reader.read([item.model_text for item in prepared]))
            more = np.hstack([more, (said_of - self.arrays["reader_mean"]) / self.arrays["reader_spread"]])
        return replace(self._probabilities(scores, more), grams=grams)

    def explain(
        self, prepared: Sequence[Prepared], predictions: Predictions, words: Sequence[Sequence[str]]
    ) -> list[dict[TaxonomyName, list[Moved]]]:
        """The words that moved each label most, by the first stage's own weights.

        Args:
            prepared: n texts.
            predictions: what `predict` said of them.
            words: the words of each `model_text`, in order and complete, as the segmenter cuts them.

        Returns:
            for each text and head the strongest words, see `nlp.why.moved_words`.
        """
        grams = predictions.grams or self._grams(prepared)
        columns = self._index.columns(grams.hashes)  # type: ignore[attr-defined]
        chances = {**predictions.heads}
        chances["risk_level"] = chances["risk_level"] * np.exp(np.asarray(self.level_bias, np.float32))
        chosen = {head: (place, chances[head].argmax(axis=1)) for head, place in slices().items()}
        return moved_words(
            grams,
            columns,
            self.arrays["idf"],
            self._first,  # type: ignore[attr-defined]
            self._sums,  # type: ignore[attr-defined]
            chosen,
            words,
        )

    def _grams(self, prepared: Sequence[Prepared]) -> Grams:
        return grams_of([item.model_text for item in prepared], None, tuple(self.config["char_orders"]))

    def _scores(self, grams: Grams, prepared: Sequence[Prepared], vectors: Vectors) -> Floats:
        counts = self._index.counts(grams, len(prepared))  # type: ignore[attr-defined]
        sparse_part = weighted(counts, self.arrays["idf"]) @ self._first  # type: ignore[attr-defined]
        dense_part = dense_features(prepared, vectors) @ self.arrays["dense"]
        result: Floats = (sparse_part + dense_part + self.arrays["first_bias"]).astype(np.float32)
        return result

    def _probabilities(self, scores: Floats, more: Floats) -> Predictions:
        standard = np.hstack([(scores - self.arrays["mean"]) / self.arrays["spread"], more])
        logits = standard @ self.arrays["second"] + self.arrays["second_bias"]
        heads: dict[TaxonomyName, Floats] = {}
        for head, (first, last) in slices().items():
            shifted = logits[:, first:last] - logits[:, first:last].max(axis=1, keepdims=True)
            powers = np.exp(shifted)
            heads[head] = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
        factors = 1.0 / (1.0 + np.exp(-logits[:, -len(taxonomy("factor")) :]))
        return Predictions(heads, factors.astype(np.float32))

    def save(self, directory: Path) -> None:
        """Write the package; `load` gives the same one back."""
        directory.mkdir(parents=True, exist_ok=True)
        save_file({name: np.ascontiguousarray(array) for name, array in self.arrays.items()}, directory / WEIGHTS)
        written = {**self.config, "format": FORMAT, "weights_sha256": _sha256([directory / WEIGHTS])}
        written.pop("reader_sha256", None)
        if self.reader is not None:
            self.reader.save(directory / READER)
            written["reader_sha256"] = _sha256(sorted((directory / READER).iterdir()))
        text = json.dumps(written, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
        (directory / CONFIG).write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Read a package.

        Raises:
            PackageError: a file is missing, damaged or of another format or taxonomy.
        """
        try:
            config = json.loads((directory / CONFIG).read_text(encoding="utf-8"))
            digest = _sha256([directory / WEIGHTS])
        except (OSError, json.JSONDecodeError) as error:
            raise PackageError(f"模型包 {directory} 缺少文件或已损坏 / package is incomplete: {error}") from error
        if config.get("format") != FORMAT:
            raise PackageError(f"模型包 {directory} 的格式不是 {FORMAT} / format is not {FORMAT}")
        if digest != config["weights_sha256"]:
            raise PackageError(f"模型包 {directory} 的权重文件与记录不符 / weights do not match their hash")
        if config["labels"] != label_map():
            raise PackageError(f"模型包 {directory} 的分类表与本程序不同 / the taxonomies differ")
        return cls(config, load_file(directory / WEIGHTS), _reader(directory, config))


def _reader(directory: Path, config: dict[str, Any]) -> "Reader | None":
    if "reader_sha256" not in config:
        return None
    from nlp.reader import Reader

    try:
        files = sorted((directory / READER).iterdir())
        if _sha256(files) != config["reader_sha256"]:
            raise PackageError(f"模型包 {directory} 的阅读模型与记录不符 / reader does not match its hash")
        return Reader.load(directory / READER)
    except OSError as error:
        raise PackageError(f"模型包 {directory} 缺少阅读模型 / the reader is incomplete: {error}") from error


def _sha256(files: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def log_chances(logits: Floats) -> Floats:
    """By head log probabilities of logits (n, c), the factors' log-odds as they are; float32 (n, c)."""
    found = logits.astype(np.float32)
    for first, last in slices().values():
        part = logits[:, first:last] - logits[:, first:last].max(axis=1, keepdims=True)
        found[:, first:last] = part - np.log(np.exp(part).sum(axis=1, keepdims=True))
    return found


def label_map() -> dict[str, list[str]]:
    """Codes of all classes in the order of the columns."""
    return {name: list(taxonomy(name).codes) for name in (*HEADS, "factor")}


def slices() -> dict[TaxonomyName, tuple[int, int]]:
    """Which columns belong to which head; the factors follow behind."""
    found: dict[TaxonomyName, tuple[int, int]] = {}
    start = 0
    for head in HEADS:
        found[head] = (start, start + len(taxonomy(head)))
        start = found[head][1]
    return found


def columns() -> int:
    """All classes of the five heads, and the factors."""
    return sum(len(taxonomy(head)) for head in HEADS) + len(taxonomy("factor"))


def scalars(prepared: Sequence[Prepared]) -> Floats:
    """Channel one-hot, log length, call or not, title or not, exclamations, questions, digits; float32 (n, s)."""
    rows = np.zeros((len(prepared), len(_CHANNELS) + 6), np.float32)
    for row, item in enumerate(prepared):
        text = item.model_text
        rows[row, _CHANNELS.index(item.complaint.channel)] = 1.0
        rows[row, len(_CHANNELS) :] = (
            np.log1p(len(text)) / 6.0,
            bool(item.turns),
            item.body_start > 0,
            min(text.count("!"), 3) / 3.0,
            min(text.count("?"), 3) / 3.0,
            min(sum(map(text.count, "0123456789")), 30) / 30.0,
        )
    return rows


def beside(prepared: Sequence[Prepared]) -> Floats:
    """What the second stage reads beside the first one's scores: the scalars and the signs of danger; (n, b).

    In the first stage the signs cost the domain and the dispute type accuracy; here they help the risk and the stage.
    """
    return np.hstack([scalars(prepared), sign_features([said(item) for item in prepared])])


def dense_features(prepared: Sequence[Prepared], vectors: Vectors) -> Floats:
    """The vector and the scalars, scaled to leave the n-grams the greater say; float32 (n, d)."""
    return np.hstack([VECTOR_SCALE * vectors, SCALAR_SCALE * scalars(prepared)]).astype(np.float32)
