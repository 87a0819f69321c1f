"""Deep k-nearest neighbours (Papernot & McDaniel 2018, arXiv:1803.04765).

An input is judged by the labels of its k nearest training rows in every layer: the label that they
contradict least is the prediction, and how usual that much contradiction is among held-out inputs of
known label is its credibility.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from layeraudit.blocks import split_rows
from layeraudit.errors import InputError

Mode = Literal["paper", "cleverhans", "conformal"]


@dataclass(frozen=True)
class Judgement:
    """What Deep k-nearest neighbours says of n inputs.

    Attributes
    ----------
    label : [n], the label with the largest p-value; int64, unless an estimator has named it
    credibility : float64 [n] in [0, 1], that p-value
    confidence : float64 [n] in [0, 1], 1 - the second largest p-value
    nonconformity : int64 [n], that of `label`
    """

    label: NDArray[Any]
    credibility: NDArray[np.float64]
    confidence: NDArray[np.float64]
    nonconformity: NDArray[np.int64]


FIELDS = [field.name for field in fields(Judgement)]


def count_nonconformity(
    neighbours: Sequence[NDArray[np.int64]], labels: NDArray[np.int64], *, n_classes: int
) -> NDArray[np.int64]:
    """Count the neighbours, over all layers, whose label is another than j: the paper's alpha(z, j).

    Parameters
    ----------
    neighbours : for each layer int64 [n, k], rows of the training split
    labels : int64 [n_train] in [0, n_classes), the labels given to the training rows

    Returns
    -------
    int64 [n, n_classes], each in [0, layers * k]

    Raises
    ------
    InputError
        Where a neighbour is no training row (an absent neighbour has no label, and none is made up for
        it), or a label is no class.
    """
    of_neighbours = _take_labels(neighbours, labels, n_classes)
    n, width = of_neighbours.shape
    places = of_neighbours + n_classes * np.arange(n)[:, np.newaxis]
    agreeing = np.bincount(places.ravel(), minlength=n * n_classes).reshape(n, n_classes)
    return np.asarray(width - agreeing, dtype=np.int64)


def count_nonconformity_to(
    given: NDArray[np.int64],
    neighbours: Sequence[NDArray[np.int64]],
    labels: NDArray[np.int64],
    *,
    n_classes: int,
) -> NDArray[np.int64]:
    """Count the neighbours, over all layers, whose label is another than that given to the row.

    Parameters
    ----------
    given : int64 [n], a label of each row
    neighbours, labels, n_classes : as in `count_nonconformity`, whose errors this has too

    Returns
    -------
    int64 [n], the columns `given` of what `count_nonconformity` returns
    """
    return np.asarray(
        (_take_labels(neighbours, labels, n_classes) != given[:, np.newaxis]).sum(axis=1), dtype=np.int64
    )


def _take_labels(
    neighbours: Sequence[NDArray[np.int64]], labels: NDArray[np.int64], n_classes: int
) -> NDArray[np.int64]:
    """Return the labels of the neighbours in all layers, int64 [n, layers * k]."""
    if labels.size and not (0 <= labels.min() and labels.max() < n_classes):
        raise InputError(f"a training label is outside 0..{n_classes - 1}")
    rows = np.concatenate(neighbours, axis=1)
    if rows.size and not (0 <= rows.min() and rows.max() < len(labels)):
        raise InputError(f"a neighbour is outside the training rows 0..{len(labels) - 1}")
    return labels[rows]


def compute_p_values(
    nonconformity: NDArray[np.int64], calibration: NDArray[np.int64], *, mode: Mode
) -> NDArray[np.float64]:
    """Compute the share of the calibration points that conform no better: the paper's p_j(z).

    Parameters
    ----------
    nonconformity : int64, any shape
    calibration : int64 [m], nonconformity of the calibration points' true labels
    mode : `paper`: #{a >= alpha} / m (Algorithm 1); `cleverhans`: the same over the calibration points
        with a > 0, as the authors' code does; `conformal`: (1 + #{a >= alpha}) / (m + 1), whose p-values
        are never too small on exchangeable data. Thresholds of different modes do not compare.

    Returns
    -------
    float64 in [0, 1], of the shape of `nonconformity`

    Raises
    ------
    InputError
        Where no calibration point is there, or is left.
    """
    if mode not in get_args(Mode):
        raise InputError(f"the calibration mode is {mode!r}, allowed are {', '.join(get_args(Mode))}")
    if mode == "cleverhans":
        calibration = calibration[calibration > 0]
    if not len(calibration):
        raise InputError(f"calibration in the mode {mode!r} has no point, allowed is one or more")
    m = len(calibration)
    as_large = m - np.searchsorted(np.sort(calibration), nonconformity, side="left")
    if mode == "conformal":
        return np.asarray((1 + as_large) / (m + 1), dtype=np.float64)
    return np.asarray(as_large / m, dtype=np.float64)


def judge(nonconformity: NDArray[np.int64], calibration: NDArray[np.int64], *, mode: Mode) -> Judgement:
    """Judge inputs by their nonconformity to each class.

    A p-value never grows with nonconformity, so the class of the smallest nonconformity has the largest
    p-value, and taking it decides ties of p-values (all of them 0, for one) by nonconformity; the
    smaller label decides what is still tied.

    Parameters
    ----------
    nonconformity : int64 [n, n_classes], two classes or more
    calibration : int64 [m], see `compute_p_values`

    Raises
    ------
    InputError
        As `compute_p_values` does.
    """
    label = nonconformity.argmin(axis=1)
    two_smallest = np.partition(nonconformity, 1, axis=1)[:, :2].copy()  # a view would keep the whole
    p_values = compute_p_values(two_smallest, calibration, mode=mode)
    return Judgement(
        label=label,
        credibility=p_values[:, 0],
        confidence=1 - p_values[:, 1],
        nonconformity=two_smallest[:, 0],
    )


def judge_by_neighbours(
    neighbours: Sequence[NDArray[np.int64]],
    labels: NDArray[np.int64],
    calibration: NDArray[np.int64],
    *,
    n_classes: int,
    mode: Mode,
) -> Judgement:
    """Judge inputs by their neighbours, some rows at once: an array of all rows and classes is never made.

    Parameters
    ----------
    neighbours, labels, n_classes : as in `count_nonconformity`
    calibration, mode : as in `judge`

    Raises
    ------
    InputError
        As `judge` and `count_nonconformity` do.
    """
    bytes_of_row = 8 * (3 * n_classes + 3 * sum(layer.shape[1] for layer in neighbours))
    parts = [
        judge(
            count_nonconformity([layer[rows] for layer in neighbours], labels, n_classes=n_classes),
            calibration,
            mode=mode,
        )
        for rows in [*split_rows(len(neighbours[0]), bytes_of_row)] or [slice(0)]
    ]
    return Judgement(*(np.concatenate([getattr(part, name) for part in parts]) for name in FIELDS))
