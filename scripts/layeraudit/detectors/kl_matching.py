"""KL matching of Hendrycks et al. 2022 (arXiv:1911.11132), by pytorch-ood: no typical posterior is near."""

import numpy as np
from numpy.typing import NDArray

from layeraudit.detectors import Evidence, Score
from layeraudit.out_of_distribution import KLMatching, score_logits, to_tensor

BENCHES = ["poison", "evasion"]
ENVIRONMENT = "detectors"
SCHEMA = {}  # type: ignore[var-annotated]  # a literal, as all methods have


def fit(training: Evidence, calibration: Evidence, *, seed: int) -> Score:
    """Take, for each class, the mean posterior of the calibration rows that the network takes for it.

    The score is the smallest Kullback-Leibler divergence of the posterior from one of them, or the largest
    number that there is, where each lacks a class that the posterior has.
    """
    detector = KLMatching(model=None)
    detector.fit_logits(to_tensor(calibration.logits))
    divergence = score_logits(detector)

    def score(evidence: Evidence) -> NDArray[np.float64]:
        return np.minimum(divergence(evidence), np.finfo(np.float64).max)

    return score
