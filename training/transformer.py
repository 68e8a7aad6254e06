"""Fine-tunes a pretrained encoder on all labels at once: a `nlp.reader.Reader`.

Every label that a text lacks is left out of the loss; the risk's levels are in order and cost by their distance. The
lowest layers can stay as they are: their states are then computed once and not in every epoch, which halves the work,
and tokens are hidden by leaving them out of the attention. Where all layers learn, hidden tokens are replaced. In
bfloat16 where it saves time (2 cores: 60 ms instead of 310 for a text of 250 tokens).
"""

import hashlib
import random
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from nlp.package import Floats, columns, slices
from nlp.reader import Network, Reader, Tokens, digest_of, padded, pretrained
from training.tuning import TransformerConfig

UNLABELLED = -1
_READ_BATCH = 32
_KEPT_BACK = 0.1
_GUESSED = 0.15
Say = Callable[[str], None]


@dataclass(frozen=True)
class Targets:
    """What is learnt of n texts: by head classes (n,) with -1 for none, factors bool (n, 9), weights (n,).

    `factors_known` (n,): where the factors are labelled.
    """

    heads: dict[str, NDArray[np.int64]]
    factors: NDArray[np.bool_]
    factors_known: NDArray[np.bool_]
    weights: Floats

    def take(self, rows: NDArray[np.int64]) -> "Targets":
        """Those of some texts."""
        return Targets(
            {head: labels[rows] for head, labels in self.heads.items()},
            self.factors[rows],
            self.factors_known[rows],
            self.weights[rows],
        )


class Lower:
    """What the lowest layers, which do not learn, say of n texts: states bfloat16 (t, h) of each, computed once."""

    def __init__(self, states: list[Tensor]) -> None:
        self._states = states

    @classmethod
    def of(cls, network: Network, rows: Sequence[list[int]], layers: int, pad: int, say: Say) -> Self:
        """Those of texts as token ids."""
        states: list[Tensor] = [torch.empty(0)] * len(rows)
        order = sorted(range(len(rows)), key=lambda row: len(rows[row]))
        with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
            for first in range(0, len(order), _READ_BATCH):
                batch = order[first : first + _READ_BATCH]
                found = network.embed(*padded([rows[row] for row in batch], pad), layers).bfloat16()
                for place, row in enumerate(batch):
                    states[row] = found[place, : len(rows[row])].clone()
                say(f"下层 {first + len(batch)}/{len(order)}")
        return cls(states)

    def take(self, rows: NDArray[np.int64]) -> "Lower":
        """Those of some texts."""
        return Lower([self._states[row] for row in rows])

    def batch(self, rows: Sequence[int]) -> tuple[Tensor, Tensor]:
        """States (b, t, h) and mask (b, t) of some texts."""
        longest = max(len(self._states[row]) for row in rows)
        states = torch.zeros(len(rows), longest, self._states[rows[0]].shape[1], dtype=torch.bfloat16)
        mask = torch.zeros(len(rows), longest, dtype=torch.long)
        for place, row in enumerate(rows):
            states[place, : len(self._states[row])] = self._states[row]
            mask[place, : len(self._states[row])] = 1
        return states, mask

    def read(self, reader: Reader, layers: int) -> Floats:
        """Logits (n, c) by a reader whose lowest `layers` these states are of."""
        network = reader.network
        found = np.zeros((len(self._states), network.heads.out_features), np.float32)
        order = sorted(range(len(self._states)), key=lambda row: len(self._states[row]))
        with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
            for first in range(0, len(order), _READ_BATCH):
                batch = order[first : first + _READ_BATCH]
                states, mask = self.batch(batch)
                top = network.rise(states, mask, layers, len(network.layers))
                found[batch] = network.judge(top, mask).float().numpy()
        return found


