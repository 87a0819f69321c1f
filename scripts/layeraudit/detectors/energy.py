"""Energy: the negative logarithm of the summed exponentials of the logits.

By pytorch-ood.
"""

from layeraudit.detectors import Evidence, Score
from layeraudit.detectors._pytorch_ood import EnergyBased, score_logits

TITLE = "Energy"
REFERENCE = "Liu et al. 2020, https://arxiv.org/abs/2010.03759"
BENCHES = ["poison", "evasion"]
VARIANT_OF = "softmax"
ENVIRONMENT = "detectors"
OPTIONS = {}  # type: ignore[var-annotated]  # a literal, as all methods have


def fit(training: Evidence, calibration: Evidence, *, seed: int) -> Score:
    """Return the function that scores by -log(sum of exp(logits)), at temperature 1; nothing is fitted."""
    return score_logits(EnergyBased(model=None))
