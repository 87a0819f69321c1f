"""Cross-entropy of the network on the given label."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax

from layeraudit.detectors import Evidence, Score

TITLE = "Loss on the given label"
REFERENCE = "Han et al. 2018, https://arxiv.org/abs/1804.06872"
BENCHES = ["poison"]
ENVIRONMENT = "tables"
OPTIONS = {}  # type: ignore[var-annotated]  # a literal, as all methods have


def fit(training: Evidence, calibration: Evidence, *, seed: int) -> Score:
    """Return the function that computes the loss, the plainest baseline of detectors that heed labels."""

    def score(evidence: Evidence) -> NDArray[np.float64]:
        logs = log_softmax(evidence.logits.astype(np.float64), axis=1)
        return np.asarray(-logs[np.arange(len(evidence)), evidence.y])

    return score
