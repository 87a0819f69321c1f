"""Margin of the given label, its probability relative to how confident the network is of each class.

Confident learning, by cleanlab 2.9.0.
"""

import numpy as np
from cleanlab.rank import get_label_quality_scores
from numpy.typing import NDArray
from scipy.special import softmax

from layeraudit.detectors import Evidence, Score

TITLE = "Confident learning"
REFERENCE = "Northcutt et al. 2021, https://arxiv.org/abs/1911.00068"
BENCHES = ["poison"]
ENVIRONMENT = "detectors"
OPTIONS = {}  # type: ignore[var-annotated]  # a literal, as all methods have


def fit(training: Evidence, calibration: Evidence, *, seed: int) -> Score:
    """Return the function that scores by cleanlab's normalised margin, its probabilities adjusted, reversed.

    cleanlab asks for probabilities of a network that was not trained on the rows. Here, as all detectors, it
    is given those of the network in question, which was. Classes without a row are left out.
    """

    def score(evidence: Evidence) -> NDArray[np.float64]:
        classes, labels = np.unique(evidence.y, return_inverse=True)
        if len(classes) < 2:
            return np.zeros(len(evidence))
        probabilities = softmax(evidence.logits[:, classes].astype(np.float64), axis=1)
        quality = get_label_quality_scores(
            labels, probabilities, method="normalized_margin", adjust_pred_probs=True
        )
        return np.asarray(1 - quality, dtype=np.float64)

    return score
