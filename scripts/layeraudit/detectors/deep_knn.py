"""Votes of the neighbours for the strongest other label, less those for the given one."""

import numpy as np
from numpy.typing import NDArray

from layeraudit.detectors import Evidence, Score
from layeraudit.detectors._features import take_neighbours

TITLE = "Deep k-NN filter"
REFERENCE = "Peri et al. 2020, https://arxiv.org/abs/1909.13374"
BENCHES = ["poison", "evasion"]
VARIANT_OF = "label_disagreement"
ENVIRONMENT = "tables"
OPTIONS = {
    "layer": {
        "description": "Layer whose neighbours vote; in the paper the last but one.",
        "type": "string",
    },
    "k": {
        "description": "The nearest so many vote.",
        "type": "integer",
        "minimum": 1,
        "maximum": 1_000_000,
    },
}


def fit(training: Evidence, calibration: Evidence, *, seed: int, layer: str, k: int) -> Score:
    """Return the function that lets the k nearest training rows vote by their labels.

    The score is the share of the votes by which the strongest other label leads the label in question, in
    [-1, 1]. It is above 0 exactly where the paper's filter drops the row: a label that shares the most votes
    is kept.

    Raises
    ------
    InputError
        From the function, where evidence lacks that many neighbours in the layer.
    """
    classes = np.unique(training.y)

    def score(evidence: Evidence) -> NDArray[np.float64]:
        labels = training.y[take_neighbours(evidence, layer, n_training=len(training), k=k)]
        votes = np.stack([(labels == label).sum(axis=1) for label in classes], axis=1)
        is_own = classes == evidence.y[:, np.newaxis]
        return np.asarray((np.where(is_own, 0, votes).max(axis=1) - (votes * is_own).sum(axis=1)) / k)

    return score
