"""How much rarer held-out rows are around a training row than other training rows are.

A trigger is in no row that was held out: the rows that carry it lie together where no held-out row lies. The
comparison of two samples by their nearest neighbours (Schilling 1986), made in each place of each layer.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from layeraudit.detectors import Evidence, Score
from layeraudit.detectors._features import take_neighbours

TITLE = "Held-out deficit"
REFERENCE = "Schilling 1986, https://doi.org/10.2307/2289012"
BENCHES = ["poison"]
ENVIRONMENT = "tables"
OPTIONS = {
    "layers": {
        "description": "Layers of which the largest deficit counts.",
        "type": "array",
        "items": {"type": "string"},
        "minItems": 1,
        "uniqueItems": True,
    },
    "k": {
        "description": "So many nearest neighbours count.",
        "type": "integer",
        "minimum": 1,
        "maximum": 1_000_000,
    },
}


def fit(training: Evidence, calibration: Evidence, *, seed: int, layers: Sequence[str], k: int) -> Score:
    """Return the function that measures deficits.

    Raises
    ------
    InputError
        Where evidence lacks neighbours in a layer, or that many; from the function too.
    """

    def take(evidence: Evidence, layer: str) -> NDArray[np.int64]:
        return take_neighbours(evidence, layer, n_training=len(training), k=k)

    weights = weigh_rows(training.y, calibration.y)
    lists = {layer: (take(training, layer), take(calibration, layer)) for layer in layers}

    def score(evidence: Evidence) -> NDArray[np.float64]:
        of_layers = [measure_deficit(take(evidence, layer), *of, weights) for layer, of in lists.items()]
        return np.asarray(np.max(of_layers, axis=0))

    return score


def weigh_rows(labels: NDArray[np.int64], held_out: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return how many held-out rows there are for each training row, of its label: float64 [n].

    Labels need not be as frequent in both; of one that is not held out nothing is expected.

    Parameters
    ----------
    labels, held_out : int64 [n] and [h], of training rows and of held-out rows
    """
    counts = [
        np.bincount(of, minlength=1 + max(labels.max(initial=0), held_out.max(initial=0)))
        for of in (labels, held_out)
    ]
    return np.asarray(counts[1][labels] / counts[0][labels])


def measure_deficit(
    nearest: NDArray[np.int64],
    of_training: NDArray[np.int64],
    of_held_out: NDArray[np.int64],
    weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the held-out deficit of rows in a layer, float64 [rows], at most 1; 0 is usual.

    1 - (a + 1) / (e + 1), where a counts the places of a row's nearest in the lists of held-out rows, and e
    those in the lists of training rows, each list by its weight.

    Parameters
    ----------
    nearest, of_training, of_held_out : int64 [rows, m], the training rows that are nearest to each row
    weights : of the lists of training rows, see `weigh_rows`
    """
    n, m = of_training.shape
    found = np.bincount(of_held_out.ravel(), minlength=n)
    expected = np.bincount(of_training.ravel(), np.repeat(weights, m), minlength=n)
    found_near, expected_near = (counts[nearest].sum(axis=1) for counts in (found, expected))
    return np.asarray(1 - (found_near + 1) / (expected_near + 1))
