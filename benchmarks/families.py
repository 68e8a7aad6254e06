"""Every family's macro-F1, kappa, texts a second and size on the same folds, beside TF-IDF + SVM and fastText.

The domain is also learnt from domain_train's segmented texts alone and read on a tenth of them, and on domain_raw.

Run: HF_HUB_OFFLINE=1 python -m benchmarks.families [--fasttext PYTHON] [--transformer PACKAGE]
PYTHON is an interpreter of a virtual environment of its own with `fasttext-wheel` and `numpy<2`; PACKAGE was made by
`yanpan train --family transformer` (its figures are those of its own cross-validation, in three folds for the encoder).
"""

import argparse
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import jieba
import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.svm import LinearSVC

from benchmarks.common import SHARED, TEACHER, report
from data_contracts.taxonomy import HEADS
from nlp.encoder import BUILTIN_ENCODER, Encoder, load_encoder
from nlp.package import ModelPackage, columns, dense_features, slices
from training import figures
from training.cli import _settings
from training.datasets import labelled_examples
from training.fit import Data, FitConfig, fit, folds_of, gather, words_of

TIMED = 600
TENTHS = 10
SHOWN = (
    "domain_accuracy", "domain_macro_f1", "kind_macro_f1", "dispute_type_macro_f1", "stage_macro_f1",
    "risk_level_kappa", "warnings_right", "warnings_found", "red_warned",
)  # fmt: skip
FASTTEXT = """
import sys, fasttext
model = fasttext.train_supervised(sys.argv[1], epoch=25, lr=0.5, wordNgrams=2, dim=100, thread=2, verbose=0)
model.save_model(sys.argv[3] + ".bin")
import time
lines = open(sys.argv[2], encoding="utf-8").read().split("\\n")
start = time.perf_counter()
told = [model.predict(line)[0][0] for line in lines]
print(time.perf_counter() - start)
open(sys.argv[3], "w", encoding="utf-8").write("\\n".join(told))
"""


def cut(text: str) -> list[str]:
    return [word for word in jieba.lcut(text) if word.strip()]


def size_mb(*directories: Path) -> float:
    return round(sum(path.stat().st_size for d in directories for path in d.rglob("*") if path.is_file()) / 1e6, 1)


def shown(table: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    return {origin: {name: round(values[name], 3) for name in SHOWN} for origin, values in table.items()}


def timed(package: ModelPackage, data: Data, encoder: Encoder, most: int) -> float:
    """Texts a second in one process, vectors and labels."""
    part = data.prepared[:most]
    best = 0.0
    for _ in range(3):
        start = perf_counter()
        package.predict(part, encoder.encode([item.model_text for item in part]))
        best = max(best, len(part) / (perf_counter() - start))
    return round(best, 1)


def family(name: str, rows: Any, data: Data, encoder: Encoder, config: FitConfig) -> dict[str, Any]:
    package = fit(rows, encoder, config, name, lambda _: None)
    with tempfile.TemporaryDirectory() as place:
        package.save(Path(place))
        size = size_mb(Path(place), TEACHER if "e5" in encoder.name else BUILTIN_ENCODER)
    most = 60 if "e5" in encoder.name else TIMED
    return {**shown(package.config["cross_validated"]), "docs_per_s": timed(package, data, encoder, most), "mb": size}


def table_of(guess: np.ndarray, data: Data, core: np.ndarray) -> dict[str, dict[str, float]]:
    """Figures of plain guesses (n, heads), as if each were sure."""
    logits = np.zeros((len(core), columns()), np.float32)
    for place, (first, _) in enumerate(slices().values()):
        logits[np.arange(len(core)), first + guess[:, place]] = 9.0
    even = {"level_bias": [0.0] * 4, "abstain_below": dict.fromkeys(HEADS, 0.0)}
    return shown(figures.table(logits, data, core, even))


def svm(data: Data, folds: np.ndarray) -> dict[str, Any]:
    """TF-IDF of characters (1-3) and linear SVMs with balanced classes."""
    core = np.flatnonzero(data.core)
    texts = [data.prepared[row].model_text for row in core]
    guess = np.zeros((len(core), len(HEADS)), int)
    size, speed = 0.0, 0.0
    for fold in range(folds.max() + 1):
        train, test = np.flatnonzero(folds[core] != fold), np.flatnonzero(folds[core] == fold)
        vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), min_df=2, sublinear_tf=True)
        known = vectorizer.fit_transform([texts[row] for row in train])
        models = [
            LinearSVC(class_weight="balanced", random_state=7).fit(
                known, data.labels[head][core[train]], sample_weight=data.weights[core[train]]
            )
            for head in HEADS
        ]
        start = perf_counter()
        unseen = vectorizer.transform([texts[row] for row in test])
        for place, model in enumerate(models):
            guess[test, place] = model.predict(unseen)
        speed = max(speed, len(test) / (perf_counter() - start))
        size = sum(model.coef_.astype(np.float32).nbytes for model in models) / 1e6
    return {**table_of(guess, data, core), "docs_per_s": round(speed, 1), "mb": round(size, 1)}


