"""The fine-tuned encoder: it learns, what is not labelled teaches nothing, and a killed training goes on where it was."""

from pathlib import Path

import numpy as np
import pytest
import torch

from data_contracts.taxonomy import HEADS, taxonomy
from nlp.package import columns, slices
from nlp.reader import Network, Reader, Tokens, padded, pretrained
from training import transformer
from training.datasets import Sourced
from training.transformer import UNLABELLED, Lower, Targets, adapt, class_weights, crossed, tune
from training.tuning import TransformerConfig

TINY = TransformerConfig(
    base="models/tiny", prefix="", frozen_layers=1, epochs=12, rate=3e-3, head_rate=1e-2, averaging=0.8, keep_every=3
)


@pytest.fixture(scope="module")
def texts(examples: list[Sourced]) -> list[str]:
    return [item.example.text for item in examples]


@pytest.fixture(scope="module")
def targets(examples: list[Sourced]) -> Targets:
    count = len(examples)
    heads = {
        head: np.array([taxonomy(head).labels.index(getattr(item.example, head)) for item in examples])
        for head in HEADS
    }
    factors = np.array([["人身安全" in (item.example.factors or ())] + [False] * 8 for item in examples])
    return Targets(heads, factors, np.ones(count, bool), np.ones(count, np.float32))


def quiet(_: str) -> None:
    pass


def right(logits: np.ndarray, targets: Targets) -> float:
    return float(
        np.mean([logits[:, first:last].argmax(1) == targets.heads[head] for head, (first, last) in slices().items()])
    )


@pytest.mark.parametrize("frozen", [0, 1])
def test_it_learns_and_comes_back_from_its_directory(
    checkpoint: Path, texts: list[str], targets: Targets, tmp_path: Path, frozen: int
) -> None:
    reader = tune(checkpoint / TINY.base, texts, targets, TINY.model_copy(update={"frozen_layers": frozen}), quiet)
    read = reader.read(texts)
    assert right(read, targets) > 0.9
    reader.save(tmp_path / "reader")
    assert np.abs(Reader.load(tmp_path / "reader").read(texts) - read).max() < 0.2
    assert read.shape == (len(texts), columns())
    assert reader.read([]).shape == (0, columns())


def test_states_of_frozen_layers_say_the_same_as_the_text(checkpoint: Path, texts: list[str]) -> None:
    network = Network(pretrained(checkpoint / TINY.base), columns())
    tokens = Tokens(checkpoint / TINY.base, 192, 62, "")
    lower = Lower.of(network, tokens(texts), 1, tokens.pad, quiet)
    reader = Reader(network, tokens)
    np.testing.assert_allclose(lower.read(reader, 1), reader.read(texts), atol=2e-2)
    np.testing.assert_allclose(
        lower.take(np.array([5, 2])).read(reader, 1), reader.read([texts[5], texts[2]]), atol=2e-2
    )


def test_what_is_not_labelled_teaches_nothing(targets: Targets) -> None:
    logits = torch.randn(len(targets.weights), columns(), requires_grad=True)
    first, last = slices()["stage"]
    without = {**targets.heads, "stage": np.full(len(targets.weights), UNLABELLED)}
    part = Targets(without, targets.factors, np.zeros(len(targets.weights), bool), targets.weights)
    transformer._loss(logits, part, class_weights(part, 0.3), TINY).backward()
    assert logits.grad is not None
    assert not logits.grad[:, first:last].any()
    assert not logits.grad[:, -9:].any()
    assert logits.grad[:, :first].any()


def test_a_level_two_off_costs_more_than_one_off(targets: Targets) -> None:
    first, _ = slices()["risk_level"]
    one = targets.take(np.array([0]))
    one.heads["risk_level"][:] = 0

    def cost(level: int) -> float:
        logits = torch.zeros(1, columns())
        logits[0, first + level] = 4.0
        return float(transformer._loss(logits, one, class_weights(one, 0.0), TINY))

    assert cost(0) < cost(1) < cost(2) < cost(3)


def test_rare_classes_weigh_more_and_all_weigh_one_on_average(targets: Targets) -> None:
    labels = targets.heads["domain"].copy()
    labels[:] = 0
    labels[:5] = 1
    weights = class_weights(Targets({**targets.heads, "domain": labels}, *_rest(targets)), 0.5)["domain"]
    assert weights[1] > weights[0]
    assert float(weights[torch.from_numpy(labels)].mean()) == pytest.approx(1, abs=1e-4)


