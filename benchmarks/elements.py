"""How right and how fast the elements are, beside plain patterns and jionlp in the same run.

Run: python -m benchmarks.elements [--folds]
Without --folds the figures of the cross-validation are those that the shipped reader was built with (its card);
with it the five readers are fitted again (an hour on two quiet cores).
"""

import argparse
import json
import os
import random
import re
from collections.abc import Callable
from time import perf_counter
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cn2an
import jionlp

from benchmarks.common import SHARED, report
from nlp.elements import extract
from nlp.elements.numbers import parse_number
from training.element_score import quantity_f1, score
from training.element_start import starting_vectors
from training.elements import EPOCHS, FOLDS, WEIGHTS, Labelled, fold_readers, read_labelled, tune

PEER_SAMPLE = 200
_SUM = re.compile(r"([\d.]+|[一二三四五六七八九十百千万亿两零]+)(万|亿)?(?:多|余)?(元|块)")
_COUNT = re.compile(r"([\d]+|[一二三四五六七八九十百千万两零]+)(?:多|余|几)?(?:户|人|名)")
_PLACE = re.compile(
    r"(?:[A-Z]\d*[市区县]|[\u4e00-\u9fa5]{2,4}[市区县])*[\u4e00-\u9fa5]{2,8}(?:小区|花园|路|街|村|镇|大道|学校|公园)"
)
_PARTY = re.compile(r"[\u4e00-\u9fa5]{2,10}公司|物业|开发商|[\u4e00-\u9fa5]{2,6}(?:局|学校|医院|幼儿园|村委会)")


def plain_patterns(example: Labelled) -> dict[str, Any]:
    """What a first regular expression for each element gives: its first match."""
    text = example.prepared.normal
    sums = [
        value * {"万": 1e4, "亿": 1e8}.get(unit, 1)
        for number, unit, _ in _SUM.findall(text)
        if (value := _read(number))
    ]
    counts = [value for number in _COUNT.findall(text) if (value := _read(number))]
    place, party = _PLACE.search(text), _PARTY.search(text)
    return {
        "place": place[0] if place else None,
        "counterparty": party[0] if party else None,
        "amount": max(sums, default=None),
        "people": max(counts, default=None),
    }


def _read(number: str) -> float | None:
    try:
        return float(cn2an.cn2an(number, "smart"))
    except ValueError:
        return parse_number(number)


def jionlp_amount(example: Labelled) -> float | None:
    """The largest sum that jionlp finds and parses."""
    found = []
    for item in jionlp.ner.extract_money(example.prepared.normal):
        try:
            number = jionlp.parse_money(item["text"])["num"]
        except (ValueError, KeyError, TypeError):
            continue
        found.append(float(number if isinstance(number, str | float | int) else number[0]))
    return max(found, default=None)


def milliseconds(work: Callable[[Labelled], object], examples: list[Labelled]) -> float:
    """Mean time of a text."""
    started = perf_counter()
    for example in examples:
        work(example)
    return round((perf_counter() - started) * 1000 / len(examples), 3)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--folds", action="store_true")
    options = parser.parse_args()
    examples = read_labelled(SHARED)
    random.Random(7).shuffle(examples)
    if options.folds:
        start = starting_vectors(SHARED / "models" / "multilingual-e5-small-zh", [e.prepared.normal for e in examples])
        figures = tune(fold_readers(examples, start, epochs=EPOCHS, workers=2), examples)[1]
    else:
        figures = json.loads((WEIGHTS / "figures.json").read_text(encoding="utf-8"))
    sample = [
        example for example in examples if example.gold["amount"] is not None or len(example.prepared.normal) < 400
    ]
    sample = sample[:PEER_SAMPLE]
    extract(examples[0].prepared)
    report(
        "elements",
        f"{len(examples)} labelled texts, {FOLDS}-fold",
        cross_validated=figures,
        plain_patterns=score([(example, plain_patterns(example)) for example in examples]),
        jionlp_amount_f1={
            "texts": len(sample),
            "jionlp": round(quantity_f1([(jionlp_amount(e), e.gold["amount"]) for e in sample]), 4),
        },
        ms_per_text={
            "extract": milliseconds(lambda e: extract(e.prepared), examples[:1000]),
            "plain_patterns": milliseconds(plain_patterns, examples[:1000]),
            "jionlp_money": milliseconds(jionlp_amount, sample),
        },
        mean_characters=round(sum(len(e.prepared.normal) for e in examples[:1000]) / 1000),
        load_average=[round(value, 1) for value in os.getloadavg()],
    )


if __name__ == "__main__":
    main()
