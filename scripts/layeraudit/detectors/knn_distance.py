"""Distance to the k-th nearest training row, activations scaled to unit length."""

import numpy as np
from numpy.typing import NDArray

from layeraudit.detectors import Evidence, Score
from layeraudit.detectors._features import measure_distances, take_activations, take_neighbours

TITLE = "k-NN distance"
REFERENCE = "Sun et al. 2022, https://arxiv.org/abs/2204.06507"
BENCHES = ["poison", "evasion"]
ENVIRONMENT = "tables"
OPTIONS = {
    "layer": {
        "description": "Layer in which the distance is measured; in the paper the last but one.",
        "type": "string",
    },
    "k": {
        "description": "The distance is that to the k-th neighbour.",
        "type": "integer",
        "minimum": 1,
        "maximum": 1_000_000,
    },
}


def fit(training: Evidence, calibration: Evidence, *, seed: int, layer: str, k: int) -> Score:
    """Return the function that measures the distance to the k-th neighbour of the one search.

    Where that search is by cosine similarity it is the paper's, whose neighbours are those of unit length.

    Raises
    ------
    InputError
        From the function, where evidence lacks the layer, or that many neighbours in it.
    """
    others = take_activations(training, layer)

    def score(evidence: Evidence) -> NDArray[np.float64]:
        rows = take_activations(evidence, layer)
        which = take_neighbours(evidence, layer, n_training=len(others), k=k)
        return measure_distances(rows, others, which[:, -1:], unit_length=True)[:, 0]

    return score
