"""What the reader of elements knows before it sees a label: vectors of characters and words from a pretrained encoder."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nlp.segment import segmenter
from training.element_net import CHAR_SIZE, WORD_SIZE

LEAST_TEXTS = 2
MOST_WORDS = 12_000


@dataclass(frozen=True)
class Start:
    """Characters and words with their first vectors; rows 0 and 1 are padding and the unknown."""

    chars: str
    words: tuple[str, ...]
    char_vectors: NDArray[np.float32]
    word_vectors: NDArray[np.float32]


def starting_vectors(encoder: Path, texts: Sequence[str]) -> Start:
    """Vectors of the characters and words that occur in at least two texts, each read alone by the encoder, then PCA.

    Of the words only those of the segmenter's dictionary: what the reader keeps must name nobody whom a text names.
    """
    from sentence_transformers import SentenceTransformer

    seen: Counter[str] = Counter()
    seen_words: Counter[str] = Counter()
    for text in texts:
        seen.update(set(text))
        seen_words.update({word for word in segmenter().cut(text) if segmenter().has_word(word)})
    chars = "".join(sorted(char for char, count in seen.items() if count >= LEAST_TEXTS))
    frequent = [
        word
        for word, count in seen_words.most_common(MOST_WORDS)
        if count >= LEAST_TEXTS and not set(word) & set(" \n")
    ]
    words = tuple(sorted(frequent))
    model = SentenceTransformer(str(encoder), device="cpu")

    def vectors(strings: Sequence[str], size: int) -> NDArray[np.float32]:
        raw = model.encode([f"query: {string}" for string in strings], batch_size=256, show_progress_bar=False)
        centred = np.asarray(raw, np.float32) - np.mean(raw, axis=0)
        _, _, axes = np.linalg.svd(centred[:6000], full_matrices=False)
        reduced = centred @ axes[:size].T
        known = (reduced / reduced.std(0).mean() * 0.5).astype(np.float32)
        return np.concatenate((np.zeros((2, size), np.float32), known))

    return Start(chars, words, vectors(list(chars), CHAR_SIZE), vectors(words, WORD_SIZE))
