"""Fit the pair scorer of cases on pairs that were read and labelled: `python -m training.pairs`.

Logistic regression with a ridge, each weight bounded to the sign that its feature may have; the threshold of the
clustering is the one that separates the labelled pairs best when whole groups of messages are clustered.
"""

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.model_selection import GroupKFold

from data_contracts.complaint import Complaint
from nlp.frequency import background
from nlp.indexing import index_fields
from nlp.pairs import FEATURES, FOR, PairItem, Scorer, pair_item
from nlp.pipeline import Pipeline
from nlp.redact import redacted
from training.datasets import held_out_ids, read_rows

ROOT = Path(__file__).parents[1]
PAIRS = Path(__file__).parent / "pairs" / "e4_pairs.jsonl"
MESSAGES = Path("data/tipdm2020c/messages.jsonl.gz")
RIDGE = 0.001
UNFITTED = {"other_region": -1.0, "same_reporter": 0.5}
"""What the messages do not show (they have no region tree; few come twice from one person) is set by judgement."""
BATCH = 128


@dataclass(frozen=True, slots=True)
class Pairs:
    """Labelled pairs as numbers: features (n, f), labels (n,), and the component that each pair lies in (n,)."""

    features: NDArray[np.float64]
    labels: NDArray[np.float64]
    groups: NDArray[np.int64]


def items_of(rows: Sequence[dict[str, Any]]) -> dict[str, PairItem]:
    """The scorer's views of messages, by their ids."""
    pipeline = Pipeline.load()
    found: dict[str, PairItem] = {}
    for start in range(0, len(rows), BATCH):
        batch = rows[start : start + BATCH]
        complaints = [
            Complaint.model_validate(
                {
                    "external_id": row["id"],
                    "title": row.get("title") or None,
                    "text": row["text"],
                    "received_at": row["time"],
                }
            )
            for row in batch
        ]
        analyses = [redacted(analysis) for analysis in pipeline.analyse(complaints)]
        fields = index_fields(pipeline.encoder, [(found.masked_title, found.masked_text) for found in analyses])
        for row, complaint, analysis, field in zip(batch, complaints, analyses, fields, strict=True):
            place, party = analysis.first("place"), analysis.first("counterparty")
            found[row["id"]] = pair_item(
                row["id"],
                title=analysis.masked_title,
                text=analysis.masked_text,
                fields=field,
                received_at=complaint.received_at,
                region_path="/",
                domain=analysis.domain.label,
                dispute_type=analysis.dispute_type.label,
                reporter=None,
                place=place.span.text if place else None,
                party=party.span.text if party else None,
            )
    return found


def scorer_over(items: Sequence[PairItem], weights: dict[str, float] | None = None) -> Scorer:
    """A scorer that knows how rare terms are among some complaints and in general."""
    counts: Counter[str] = Counter()
    for item in items:
        counts.update(item.tokens.keys())
        counts.update("#" + pair for pair in item.bigrams)
    return Scorer(background().rarity(len(items), lambda term: counts.get(term, 0)), weights)


def measured(labelled: Sequence[dict[str, Any]], items: dict[str, PairItem], scorer: Scorer) -> Pairs:
    """Features and labels of pairs; pairs that hang together by a message share a group."""
    parent = {name: name for pair in labelled for name in (pair["left"], pair["right"])}

    def root(name: str) -> str:
        while parent[name] != name:
            name = parent[name]
        return name

    for pair in labelled:
        parent[root(pair["left"])] = root(pair["right"])
    numbers = {name: place for place, name in enumerate(sorted({root(name) for name in parent}))}
    rows = [scorer.features(items[pair["left"]], items[pair["right"]]) for pair in labelled]
    return Pairs(
        features=np.array([[row[name] for name in FEATURES] for row in rows]),
        labels=np.array([float(pair["same"]) for pair in labelled]),
        groups=np.array([numbers[root(pair["left"])] for pair in labelled]),
    )


