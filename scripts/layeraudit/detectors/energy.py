"""The energy of Liu et al. 2020 (arXiv:2010.03759), by pytorch-ood."""

from layeraudit.detectors import Evidence, Score
from layeraudit.out_of_distribution import EnergyBased, score_logits

BENCHES = ["poison", "evasion"]
ENVIRONMENT = "detectors"
SCHEMA = {}  # type: ignore[var-annotated]  # a literal, as all methods have


def fit(training: Evidence, calibration: Evidence, *, seed: int) -> Score:
    """Give the function that scores by -log(sum of exp(logits)), at temperature 1; nothing is fitted."""
    return score_logits(EnergyBased(model=None))
