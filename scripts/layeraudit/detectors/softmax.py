"""The largest softmax probability, negated.

The baseline of the paper, by pytorch-ood.
"""

from layeraudit.detectors import Evidence, Score
from layeraudit.detectors._pytorch_ood import MaxSoftmax, score_logits

TITLE = "Softmax confidence"
REFERENCE = "Hendrycks & Gimpel 2017, https://arxiv.org/abs/1610.02136"
BENCHES = ["poison", "evasion"]
ENVIRONMENT = "detectors"
OPTIONS = {}  # type: ignore[var-annotated]  # a literal, as all methods have


def fit(training: Evidence, calibration: Evidence, *, seed: int) -> Score:
    """Return the function that scores by the largest softmax probability, negative; nothing is fitted."""
    return score_logits(MaxSoftmax(model=None))
