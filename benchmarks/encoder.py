"""The static encoder beside its teacher: size, texts a second, and how far it falls behind.

Run: HF_HUB_OFFLINE=1 python -m benchmarks.encoder
Measured on messages that neither the vocabulary nor the fit has seen (`e3-`), on their own text, without labels; the
domain is learned on labelled texts in three folds, by the same logistic regression on either's vectors.
"""

import os
from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from benchmarks.common import MESSAGES, SHARED, TEACHER, report, rows
from nlp.encoder import BUILTIN_ENCODER, Encoder, Vectors, load_encoder
from nlp.prepare import prepare
from training.datasets import complaint_of, labelled_examples

RANDOM_PAIRS = 20_000
NEIGHBOURS = 10
TIMED_TEACHER = 200


def size_mb(directory: Path) -> float:
    return round(sum(path.stat().st_size for path in directory.rglob("*") if path.is_file()) / 1e6, 2)


def texts_per_second(encoder: Encoder, texts: list[str]) -> float:
    encoder.encode(texts[:64])
    start = perf_counter()
    encoder.encode(texts)
    return round(len(texts) / (perf_counter() - start), 1)


def neighbours(vectors: Vectors) -> NDArray[np.int64]:
    similar = vectors @ vectors.T
    np.fill_diagonal(similar, -1)
    return np.argpartition(-similar, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]


def agreement(ours: Vectors, teachers: Vectors) -> dict[str, float]:
    """Rank correlation of cosines on random pairs and on the teacher's neighbours, and shared neighbours."""
    random = np.random.default_rng(7)
    near = neighbours(teachers)
    left = np.concatenate([random.integers(0, len(ours), RANDOM_PAIRS), np.repeat(np.arange(len(ours)), 3)])
    right = np.concatenate([random.integers(0, len(ours), RANDOM_PAIRS), near[:, :3].ravel()])
    own = np.einsum("ij,ij->i", ours[left], ours[right])
    aim = np.einsum("ij,ij->i", teachers[left], teachers[right])
    shared = [len(set(a) & set(b)) / NEIGHBOURS for a, b in zip(neighbours(ours).tolist(), near.tolist(), strict=True)]
    return {
        "spearman": round(float(spearmanr(own, aim).statistic), 3),
        "spearman_random_pairs": round(float(spearmanr(own[:RANDOM_PAIRS], aim[:RANDOM_PAIRS]).statistic), 3),
        "spearman_near_pairs": round(float(spearmanr(own[RANDOM_PAIRS:], aim[RANDOM_PAIRS:]).statistic), 3),
        "neighbours_shared_at_10": round(float(np.mean(shared)), 3),
    }


def domain_accuracy(vectors: Vectors, labels: NDArray[np.str_], origins: NDArray[np.str_]) -> dict[str, float]:
    """Three-fold accuracy of a logistic regression on centred vectors, by origin."""
    centred = vectors - vectors.mean(axis=0)
    centred *= 8 / np.linalg.norm(centred, axis=1, keepdims=True).clip(1e-9)
    guess = np.empty_like(labels)
    for train, test in StratifiedKFold(3, shuffle=True, random_state=7).split(centred, labels):
        model = LogisticRegression(C=3, max_iter=200, class_weight="balanced").fit(centred[train], labels[train])
        guess[test] = model.predict(centred[test])
    return {str(name): round(float((guess == labels)[origins == name].mean()), 3) for name in np.unique(origins)}


def main() -> None:
    os.environ["HF_HUB_OFFLINE"] = "1"
    static, teacher = load_encoder(), load_encoder(TEACHER)
    unseen = [f"{row['title']}\n{row['text']}" for row in rows(MESSAGES) if row["id"].startswith("e3-")]
    examples = [row for row in labelled_examples(SHARED) if row.origin in {"board", "channels"}]
    labelled = [prepare(complaint_of(row.example)).model_text for row in examples]
    labels = np.array([row.example.domain for row in examples])
    origins = np.array([row.origin for row in examples])
    speed = {"static": texts_per_second(static, unseen), "teacher": texts_per_second(teacher, unseen[:TIMED_TEACHER])}
    ours, aims = static.encode(unseen), teacher.encode(unseen)
    report(
        "encoder",
        f"{len(unseen)} messages of {sum(map(len, unseen)) / len(unseen):.0f} characters; {len(labelled)} labelled texts",
        static=static.name,
        megabytes={"static": size_mb(BUILTIN_ENCODER), "teacher": size_mb(TEACHER)},
        texts_per_second=speed,
        **agreement(ours, aims),
        domain_accuracy={
            "static": domain_accuracy(static.encode(labelled), labels, origins),
            "teacher": domain_accuracy(teacher.encode(labelled), labels, origins),
        },
    )


if __name__ == "__main__":
    main()
