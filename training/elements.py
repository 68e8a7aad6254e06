"""Fit the reader of main elements on the labelled spans, judge it by cross-validation, write its weights.

Run: python -m training.elements --shared ../shared [--epochs 6] [--workers 2]
"""

import argparse
import gzip
import json
import random
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import nlp.elements
from data_contracts.complaint import Complaint
from data_contracts.taxonomy import TaxonomyName, taxonomy
from nlp.elements.main_values import QUANTITY_KINDS, agents, candidates, read_main_values, read_text
from nlp.elements.net import MAX_CHARS, MAX_SPAN, SPAN_KINDS, ElementNet, codes_of, pair_buckets, text_flags
from nlp.elements.quantities import quantity_features
from nlp.prepare import Prepared, prepare
from training.datasets import OWN, read_rows
from training.element_absence import crossed_absence, fit_absence, gram_matrix
from training.element_net import ElementModel, Item
from training.element_score import score
from training.element_start import Start, starting_vectors

EPOCHS, BATCH, RATE = 6, 24, 2.5e-3
CHANNEL_WEIGHT = 1.6
AVERAGING = 0.995
FOLDS = 5
DEFAULTS = {"null_place": 1.0, "null_counterparty": 1.0, "least_amount": 0.4, "least_people": 0.4}
GRIDS = {
    "null_place": (0.8, 1.0, 1.3, 1.6, 2.0, 2.4),
    "null_counterparty": (0.8, 1.0, 1.2, 1.4, 1.6, 1.8),
    "least_amount": (0.25, 0.3, 0.35, 0.4, 0.45, 0.5),
    "least_people": (0.25, 0.3, 0.35, 0.4, 0.45, 0.5),
}
LABELS: tuple[tuple[TaxonomyName, str], ...] = (("domain", "domain"), ("kind", "kind"), ("dispute_type", "dispute"))
WEIGHTS = Path(nlp.elements.__file__).parent / "weights"


@dataclass(frozen=True)
class Labelled:
    """A prepared text with its gold elements; `source` tells the message board, the channels and our own texts apart."""

    id: str
    prepared: Prepared
    gold: dict[str, Any]
    source: str


def read_labelled(shared: Path) -> list[Labelled]:
    """Both labelled sets without the held-out ids, and our own texts."""
    board, channels = shared / "data" / "tipdm2020c", shared / "data" / "channels"
    held_out = set((board / "held_out_ids.txt").read_text(encoding="utf-8").split())
    messages = {row["id"]: row for row in _rows(board / "messages.jsonl.gz") if row["id"] not in held_out}
    labelled = []
    for row in _rows(board / "labelled.jsonl.gz"):
        if row["id"] not in held_out:
            message = messages[row["id"]]
            complaint = Complaint(external_id=row["id"], title=message["title"], text=message["text"])
            labelled.append(Labelled(row["id"], prepare(complaint), row, "board"))
    told = [(row, "channels") for row in _rows(channels / "labelled.jsonl.gz")]
    told += [(row, "corpus") for path in sorted((OWN / "corpus").glob("*.jsonl")) for row in read_rows(path)]
    for row, source in told:
        complaint = Complaint(external_id=row["id"], channel=row["channel"], text=row["text"])
        labelled.append(Labelled(row["id"], prepare(complaint), row, source))
    return labelled


def _rows(path: Path) -> Iterable[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def item_of(example: Labelled, net: ElementNet, absent: NDArray[np.float32]) -> Item:
    """Arrays and gold answers of one text."""
    prepared = example.prepared
    text = prepared.normal[:MAX_CHARS]
    codes = codes_of(text)
    length = np.array([len(codes)])
    agent = agents(len(prepared.normal), prepared.turns)
    words, edges = net.word_rows([prepared.normal])
    given = read_text(prepared)
    flags = text_flags([given], codes, length)
    quantities, taught = [], []
    for kind in QUANTITY_KINDS:
        found = candidates(kind, given)
        gold = example.gold[kind]
        right = np.array([gold is not None and abs(q.value - gold) <= 0.01 * abs(gold) for q in found], bool)
        features = quantity_features(kind, prepared.normal, found, body_start=prepared.body_start, agent=agent)
        starts, ends = np.array([q.start for q in found], np.int64), np.array([q.end for q in found], np.int64)
        quantities.append((np.minimum(starts, len(text) - 1), np.minimum(ends, len(text)), features, right))
        taught.append(gold is None or bool(right.any()))
    return Item(
        chars=net.ids(codes).astype(np.int64),
        pairs=pair_buckets(codes, length),
        words=words,
        flags=np.concatenate((flags, edges), axis=1),
        golds=tuple(_mentions(prepared.given[:MAX_CHARS], example.gold[kind]) for kind in SPAN_KINDS),
        quantities=tuple(quantities),
        taught=(taught[0], taught[1]),
        weight=1.0 if example.source == "board" else CHANNEL_WEIGHT,
        absent=absent,
        labels=tuple(taxonomy(head).labels.index(example.gold[key]) for head, key in LABELS),
    )


def _mentions(text: str, words: str | None) -> list[tuple[int, int]]:
    """Every occurrence of the gold words, cut to the longest span that is read."""
    found, start = [], text.find(words) if words else -1
    while words and start >= 0:
        found.append((start, start + min(len(words), MAX_SPAN)))
        start = text.find(words, start + 1)
    return found


def fit(items: list[Item], start: Start, *, epochs: int = EPOCHS, seed: int = 0) -> ElementModel:
    """Train one reader; deterministic for a seed and a number of threads."""
    torch.manual_seed(seed)
    order = random.Random(seed)  # noqa: S311  # shuffling, not secrecy
    model = ElementModel(start.char_vectors, start.word_vectors, tuple(len(taxonomy(head)) for head, _ in LABELS))
    steps = epochs * -(-len(items) // BATCH)
    optimiser = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps, pct_start=0.15)
    averaged = torch.optim.swa_utils.AveragedModel(model, avg_fn=_follow)
    for _ in range(epochs):
        model.train()
        for batch in _batches(items, order):
            optimiser.zero_grad()
            torch.autograd.backward(model.loss(batch))
            nn_norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 2.0)
            if torch.isfinite(nn_norm):
                optimiser.step()
            schedule.step()
            averaged.update_parameters(model)
    fitted = averaged.module
    assert isinstance(fitted, ElementModel)
    return fitted.eval()


