"""Fine-tunes a pretrained encoder on all labels at once: the teacher of the small model, or a reader of its own.

One encoder, mean pooling, a linear head for each label and for the factors. Without dropout (on a processor its random
numbers cost more than the network) and with tokens hidden at random in its place; in bfloat16 where it saves time.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn
from torch.nn import functional

from nlp.package import Floats, columns, slices

UNLABELLED = -1
Say = Callable[[str], None]


class TransformerConfig(BaseModel):
    """How the encoder is tuned."""

    model_config = ConfigDict(extra="forbid")

    epochs: int = 4
    batch: int = 16
    rate: float = 6e-5
    head_rate: float = 1e-3
    layer_decay: float = 0.9
    warm_up: float = 0.1
    hidden_tokens: float = 0.12
    head_tokens: int = 192
    tail_tokens: int = 62
    smoothing: float = 0.05
    ordinal: float = 0.5
    factor_weight: float = 2.0
    averaging: float = 0.998
    seed: int = 7


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


class Reader(nn.Module):
    """The encoder with its heads; gives logits (b, c) in the columns of a model package."""

    def __init__(self, encoder: Any) -> None:
        super().__init__()
        self.encoder = encoder
        self.heads = nn.Linear(2 * encoder.config.hidden_size, columns())
        nn.init.normal_(self.heads.weight, std=0.02)
        nn.init.zeros_(self.heads.bias)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """(b, t) token ids and mask -> (b, c)."""
        states = self.encoder(input_ids=tokens, attention_mask=mask).last_hidden_state.float()
        kept = mask.unsqueeze(-1).float()
        mean = (states * kept).sum(1) / kept.sum(1)
        top = (states + (kept - 1) * 1e4).amax(1)
        logits: Tensor = self.heads(torch.cat((mean, top), 1))
        return logits


class Tokens:
    """Texts as token ids, long ones cut in the middle."""

    def __init__(self, directory: Path, config: TransformerConfig) -> None:
        from transformers import AutoTokenizer

        self._tokenizer = AutoTokenizer.from_pretrained(directory)
        self.hidden = self._tokenizer.mask_token_id
        self.pad = self._tokenizer.pad_token_id
        self._head, self._tail = config.head_tokens, config.tail_tokens

    def __call__(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of each text between the start and the end sign."""
        start, end = self._tokenizer.cls_token_id, self._tokenizer.sep_token_id
        cut = []
        for ids in self._tokenizer([f"passage: {text}" for text in texts], add_special_tokens=False)["input_ids"]:
            short = ids if len(ids) <= self._head + self._tail else [*ids[: self._head], *ids[-self._tail :]]
            cut.append([start, *short, end])
        return cut


def tune(directory: Path, texts: Sequence[str], targets: Targets, config: TransformerConfig, say: Say) -> Reader:
    """Fine-tune the encoder of a directory.

    Args:
        directory: a sentence-transformers or transformers directory.
        texts: n texts as models read them.
        targets: theirs.
        config: see `TransformerConfig`.
        say: told of each hundredth part.
    """
    from transformers import AutoModel

    torch.manual_seed(config.seed)
    order = random.Random(config.seed)  # noqa: S311  # shuffling, not secrecy
    encoder = AutoModel.from_pretrained(
        directory, dtype=torch.float32, attn_implementation="eager", hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    for parameter in encoder.embeddings.parameters():
        parameter.requires_grad_(False)
    tokens = Tokens(directory, config)
    model = Reader(encoder).train()
    rows = tokens(texts)
    steps = config.epochs * -(-len(rows) // config.batch)
    groups = _groups(model, config)
    optimiser = torch.optim.AdamW(groups, weight_decay=0.01, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser,
        [group["lr"] for group in groups],
        total_steps=steps,
        pct_start=config.warm_up,
        anneal_strategy="linear",
    )
    average: Any = torch.optim.swa_utils.get_ema_multi_avg_fn  # untyped in torch
    averaged = torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=average(config.averaging))
    done, loss_sum = 0, 0.0
    for _ in range(config.epochs):
        for batch in _batches(rows, order, config.batch):
            ids, mask = _padded([rows[row] for row in batch], tokens.pad)
            hide = (torch.rand(ids.shape) < config.hidden_tokens) & mask.bool()
            ids[hide] = tokens.hidden
            with torch.autocast("cpu", dtype=torch.bfloat16):
                logits = model(ids, mask)
            loss = _loss(logits.float(), targets.take(np.array(batch)), config)
            torch.autograd.backward(loss)
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            optimiser.zero_grad()
            averaged.update_parameters(model)
            done += 1
            loss_sum += float(loss.detach())
            if done % max(1, steps // 40) == 0:
                say(f"{done}/{steps} loss {loss_sum / max(1, steps // 40):.3f}")
                loss_sum = 0.0
    tuned = averaged.module
    assert isinstance(tuned, Reader)
    return tuned.eval()


def read(model: Reader, directory: Path, texts: Sequence[str], config: TransformerConfig) -> Floats:
    """Logits of n texts, float32 (n, c)."""
    tokens = Tokens(directory, config)
    rows = tokens(texts)
    found = np.zeros((len(rows), columns()), np.float32)
    order = sorted(range(len(rows)), key=lambda row: len(rows[row]))
    with torch.no_grad():
        for first in range(0, len(order), 32):
            batch = order[first : first + 32]
            ids, mask = _padded([rows[row] for row in batch], tokens.pad)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                found[batch] = model(ids, mask).float().numpy()
    return found


def _groups(model: Reader, config: TransformerConfig) -> list[dict[str, Any]]:
    """Lower layers learn more slowly: what they know is more general (Howard and Ruder 2018)."""
    layers = list(model.encoder.encoder.layer)
    groups = [{"params": list(model.heads.parameters()), "lr": config.head_rate}]
    for depth, layer in enumerate(reversed(layers)):
        groups.append({"params": list(layer.parameters()), "lr": config.rate * config.layer_decay**depth})
    return groups


def _loss(logits: Tensor, targets: Targets, config: TransformerConfig) -> Tensor:
    weights = torch.from_numpy(targets.weights).float()
    total = logits.new_zeros(len(logits))
    for head, (first, last) in slices().items():
        labels = torch.from_numpy(targets.heads[head])
        known = labels != UNLABELLED
        part = logits[:, first:last]
        own = functional.cross_entropy(part, labels.clamp(min=0), reduction="none", label_smoothing=config.smoothing)
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


def _batches(rows: Sequence[list[int]], order: random.Random, size: int) -> list[list[int]]:
    """Shuffled batches of texts of similar length, so that little is padding."""
    shuffled = sorted(range(len(rows)), key=lambda row: len(rows[row]) * order.uniform(0.8, 1.25))
    batches = [shuffled[first : first + size] for first in range(0, len(shuffled), size)]
    order.shuffle(batches)
    return batches


def _padded(rows: Sequence[list[int]], pad: int) -> tuple[Tensor, Tensor]:
    longest = max(map(len, rows))
    ids = torch.full((len(rows), longest), pad, dtype=torch.long)
    mask = torch.zeros(len(rows), longest, dtype=torch.long)
    for number, row in enumerate(rows):
        ids[number, : len(row)] = torch.tensor(row)
        mask[number, : len(row)] = 1
    return ids, mask
