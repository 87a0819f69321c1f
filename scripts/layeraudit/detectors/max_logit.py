"""The largest logit of Hendrycks et al. 2022 (arXiv:1911.11132), by pytorch-ood, negative."""

from layeraudit.detectors import Evidence, Score
from layeraudit.out_of_distribution import MaxLogit, score_logits

BENCHES = ["poison", "evasion"]
ENVIRONMENT = "detectors"
SCHEMA = {}  # type: ignore[var-annotated]  # a literal, as all methods have


def fit(training: Evidence, calibration: Evidence, *, seed: int) -> Score:
    """Give the function that scores by the largest logit; nothing is fitted."""
    return score_logits(MaxLogit(model=None))
