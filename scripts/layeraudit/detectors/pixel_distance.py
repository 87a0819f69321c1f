"""A control: distance to the tenth nearest training image in pixels, without the network."""

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from layeraudit.detectors import Evidence, Score

TITLE = "k-NN distance in pixels"
REFERENCE = ""
BENCHES = ["evasion"]
ENVIRONMENT = "tables"
OPTIONS = {}  # type: ignore[var-annotated]  # a literal, as all methods have

NEIGHBOURS = 10
"""The distance is that to the last of so many, or of fewer images."""


def fit(training: Evidence, calibration: Evidence, *, seed: int) -> Score:
    """Return the function that measures the Euclidean distance of pixels to the training images."""
    images = _flatten(training)
    search = NearestNeighbors(n_neighbors=min(NEIGHBOURS, len(images)), algorithm="brute").fit(images)

    def score(evidence: Evidence) -> NDArray[np.float64]:
        if not len(evidence):
            return np.empty(0)
        distances, _ = search.kneighbors(_flatten(evidence))
        return np.asarray(distances[:, -1], dtype=np.float64)

    return score


def _flatten(evidence: Evidence) -> NDArray[np.float32]:
    return evidence.x.reshape(len(evidence), -1)