def crossed(
    texts: Sequence[str],
    targets: Targets,
    folds: NDArray[np.int64],
    shared: Path,
    config: TransformerConfig,
    work: Path | None,
    say: Say,
) -> tuple[Floats, Reader]:
    """Logits of every text by a reader that has not seen it, and a reader that has seen all.

    Args:
        texts: n texts as models read them.
        targets: theirs.
        folds: (n,), -1 for texts that every reader may see; their logits stay 0.
        shared: holds the checkpoint.
        config: see `TransformerConfig`.
        work: where what is done is kept; a training that was killed goes on from there. Nothing is kept when None.
        say: told how far it is.

    Returns:
        float32 (n, c), and the reader.

    Raises:
        OSError: there is no such checkpoint.
    """
    if not (shared / config.base / "config.json").is_file():
        raise FileNotFoundError(f"找不到预训练模型：{shared / config.base} / there is no checkpoint")
    with tempfile.TemporaryDirectory() as temporary:
        kept = (work or Path(temporary)) / _digest(texts, targets, folds, config)
        kept.mkdir(parents=True, exist_ok=True)
        directory = shared / config.base
        if config.adapt_epochs:
            directory = adapt(directory, texts, config, kept / "adapted", say)
        network = Network(pretrained(directory), columns())
        tokens = Tokens(directory, config.head_tokens, config.tail_tokens, config.prefix)
        lower = None
        if config.frozen_layers:
            lower = Lower.of(network, tokens(texts), config.frozen_layers, tokens.pad, say)
        found = np.zeros((len(texts), columns()), np.float32)
        for fold in range(folds.max() + 1):
            path = kept / f"fold-{fold}.npy"
            test, rest = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
            if not path.is_file():
                told = _prefixed(say, f"第 {fold + 1}/{folds.max() + 1} 折 ")
                reader = _tuned(directory, texts, targets, rest, config, told, lower, kept / f"fold-{fold}.pt")
                unseen = (
                    lower.take(test).read(reader, config.frozen_layers)
                    if lower
                    else reader.read([texts[int(row)] for row in test])
                )
                np.save(path, unseen)
            found[test] = np.load(path)
        if not (kept / "reader").is_dir():
            every = np.arange(len(texts))
            reader = _tuned(
                directory, texts, targets, every, config, _prefixed(say, "全部 "), lower, kept / "reader.pt"
            )
            learnt = np.flatnonzero(folds >= 0)
            digests = np.array([digest_of(texts[int(row)]) for row in learnt], np.uint64)
            reader.crossed = digests, found[learnt]
            reader.save(kept / "writing")
            (kept / "writing").rename(kept / "reader")
        return found, Reader.load(kept / "reader")


def _tuned(
    directory: Path,
    texts: Sequence[str],
    targets: Targets,
    rows: NDArray[np.int64],
    config: TransformerConfig,
    say: Say,
    lower: Lower | None,
    checkpoint: Path,
) -> Reader:
    part = [texts[int(row)] for row in rows]
    reader = tune(directory, part, targets.take(rows), config, say, lower.take(rows) if lower else None, checkpoint)
    checkpoint.unlink(missing_ok=True)
    return reader


