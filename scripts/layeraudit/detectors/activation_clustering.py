"""Activations of one label fall into two clusters, of which the smaller one is suspicious.

Activation clustering, by ART 1.20.1.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from art.defences.detector.poison.activation_defence import cluster_activations
from numpy.typing import NDArray

from layeraudit.detectors import Evidence, Score
from layeraudit.detectors._features import rows_by_label

TITLE = "Activation clustering"
REFERENCE = "Chen et al. 2018, https://arxiv.org/abs/1811.03728"
BENCHES = ["poison"]
ENVIRONMENT = "detectors"
OPTIONS = {
    "layer": {
        "description": "Layer whose activations are clustered; in the paper the last but one.",
        "type": "string",
    },
}

COMPONENTS = 10
"""Principal components that are left of a class, as in ART and, of independent ones, in the paper."""


def fit(training: Evidence, calibration: Evidence, *, seed: int, layer: str) -> Score:
    """Return the function that clusters rows among themselves, those of one label at a time, into two.

    The score of a row is the share of its label's rows that are in the other cluster: 0.5 or more in the
    smaller cluster, which the paper suspects, and the more the smaller it is (their relative size). Where the
    rows of a label are fewer than two, or all alike, there is no other cluster, and it is 0.

    The paper has independent components, ART also principal ones, which do not fail to converge.

    Raises
    ------
    InputError
        From the function, where evidence lacks the layer.
    """

    def score(evidence: Evidence) -> NDArray[np.float64]:
        scores = np.zeros(len(evidence))
        for of_label, rows in rows_by_label(evidence, layer):
            if (rows == rows[0]).all():
                continue
            with _global_seed(seed):
                clusters, _ = cluster_activations(
                    [rows],
                    nb_clusters=2,
                    nb_dims=min(COMPONENTS, len(rows)),
                    reduce="PCA",
                    clustering_method="KMeans",
                )
            sizes = np.bincount(clusters[0])
            scores[of_label] = (len(rows) - sizes[clusters[0]]) / len(rows)
        return scores

    return score


@contextmanager
def _global_seed(seed: int) -> Iterator[None]:
    """Seed NumPy's global generator, which is what ART leaves scikit-learn to draw from, and restore it."""
    before = np.random.get_state()
    np.random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(before)
