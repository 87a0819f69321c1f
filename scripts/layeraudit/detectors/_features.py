"""What detectors take from the layers of evidence: activations, neighbours, and distances to them."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from layeraudit.detectors import Evidence
from layeraudit.errors import InputError

BYTES_AT_ONCE = 2**22
"""Bytes of rows of which distances are computed at once, so that they stay in the processor's cache."""


def take_activations(evidence: Evidence, layer: str) -> NDArray[np.float32]:
    """Return the activations of a layer, float32 [n, d].

    Raises
    ------
    InputError
        Where the evidence has no such layer.
    """
    if layer not in evidence.activations:
        raise InputError(f"there is no layer {layer!r}, allowed are {', '.join(evidence.activations)}")
    return evidence.activations[layer]


def rows_by_label(evidence: Evidence, layer: str) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """Return the rows of each label in question: their numbers, int64 [m], and a layer, float64 [m, d].

    Raises
    ------
    InputError
        As `take_activations` does.
    """
    activations = take_activations(evidence, layer)
    for label in np.unique(evidence.y):
        of_label = np.flatnonzero(evidence.y == label)
        yield of_label, activations[of_label].astype(np.float64)


def take_neighbours(
    evidence: Evidence, layer: str, *, n_training: int, k: int | None = None
) -> NDArray[np.int64]:
    """Return the k nearest training rows in a layer, or all that were found: int64 [n, k], nearest first.

    Raises
    ------
    InputError
        Where the evidence has no neighbours in that layer, or fewer, or one that is no training row.
    """
    if layer not in evidence.neighbours:
        known = ", ".join(evidence.neighbours) or "none"
        raise InputError(f"there are no neighbours in the layer {layer!r}, allowed are {known}")
    stored = evidence.neighbours[layer]
    if k is not None and not 1 <= k <= stored.shape[1]:
        raise InputError(f"k is {k}, allowed are 1 to {stored.shape[1]}, the neighbours in {layer!r}")
    rows = np.asarray(stored[:, :k])
    if rows.size and not (0 <= rows.min() and rows.max() < n_training):
        raise InputError(f"a neighbour is outside the training rows 0..{n_training - 1}")
    return rows


def measure_distances(
    rows: NDArray[np.float32], others: NDArray[np.float32], which: NDArray[np.int64], *, unit_length: bool
) -> NDArray[np.float64]:
    """Compute the Euclidean distance of each row to some of the others.

    It is that of differences in float64, so that it is 0 for equal rows, and only for them.

    Parameters
    ----------
    rows, others : float32 [n, d], [m, d]
    which : int64 [n, k], rows of `others`
    unit_length : whether rows are first divided by their length; a row of zeros stays as it is

    Returns
    -------
    float64 [n, k]
    """
    distances = np.empty(which.shape)
    step = max(1, BYTES_AT_ONCE // (8 * rows.shape[1] * (1 + which.shape[1])))
    for start in range(0, len(rows), step):
        some = slice(start, start + step)
        differences = others[which[some]].astype(np.float64)
        from_rows = rows[some].astype(np.float64)
        if unit_length:
            _scale_to_unit_length(differences)
            _scale_to_unit_length(from_rows)
        differences -= from_rows[:, np.newaxis]
        distances[some] = np.sqrt(np.einsum("nkd,nkd->nk", differences, differences))
    return distances


def measure_neighbours(evidence: Evidence, training: Evidence, layer: str, *, k: int) -> NDArray[np.float64]:
    """Compute the distances to the k nearest training rows in a layer, all rows being of unit length.

    Returns
    -------
    float64 [n, k], in the order of the search

    Raises
    ------
    InputError
        As `take_activations` and `take_neighbours` do.
    """
    rows, others = take_activations(evidence, layer), take_activations(training, layer)
    which = take_neighbours(evidence, layer, n_training=len(training), k=k)
    return measure_distances(rows, others, which, unit_length=True)


def _scale_to_unit_length(rows: NDArray[np.float64]) -> None:
    lengths = np.sqrt(np.einsum("...d,...d->...", rows, rows))[..., np.newaxis]
    rows /= np.where(lengths == 0, 1, lengths)
