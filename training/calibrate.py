"""Probabilities that mean what they say: one temperature a head, fitted on texts that the model has not seen."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from data_contracts.taxonomy import TaxonomyName
from nlp.package import Floats, slices

_BOUNDS = (-1.5, 1.5)


def temperatures(logits: Floats, labels: Mapping[TaxonomyName, NDArray[np.int64]], weights: Floats) -> Floats:
    """What to multiply the logits of each class by, so that its head's likelihood is greatest.

    Guo et al., "On calibration of modern neural networks", 2017. The order of the classes stays as it is.

    Args:
        logits: cross-validated, (n, c), the five heads' classes first, then the factors.
        labels: by head, (n,).
        weights: of the texts, (n,).

    Returns:
        float32 (c,), one value within a head; 1 for the factors, whose own regressions are calibrated already.
    """
    found = np.ones(logits.shape[1], np.float32)
    rows = np.arange(len(logits))
    for head, (first, last) in slices().items():
        part, truth = logits[:, first:last].astype(np.float64), labels[head]

        def loss(power: float, part: NDArray[np.float64] = part, truth: NDArray[np.int64] = truth) -> float:
            scaled = part * np.exp(power)
            top = scaled.max(axis=1)
            likelihood = scaled[rows, truth] - top - np.log(np.exp(scaled - top[:, None]).sum(axis=1))
            return -float(np.average(likelihood, weights=weights))

        found[first:last] = np.exp(minimize_scalar(loss, bounds=_BOUNDS, method="bounded").x)
    return found
