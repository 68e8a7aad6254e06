"""Distil the static encoder: one vector a token, fitted so that a text's mean points where the teacher's vector points.

Step one is model2vec's (Tulkens and van Dongen, 2024): the teacher embeds every token of a vocabulary of our own, PCA keeps the
leading dimensions, and SIF weights (Arora, Liang and Ma, "A simple but tough-to-beat baseline for sentence
embeddings", 2017) scale the rows. Step two fits the rows to the teacher's vectors of whole sentences and texts, after
the idea of tokenlearn (Tulkens and van Dongen, 2024).
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from data_contracts.analysis import MASK_LABELS

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Vectors = NDArray[np.float32]
UNKNOWN = "[UNK]"
_CJK = re.compile(r"[\u3400-\u9fff]+")
_WORD = re.compile(r"^(?:[\u3400-\u9fff]+|[a-z][a-z0-9]*|[a-z]?\d+[a-z]?)$")
_SENTENCE = re.compile(r"[。！？!?；;\n]+")
MASK_PATTERN = r"\[(?:" + "|".join(MASK_LABELS.values()) + r")\d*\]"


class DistilConfig(BaseModel):
    """How the static encoder is made; the defaults are those of the shipped one."""

    model_config = ConfigDict(extra="forbid")

    dimensions: int = 256
    vocabulary: int = 22_000
    least_documents: int = 2
    strange_documents: int = 5
    sif: float = 1e-3
    epochs: int = 20
    batch: int = 512
    learning_rate: float = 0.003
    text_weight: float = 2.0
    scale: float = 3.0
    seed: int = 7


@dataclass(frozen=True)
class Taught:
    """Texts and the teacher's vectors of them, float32 (n, width)."""

    texts: list[str]
    vectors: Vectors


def sentences(texts: Iterable[str], shortest: int = 6, longest: int = 120) -> list[str]:
    """The different sentences of some texts, sorted, without those that are too short or too long to learn from."""
    found = {part.strip() for text in texts for part in _SENTENCE.split(text)}
    return sorted(part for part in found if shortest <= len(part) <= longest)


@cache
def _dictionary() -> dict[str, int]:
    """Words of jieba's dictionary with their frequencies; names of persons left out."""
    import jieba

    words = {}
    for line in (files(jieba) / "dict.txt").read_text(encoding="utf-8").splitlines():
        word, frequency, tag = line.rsplit(" ", 2)
        if tag not in {"nr", "nrfg", "nrt"}:
            words[word.lower()] = int(frequency)
    return words


def vocabulary(texts: Sequence[str], config: DistilConfig) -> dict[str, float]:
    """Choose tokens and count them.

    A word that jieba's dictionary doesn't know is taken only when many texts use it, so that no private name that a
    text or two mention becomes part of a shipped file.

    Returns:
        token to frequency, the most frequent first: every character, the words of the texts, then the dictionary's
        most frequent words until the vocabulary is full.
    """
    import rjieba

    known = _dictionary()
    occurrences: Counter[str] = Counter()
    documents: Counter[str] = Counter()
    for text in texts:
        words = [word for word in rjieba.cut(re.sub(MASK_PATTERN, " ", text).lower()) if _WORD.match(word)]
        pieces = [*words, *(char for word in words if _CJK.match(word) and len(word) > 1 for char in word)]
        occurrences.update(pieces)
        documents.update(set(pieces))
    chosen = {
        word: float(occurrences[word])
        for word, count in documents.items()
        if count >= (config.least_documents if word in known or len(word) == 1 else config.strange_documents)
    }
    if len(chosen) > config.vocabulary:
        ordered = sorted(chosen, key=lambda word: (len(word) > 1, -chosen[word], word))
        chosen = {word: chosen[word] for word in ordered[: config.vocabulary]}
    scale = sum(occurrences.values()) / sum(known.values())
    for word, frequency in sorted(known.items(), key=lambda item: (-item[1], item[0])):
        if len(chosen) >= config.vocabulary:
            break
        if _CJK.fullmatch(word) and word not in chosen:
            chosen[word] = max(frequency * scale, 0.5)
    return dict(sorted(chosen.items(), key=lambda item: (-item[1], item[0])))


