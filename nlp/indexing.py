"""What an index holds of a masked text; the same for the index worker, for queries by example, and for cases."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nlp.encoder import Encoder
from nlp.minhash import Signature, signature
from nlp.normalise import normalise
from nlp.segment import bigrams, segmenter


@dataclass(frozen=True, slots=True)
class IndexFields:
    """Tokens of title and text, character bigrams of both, a unit vector float32 (d,), a MinHash signature."""

    title_tokens: list[str]
    text_tokens: list[str]
    bigrams: list[str]
    vector: NDArray[np.float32]
    minhash: Signature


def index_fields(encoder: Encoder, texts: Sequence[tuple[str | None, str]]) -> list[IndexFields]:
    """Make index fields.

    Args:
        encoder: whose vectors the index holds.
        texts: masked titles (None where there is none) and masked texts.
    """
    normal = [(normalise(title) if title else "", normalise(text)) for title, text in texts]
    vectors = encoder.encode([f"{title}\n{text}" if title else text for title, text in normal])
    cut = segmenter()
    return [
        IndexFields(
            title_tokens=cut.index_tokens(title),
            text_tokens=cut.index_tokens(text),
            bigrams=[*bigrams(title.lower()), *bigrams(text.lower())],
            vector=vector,
            minhash=signature(text),
        )
        for (title, text), vector in zip(normal, vectors, strict=True)
    ]
