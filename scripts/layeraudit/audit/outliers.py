"""Outliers: rows that are far from all training rows, in every layer taken together."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from layeraudit.detectors import Evidence
from layeraudit.detectors._features import measure_distances, take_activations, take_neighbours

Metric = Literal["cosine", "l2"]
"""As `layeraudit.neighbours.Metric`. The distance of cosine is Euclidean between rows of unit length."""


def measure_to_neighbours(
    evidence: Evidence, training: Evidence, layer: str, *, metric: Metric, which: slice | list[int]
) -> NDArray[np.float64]:
    """Compute distances to some of the neighbours in a layer, in float64; memory does not grow with d or k.

    Parameters
    ----------
    which : of the neighbours, such as `[0]` for the nearest

    Returns
    -------
    float64 [n, number of them]

    Raises
    ------
    InputError
        Where the evidence has no such layer, or a neighbour that is no training row.
    """
    others = take_activations(training, layer)
    neighbours = take_neighbours(evidence, layer, n_training=len(others))
    return measure_distances(
        take_activations(evidence, layer), others, neighbours[:, which], unit_length=metric == "cosine"
    )


def measure_to_last(
    evidence: Evidence, training: Evidence, *, metric: Metric
) -> dict[str, NDArray[np.float64]]:
    """Compute the distance to the k-th neighbour in each layer, float64 [n], of all that were found.

    Raises
    ------
    InputError
        As `measure_to_neighbours` does.
    """
    return {
        layer: measure_to_neighbours(evidence, training, layer, metric=metric, which=[-1])[:, 0]
        for layer in evidence.neighbours
    }


def score_outliers(
    distances: Mapping[str, NDArray[np.float64]], calibration: Mapping[str, NDArray[np.float64]]
) -> NDArray[np.float64]:
    """Score rows by their distances, each layer in units of its calibration rows: the mean over the layers.

    The unit is the calibration rows' median; where that is 0 their mean, where that is 0 too 1.

    Parameters
    ----------
    distances : for each layer float64 [n]
    calibration : for each layer float64 [m]

    Returns
    -------
    float64 [n], not negative
    """
    units = {
        layer: float(np.median(of_layer)) or float(of_layer.mean()) or 1.0
        for layer, of_layer in calibration.items()
    }
    return np.asarray(np.mean([of_layer / units[layer] for layer, of_layer in distances.items()], axis=0))
