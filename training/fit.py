"""Fits a model package of any family: cross-validated scores, stacking, calibration and thresholds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.svm import LinearSVC

from data_contracts.taxonomy import HEADS, TaxonomyName, taxonomy
from nlp.encoder import Encoder
from nlp.features import GramIndex, grams_of, select_grams, weighted
from nlp.package import (
    Floats,
    ModelPackage,
    beside,
    columns,
    dense_features,
    label_map,
    log_chances,
    slices,
)
from nlp.prepare import Prepared, prepare
from training import figures
from training.calibrate import temperatures
from training.datasets import Sourced, complaint_of, fingerprint
from training.tuning import TransformerConfig

if TYPE_CHECKING:
    from nlp.reader import Reader
    from training.transformer import Targets

Labels = NDArray[np.int64]
UNLABELLED = -1
NEVER = -12.0
"""Log-odds of a class that no example has."""
Say = Callable[[str], None]


class FitConfig(BaseModel):
    """How a package is made; the defaults are those of the shipped one."""

    model_config = ConfigDict(extra="forbid")

    family: Literal["linear", "static", "transformer"] = "linear"
    reader: TransformerConfig | None = Field(default=None, description="family transformer: how its encoder is tuned")
    char_orders: tuple[int, ...] = (1, 2)
    least_documents: int = 2
    most_grams: int = 100_000
    penalty: float = 1.0
    factor_penalty: float = 0.3
    balance: float = 1.0
    second_penalty: float = 0.1
    domain_second_penalty: float = 0.03
    second_balance: dict[str, float] = {"kind": 0.15, "dispute_type": 0.3}
    channel_weight: float = 2.0
    labels_weight: float = 1.0
    corpus_weight: float = 1.5
    raw_weight: float = 0.5
    tokens_weight: float = 0.0
    folds: int = 5
    near_duplicate: float = 0.9
    abstain_right: float = 0.95
    warning_right: float = 0.85
    seed: int = 7

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.family == "transformer") != (self.reader is not None):
            raise ValueError("reader 与 family: transformer 须同时给出 / reader goes with family: transformer")
        return self


@dataclass(frozen=True)
class Data:
    """Everything that is fitted on. `core` rows carry all labels, the others a domain only."""

    prepared: list[Prepared]
    origins: NDArray[np.str_]
    vectors: Floats
    labels: dict[TaxonomyName, Labels]
    factors: NDArray[np.bool_]
    weights: Floats
    core: NDArray[np.bool_]


def gather(rows: Sequence[Sourced], encoder: Encoder, config: FitConfig) -> Data:
    """Prepare and embed the labelled rows that weigh anything."""
    weight = {
        "channels": config.channel_weight,
        "corpus": config.corpus_weight,
        "labels": config.labels_weight,
        "raw": config.raw_weight,
        "tokens": config.tokens_weight,
    }
    rows = [row for row in rows if weight.get(row.origin, 1.0) > 0]
    prepared = [prepare(complaint_of(row.example)) for row in rows]
    labels = {
        head: np.array(
            [
                UNLABELLED if (value := getattr(row.example, head)) is None else taxonomy(head).labels.index(value)
                for row in rows
            ]
        )
        for head in HEADS
    }
    names = taxonomy("factor").labels
    core = np.array([row.example.factors is not None for row in rows])
    return Data(
        prepared=prepared,
        origins=np.array([row.origin for row in rows]),
        vectors=encoder.encode([item.model_text for item in prepared]),
        labels=labels,
        factors=np.array([[name in (row.example.factors or ()) for name in names] for row in rows]),
        weights=np.array([row.example.weight * weight.get(row.origin, 1.0) for row in rows], np.float32),
        core=core,
    )


def words_of(data: Data, config: FitConfig) -> tuple[NDArray[np.uint32], Floats, sparse.csr_matrix]:
    """The n-grams that are read: their hashes (f,), inverse document frequencies (f,) and unit rows (n, f)."""
    texts = [item.model_text for item in data.prepared]
    grams = grams_of([text for text, core in zip(texts, data.core, strict=True) if core], None, config.char_orders)
    keys = select_grams(grams, int(data.core.sum()), config.least_documents)[: config.most_grams]
    index = GramIndex(keys)
    counts = index.counts(grams_of(texts, None, config.char_orders), len(texts))
    frequency = np.bincount(counts.indices, minlength=len(keys))
    idf = (np.log((1 + len(texts)) / (1 + frequency)) + 1).astype(np.float32)
    return keys, idf, weighted(counts, idf)


def folds_of(features: sparse.csr_matrix, data: Data, config: FitConfig) -> Labels:
    """A fold for every core row, -1 for the others; near-duplicates (cosine) never straddle two folds."""
    near = (features @ features.T).tocsr()
    near.data = (near.data >= config.near_duplicate).astype(np.int8)
    near.eliminate_zeros()
    _, groups = connected_components(near, directed=False)
    core = np.flatnonzero(data.core)
    strata = [f"{data.origins[row]}{data.labels['domain'][row]}" for row in core]
    folds = np.full(len(data.core), -1)
    split = StratifiedGroupKFold(config.folds, shuffle=True, random_state=config.seed)
    for number, (_, test) in enumerate(split.split(core, strata, groups[core])):
        folds[core[test]] = number
    # A domain-only row that repeats a core row may only be learned from where that row may be.
    fold_of_group = {groups[row]: folds[row] for row in core}
    for row in np.flatnonzero(~data.core):
        if groups[row] in fold_of_group:
            folds[row] = fold_of_group[groups[row]]
    return folds


def first_stage(features: Any, data: Data, train: NDArray[np.bool_], config: FitConfig) -> tuple[Floats, Floats]:
    """Linear SVMs, one a class, on the rows of `train`; weights (features, c) and biases (c,)."""
    width = columns()
    weights = np.zeros((features.shape[1], width), np.float32)
    bias = np.full(width, -1.0, np.float32)
    for head, (start, _) in slices().items():
        labels = data.labels[head]
        rows = np.flatnonzero(train & (labels != UNLABELLED))
        counts = np.bincount(labels[rows[data.core[rows]]], minlength=len(taxonomy(head)))
        balance = (counts.sum() / np.maximum(counts, 1) / len(counts)) ** config.balance
        model = LinearSVC(C=config.penalty, random_state=config.seed, tol=1e-3).fit(
            features[rows], labels[rows], sample_weight=data.weights[rows] * balance[labels[rows]]
        )
        weights[:, start + model.classes_] = model.coef_.T
        bias[start + model.classes_] = model.intercept_
    rows = np.flatnonzero(train & data.core)
    start = width - data.factors.shape[1]
    for place in range(data.factors.shape[1]):
        if len(np.unique(data.factors[rows, place])) < 2:
            continue  # no example, or nothing but examples: nothing to tell apart
        model = LinearSVC(C=config.factor_penalty, class_weight="balanced", random_state=config.seed, tol=1e-3).fit(
            features[rows], data.factors[rows, place], sample_weight=data.weights[rows]
        )
        weights[:, start + place] = model.coef_[0]
        bias[start + place] = model.intercept_[0]
    return weights, bias


def second_stage(standard: Floats, data: Data, rows: NDArray[np.int64], config: FitConfig) -> tuple[Floats, Floats]:
    """Logistic regressions on the first stage's scores; weights (inputs, c) and biases (c,).

    Every head reads its own scores (the reader's too, where there is one), the scalars and the signs of danger: with the
    other heads' scores beside them nothing was gained in cross-validation, and the domain lost.
    """
    width = columns()
    weights = np.zeros((standard.shape[1], width), np.float32)
    bias = np.full(width, NEVER, np.float32)
    end_of_more = standard.shape[1] - (width if config.reader else 0)
    more = np.arange(width, end_of_more)

    def inputs_of(first: int, last: int) -> Labels:
        own = np.arange(first, last)
        return np.concatenate([own, more, own + end_of_more] if config.reader else [own, more])

    for head, (start, end) in slices().items():
        inputs = inputs_of(start, end)
        labels = data.labels[head][rows]
        counts = np.bincount(labels, minlength=end - start)
        balance = (1 / np.maximum(counts, 1)) ** config.second_balance.get(head, 0.0)
        weight = data.weights[rows] * balance[labels]
        penalty = config.domain_second_penalty if head == "domain" else config.second_penalty
        model = LogisticRegression(C=penalty, max_iter=500).fit(
            standard[:, inputs], labels, sample_weight=weight * data.weights[rows].mean() / weight.mean()
        )
        weights[np.ix_(inputs, start + model.classes_)] = model.coef_.T
        bias[start + model.classes_] = model.intercept_
    for place in range(data.factors.shape[1]):
        column = width - data.factors.shape[1] + place
        if len(np.unique(data.factors[rows, place])) < 2:
            bias[column] = -NEVER if data.factors[rows, place].all() else NEVER
            continue
        inputs = inputs_of(column, column + 1)
        model = LogisticRegression(C=config.second_penalty, max_iter=500).fit(
            standard[:, inputs], data.factors[rows, place], sample_weight=data.weights[rows]
        )
        weights[inputs, column] = model.coef_[0]
        bias[column] = model.intercept_[0]
    return weights, bias


def fit(
    rows: Sequence[Sourced],
    encoder: Encoder,
    config: FitConfig,
    version: str,
    say: Say,
    shared: Path = Path(),
    work: Path | None = None,
    tuned: "Reader | None" = None,
) -> ModelPackage:
    """Fit a package.

    Args:
        rows: labelled examples.
        encoder: whose vectors the package reads.
        config: see `FitConfig`.
        version: the package's name.
        say: told what is being done.
        shared: holds the checkpoint that a transformer starts from.
        work: where a transformer keeps what is done, so that a training that was killed goes on from there.
        tuned: a transformer that is taken as it is; only the linear stages are fitted.
    """
    data = gather(rows, encoder, config)
    say(f"已准备 {len(data.prepared)} 条，其中全标注 {int(data.core.sum())} 条")
    texts = [item.model_text for item in data.prepared]
    keys, idf, words = words_of(data, config)
    all_words = words
    folds = folds_of(words, data, config)
    if config.family == "static":
        keys, idf, words = keys[:0], idf[:0], words[:, :0]
    features = sparse.hstack([words, dense_features(data.prepared, data.vectors)]).tocsr()
    scores = np.zeros((len(data.prepared), columns()), np.float32)
    for fold in range(config.folds):
        weights, bias = first_stage(features, data, folds != fold, config)
        test = np.flatnonzero((folds == fold) & data.core)
        scores[test] = features[test] @ weights + bias
        say(f"第一级：第 {fold + 1}/{config.folds} 折")
    core = np.flatnonzero(data.core)
    mean, spread = scores[core].mean(axis=0), scores[core].std(axis=0) + 1e-6
    parts = [(scores[core] - mean) / spread, beside([data.prepared[row] for row in core])]
    reader: Reader | None = None
    of_reader = {}
    if config.reader is not None:
        if tuned is None:
            from training.transformer import crossed

            parted = folds_of(all_words, data, config.model_copy(update={"folds": config.reader.folds}))
            logits, reader = crossed(texts, _targets(data), parted, shared, config.reader, work, say)
        else:
            say("由已微调的预训练模型取分")
            logits, reader = tuned.unseen(texts), tuned
        said_of = log_chances(logits[core])
        of_reader = {"reader_mean": said_of.mean(axis=0), "reader_spread": said_of.std(axis=0) + 1e-6}
        parts.append((said_of - of_reader["reader_mean"]) / of_reader["reader_spread"])
    inputs = np.hstack(parts)
    weights, bias = first_stage(features, data, np.ones(len(data.prepared), bool), config)
    say("第二级、校准与阈值")
    second, second_bias = second_stage(inputs, data, core, config)
    out = _crossed(inputs, data, core, folds[core], config)
    heat = temperatures(out, {head: labels[core] for head, labels in data.labels.items()}, data.weights[core])
    out = out * heat
    scale = np.abs(weights[: len(keys)]).max(axis=0, initial=0.0) / 127 + 1e-12
    arrays = {
        "keys": keys,
        "idf": idf,
        "first": np.round(weights[: len(keys)] / scale).astype(np.int8),
        "first_scale": scale.astype(np.float32),
        "dense": weights[len(keys) :],
        "first_bias": bias,
        "mean": mean,
        "spread": spread,
        "second": second * heat,
        "second_bias": second_bias * heat,
        **of_reader,
    }
    thresholds = figures.thresholds(out, data, core, config)
    draft = {
        "version": version,
        "family": config.family,
        "encoder": encoder.name,
        "dimensions": encoder.dimensions,
        "char_orders": list(config.char_orders),
        "labels": label_map(),
        "data_sha256": fingerprint(row.example for row in rows),
        "config": config.model_dump(mode="json"),
        "rows": {str(origin): int((data.origins == origin).sum()) for origin in np.unique(data.origins)},
        **thresholds,
    }
    draft["cross_validated"] = figures.table(out, data, core, thresholds)
    return ModelPackage(draft, arrays, reader)


def _targets(data: Data) -> "Targets":
    from training.transformer import Targets

    return Targets({head: data.labels[head] for head in HEADS}, data.factors, data.core, data.weights)


def _crossed(inputs: Floats, data: Data, core: Labels, folds: Labels, config: FitConfig) -> Floats:
    """Second-stage logits of every core row by a model that has not seen it; (n, c)."""
    logits = np.zeros((len(core), columns()), np.float32)
    for fold in range(config.folds):
        train, test = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        weights, bias = second_stage(inputs[train], data, core[train], config)
        logits[test] = inputs[test] @ weights + bias
    return logits
