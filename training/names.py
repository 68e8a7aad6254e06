"""Fits the model that tells people's names from other words, on texts whose private strings are labelled."""

import argparse
import gzip
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from data_contracts.complaint import Complaint
from nlp.normalise import normalise
from nlp.pii.identifiers import find_identifiers
from nlp.pii.masks import disjoint
from nlp.pii.names import candidates
from nlp.pii.numbers import find_numbers
from nlp.pii.surnames import surnames
from nlp.transcript import turns_of

OUTPUT = Path(__file__).parents[1] / "nlp" / "pii" / "names.json"
FOLDS = 5
RECALL = 0.985
"""The threshold is set so that this share of the names is found in cross-validation."""
_SEEN_AT_LEAST = 2
_NAME = re.compile(r"[\u4e00-\u9fff]{2,4}")


def spans_of(text: str, private: list[str]) -> set[tuple[int, int]]:
    """Where the labelled names stand."""
    table = surnames()
    first = table.common | table.rare | table.doubtful
    found = set()
    for name in private:
        if _NAME.fullmatch(name) and (name[0] in first or name[:2] in table.compound):
            found |= {(match.start(), match.end()) for match in re.finditer(re.escape(name), text)}
    return found


def examples(rows: list[dict[str, Any]]) -> tuple[list[dict[str, float]], list[int], list[int], int]:
    """Features, labels and text numbers of all candidates, and how many names have no candidate."""
    features, labels, groups = [], [], []
    missed = 0
    for number, row in enumerate(rows):
        complaint = Complaint(external_id=row["id"], channel=row["channel"], text=row["text"])
        text = normalise(complaint.full_text)
        turns = turns_of(text, complaint.channel)
        numbers = disjoint(find_numbers(text) + find_identifiers(text))
        names = spans_of(text, row["pii"])
        seen = set()
        for candidate in candidates(text, numbers, turns):
            features.append(dict(candidate.features))
            labels.append(int((candidate.start, candidate.end) in names))
            groups.append(number)
            seen.add((candidate.start, candidate.end))
        missed += len(names - seen)
    return features, labels, groups, missed


def kept(features: list[dict[str, float]], labels: list[int]) -> set[str]:
    """Features worth keeping: those seen beside a name at least twice, or often beside none."""
    beside: Counter[str] = Counter()
    elsewhere: Counter[str] = Counter()
    for found, label in zip(features, labels, strict=True):
        (beside if label else elsewhere).update(found.keys())
    return {
        name for name in beside.keys() | elsewhere.keys() if beside[name] >= _SEEN_AT_LEAST or elsewhere[name] >= 30
    }


def fit(features: list[dict[str, float]], labels: list[int]) -> tuple[DictVectorizer, LogisticRegression]:
    """A logistic regression over the kept features."""
    names = kept(features, labels)
    vectorizer = DictVectorizer()
    matrix = vectorizer.fit_transform([{k: v for k, v in row.items() if k in names} for row in features])
    return vectorizer, LogisticRegression(C=1.0, max_iter=2000).fit(matrix, labels)


def main() -> None:
    """Cross-validate, choose the threshold, fit on everything, write the weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, required=True, help="directory with data/channels/labelled.jsonl.gz")
    path = parser.parse_args().shared / "data" / "channels" / "labelled.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    features, labels, groups, missed = examples(rows)
    truth = np.array(labels)
    scores = np.zeros(len(labels))
    for train, test in GroupKFold(FOLDS).split(features, labels, groups):
        vectorizer, model = fit([features[i] for i in train], [labels[i] for i in train])
        scores[test] = model.decision_function(vectorizer.transform([features[i] for i in test]))
    threshold = float(np.quantile(scores[truth == 1], 1 - RECALL))
    raised = scores >= threshold
    vectorizer, model = fit(features, labels)
    weights = {
        name: round(float(value), 4)
        for name, value in zip(vectorizer.get_feature_names_out(), model.coef_[0], strict=True)
        if abs(value) > 0.01
    }
    weights["bias"] = round(weights.get("bias", 0.0) + float(model.intercept_[0]), 4)
    written = {"threshold": round(threshold, 4), "weights": dict(sorted(weights.items()))}
    OUTPUT.write_text(json.dumps(written, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
    print(
        json.dumps(
            {
                "names": int(truth.sum()),
                "without_candidate": missed,
                "found": round(float(raised[truth == 1].mean()), 4),
                "right": round(float(truth[raised].mean()), 4),
                "threshold": round(threshold, 3),
                "weights": len(weights),
            }
        )
    )


if __name__ == "__main__":
    main()