def _follow(average: torch.Tensor | torch.nn.Parameter, new: torch.Tensor, _: int | torch.Tensor) -> torch.Tensor:
    """Exponential moving average of the weights: steadier than the last step's."""
    return average + (new - average) * (1 - AVERAGING)


def _batches(items: list[Item], order: random.Random) -> list[list[Item]]:
    """Shuffled batches of texts of similar length, so that little is padding."""
    shuffled = sorted(items, key=lambda item: len(item.chars) * order.uniform(0.8, 1.25))
    batches = [shuffled[first : first + BATCH] for first in range(0, len(shuffled), BATCH)]
    order.shuffle(batches)
    return batches


def predict(net: ElementNet, example: Labelled) -> dict[str, Any]:
    """The four main values in the form of the labels."""
    prepared = example.prepared
    [found] = read_main_values(net, [read_text(prepared)])
    answer: dict[str, Any] = dict.fromkeys((*SPAN_KINDS, *QUANTITY_KINDS))
    answer.update({kind: prepared.given[choice.start : choice.end] for kind, choice in found.spans.items()})
    answer.update({kind: quantity.value for kind, (quantity, _) in found.quantities.items()})
    return answer


def fit_reader(examples: list[Labelled], start: Start, *, epochs: int, seed: int = 0) -> ElementNet:
    """The whole reader from labelled texts: first which elements are absent, then where the stated ones stand."""
    torch.set_num_threads(1)  # batches this small lose more to the threads' waiting than they win
    blank = ElementNet(start.chars, start.words, {}, dict(DEFAULTS))
    counts = gram_matrix([codes_of(example.prepared.normal) for example in examples])
    absent = np.array([[example.gold[name] is None for name in (*SPAN_KINDS, *QUANTITY_KINDS)] for example in examples])
    crossed = crossed_absence(counts, absent)
    items = [item_of(example, blank, row) for example, row in zip(examples, crossed, strict=True)]
    model = fit(items, start, epochs=epochs, seed=seed)
    return ElementNet(start.chars, start.words, model.arrays() | fit_absence(counts, absent), dict(DEFAULTS))


def fold_readers(examples: list[Labelled], start: Start, *, epochs: int, workers: int) -> list[ElementNet]:
    """FOLDS readers, each fitted without every FOLDS-th text from its number on."""
    with ProcessPoolExecutor(workers) as pool:
        waiting = [
            pool.submit(
                fit_reader,
                [example for row, example in enumerate(examples) if row % FOLDS != fold],
                start,
                epochs=epochs,
                seed=fold,
            )
            for fold in range(FOLDS)
        ]
        return [future.result() for future in waiting]


def tune(readers: list[ElementNet], examples: list[Labelled]) -> tuple[dict[str, float], dict[str, Any]]:
    """The decision settings that do best on the texts that a reader has not seen, and the figures that they give."""

    def figures(trial: dict[str, float]) -> dict[str, dict[str, float]]:
        for reader in readers:
            reader.settings.update(trial)
        return score([(example, predict(readers[row % FOLDS], example)) for row, example in enumerate(examples)])

    # The settings do not touch each other: one pass over the texts tries a value of all four at once.
    steps = [dict(zip(GRIDS, values, strict=True)) for values in zip(*GRIDS.values(), strict=True)]
    tried = [(step, figures(step)["all"]) for step in steps]
    settings = {name: max((figure[name.split("_")[1]], step[name]) for step, figure in tried)[1] for name in GRIDS}
    return settings, figures(settings)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    examples = read_labelled(options.shared)
    random.Random(7).shuffle(examples)  # noqa: S311  # shuffling, not secrecy
    start = starting_vectors(
        options.shared / "models" / "multilingual-e5-small-zh", [e.prepared.normal for e in examples]
    )
    readers = fold_readers(examples, start, epochs=options.epochs, workers=options.workers)
    settings, figures = tune(readers, examples)
    print(json.dumps({"settings": settings, "figures": figures}, ensure_ascii=False))
    reader = fit_reader(examples, start, epochs=options.epochs)
    reader.settings.update(settings)
    reader.save(WEIGHTS)
    (WEIGHTS / "figures.json").write_text(json.dumps(figures, ensure_ascii=False, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
