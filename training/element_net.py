"""The reader of main elements in torch: the same network as `nlp.elements.net`, with a loss, to be fitted."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from nlp.elements.net import FLAGS, MAX_SPAN, PAIR_BUCKETS, SPAN_KINDS, UNKNOWN
from nlp.elements.quantities import feature_count

CHAR_SIZE, PAIR_SIZE, WORD_SIZE, HIDDEN, WHOLE, QUANTITY_HIDDEN = 32, 8, 32, 64, 48, 24
AUXILIARY = 0.3
_LOW = -1e9
DROP = 0.3


@dataclass(frozen=True)
class Item:
    """One text ready for the network, with its gold answers.

    chars, pairs, words: int64 (n,); flags: float32 (n, FLAGS + 2), the last two the edges of words; golds: per span kind the (start, end) of every mention, empty
    for none stated; quantities: per kind (starts, ends, features, right) of its candidates; stated: per quantity kind
    whether the gold value is one of the candidates or none is stated (a value that no candidate gives teaches nothing); absent: (4,) log-odds of absence by the linear reader; labels: class numbers of the text.
    """

    chars: NDArray[np.int64]
    pairs: NDArray[np.int64]
    words: NDArray[np.int64]
    flags: NDArray[np.float32]
    golds: tuple[list[tuple[int, int]], ...]
    quantities: tuple[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32], NDArray[np.bool_]], ...]
    taught: tuple[bool, bool]
    weight: float
    absent: NDArray[np.float32]
    labels: tuple[int, ...]


class ElementModel(nn.Module):
    """Three dilated convolutions, a pooled view, span and candidate scores."""

    def __init__(self, chars: NDArray[np.float32], words: NDArray[np.float32], classes: tuple[int, ...]) -> None:
        super().__init__()
        self.chars = nn.Embedding(len(chars), CHAR_SIZE, padding_idx=0, _weight=torch.from_numpy(chars.copy()))
        self.words = nn.Embedding(len(words), WORD_SIZE, padding_idx=0, _weight=torch.from_numpy(words.copy()))
        self.pairs = nn.Embedding(PAIR_BUCKETS, PAIR_SIZE)
        nn.init.normal_(self.pairs.weight, std=0.1)
        depth = CHAR_SIZE + PAIR_SIZE + WORD_SIZE + FLAGS + 2
        self.conv1 = nn.Conv1d(depth, HIDDEN, 5, padding=2)
        self.conv2 = nn.Conv1d(HIDDEN, HIDDEN, 3, padding=2, dilation=2)
        self.conv3 = nn.Conv1d(HIDDEN, HIDDEN, 3, padding=4, dilation=4)
        self.pool = nn.Linear(2 * HIDDEN, WHOLE)
        self.top = nn.Linear(HIDDEN, HIDDEN)
        self.top_whole = nn.Linear(WHOLE, HIDDEN, bias=False)
        self.out = nn.Linear(HIDDEN, 10)
        self.null = nn.Linear(WHOLE, 4)
        self.labels = nn.ModuleList(nn.Linear(WHOLE, count) for count in classes)
        self.length = nn.Parameter(torch.zeros(len(SPAN_KINDS), MAX_SPAN))
        self.amount = nn.Sequential(
            nn.Linear(feature_count("amount"), QUANTITY_HIDDEN), nn.ReLU(), nn.Linear(QUANTITY_HIDDEN, 1)
        )
        self.people = nn.Sequential(
            nn.Linear(feature_count("people"), QUANTITY_HIDDEN), nn.ReLU(), nn.Linear(QUANTITY_HIDDEN, 1)
        )
        self.absent_scale = nn.Parameter(torch.ones(4))
        self.whole_drop = nn.Dropout(0.5)
        self.drop = nn.Dropout(DROP)
        self.quantity_drop = nn.Dropout(0.15)

    def forward(
        self, chars: Tensor, pairs: Tensor, words: Tensor, flags: Tensor, mask: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """(b, n, 10) scores per code point, (b, 4) scores of "none stated", (b, WHOLE) the view of the whole."""
        x = torch.cat(
            (self.drop(self.chars(chars)), self.drop(self.pairs(pairs)), self.drop(self.words(words)), flags), 2
        )
        keep = mask.unsqueeze(1).float()
        x = x.transpose(1, 2) * keep
        hidden = functional.relu(self.conv1(x)) * keep
        hidden = hidden + functional.relu(self.conv2(self.drop(hidden))) * keep
        hidden = hidden + functional.relu(self.conv3(self.drop(hidden))) * keep
        mean = hidden.sum(2) / keep.sum(2)
        top = (hidden + (keep - 1) * 1e4).max(2).values
        whole = torch.tanh(self.pool(self.drop(torch.cat((mean, top), 1))))
        out = functional.relu(self.top(self.drop(hidden.transpose(1, 2))) + self.top_whole(whole).unsqueeze(1))
        return self.out(self.drop(out)), self.null(self.whole_drop(whole)), whole

    def span_scores(self, row: int, scores: Tensor, mask: Tensor) -> Tensor:
        """(b, n, MAX_SPAN) scores of the spans of one kind."""
        start, inside, end = scores[..., 3 * row : 3 * row + 3].unbind(-1)
        inside = inside * mask
        summed = functional.pad(inside.cumsum(1), (1, 0))
        tail = (end + summed[:, 1:]).masked_fill(~mask, _LOW)
        windows = functional.pad(tail, (0, MAX_SPAN - 1), value=_LOW).unfold(1, MAX_SPAN, 1)
        spans: Tensor = windows + (start - summed[:, :-1]).unsqueeze(2) + self.length[row]
        return spans.masked_fill(~mask.unsqueeze(2), _LOW)

    def loss(self, items: list[Item]) -> Tensor:
        """Mean weighted log loss of the four answers of a batch."""
        chars, pairs, words, flags, mask = collate(items, self.training)
        scores, nulls, whole = self(chars, pairs, words, flags, mask)
        nulls = nulls + torch.from_numpy(np.stack([item.absent for item in items])) * self.absent_scale
        weights = torch.tensor([item.weight for item in items])
        total = torch.zeros(len(items))
        for row in range(len(SPAN_KINDS)):
            spans = self.span_scores(row, scores, mask).flatten(1)
            null = nulls[:, row : row + 1]
            places = [[start * MAX_SPAN + end - start - 1 for start, end in item.golds[row]] for item in items]
            gold, present = _padded(places)
            mentions = spans.gather(1, gold).masked_fill(~present, _LOW)
            stated = present.any(1)
            right = torch.where(stated, mentions.logsumexp(1), null[:, 0])
            total = total + torch.cat((spans, null), 1).logsumexp(1) - right
        for row, scorer in enumerate((self.amount, self.people)):
            total = total + self._quantity_loss(row, scorer, items, scores, nulls[:, 2 + row : 3 + row])
        # What the matter is decides what it states: the labels teach the view of the whole, and are then thrown away.
        for column, layer in enumerate(self.labels):
            gold = torch.tensor([item.labels[column] for item in items])
            total = total + AUXILIARY * functional.cross_entropy(layer(self.drop(whole)), gold, reduction="none")
        return (total * weights).sum() / weights.sum()

    def _quantity_loss(self, row: int, scorer: nn.Module, items: list[Item], scores: Tensor, null: Tensor) -> Tensor:
        """Log loss (b,) of choosing the right candidate or none."""
        starts, present = _padded([list(item.quantities[row][0]) for item in items])
        last, _ = _padded([list(item.quantities[row][1] - 1) for item in items])
        right_ones, _ = _padded([list(item.quantities[row][3].astype(int)) for item in items])
        features = torch.zeros(*starts.shape, items[0].quantities[row][2].shape[1])
        for b, item in enumerate(items):
            features[b, : len(item.quantities[row][2])] = torch.from_numpy(item.quantities[row][2])
        own = scorer(self.quantity_drop(features)).squeeze(2)
        own = own + scores[..., 6 + row].gather(1, starts) + scores[..., 8 + row].gather(1, last)
        own = own.masked_fill(~present, _LOW)
        right = own.masked_fill(right_ones == 0, _LOW)
        stated = (right_ones > 0).any(1)
        loss: Tensor = torch.cat((own, null), 1).logsumexp(1) - torch.where(stated, right.logsumexp(1), null[:, 0])
        return loss * torch.tensor([float(item.taught[row]) for item in items])

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """The weights in the layout that `nlp.elements.net.ElementNet` reads."""

        def flat(layer: nn.Conv1d) -> NDArray[np.float32]:
            # (out, in, width) -> (width * in, out): the order in which the reader lays shifted rows side by side.
            return layer.weight.detach().permute(2, 1, 0).reshape(-1, layer.out_channels).numpy().copy()

        def plain(value: Tensor) -> NDArray[np.float32]:
            return value.detach().numpy().copy()

        found = {
            "chars": plain(self.chars.weight), "pairs": plain(self.pairs.weight), "words": plain(self.words.weight),
            "pool": plain(self.pool.weight.T), "pool_bias": plain(self.pool.bias),
            "top": plain(self.top.weight.T), "top_bias": plain(self.top.bias), "top_whole": plain(self.top_whole.weight.T),
            "out": plain(self.out.weight.T), "out_bias": plain(self.out.bias),
            "null": plain(self.null.weight.T), "null_bias": plain(self.null.bias), "length": plain(self.length),
            "absent_scale": plain(self.absent_scale),
        }  # fmt: skip
        for number, layer in enumerate((self.conv1, self.conv2, self.conv3), start=1):
            found[f"conv{number}"] = flat(layer)
            assert layer.bias is not None
            found[f"bias{number}"] = plain(layer.bias)
        for name, scorer in (("amount", self.amount), ("people", self.people)):
            for number, position in ((1, 0), (2, 2)):
                linear = scorer[position]
                assert isinstance(linear, nn.Linear)
                found[f"{name}_{number}"], found[f"{name}_bias{number}"] = plain(linear.weight.T), plain(linear.bias)
        return found


def _padded(rows: list[list[int]]) -> tuple[Tensor, Tensor]:
    """Ragged rows as (b, longest) numbers and where they are."""
    longest = max(1, *(len(row) for row in rows))
    values = torch.zeros(len(rows), longest, dtype=torch.long)
    present = torch.zeros(len(rows), longest, dtype=torch.bool)
    for number, row in enumerate(rows):
        values[number, : len(row)] = torch.tensor(row, dtype=torch.long)
        present[number, : len(row)] = True
    return values, present


def collate(items: list[Item], training: bool) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Pad a batch; in training a few characters are hidden so that the context is learnt too."""
    longest = max(len(item.chars) for item in items)
    chars = torch.zeros(len(items), longest, dtype=torch.long)
    pairs = torch.zeros(len(items), longest, dtype=torch.long)
    words = torch.zeros(len(items), longest, dtype=torch.long)
    flags = torch.zeros(len(items), longest, FLAGS + 2)
    mask = torch.zeros(len(items), longest, dtype=torch.bool)
    for row, item in enumerate(items):
        count = len(item.chars)
        chars[row, :count] = torch.from_numpy(item.chars)
        pairs[row, :count] = torch.from_numpy(item.pairs)
        words[row, :count] = torch.from_numpy(item.words)
        flags[row, :count] = torch.from_numpy(item.flags)
        mask[row, :count] = True
    if training:
        chars[(torch.rand(chars.shape) < 0.06) & mask] = UNKNOWN
        words[(torch.rand(words.shape) < 0.12) & mask] = UNKNOWN
    return chars, pairs, words, flags, mask
