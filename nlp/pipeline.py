"""The one way from complaints to analyses: a row of steps, batched and pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Final, Self

import numpy as np

from data_contracts.analysis import Analysis, Element, Label, Moved
from data_contracts.complaint import Complaint
from data_contracts.taxonomy import TaxonomyName, taxonomy
from nlp.elements import extract_batch
from nlp.encoder import Encoder, load_encoder
from nlp.keywords import keywords
from nlp.package import ModelPackage, PredictedRow
from nlp.prepare import Prepared, prepare
from nlp.risk import assess
from nlp.segment import segmenter

BUILTIN = Path(__file__).parent / "builtin"
BUILTIN_MODELS: Final = {"accurate": BUILTIN / "accurate", "fast": BUILTIN / "fast"}
"""The packages that are shipped: a transformer beside the linear stages, and those alone, eight times as fast."""
BUILTIN_MODEL: Final = BUILTIN_MODELS["fast"]


def model_directory(model: str | Path | None = None) -> Path:
    """Where a model package lies: `accurate` or `fast` for a built-in one, a directory, or None for the default."""
    if model is None:
        return BUILTIN_MODEL
    return BUILTIN_MODELS.get(str(model), Path(model))


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
    def load(cls, model: str | Path | None = None, encoder: str | Path | None = None) -> Self:
        """Load the steps from disk.

        Args:
            model: see `model_directory`.
            encoder: a sentence-transformers directory; the built-in static encoder when None.

        Raises:
            PackageError: the model package is broken, or was trained on vectors of another encoder.
        """
        package = ModelPackage.load(model_directory(model))
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
        words = [segmenter().cut(item.model_text) for item in prepared]
        why = self.model.explain(prepared, predictions, words)
        clock.lap("explain")
        analyses = [
            self._analysis(item, predictions.row(row), why[row], elements[row], keywords(words[row]))
            for row, item in enumerate(prepared)
        ]
        clock.lap("labels")
        for analysis in analyses:
            analysis.timings_ms.update(clock.steps)
        return analyses

    def _analysis(
        self,
        item: Prepared,
        predicted: PredictedRow,
        why: Mapping[TaxonomyName, list[Moved]],
        elements: list[Element],
        found: list[str],
    ) -> Analysis:
        risk = assess(
            item,
            predicted,
            level_bias=self.model.level_bias,
            factor_thresholds=self.model.factor_thresholds,
            abstain_below=self.model.abstain_below["risk_level"],
        )
        risk.level.why = why["risk_level"]
        return Analysis(
            domain=self._label("domain", predicted, why),
            kind=self._label("kind", predicted, why),
            dispute_type=self._label("dispute_type", predicted, why),
            stage=self._label("stage", predicted, why),
            risk=risk,
            elements=elements,
            keywords=found,
            masks=list(item.masks),
            masked_title=item.masked_title,
            masked_text=item.masked_text,
            model_version=self.model.version,
        )

    def _label(self, head: TaxonomyName, predicted: PredictedRow, why: Mapping[TaxonomyName, list[Moved]]) -> Label:
        scores = predicted.heads[head]
        labels = taxonomy(head).labels
        best = int(np.argmax(scores))
        return Label(
            label=labels[best],
            confidence=float(scores[best]),
            abstain=bool(scores[best] < self.model.abstain_below[head]),
            scores={label: round(float(score), 4) for label, score in zip(labels, scores, strict=True)},
            why=why[head],
        )
