"""The one way from complaints to analyses: a row of steps, batched and pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Self

import numpy as np

from data_contracts.analysis import Analysis, Label
from data_contracts.complaint import Complaint
from data_contracts.taxonomy import TaxonomyName, taxonomy
from nlp.elements import extract_batch
from nlp.encoder import Encoder, load_encoder
from nlp.keywords import keywords
from nlp.package import ModelPackage, Predictions
from nlp.prepare import Prepared, prepare
from nlp.risk import assess
from nlp.segment import segmenter

BUILTIN_MODEL = Path(__file__).parent / "builtin" / "model"
_LABEL_HEADS: tuple[TaxonomyName, ...] = ("domain", "kind", "dispute_type", "stage")


class _Clock:
    """Milliseconds per text and step of one batch."""

    def __init__(self, texts: int) -> None:
        self._texts = max(texts, 1)
        self._last = perf_counter()
        self.steps: dict[str, float] = {}

    def lap(self, step: str) -> None:
        now = perf_counter()
        self.steps[step] = round((now - self._last) * 1000 / self._texts, 3)
        self._last = now


@dataclass(frozen=True)
class Pipeline:
    """Prepare (normalise, mask) -> segment -> embed -> classify -> risk -> elements."""

    encoder: Encoder
    model: ModelPackage

    @classmethod
    def load(cls, model: Path | None = None, encoder: str | Path | None = None) -> Self:
        """Load the steps from disk.

        Args:
            model: a model package directory; the built-in one when None.
            encoder: a sentence-transformers directory; the built-in static encoder when None.

        Raises:
            PackageError: the model package is broken, or was trained on vectors of another encoder.
        """
        package = ModelPackage.load(model or BUILTIN_MODEL)
        return cls(encoder=load_encoder(encoder), model=package)

    def analyse(self, complaints: Sequence[Complaint]) -> list[Analysis]:
        """Read a batch of complaints.

        Args:
            complaints: n complaints, any channel.

        Returns:
            n analyses in the same order; their spans hold the original words: pass them through
            `nlp.redact.redacted` before anything is kept, indexed, logged or sent.
        """
        if not complaints:
            return []
        clock = _Clock(len(complaints))
        prepared = [prepare(complaint) for complaint in complaints]
        clock.lap("prepare")
        vectors = self.encoder.encode([item.model_text for item in prepared])
        clock.lap("embed")
        predictions = self.model.predict(prepared, vectors)
        clock.lap("classify")
        elements = extract_batch(prepared)
        clock.lap("elements")
        found = [keywords(segmenter().cut(item.model_text)) for item in prepared]
        clock.lap("keywords")
        analyses = []
        for row, item in enumerate(prepared):
            labels = {head: self._label(predictions, head, row, item) for head in _LABEL_HEADS}
            analyses.append(
                Analysis(
                    domain=labels["domain"],
                    kind=labels["kind"],
                    dispute_type=labels["dispute_type"],
                    stage=labels["stage"],
                    risk=assess(
                        item,
                        predictions.row(row),
                        level_bias=self.model.level_bias,
                        factor_thresholds=self.model.factor_thresholds,
                        abstain_below=self.model.abstain_below["risk_level"],
                    ),
                    elements=elements[row],
                    keywords=found[row],
                    masks=list(item.masks),
                    masked_title=item.masked_title,
                    masked_text=item.masked_text,
                    model_version=self.model.version,
                )
            )
        clock.lap("labels")
        for analysis in analyses:
            analysis.timings_ms.update(clock.steps)
        return analyses

    def _label(self, predictions: Predictions, head: TaxonomyName, row: int, item: Prepared) -> Label:
        scores = predictions.heads[head][row]
        labels = taxonomy(head).labels
        best = int(np.argmax(scores))
        return Label(
            label=labels[best],
            confidence=float(scores[best]),
            abstain=bool(scores[best] < self.model.abstain_below[head]),
            scores={label: round(float(score), 4) for label, score in zip(labels, scores, strict=True)},
        )