def build_tokenizer(frequencies: dict[str, float]) -> "Tokenizer":
    """A unigram tokenizer (Kudo, 2018) whose likeliest segmentation uses our words; id 0 is the unknown token.

    Mask tags are dropped: they say nothing about the matter. Text needs no segmentation beforehand.
    """
    from tokenizers import Regex, Tokenizer, models, normalizers

    total = sum(frequencies.values())
    scored = [(token, math.log(count / total)) for token, count in frequencies.items()]
    tokenizer = Tokenizer(models.Unigram([(UNKNOWN, -100.0), *scored], unk_id=0, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Replace(Regex(MASK_PATTERN), " "), normalizers.NFKC(), normalizers.Lowercase()]
    )
    return tokenizer


def token_vectors(teacher: Any, tokens: Sequence[str]) -> Vectors:
    """The teacher's mean-pooled vector of every token by itself, float32 (n, width), in model2vec's way."""
    from model2vec.distill.inference import create_embeddings

    encoded = teacher.tokenizer(list(tokens), add_special_tokens=True)["input_ids"]
    model = teacher[0].auto_model
    pad = teacher.tokenizer.pad_token_id or 0
    return np.asarray(create_embeddings(model, encoded, "cpu", pad, "mean"), dtype=np.float32)


def principal_axes(vectors: Vectors, dimensions: int) -> tuple[Vectors, Vectors]:
    """Mean (width,) and the leading principal axes (width, dimensions) of some vectors."""
    mean = vectors.mean(axis=0)
    centred = vectors - mean
    _, axes = np.linalg.eigh(centred.T @ centred / len(vectors))
    return mean, np.ascontiguousarray(axes[:, ::-1][:, :dimensions])


def first_rows(vectors: Vectors, frequencies: Sequence[float], axes: Vectors, sif: float) -> Vectors:
    """Rows before the fit: token vectors about their mean, on the axes, scaled by a / (a + p(token))."""
    shares = np.asarray(frequencies) / sum(frequencies)
    rows = (vectors - vectors.mean(axis=0)) @ axes
    rows /= np.linalg.norm(rows, axis=1, keepdims=True) + 1e-9
    scaled: Vectors = (rows * (sif / (sif + shares))[:, None]).astype(np.float32)
    return scaled


def fit_rows(
    rows: Vectors, ids: Sequence[Sequence[int]], targets: Vectors, weights: Vectors, config: DistilConfig
) -> Vectors:
    """Fit the rows so that the mean over a text's tokens has the direction of its target.

    Args:
        rows: float32 (v, d), row 0 for the unknown token, kept at zero.
        ids: for each of n texts its token ids.
        targets: float32 (n, d), unit rows.
        weights: float32 (n,), how much each text counts.
        config: epochs, batch size, learning rate, seed.

    Returns:
        the fitted rows, float32 (v, d).
    """
    import torch
    from torch import nn

    generator = torch.Generator().manual_seed(config.seed)
    bag = nn.EmbeddingBag.from_pretrained(torch.from_numpy(rows.copy()), freeze=False, mode="mean")
    optimiser = torch.optim.Adam(bag.parameters(), lr=config.learning_rate)
    steps = config.epochs * math.ceil(len(ids) / config.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, config.learning_rate, total_steps=steps, pct_start=0.1)
    flat = torch.tensor([token for row in ids for token in row], dtype=torch.long)
    lengths = torch.tensor([len(row) for row in ids])
    starts = torch.cumsum(lengths, 0) - lengths
    aims, importance = torch.from_numpy(targets), torch.from_numpy(weights)
    for _ in range(config.epochs):
        order = torch.randperm(len(ids), generator=generator)
        for batch in order.split(config.batch):
            tokens = torch.cat([flat[starts[i] : starts[i] + lengths[i]] for i in batch.tolist()])
            offsets = torch.cumsum(lengths[batch], 0) - lengths[batch]
            cosine = nn.functional.cosine_similarity(bag(tokens, offsets), aims[batch])
            loss = ((1.0 - cosine) * importance[batch]).mean()
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            schedule.step()
            with torch.no_grad():
                bag.weight[0] = 0.0
    return bag.weight.detach().numpy()
