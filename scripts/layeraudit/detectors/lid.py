"""Dimension of the data round an input, estimated from its distances to neighbours, mean over layers."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from layeraudit.detectors import Evidence, Score
from layeraudit.detectors._features import measure_neighbours, take_activations

TITLE = "Local intrinsic dimensionality"
REFERENCE = "Ma et al. 2018, https://arxiv.org/abs/1801.02613"
BENCHES = ["poison", "evasion"]
ENVIRONMENT = "tables"
OPTIONS = {
    "layers": {
        "description": "Layers whose estimates are averaged.",
        "type": "array",
        "items": {"type": "string"},
        "minItems": 1,
        "uniqueItems": True,
    },
    "k": {
        "description": "The nearest so many neighbours tell the dimension.",
        "type": "integer",
        "minimum": 2,
        "maximum": 1_000_000,
    },
}


def estimate_dimension(distances: NDArray[np.float64], *, most: float) -> NDArray[np.float64]:
    """Estimate the local intrinsic dimensionality by maximum likelihood: the paper's equation 4.

    -(mean of log(r_i / r_k))⁻¹ over the k distances r_1 to r_k. Distances of 0, to rows that are the same,
    say nothing of the dimension and are left out; where all are 0 it is 0. Where all others are equal no
    dimension is too large, and it is `most`.

    Parameters
    ----------
    distances : float64 [n, k], not negative
    most : the largest estimate, to which others are cut: the dimensions of the space

    Returns
    -------
    float64 [n] in [0, most]
    """
    apart = distances > 0
    farthest = distances.max(axis=1, keepdims=True)
    ratios = np.divide(distances, farthest, out=np.ones_like(distances), where=apart)
    inverse = -np.log(ratios).sum(axis=1) / np.maximum(apart.sum(axis=1), 1)
    dimension = 1 / np.maximum(inverse, 1 / most)
    return np.asarray(np.where(apart.any(axis=1), dimension, 0.0))


def fit(training: Evidence, calibration: Evidence, *, seed: int, layers: Sequence[str], k: int) -> Score:
    """Take, of each layer, the mean and the deviation of the estimate over the calibration rows.

    The score is the mean over layers of the estimates, each less that mean and divided by that deviation. The
    paper fits a logistic regression over layers to examples of the attack, which are not to be had here, and
    seeks neighbours in batches of 100. Here they are those of the one search, and distances are between rows
    of unit length.

    Parameters
    ----------
    layers : one or more
    k : at least 2

    Raises
    ------
    InputError
        Where evidence lacks that many neighbours in one of the layers; from the function too.
    """

    def estimate(evidence: Evidence) -> NDArray[np.float64]:
        """Estimate the dimension in each layer, float64 [n, layers]."""
        return np.stack(
            [
                estimate_dimension(
                    measure_neighbours(evidence, training, layer, k=k),
                    most=take_activations(training, layer).shape[1],
                )
                for layer in layers
            ],
            axis=1,
        )

    of_calibration = estimate(calibration)
    mean, deviation = of_calibration.mean(axis=0), of_calibration.std(axis=0)
    deviation[deviation == 0] = 1

    def score(evidence: Evidence) -> NDArray[np.float64]:
        return np.asarray(((estimate(evidence) - mean) / deviation).mean(axis=1))

    return score
