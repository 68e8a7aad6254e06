"""How much of what identifies people is hidden, how much else is, and how fast, on the labelled calls, lines and letters.

The model of names was fitted on the same texts, therefore its out-of-fold figures are given beside the plain ones: each
text is then read with weights fitted on four fifths of the texts, itself not among them (the lists of cue words were
written by people who had seen the texts, so even these figures flatter). The peer is what a pattern
list does: regular expressions for well-formed numbers and names after `我叫` and the like.

    python -m benchmarks.pii [--folds 5]
"""

import argparse
import gzip
import json
import os
import platform
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data_contracts.complaint import Complaint
from nlp.pii import names as names_module
from nlp.prepare import prepare
from training import names as training

SHARED = Path(os.environ.get("YANPAN_SHARED", Path(__file__).parents[1].parent / "shared"))
_PATTERNS = re.compile(
    r"1[3-9]\d{9}|\d{17}[\dXx]|62\d{14,17}|0\d{2,3}-\d{7,8}|[\u4e00-\u9fff][A-Z]·?[A-Z0-9]{5,6}|(?<=我叫)[\u4e00-\u9fff]{2,3}"
    r"|(?<=联系人[:：])[\u4e00-\u9fff]{2,3}"
)
Spans = list[tuple[int, int]]


@dataclass
class Tally:
    """Counts over texts."""

    strings: int = 0
    hidden: int = 0
    other: int = 0
    other_masked: int = 0

    def add(self, text: str, private: list[str], spans: Spans, masked: str) -> None:
        """Count a text: its private strings, what was masked of it, and the masked text."""
        own = bytearray(len(text))
        for string in private:
            self.strings += 1
            self.hidden += string not in masked
            for match in re.finditer(re.escape(string), text):
                own[match.start() : match.end()] = b"\1" * len(string)
        self.other += own.count(0)
        self.other_masked += sum(own[start:end].count(0) for start, end in spans)

    def figures(self) -> dict[str, float]:
        """Share of the private strings that are gone, and share of all other characters that are masked."""
        return {
            "strings": self.strings,
            "hidden": round(self.hidden / self.strings, 4),
            "other_masked": round(self.other_masked / self.other, 5),
        }


def ours(complaint: Complaint) -> tuple[Spans, str]:
    prepared = prepare(complaint)
    return [(mask.start, mask.end) for mask in prepared.masks], prepared.masked_text


def peer(complaint: Complaint) -> tuple[Spans, str]:
    text = complaint.full_text
    return [match.span() for match in _PATTERNS.finditer(text)], _PATTERNS.sub("[*]", text)


def run(rows: list[dict[str, Any]], read: Callable[[Complaint], tuple[Spans, str]]) -> tuple[Tally, float]:
    """The tally of a reader and its texts per second of one core."""
    complaints = [Complaint(text=row["text"], channel=row["channel"]) for row in rows]
    read(complaints[0])
    start = time.process_time()
    results = [read(complaint) for complaint in complaints]
    seconds = time.process_time() - start
    tally = Tally()
    for row, (spans, masked) in zip(rows, results, strict=True):
        tally.add(row["text"], row["pii"], spans, masked)
    return tally, len(rows) / seconds


def out_of_fold(rows: list[dict[str, Any]], folds: int) -> Tally:
    """The tally with name weights that never saw the text; the threshold is the shipped one."""
    examples, _ = training.collect(SHARED)
    texts = np.array(examples.texts)
    shipped = names_module._model()
    tally = Tally()
    for fold in range(folds):
        held = {index for index in range(len(rows)) if index % folds == fold}
        vectorizer, fitted = training.fit(examples, np.flatnonzero(~np.isin(texts, list(held))))
        weights = dict(zip(vectorizer.get_feature_names_out(), map(float, fitted.coef_[0]), strict=True))
        weights["bias"] = float(fitted.intercept_[0])
        swapped = names_module._Model(weights, shipped.threshold)
        original, names_module._model = names_module._model, lambda model=swapped: model
        try:
            for index in held:
                row = rows[index]
                tally.add(row["text"], row["pii"], *ours(Complaint(text=row["text"], channel=row["channel"])))
        finally:
            names_module._model = original
    return tally


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folds", type=int, default=5)
    arguments = parser.parse_args()
    with gzip.open(SHARED / "data" / "channels" / "labelled.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    tally, rate = run(rows, ours)
    peer_tally, peer_rate = run(rows, peer)
    characters = sum(len(row["text"]) for row in rows)
    print(
        json.dumps(
            {
                "benchmark": "pii",
                "data": f"channels/labelled.jsonl.gz, {len(rows)} texts, {characters} characters",
                "machine": f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
                "load": round(os.getloadavg()[0], 1),
                "ours": {**tally.figures(), "texts_per_second_core": round(rate)},
                "ours_out_of_fold": out_of_fold(rows, arguments.folds).figures(),
                "patterns": {**peer_tally.figures(), "texts_per_second_core": round(peer_rate)},
            },
            ensure_ascii=False,
        )
    )


if __name__ == "__main__":
    main()
