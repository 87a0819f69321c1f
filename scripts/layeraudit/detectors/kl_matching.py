"""Kullback-Leibler divergence of the softmax probabilities from those typical of the nearest class.

By pytorch-ood.
"""

from layeraudit.detectors import Evidence, Score
from layeraudit.detectors._pytorch_ood import KLMatching, score_logits, to_tensor

TITLE = "KL matching"
REFERENCE = "Hendrycks et al. 2022, https://arxiv.org/abs/1911.11132"
BENCHES = ["poison", "evasion"]
ENVIRONMENT = "detectors"
OPTIONS = {}  # type: ignore[var-annotated]  # a literal, as all methods have


def fit(training: Evidence, calibration: Evidence, *, seed: int) -> Score:
    """Take, for each class, the mean posterior of the calibration rows that the network takes for it.

    The score is the smallest Kullback-Leibler divergence of the posterior from one of them. Where each lacks
    a class that the posterior has, it is not infinite but of the size of the largest number.
    """
    detector = KLMatching(model=None)
    detector.fit_logits(to_tensor(calibration.logits))
    return score_logits(detector)
