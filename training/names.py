"""Fits the model that tells people's names from other words, on texts whose private strings are labelled."""

import argparse
import gzip
import json
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from nlp.normalise import normalise
from nlp.pii.context import Context
from nlp.pii.identifiers import find_identifiers
from nlp.pii.masks import disjoint
from nlp.pii.numbers import find_numbers
from nlp.pii.surnames import surnames
from nlp.transcript import turns_of
from training.name_texts import own_rows

OUTPUT = Path(__file__).parents[1] / "nlp" / "pii" / "names.json"
FOLDS = 5
STRENGTH = 0.5
"""Inverse of the L2 penalty."""
BOARD_TEXTS = 1500
OWN_WEIGHT = 0.5
_SEEN_AT_LEAST = 3
_NAME = re.compile(r"[\u4e00-\u9fff]{2,4}")
_LIKELY_NAMED = frozenset({"left:called", "left:form", "left:asked", "right:number", "right:person", "declared"})


@dataclass(slots=True)
class Examples:
    """Candidates of many texts: features, whether each is a name, its text, its weight."""

    features: list[dict[str, float]] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    texts: list[int] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    without_candidate: list[str] = field(default_factory=list)

    def add(self, number: int, row: dict[str, Any], weight: float, *, labelled: bool = True) -> None:
        """Take up the candidates of a text; of an unlabelled one only those that are hardly names."""
        text = normalise(row["text"])
        turns = turns_of(text, row["channel"])
        names = spans_of(text, row["pii"]) if labelled else set()
        context = Context(text, disjoint(find_numbers(text) + find_identifiers(text)), turns)
        context.listed = frozenset(end for _, end in names)
        seen = set()
        for candidate in context.candidates():
            span = (candidate.start, candidate.end)
            seen.add(span)
            if not labelled and _LIKELY_NAMED & set(candidate.features):
                continue
            features = dict.fromkeys(candidate.features, 1.0)
            features["quality"] = candidate.quality
            self.features.append(features)
            self.labels.append(int(span in names))
            self.texts.append(number)
            self.words.append(text[candidate.start : candidate.end])
            self.weights.append(weight)
        self.without_candidate.extend(text[start:end] for start, end in names - seen)


def spans_of(text: str, private: list[str]) -> set[tuple[int, int]]:
    """Where the labelled names stand."""
    table = surnames()
    first = table.common | table.rare | table.doubtful
    found = set()
    for name in map(normalise, private):
        if _NAME.fullmatch(name) and (name[0] in first or name[:2] in table.compound):
            found |= {(match.start(), match.end()) for match in re.finditer(re.escape(name), text)}
    return found


def kept(examples: Examples, chosen: NDArray[np.intp]) -> set[str]:
    """Features worth keeping: seen often enough to mean something."""
    counts: Counter[str] = Counter()
    for index in chosen:
        counts.update(examples.features[index].keys())
    return {name for name, count in counts.items() if count >= _SEEN_AT_LEAST}


def fit(examples: Examples, chosen: NDArray[np.intp]) -> tuple[DictVectorizer, LogisticRegression]:
    """A logistic regression over the chosen examples."""
    names = kept(examples, chosen)
    rows = [{k: v for k, v in examples.features[i].items() if k in names} for i in chosen]
    vectorizer = DictVectorizer()
    matrix = vectorizer.fit_transform(rows)
    labels = np.array(examples.labels)[chosen]
    model = LogisticRegression(C=STRENGTH, max_iter=4000)
    return vectorizer, model.fit(matrix, labels, sample_weight=np.array(examples.weights)[chosen])


def collect(shared: Path, half: int | None = None) -> tuple[Examples, int]:
    """All examples, and how many of the texts are labelled ones (they come first)."""
    examples = Examples()
    with gzip.open(shared / "data" / "channels" / "labelled.jsonl.gz", "rt", encoding="utf-8") as file:
        labelled = [row for row in map(json.loads, file) if half is None or int(row["id"][1:]) % 2 == half]
    board = shared / "data" / "tipdm2020c"
    held_out = set((board / "held_out_ids.txt").read_text(encoding="utf-8").split())
    with gzip.open(board / "messages.jsonl.gz", "rt", encoding="utf-8") as file:
        messages = [row for row in map(json.loads, file) if str(row["id"]) not in held_out][:BOARD_TEXTS]
    for number, row in enumerate(labelled):
        examples.add(number, row, 1.0)
    for number, row in enumerate(own_rows(), len(labelled)):
        examples.add(number, row, OWN_WEIGHT)
    for number, row in enumerate(messages, len(labelled) + 10_000):
        examples.add(number, {"text": row["text"], "channel": "other", "pii": []}, 0.5, labelled=False)
    return examples, len(labelled)


def out_of_fold(examples: Examples, labelled: int) -> NDArray[np.float64]:
    """Scores of the labelled texts' candidates by models that did not see their text; NaN elsewhere."""
    texts = np.array(examples.texts)
    scores = np.full(len(texts), np.nan)
    for train, test in GroupKFold(FOLDS).split(texts, texts, texts):
        vectorizer, model = fit(examples, train)
        own = test[texts[test] < labelled]
        scores[own] = model.decision_function(vectorizer.transform([examples.features[i] for i in own]))
    return scores


def best_of_names(examples: Examples, scores: NDArray[np.float64]) -> list[float]:
    """For each name of each labelled text its best score: found once, a name is hidden wherever it stands."""
    best: dict[tuple[int, str], float] = {}
    for text, word, label, score in zip(examples.texts, examples.words, examples.labels, scores, strict=True):
        if label and not np.isnan(score):
            best[text, word] = max(best.get((text, word), -np.inf), float(score))
    return list(best.values())


def main() -> None:
    """Cross-validate, choose the threshold, fit on everything, write the weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, required=True, help="directory with data/channels/labelled.jsonl.gz")
    parser.add_argument("--recall", type=float, default=0.99, help="share of the names that must be found out of fold")
    parser.add_argument("--half", type=int, choices=(0, 1), help="fit on even or odd text numbers alone")
    arguments = parser.parse_args()
    examples, labelled = collect(arguments.shared, arguments.half)
    scores = out_of_fold(examples, labelled)
    measured = ~np.isnan(scores)
    truth = np.array(examples.labels)[measured]
    threshold = float(np.quantile(best_of_names(examples, scores), 1 - arguments.recall))
    raised = scores[measured] >= threshold
    vectorizer, model = fit(examples, np.arange(len(examples.labels)))
    weights = {
        name: round(float(value), 3)
        for name, value in zip(vectorizer.get_feature_names_out(), model.coef_[0], strict=True)
        if abs(value) > 0.01
    }
    weights["bias"] = round(float(model.intercept_[0]), 3)
    written = {"threshold": round(threshold, 3), "weights": dict(sorted(weights.items()))}
    OUTPUT.write_text(json.dumps(written, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
    figures = {
        "names": int(truth.sum()),
        "without_candidate": examples.without_candidate,
        "found": round(float(raised[truth == 1].mean()), 4),
        "right": round(float(truth[raised].mean()), 4),
        "threshold": round(threshold, 3),
        "weights": len(weights),
        "examples": len(examples.labels),
    }
    print(json.dumps(figures, ensure_ascii=False))


if __name__ == "__main__":
    main()
