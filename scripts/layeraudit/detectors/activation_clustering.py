"""Activations of one label fall into two clusters, of which the smaller one is suspicious."""

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA

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

STARTS = 10
"""Of the clustering, of which the best is taken: of one the scores are largely a matter of the seed."""


def fit(training: Evidence, calibration: Evidence, *, seed: int, layer: str) -> Score:
    """Return the function that clusters rows among themselves, those of one label at a time, into two.

    The score of a row is the share of its label's rows that are in the other cluster: 0.5 or more in the
    smaller cluster, which the paper suspects, and the more the smaller it is (their relative size). Where the
    rows of a label are fewer than two, or all alike, there is no other cluster, and it is 0.

    The paper has independent components; principal ones do not fail to converge.

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
            reduced = PCA(min(COMPONENTS, *rows.shape), random_state=seed).fit_transform(rows)
            cluster = KMeans(2, n_init=STARTS, random_state=seed).fit_predict(reduced)
            sizes = np.bincount(cluster, minlength=2)
            scores[of_label] = (len(rows) - sizes[cluster]) / len(rows)
        return scores

    return score