def supervised(
    python: str, known: Sequence[str], labels: Sequence[Any], unseen: Sequence[str]
) -> tuple[list[str], float, float]:
    """What fastText says of unseen texts, the seconds that it took, and its size in MB."""
    with tempfile.TemporaryDirectory() as place:
        train, test, told = (Path(place) / name for name in ("train", "test", "told"))
        lines = [f"__label__{label} {text}" for text, label in zip(known, labels, strict=True)]
        train.write_text("\n".join(lines) + "\n", encoding="utf-8")
        test.write_text("\n".join(unseen), encoding="utf-8")
        command = [python, "-c", FASTTEXT, str(train), str(test), str(told)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        found = [line.removeprefix("__label__") for line in told.read_text(encoding="utf-8").split("\n")]
        return found, float(done.stdout), Path(f"{told}.bin").stat().st_size / 1e6


def fasttext(python: str, data: Data, folds: np.ndarray) -> dict[str, Any]:
    """One supervised model a label, on jieba's words."""
    core = np.flatnonzero(data.core)
    start = perf_counter()
    texts = [" ".join(cut(data.prepared[row].model_text)) for row in core]
    cutting = (perf_counter() - start) / len(core)
    guess = np.zeros((len(core), len(HEADS)), int)
    seconds, size = 0.0, 0.0
    for fold in range(folds.max() + 1):
        train, test = np.flatnonzero(folds[core] != fold), np.flatnonzero(folds[core] == fold)
        size = 0.0
        for place, head in enumerate(HEADS):
            labels = data.labels[head][core[train]]
            found, took, big = supervised(python, [texts[row] for row in train], labels, [texts[row] for row in test])
            guess[test, place] = [int(label) for label in found]
            seconds, size = seconds + took, size + big
    speed = 1 / (cutting + seconds / len(core))
    return {**table_of(guess, data, core), "docs_per_s": round(speed, 1), "mb": round(size, 1)}


def seven(python: str | None, encoder: Encoder) -> dict[str, Any]:
    """Domain of seven classes, from segmented texts: macro-F1 on a tenth in turn, and on the raw texts.

    Every raw text has a segmented sister in the training set; it is left out when the raw texts are read.
    """
    config = FitConfig(tokens_weight=1.0, least_documents=2)
    rows = [row for row in labelled_examples(SHARED) if row.origin in {"tokens", "raw"}]
    data = gather(rows, encoder, config)
    data.core[:] = True
    _, _, words = words_of(data, config)
    features = sparse.hstack([words, dense_features(data.prepared, data.vectors)]).tocsr()
    near = (words @ words.T).tocsr()
    near.data = (near.data >= 0.5).astype(np.int8)
    near.eliminate_zeros()
    groups = connected_components(near, directed=False)[1]
    truth = data.labels["domain"]
    tokens, raw = np.flatnonzero(data.origins == "tokens"), np.flatnonzero(data.origins == "raw")
    texts = [item.model_text for item in data.prepared]
    # The segmented texts keep no spaces here, jieba finds the words again.
    spaced = [" ".join(cut(text)) for text in texts]
    split = StratifiedGroupKFold(TENTHS, shuffle=True, random_state=7)
    parts = [(tokens[train], tokens[test]) for train, test in split.split(tokens, truth[tokens], groups[tokens])]
    unrelated = tokens[~np.isin(groups[tokens], groups[raw])]
    found: dict[str, dict[str, list[float]]] = {}
    for train, test in [*parts, (unrelated, raw)]:
        key = "domain_raw" if len(test) == len(raw) and test[0] == raw[0] else "domain_train_tenths"
        guesses = {"linear": LinearSVC(random_state=7).fit(features[train], truth[train]).predict(features[test])}
        vectorizer = TfidfVectorizer(token_pattern=r"\S+", ngram_range=(1, 2), sublinear_tf=True)
        known = vectorizer.fit_transform([spaced[row] for row in train])
        guesses["tfidf_svm"] = (
            LinearSVC(random_state=7)
            .fit(known, truth[train])
            .predict(vectorizer.transform([spaced[row] for row in test]))
        )
        if python:
            told, _, _ = supervised(python, [spaced[r] for r in train], truth[train], [spaced[r] for r in test])
            guesses["fasttext"] = np.array([int(label) for label in told])
        for name, guess in guesses.items():
            scores = found.setdefault(name, {}).setdefault(key, [])
            scores.append(float(f1_score(truth[test], guess, average="macro")))
    return {
        "rows": {"tenths": len(tokens), "raw": len(raw), "left_out_for_raw": len(tokens) - len(unrelated)},
        **{name: {key: round(float(np.mean(values)), 4) for key, values in by.items()} for name, by in found.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--fasttext")
    parser.add_argument("--transformer", type=Path)
    given = parser.parse_args()
    config = _settings("linear", None)
    rows = labelled_examples(SHARED)
    encoder = load_encoder()
    data = gather(rows, encoder, config)
    folds = folds_of(words_of(data, config)[2], data, config)
    result: dict[str, Any] = {"linear": family("linear", rows, data, encoder, config)}
    static = _settings("static", None)
    result["static"] = family("static", rows, data, encoder, static)
    result["tfidf_svm"] = svm(data, folds)
    if given.fasttext:
        result["fasttext"] = fasttext(given.fasttext, data, folds)
    if given.transformer:
        package = ModelPackage.load(given.transformer)
        result["transformer"] = {
            **shown(package.config["cross_validated"]),
            "docs_per_s": timed(package, data, encoder, 120),
            "mb": size_mb(given.transformer, BUILTIN_ENCODER),
        }
    result["seven_domains"] = seven(given.fasttext, encoder)
    report("families", "3,760 board, 1,220 channel texts read; domain_train, domain_raw", **result)


if __name__ == "__main__":
    main()