def fit(pairs: Pairs) -> dict[str, float]:
    """Weights in log-odds, `bias` included."""
    fixed = np.array([UNFITTED.get(name, 0.0) for name in FEATURES])
    bounds = [(0.0, None) if name in FOR else (None, 0.0) for name in FEATURES]
    bounds = [
        (value, value) if name in UNFITTED else bound
        for name, bound, value in zip(FEATURES, bounds, fixed, strict=True)
    ]
    balance = np.where(pairs.labels > 0, 0.5 / pairs.labels.mean(), 0.5 / (1 - pairs.labels.mean()))

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        odds = pairs.features @ weights[1:] + weights[0]
        probability = 1 / (1 + np.exp(-odds))
        value = np.mean(balance * (np.logaddexp(0, odds) - pairs.labels * odds)) + RIDGE / 2 * np.sum(weights[1:] ** 2)
        error = balance * (probability - pairs.labels) / len(odds)
        gradient = np.concatenate([[error.sum()], pairs.features.T @ error + RIDGE * weights[1:]])
        return float(value), gradient

    start = np.concatenate([[0.0], fixed])
    done = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(None, None), *bounds])
    return {"bias": float(done.x[0]), **{name: float(value) for name, value in zip(FEATURES, done.x[1:], strict=True)}}


def probabilities(pairs: Pairs, weights: dict[str, float]) -> NDArray[np.float64]:
    """Probability of each pair."""
    odds = pairs.features @ np.array([weights[name] for name in FEATURES]) + weights["bias"]
    return np.asarray(1 / (1 + np.exp(-odds)))


def crossed(pairs: Pairs, folds: int = 5) -> NDArray[np.float64]:
    """Probability of each pair by weights that were fitted without its group."""
    found = np.zeros(len(pairs.labels))
    for train, test in GroupKFold(folds).split(pairs.features, pairs.labels, pairs.groups):
        weights = fit(Pairs(pairs.features[train], pairs.labels[train], pairs.groups[train]))
        found[test] = probabilities(Pairs(pairs.features[test], pairs.labels[test], pairs.groups[test]), weights)
    return found


def figures(labels: NDArray[np.float64], found: NDArray[np.float64], threshold: float) -> dict[str, float]:
    """Precision, recall and F1 of "same event" at a threshold, and how many different ones are kept apart."""
    said = found >= threshold
    right = float((said & (labels > 0)).sum())
    precision, recall = right / max(said.sum(), 1), right / max(labels.sum(), 1)
    apart = float((~said & (labels == 0)).sum()) / max((labels == 0).sum(), 1)
    f1 = 2 * precision * recall / max(precision + recall, 1e-9)
    return {
        name: round(float(value), 4)
        for name, value in zip(("precision", "recall", "f1", "apart"), (precision, recall, f1, apart), strict=True)
    }


def main() -> None:
    """Fit, report on pairs that were left out, write `nlp/pairs.json`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--output", type=Path, default=ROOT / "nlp" / "pairs.json")
    parser.add_argument("--threshold", type=float, default=0.55)
    options = parser.parse_args()
    out = held_out_ids(options.shared)
    rows = [row for row in read_rows(options.shared / MESSAGES) if row["id"].startswith("e4-") and row["id"] not in out]
    labelled = list(read_rows(PAIRS))
    items = items_of(rows)
    scorer = scorer_over(list(items.values()), {})
    pairs = measured(labelled, items, scorer)
    weights = fit(pairs)
    report = {
        "pairs": len(labelled),
        "same": int(pairs.labels.sum()),
        "crossed": figures(pairs.labels, crossed(pairs), options.threshold),
        "words_only": figures(pairs.labels, pairs.features[:, FEATURES.index("words")], 0.3),
    }
    written = {
        "version": "pairs-1",
        "fitted_on": {"pairs": PAIRS.name, **report},
        "threshold": options.threshold,
        "weights": {name: round(value, 4) for name, value in weights.items()},
    }
    options.output.write_text(json.dumps(written, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(written, ensure_ascii=False, indent=2))


if __name__ == "__main__":
    main()