def test_a_killed_training_ends_like_one_that_was_not(
    checkpoint: Path, texts: list[str], targets: Targets, tmp_path: Path
) -> None:
    whole = tune(checkpoint / TINY.base, texts, targets, TINY, quiet).read(texts)
    place = tmp_path / "state.pt"

    def kill(text: str) -> None:
        if text.startswith("10/"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tune(checkpoint / TINY.base, texts, targets, TINY, kill, checkpoint=place)
    told: list[str] = []
    again = tune(checkpoint / TINY.base, texts, targets, TINY, told.append, checkpoint=place).read(texts)
    assert next(line for line in told if "loss" in line).startswith("10/")
    np.testing.assert_allclose(again, whole, atol=1e-4)


def test_it_stops_when_texts_kept_back_gain_nothing(checkpoint: Path, texts: list[str], targets: Targets) -> None:
    told: list[str] = []
    config = TINY.model_copy(update={"patience": 1, "epochs": 40, "rate": 0.05, "head_rate": 0.3})
    tune(checkpoint / TINY.base, texts, targets, config, told.append)
    assert 1 < sum("留出的损失" in line for line in told) < 40


def test_batches_add_up_to_one_step(checkpoint: Path, texts: list[str], targets: Targets) -> None:
    config = TINY.model_copy(update={"accumulate": 4, "batch": 4, "epochs": 8})
    assert right(tune(checkpoint / TINY.base, texts, targets, config, quiet).read(texts), targets) > 0.9


def test_adapting_reads_no_labels_and_is_done_once(checkpoint: Path, texts: list[str], tmp_path: Path) -> None:
    told: list[str] = []
    config = TINY.model_copy(update={"adapt_epochs": 30, "adapt_rate": 3e-3})
    output = adapt(checkpoint / TINY.base, texts, config, tmp_path / "adapted", told.append)
    losses = [float(line.rsplit(" ", 1)[1]) for line in told]
    assert losses[-1] < losses[0] - 0.5
    Reader(Network(pretrained(output), columns()), Tokens(output, 10, 10, "")).read(texts[:2])
    assert adapt(checkpoint / TINY.base, texts, config, output, lambda _: pytest.fail("again")) == output


def test_every_text_is_read_by_one_that_has_not_seen_it(
    checkpoint: Path, texts: list[str], targets: Targets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[set[str]] = []
    real = transformer.tune

    def spy(directory: Path, part: list[str], *rest: object) -> Reader:
        seen.append(set(part))
        return real(directory, part, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(transformer, "tune", spy)
    folds = np.arange(len(texts)) % 3
    folds[0] = -1
    logits, reader = crossed(texts, targets, folds, checkpoint, TINY, tmp_path, quiet)
    for fold in range(3):
        assert seen[fold] == {text for text, of in zip(texts, folds, strict=True) if of != fold}
    assert seen[3] == set(texts)
    assert right(logits[1:], targets.take(np.arange(1, len(texts)))) > 0.9
    again, _ = crossed(texts, targets, folds, checkpoint, TINY, tmp_path, quiet)
    assert len(seen) == 4
    np.testing.assert_array_equal(again, logits)
    assert right(reader.read(texts), targets) > 0.9
    other = TINY.model_copy(update={"seed": 8, "epochs": 1})
    crossed(texts, targets, folds, checkpoint, other, tmp_path, quiet)
    assert len(seen) == 8


def test_a_missing_checkpoint_is_named(texts: list[str], targets: Targets, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="models/tiny"):
        crossed(texts, targets, np.zeros(len(texts), int), tmp_path, TINY, None, quiet)


def test_long_texts_lose_their_middle(checkpoint: Path) -> None:
    tokens = Tokens(checkpoint / TINY.base, 3, 2, "")
    ids = tokens(["今天小区电梯坏了", "今天"])
    assert [len(row) for row in ids] == [7, 4]
    assert ids[0][:4] == tokens(["今天小"])[0][:4]
    assert ids[0][-3:] == tokens(["坏了"])[0][-3:]
    shown, mask = padded(ids, tokens.pad)
    assert shown.shape == mask.shape == (2, 7)
    assert mask.sum() == 11


def _rest(targets: Targets) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return targets.factors, targets.factors_known, targets.weights
