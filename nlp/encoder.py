"""Texts to vectors: one way to embed, sentence-transformers, whatever model stands behind it."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

BUILTIN_ENCODER = Path(__file__).parent / "builtin" / "encoder"
BATCH = 256

Vectors = NDArray[np.float32]


class Encoder(Protocol):
    """Embeds texts; vectors are unit rows, so that an inner product is a cosine."""

    @property
    def name(self) -> str:
        """Tells this encoder's vectors from another's."""
        ...

    @property
    def dimensions(self) -> int:
        """Width of a vector."""
        ...

    def encode(self, texts: Sequence[str], *, query: bool = False) -> Vectors:
        """Embed texts.

        Args:
            texts: n texts.
            query: whether they are questions to be matched with texts; some models embed them differently.

        Returns:
            float32 (n, dimensions), rows of unit length; zero rows for texts without a known token.
        """
        ...


class SentenceEncoder:
    """A sentence-transformers model as an encoder."""

    def __init__(self, path: str) -> None:
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
        import torch
        from sentence_transformers import SentenceTransformer

        self._model = SentenceTransformer(path, device="cpu", model_kwargs={"dtype": torch.float32})
        width = self._model.get_embedding_dimension()
        assert width is not None
        self._width = width
        self._name = f"{Path(path).name}-{width}{_fingerprint(Path(path))}"

    @property
    def name(self) -> str:
        """Directory name, width, and for a local directory the start of its weights' SHA-256."""
        return self._name

    @property
    def dimensions(self) -> int:
        """Width of a vector."""
        return self._width

    def encode(self, texts: Sequence[str], *, query: bool = False) -> Vectors:
        """Embed texts; see `Encoder.encode`."""
        if not texts:
            return np.zeros((0, self._width), np.float32)
        wanted = "query" if query else "passage"
        prompt = wanted if wanted in self._model.prompts else None
        vectors = self._model.encode(
            list(texts), prompt_name=prompt, batch_size=BATCH, convert_to_numpy=True, show_progress_bar=False
        )
        rows = np.asarray(vectors, np.float32)
        norms = np.linalg.norm(rows, axis=1, keepdims=True)
        return (rows / np.where(norms == 0, 1, norms)).astype(np.float32)


def _fingerprint(directory: Path) -> str:
    """What tells two local encoders of the same name apart; nothing where the weights lie elsewhere."""
    weights = directory / "model.safetensors"
    if not weights.is_file():
        return ""
    with weights.open("rb") as file:
        return "-" + hashlib.file_digest(file, "sha256").hexdigest()[:8]


def load_encoder(path: str | Path | None = None) -> Encoder:
    """Load an encoder.

    Args:
        path: a sentence-transformers directory or hub id; the built-in static encoder when None.
    """
    return SentenceEncoder(str(path or BUILTIN_ENCODER))