def tune(
    directory: Path,
    texts: Sequence[str],
    targets: Targets,
    config: TransformerConfig,
    say: Say,
    lower: Lower | None = None,
    checkpoint: Path | None = None,
) -> Reader:
    """Fine-tune the encoder of a directory.

    Args:
        directory: a sentence-transformers or transformers directory.
        texts: n texts as models read them.
        targets: theirs.
        config: see `TransformerConfig`.
        say: told of each fortieth part.
        lower: what the frozen layers say of the texts, where it is known already.
        checkpoint: a file from which a training that was killed goes on, and to which its state is written.
    """
    torch.manual_seed(config.seed)
    network = Network(pretrained(directory), columns()).train()
    tokens = Tokens(directory, config.head_tokens, config.tail_tokens, config.prefix)
    rows = tokens(texts)
    for module in [network.encoder.embeddings, *network.layers[: config.frozen_layers]]:
        module.requires_grad_(False)
    if config.frozen_layers and lower is None:
        lower = Lower.of(network, rows, config.frozen_layers, tokens.pad, say)
    kept_back = np.random.default_rng(config.seed).random(len(rows)) < (_KEPT_BACK if config.patience else 0)
    shown = np.flatnonzero(~kept_back)
    course = _Course(network, targets.take(shown), len(shown), config)
    judge = _judge(network, rows, lower, tokens, config)
    if checkpoint is not None and checkpoint.is_file():
        course.load(checkpoint)
    said = max(1, course.steps // 40)
    loss_sum, patience = 0.0, _Patience(config.patience)
    for epoch in range(config.epochs):
        batches = _batches([len(rows[row]) for row in shown], random.Random(f"{config.seed}-{epoch}"), config.batch)  # noqa: S311
        for number, batch in enumerate(batches):
            step = epoch * len(batches) + number
            if step < course.done:
                continue
            own = shown[batch]
            loss_sum += course.learn(judge(own, hide=True), targets.take(own), last=number + 1 == len(batches))
            if course.done % said == 0:
                say(f"{course.done}/{course.steps} loss {loss_sum / said:.3f}")
                loss_sum = 0.0
            if checkpoint is not None and course.done % config.keep_every == 0:
                course.save(checkpoint)
        if config.patience:
            loss = course.loss_on(np.flatnonzero(kept_back), targets, judge)
            say(f"第 {epoch + 1} 轮，留出的损失 {loss:.3f}")
            if patience.ended(loss, course.averaged.module):
                break
    tuned = course.averaged.module
    patience.restore(tuned)
    assert isinstance(tuned, Network)
    return Reader(tuned, tokens)


class _Course:
    """Where a training stands: network, optimiser, rates, averaged weights."""

    def __init__(self, network: Network, targets: Targets, count: int, config: TransformerConfig) -> None:
        self.network, self.config = network, config
        self.steps = config.epochs * -(-count // config.batch)
        self.done = 0
        self.balance = class_weights(targets, config.balance)
        groups = _groups(network, config)
        self._optimiser = torch.optim.AdamW(groups, weight_decay=0.01, fused=True)
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            self._optimiser,
            [group["lr"] for group in groups],
            total_steps=self.steps // config.accumulate + config.epochs + 1,
            pct_start=config.warm_up,
            anneal_strategy="linear",
        )
        average: Any = torch.optim.swa_utils.get_ema_multi_avg_fn  # untyped in torch
        self.averaged = torch.optim.swa_utils.AveragedModel(network, multi_avg_fn=average(config.averaging))

    def learn(self, judge: Callable[[Network], Tensor], targets: Targets, *, last: bool) -> float:
        """One batch; a step of the optimiser after every `accumulate` batches and after an epoch's last."""
        loss = _loss(judge(self.network), targets, self.balance, self.config)
        torch.autograd.backward(loss / self.config.accumulate)
        self.done += 1
        if last or self.done % self.config.accumulate == 0:
            nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
            self._optimiser.step()
            self._schedule.step()
            self._optimiser.zero_grad()
            self.averaged.update_parameters(self.network)
        return float(loss.detach())

    def loss_on(self, rows: NDArray[np.int64], targets: Targets, judge: "_Judge") -> float:
        """The averaged network's mean loss on texts that it has not learnt from."""
        network = self.averaged.module
        assert isinstance(network, Network)
        total = 0.0
        with torch.no_grad():
            for first in range(0, len(rows), self.config.batch):
                own = rows[first : first + self.config.batch]
                logits = judge(own, hide=False)(network)
                total += float(_loss(logits, targets.take(own), self.balance, self.config)) * len(own)
        return total / max(len(rows), 1)

    def save(self, path: Path) -> None:
        """Write the state, whole or not at all."""
        state = {
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "schedule": self._schedule.state_dict(),
            "random": torch.get_rng_state(),
            "done": self.done,
        }
        torch.save(state, path.with_suffix(".new"))
        path.with_suffix(".new").replace(path)

    def load(self, path: Path) -> None:
        """Go on from a state."""
        state = torch.load(path, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.averaged.load_state_dict(state["averaged"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._schedule.load_state_dict(state["schedule"])
        torch.set_rng_state(state["random"])
        self.done = state["done"]


class _Judge(Protocol):
    """Gives what a network says of some texts, as a function of the network."""

    def __call__(self, own: NDArray[np.int64], *, hide: bool) -> Callable[[Network], Tensor]: ...


class _Patience:
    """The weights with the least loss on texts kept back, and whether it is time to stop."""

    def __init__(self, epochs: int) -> None:
        self._epochs, self._stale, self._least = epochs, 0, float("inf")
        self._best: dict[str, Tensor] | None = None

    def ended(self, loss: float, network: nn.Module) -> bool:
        """Take note of an epoch."""
        self._stale = 0 if loss < self._least else self._stale + 1
        if loss < self._least:
            self._least = loss
            self._best = {name: item.clone() for name, item in network.state_dict().items()}
        return self._stale >= self._epochs

    def restore(self, network: nn.Module) -> None:
        """Give a network the best weights."""
        if self._best is not None:
            network.load_state_dict(self._best)


def _judge(
    network: Network, rows: Sequence[list[int]], lower: Lower | None, tokens: Tokens, config: TransformerConfig
) -> _Judge:
    """From states of the frozen layers, hidden tokens left out; or from token ids, hidden ones replaced."""
    top = len(network.layers)

    def from_states(own: NDArray[np.int64], *, hide: bool) -> Callable[[Network], Tensor]:
        assert lower is not None
        states, mask = lower.batch([int(row) for row in own])
        if hide:
            out = torch.rand(mask.shape) < config.hidden_tokens
            out[:, 0] = False
            mask = mask.masked_fill(out, 0)

        def judged(network: Network) -> Tensor:
            with torch.autocast("cpu", dtype=torch.bfloat16):
                return network.judge(network.rise(states, mask, config.frozen_layers, top), mask).float()

        return judged

    def from_tokens(own: NDArray[np.int64], *, hide: bool) -> Callable[[Network], Tensor]:
        ids, mask = padded([rows[row] for row in own], tokens.pad)
        if hide:
            ids = ids.masked_fill((torch.rand(ids.shape) < config.hidden_tokens) & mask.bool(), tokens.hidden)

        def judged(network: Network) -> Tensor:
            with torch.autocast("cpu", dtype=torch.bfloat16):
                logits: Tensor = network(ids, mask)
            return logits.float()

        return judged

    return from_tokens if lower is None else from_states


def adapt(directory: Path, texts: Sequence[str], config: TransformerConfig, output: Path, say: Say) -> Path:
    """Let the encoder guess hidden tokens of the texts first, so that it knows their language (Gururangan et al. 2020).

    The guess is made in the token embeddings' own space, through a map that starts as the identity.

    Args:
        directory: the checkpoint.
        texts: n texts; no labels are read.
        config: `adapt_epochs`, `adapt_rate`.
        output: where the adapted checkpoint is written; where it is there already, nothing is done.
        say: told of each fortieth part.

    Returns:
        `output`.
    """
    if output.is_dir():
        return output
    torch.manual_seed(config.seed)
    network = Network(pretrained(directory), 1).train()
    network.encoder.embeddings.requires_grad_(False)
    tokens = Tokens(directory, config.head_tokens, config.tail_tokens, config.prefix)
    rows = tokens(texts)
    width = network.encoder.config.hidden_size
    words = network.encoder.embeddings.word_embeddings.weight
    to_words = nn.Sequential(nn.Linear(width, width), nn.LayerNorm(width))
    nn.init.eye_(to_words[0].weight)  # type: ignore[arg-type]
    bias = nn.Parameter(torch.zeros(len(words)))
    own = [{"params": [*to_words.parameters(), bias], "lr": config.head_rate}]
    optimiser = torch.optim.AdamW(
        [*own, {"params": list(network.encoder.encoder.parameters()), "lr": config.adapt_rate}], fused=True
    )
    steps = config.adapt_epochs * -(-len(rows) // config.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, [config.head_rate, config.adapt_rate], total_steps=steps + 1, pct_start=config.warm_up
    )
    said, loss_sum, done = max(1, steps // 40), 0.0, 0
    for epoch in range(config.adapt_epochs):
        for batch in _batches([len(row) for row in rows], random.Random(f"{config.seed}-{epoch}"), config.batch):  # noqa: S311
            ids, mask = padded([rows[row] for row in batch], tokens.pad)
            chosen = (torch.rand(ids.shape) < _GUESSED) & mask.bool()
            chosen[:, 0] = True
            shown = ids.masked_fill(chosen & (torch.rand(ids.shape) < 0.9), tokens.hidden)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                states = network.embed(shown, mask, len(network.layers))[chosen]
                logits = to_words(states.float()) @ words.T + bias
            loss = functional.cross_entropy(logits.float(), ids[chosen])
            torch.autograd.backward(loss)
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            optimiser.zero_grad()
            done, loss_sum = done + 1, loss_sum + float(loss.detach())
            if done % said == 0:
                say(f"语言适应 {done}/{steps} loss {loss_sum / said:.3f}")
                loss_sum = 0.0
    writing = output.with_name(output.name + "-writing")
    network.encoder.save_pretrained(writing)
    tokens.save(writing)
    writing.rename(output)
    return output


def class_weights(targets: Targets, power: float) -> dict[str, Tensor]:
    """By head: a weight for each class, greater for rare ones, 1 on average over the texts."""
    found: dict[str, Tensor] = {}
    for head, (first, last) in slices().items():
        labels = targets.heads[head]
        counts = np.bincount(labels[labels != UNLABELLED], minlength=last - first)
        weights = (1.0 / np.maximum(counts, 1)) ** power
        weights *= max(counts.sum(), 1) / max((weights * counts).sum(), 1e-9)
        found[head] = torch.from_numpy(weights.astype(np.float32))
    return found


def _groups(network: Network, config: TransformerConfig) -> list[dict[str, Any]]:
    """Lower layers learn more slowly: what they know is more general (Howard and Ruder 2018)."""
    groups: list[dict[str, Any]] = [{"params": list(network.heads.parameters()), "lr": config.head_rate}]
    for depth, layer in enumerate(reversed(network.layers[config.frozen_layers :])):
        groups.append({"params": list(layer.parameters()), "lr": config.rate * config.layer_decay**depth})
    return groups


def _loss(logits: Tensor, targets: Targets, balance: dict[str, Tensor], config: TransformerConfig) -> Tensor:
    weights = torch.from_numpy(targets.weights).float()
    total = logits.new_zeros(len(logits))
    for head, (first, last) in slices().items():
        labels = torch.from_numpy(targets.heads[head])
        known = labels != UNLABELLED
        part = logits[:, first:last]
        own = functional.cross_entropy(part, labels.clamp(min=0), reduction="none", label_smoothing=config.smoothing)
        own = own * balance[head][labels.clamp(min=0)]
        if head == "risk_level":
            # Levels are in order: to be two off costs more than to be one off.
            expected = part.softmax(1) @ torch.arange(last - first).float()
            own = own + config.ordinal * (expected - labels) ** 2
        total = total + torch.where(known, own, torch.zeros_like(own))
    factors = functional.binary_cross_entropy_with_logits(
        logits[:, -targets.factors.shape[1] :], torch.from_numpy(targets.factors).float(), reduction="none"
    ).mean(1)
    total = total + config.factor_weight * factors * torch.from_numpy(targets.factors_known).float()
    return (total * weights).sum() / weights.sum()


def _batches(lengths: Sequence[int], order: random.Random, size: int) -> list[list[int]]:
    """Shuffled batches of texts of similar length, so that little is padding."""
    shuffled = sorted(range(len(lengths)), key=lambda row: lengths[row] * order.uniform(0.8, 1.25))
    batches = [shuffled[first : first + size] for first in range(0, len(shuffled), size)]
    order.shuffle(batches)
    return batches


def _prefixed(say: Say, prefix: str) -> Say:
    return lambda text: say(prefix + text)


def _digest(texts: Sequence[str], targets: Targets, folds: NDArray[np.int64], config: TransformerConfig) -> str:
    """Tells one training from another, so that none goes on from a stranger's state."""
    digest = hashlib.sha256(config.model_dump_json().encode())
    digest.update("\0".join(texts).encode())
    for array in (*targets.heads.values(), targets.factors, targets.weights, folds):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]
