"""Fit the linear reader that tells whether a text states an element at all."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from nlp.elements.stated import BUCKETS, gram_weights

_STRENGTH = 8.0
_INNER_FOLDS = 4


def gram_matrix(texts: Sequence[NDArray[np.int64]]) -> sparse.csr_matrix:
    """Hashed n-gram weights of n texts, csr (n, BUCKETS)."""
    lengths = np.array([len(codes) for codes in texts])
    rows, columns, values = gram_weights(np.concatenate(texts), lengths)
    return sparse.csr_matrix((values, (rows, columns)), shape=(len(texts), BUCKETS))


def fit_absence(counts: sparse.csr_matrix, absent: NDArray[np.bool_]) -> dict[str, NDArray[np.float32]]:
    """Weights for `nlp.elements.stated.absence_scores`.

    Args:
        counts: csr (n, BUCKETS) of `gram_matrix`.
        absent: bool (n, k): which elements each text does not state.
    """
    frequency = np.asarray((counts > 0).sum(0)).ravel()
    idf = ((np.log((1 + counts.shape[0]) / (1 + frequency)) + 1) * (frequency >= 3)).astype(np.float32)
    rows = _scaled(counts, idf)
    weight = np.zeros((BUCKETS, absent.shape[1]), np.float32)
    bias = np.zeros(absent.shape[1], np.float32)
    for column in range(absent.shape[1]):
        model = LogisticRegression(C=_STRENGTH, solver="liblinear").fit(rows, absent[:, column])
        weight[:, column], bias[column] = model.coef_[0], model.intercept_[0]
    return {"absent_idf": idf, "absent": weight, "absent_bias": bias}


def absence_of(counts: sparse.csr_matrix, arrays: dict[str, NDArray[np.float32]]) -> NDArray[np.float32]:
    """Log-odds of absence, float32 (n, k)."""
    scores = _scaled(counts, arrays["absent_idf"]) @ arrays["absent"] + arrays["absent_bias"]
    return np.asarray(scores, np.float32)


def crossed_absence(counts: sparse.csr_matrix, absent: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Log-odds for each text by a reader that has not seen it, so that what is fitted on top trusts them rightly."""
    out = np.zeros(absent.shape, np.float32)
    rows = np.arange(len(absent))
    for fold in range(_INNER_FOLDS):
        held = rows % _INNER_FOLDS == fold
        out[held] = absence_of(counts[held], fit_absence(counts[~held], absent[~held]))
    return out


def _scaled(counts: sparse.csr_matrix, idf: NDArray[np.float32]) -> sparse.csr_matrix:
    rows = counts @ sparse.diags(idf)
    lengths = np.sqrt(np.asarray(rows.multiply(rows).sum(1)).ravel())
    return sparse.csr_matrix(sparse.diags(1 / np.maximum(lengths, 1e-9)) @ rows)
