"""Share of the nearest neighbours whose label is not the given one.

It is the nonconformity of Papernot & McDaniel 2018 (arXiv:1803.04765), of that one label and in the layers
that are chosen, divided by the number of neighbours.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from layeraudit.detectors import Evidence, Score
from layeraudit.detectors._features import take_neighbours

TITLE = "Label disagreement"
REFERENCE = "Papernot & McDaniel 2018, https://arxiv.org/abs/1803.04765"
BENCHES = ["poison", "evasion"]
ENVIRONMENT = "tables"
OPTIONS = {
    "layers": {
        "description": "Layers whose neighbours count, all of them alike.",
        "type": "array",
        "items": {"type": "string"},
        "minItems": 1,
        "uniqueItems": True,
    },
}


def fit(training: Evidence, calibration: Evidence, *, seed: int, layers: Sequence[str]) -> Score:
    """Return the function that counts labels; all neighbours of the one search count.

    Parameters
    ----------
    layers : one or more

    Raises
    ------
    InputError
        From the function, where evidence lacks neighbours in one of the layers.
    """

    def score(evidence: Evidence) -> NDArray[np.float64]:
        neighbours = [take_neighbours(evidence, layer, n_training=len(training)) for layer in layers]
        labels = training.y[np.concatenate(neighbours, axis=1)]
        return np.asarray((labels != evidence.y[:, np.newaxis]).mean(axis=1))

    return score
