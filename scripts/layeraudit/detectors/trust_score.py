"""Distance to the nearest training row of the given label, relative to that of any other label.

The paper's trust score, reversed: larger is less trusted.
"""

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from layeraudit.detectors import Evidence, Score
from layeraudit.detectors._features import measure_distances, take_activations

TITLE = "Trust score"
REFERENCE = "Jiang et al. 2018, https://arxiv.org/abs/1805.11783"
BENCHES = ["poison", "evasion"]
ENVIRONMENT = "detectors"
OPTIONS = {
    "layer": {
        "description": "Layer in which distances are measured.",
        "type": "string",
    },
    "k": {
        "description": "How dense it is at a training row, its k-th neighbour of the same label tells.",
        "type": "integer",
        "minimum": 1,
        "maximum": 1_000_000,
    },
    "alpha": {
        "description": "Share of the training rows of each label that are left out, where it is least dense.",
        "type": "number",
        "minimum": 0,
        "maximum": 0.5,
    },
}


def fit(training: Evidence, calibration: Evidence, *, seed: int, layer: str, k: int, alpha: float) -> Score:
    """Keep the training rows of each label that are where it is dense: the paper's algorithm 1.

    With the distance a to the nearest kept row of the label in question and b to the nearest of any other,
    the trust score is b / a. The score here is a / (a + b), in [0, 1], whose order is the opposite and which
    is finite: 1 where the label has no row, and 0.5 where both distances are 0.

    A training row that is judged must not be its own neighbour. It is the only one at distance 0, so of kept
    rows of the label at distance 0 one is passed over, be it the row itself or, of another input, its double.

    Raises
    ------
    InputError
        Where evidence lacks the layer; from the function too.
    """
    activations = take_activations(training, layer)
    kept = {
        label: keep_dense(np.array(activations[training.y == label]), k=k, alpha=alpha)
        for label in np.unique(training.y)
    }
    searches = {label: NearestNeighbors().fit(rows) for label, rows in kept.items()}

    def score(evidence: Evidence) -> NDArray[np.float64]:
        rows = take_activations(evidence, layer)
        own, other = np.full((2, len(rows)), np.inf)
        for label, of_label in kept.items():
            is_own = evidence.y == label
            for asking, n_neighbours in ((is_own, 2), (~is_own, 1)):
                if asking.any():
                    asked = np.array(rows[asking])
                    which = searches[label].kneighbors(
                        asked, min(n_neighbours, len(of_label)), return_distance=False
                    )
                    # The search's own distances, of squares that cancel, are not 0 for equal rows.
                    distances = np.sort(measure_distances(asked, of_label, which, unit_length=False), axis=1)
                    if asking is is_own:
                        own[asking] = _distance_to_another(distances)
                    else:
                        other[asking] = np.minimum(other[asking], distances[:, 0])
        with np.errstate(invalid="ignore"):
            scores = own / (own + other)
        scores[np.isinf(own)] = 1
        scores[own + other == 0] = 0.5
        return np.asarray(scores)

    return score


def keep_dense(rows: NDArray[np.float32], *, k: int, alpha: float) -> NDArray[np.float32]:
    """Leave out the share alpha of the rows [n, d] whose k-th neighbour among them is the farthest.

    A row is not its own neighbour; of fewer neighbours than k the farthest is taken. Rows are never all left
    out, and none are with alpha 0.
    """
    left_out = int(alpha * len(rows))
    if not left_out:
        return rows
    distances, _ = NearestNeighbors().fit(rows).kneighbors(n_neighbors=min(k, len(rows) - 1))
    densest_first = np.argsort(distances[:, -1], kind="stable")
    dense: NDArray[np.float32] = rows[np.sort(densest_first[: len(rows) - left_out])]
    return dense


def _distance_to_another(distances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the first distance [n, 1 or 2], or the second where that is 0; infinity where there is none."""
    second = distances[:, 1] if distances.shape[1] == 2 else np.full(len(distances), np.inf)
    return np.asarray(np.where(distances[:, 0] == 0, second, distances[:, 0]))
