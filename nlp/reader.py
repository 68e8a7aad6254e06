"""A transformer that reads all labels at once; slower and better than the linear stage that it stands beside.

A pretrained encoder, mean and maximum over its token states, one linear map to all classes and factors. It is made by
`training.transformer` and kept as a directory: the encoder's configuration and tokenizer as transformers writes them,
and all weights in one file, matrices as 8-bit integers with a scale for each row. It reads in bfloat16.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

WEIGHTS_FILE, SETTINGS_FILE, CROSSED_FILE = "reader.safetensors", "reader.json", "crossed.safetensors"
BATCH = 16
"""Texts read at once: more no longer fit the processor's cache, and were slower."""
_NEVER = -1e4
_SCALE = ".scale"


class Tokens:
    """Texts as token ids between a start and an end sign; long ones lose their middle, for a call's end tells its stage.

    Attributes:
        hidden: id that stands for a hidden token.
        pad: id that fills up.
    """

    def __init__(self, directory: Path, head: int, tail: int, prefix: str) -> None:
        self._tokenizer = _transformers().AutoTokenizer.from_pretrained(directory)
        self.hidden: int = self._tokenizer.mask_token_id
        self.pad: int = self._tokenizer.pad_token_id
        self.head, self.tail, self.prefix = head, tail, prefix

    def __call__(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of each text, at most `head + tail + 2`."""
        if not texts:
            return []
        start, end = self._tokenizer.cls_token_id, self._tokenizer.sep_token_id
        cut = []
        for ids in self._tokenizer([self.prefix + text for text in texts], add_special_tokens=False)["input_ids"]:
            short = ids if len(ids) <= self.head + self.tail else [*ids[: self.head], *ids[len(ids) - self.tail :]]
            cut.append([start, *short, end])
        return cut

    def save(self, directory: Path) -> None:
        """Write the tokenizer and the settings."""
        self._tokenizer.save_pretrained(directory)
        settings = {"head": self.head, "tail": self.tail, "prefix": self.prefix}
        (directory / SETTINGS_FILE).write_text(json.dumps(settings, ensure_ascii=False) + "\n", encoding="utf-8")


class Network(nn.Module):
    """The encoder and the map to c columns.

    The encoder is any of transformers' that has `embeddings` and `encoder.layer` (BERT, RoBERTa, XLM-R, ELECTRA …).
    """

    def __init__(self, encoder: Any, columns: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.heads = nn.Linear(2 * encoder.config.hidden_size, columns)
        nn.init.normal_(self.heads.weight, std=0.02)
        nn.init.zeros_(self.heads.bias)

    @property
    def layers(self) -> list[nn.Module]:
        """The encoder's layers from the lowest."""
        return list(self.encoder.encoder.layer)

    def embed(self, tokens: Tensor, mask: Tensor, layers: int) -> Tensor:
        """States (b, t, h) behind the embeddings and the lowest `layers`; of token ids and mask (b, t)."""
        return self.rise(self.encoder.embeddings(input_ids=tokens), mask, 0, layers)

    def rise(self, states: Tensor, mask: Tensor, first: int, last: int) -> Tensor:
        """States behind layer `last`, of those before layer `first`."""
        added = (1.0 - mask[:, None, None, :].to(states.dtype)) * _NEVER
        for layer in self.layers[first:last]:
            found = layer(states, added)
            states = found[0] if isinstance(found, tuple) else found
        return states

    def judge(self, states: Tensor, mask: Tensor) -> Tensor:
        """Logits (b, c) of the last layer's states."""
        states = states.float()
        kept = mask.unsqueeze(-1).float()
        mean = (states * kept).sum(1) / kept.sum(1)
        top = (states + (kept - 1.0) * -_NEVER).amax(1)
        logits: Tensor = self.heads(torch.cat((mean, top), 1))
        return logits

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Token ids and mask (b, t) -> logits (b, c)."""
        return self.judge(self.embed(tokens, mask, len(self.layers)), mask)


class Reader:
    """Reads texts; made by `load`, or of a tuned network.

    Attributes:
        crossed: what readers that had not seen them said of the texts that this one learnt from: digests uint64 (n,),
            see `digest_of`, and logits float32 (n, c). From it a second stage can be fitted anew without tuning anew.
    """

    def __init__(self, network: Network, tokens: Tokens) -> None:
        self.crossed = (np.zeros(0, np.uint64), np.zeros((0, network.heads.out_features), np.float32))
        network.encoder.to(torch.bfloat16)
        network.encoder.set_attn_implementation("sdpa")
        self.network = network.eval()
        self.tokens = tokens

    def read(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Logits of n texts, float32 (n, c)."""
        rows = self.tokens(texts)
        found = np.zeros((len(rows), self.network.heads.out_features), np.float32)
        order = sorted(range(len(rows)), key=lambda row: len(rows[row]))
        with torch.inference_mode():
            for first in range(0, len(order), BATCH):
                batch = order[first : first + BATCH]
                found[batch] = self.network(*padded([rows[row] for row in batch], self.tokens.pad)).numpy()
        return found

    def unseen(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Logits as of texts that were not learnt from, float32 (n, c): the crossed ones where this reader knows a text."""
        known = {int(digest): place for place, digest in enumerate(self.crossed[0])}
        places = [known.get(digest_of(text), -1) for text in texts]
        new = [row for row, place in enumerate(places) if place < 0]
        found = np.zeros((len(texts), self.network.heads.out_features), np.float32)
        found[new] = self.read([texts[row] for row in new])
        old = [row for row, place in enumerate(places) if place >= 0]
        found[old] = self.crossed[1][[places[row] for row in old]]
        return found

    def save(self, directory: Path) -> None:
        """Write everything that `load` needs."""
        directory.mkdir(parents=True, exist_ok=True)
        kept: dict[str, Tensor] = {}
        for name, weight in self.network.state_dict().items():
            if weight.ndim < 2:
                kept[name] = weight.float().contiguous()
                continue
            scale = weight.float().abs().amax(1, keepdim=True).clamp(min=1e-12) / 127
            kept[name] = (weight.float() / scale).round().to(torch.int8).contiguous()
            kept[name + _SCALE] = scale
        save_file(kept, directory / WEIGHTS_FILE)
        self.network.encoder.config.save_pretrained(directory)
        self.tokens.save(directory)
        digests, logits = self.crossed
        arrays = {"digests": torch.from_numpy(digests), "logits": torch.from_numpy(logits).half()}
        save_file(arrays, directory / CROSSED_FILE)

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Read a directory that `save` wrote.

        Raises:
            OSError: a file is missing.
        """
        settings = json.loads((directory / SETTINGS_FILE).read_text(encoding="utf-8"))
        if not (directory / WEIGHTS_FILE).is_file():
            raise FileNotFoundError(directory / WEIGHTS_FILE)
        kept = load_file(directory / WEIGHTS_FILE)
        weights = {
            name: weight.float() * kept[name + _SCALE] if name + _SCALE in kept else weight
            for name, weight in kept.items()
            if not name.endswith(_SCALE)
        }
        library = _transformers()
        from transformers.initialization import no_init_weights

        config = library.AutoConfig.from_pretrained(directory)
        with no_init_weights():
            encoder = library.AutoModel.from_config(config, add_pooling_layer=False)
        network = Network(encoder, len(weights["heads.bias"]))
        network.load_state_dict(weights)
        reader = cls(network, Tokens(directory, settings["head"], settings["tail"], settings["prefix"]))
        crossed = load_file(directory / CROSSED_FILE)
        reader.crossed = crossed["digests"].numpy(), crossed["logits"].float().numpy()
        return reader


def digest_of(text: str) -> int:
    """64 bits that stand for a text: the start of its SHA-256."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")


def pretrained(directory: Path) -> Any:
    """The encoder of a directory, float32, without dropout (on a processor its random numbers cost more than it)."""
    return _transformers().AutoModel.from_pretrained(
        directory, dtype=torch.float32, attn_implementation="eager", hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0, add_pooling_layer=False,
    )  # fmt: skip


def _transformers() -> Any:
    """The library, told neither to ask a hub nor to speak of a pooler that nobody reads."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    import transformers

    logging: Any = transformers.logging
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    return transformers


def padded(rows: Sequence[Sequence[int]], pad: int) -> tuple[Tensor, Tensor]:
    """Token ids and mask, int64 (b, t)."""
    ids = torch.full((len(rows), max(map(len, rows))), pad, dtype=torch.long)
    mask = torch.zeros(ids.shape, dtype=torch.long)
    for number, row in enumerate(rows):
        ids[number, : len(row)] = torch.tensor(row)
        mask[number, : len(row)] = 1
    return ids, mask
