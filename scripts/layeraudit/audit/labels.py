"""Labels: whether a row's neighbours, and what the network makes of it, speak for the label that it has."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from layeraudit.blocks import split_rows

BYTES_OF_NUMBER = 8

Predict = Callable[[slice], NDArray[np.float64]]
"""Returns the probabilities of the classes, float64 [b, classes], of a slice of b rows."""


def measure_disagreement(
    neighbours: NDArray[np.int64], labels: NDArray[np.int64], y: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Measure the share of each row's neighbours whose label is not the row's.

    The score of `layeraudit.detectors.label_disagreement` in one layer. The mean over layers is its score in
    all of them, as each has the same number of neighbours.

    Parameters
    ----------
    neighbours : int64 [n, k], training rows; may be mapped from a file
    labels : int64 [n_train], of the training rows
    y : int64 [n], of the rows

    Returns
    -------
    float64 [n] in [0, 1]
    """
    share = np.empty(len(y))
    k = neighbours.shape[1]
    for some in split_rows(len(y), 3 * k * BYTES_OF_NUMBER):
        share[some] = (labels[neighbours[some]] != y[some, np.newaxis]).sum(axis=1) / k
    return share


def predict_labels(logits: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the label of the largest logit of each row, int64 [n].

    Parameters
    ----------
    logits : float32 [n, classes]; may be mapped from a file, which NumPy's argmax would copy whole
    """
    predicted = np.empty(len(logits), np.int64)
    for some in split_rows(len(logits), logits[:1].nbytes):
        predicted[some] = logits[some].argmax(axis=1)
    return predicted


def measure_self_confidence(logits: NDArray[np.float32], y: NDArray[np.int64]) -> NDArray[np.float64]:
    """Compute 1 - the softmax probability of each row's label.

    Parameters
    ----------
    logits : float32 [n, classes], finite; may be mapped from a file
    y : int64 [n]

    Returns
    -------
    float64 [n] in [0, 1]
    """
    score = np.empty(len(y))
    for some in split_rows(len(y), 3 * logits.shape[1] * BYTES_OF_NUMBER):
        values = logits[some].astype(np.float64)
        exponentials = np.exp(values - values.max(axis=1, keepdims=True))
        own = exponentials[np.arange(len(values)), y[some]]
        # Of the others, since 1 - p of a p near 1 has few digits.
        score[some] = (exponentials.sum(axis=1) - own) / exponentials.sum(axis=1)
    return score


def measure_probe(predict: Predict, y: NDArray[np.int64], *, n_classes: int) -> NDArray[np.float64]:
    """Compute 1 - the probability that a probe gives to each row's label: float64 [n] in [0, 1]."""
    score = np.empty(len(y))
    for some in split_rows(len(y), 3 * n_classes * BYTES_OF_NUMBER):
        of_rows = y[some]
        score[some] = 1 - predict(some)[np.arange(len(of_rows)), of_rows]
    return score


def propose_labels(
    neighbours: Sequence[NDArray[np.int64]],
    labels: NDArray[np.int64],
    y: NDArray[np.int64],
    predict: Predict | None,
    *,
    n_classes: int,
) -> NDArray[np.int64]:
    """Propose for each row the label that the evidence speaks for.

    It is the class with the largest mean of two shares: that of the neighbours' votes, over all layers, and
    the probe's probability. Ties are for the row's own label, then for the smallest.

    Parameters
    ----------
    neighbours : for each layer int64 [n, k], training rows
    labels : int64 [n_train], of the training rows
    y : int64 [n], of the rows
    predict : of the probe; without it the neighbours alone vote

    Returns
    -------
    int64 [n]
    """
    proposed = np.empty_like(y)
    n_votes = sum(of_layer.shape[1] for of_layer in neighbours)
    for some in split_rows(len(y), 3 * (n_classes + n_votes) * BYTES_OF_NUMBER):
        votes = labels[np.concatenate([of_layer[some] for of_layer in neighbours], axis=1)]
        n = len(votes)
        places = (np.arange(n)[:, np.newaxis] * n_classes + votes).ravel()
        support = np.bincount(places, minlength=n * n_classes).reshape(n, n_classes) / n_votes
        if predict is not None:
            support = (support + predict(some)) / 2
        own = y[some]
        agrees = support[np.arange(n), own] >= support.max(axis=1)
        proposed[some] = np.where(agrees, own, support.argmax(axis=1))
    return proposed
