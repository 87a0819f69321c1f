"""The largest logit, negated.

By pytorch-ood.
"""

from layeraudit.detectors import Evidence, Score
from layeraudit.detectors._pytorch_ood import MaxLogit, score_logits

TITLE = "Maximum logit"
REFERENCE = "Hendrycks et al. 2022, https://arxiv.org/abs/1911.11132"
BENCHES = ["poison", "evasion"]
VARIANT_OF = "softmax"
ENVIRONMENT = "detectors"
OPTIONS = {}  # type: ignore[var-annotated]  # a literal, as all methods have


def fit(training: Evidence, calibration: Evidence, *, seed: int) -> Score:
    """Return the function that scores by the largest logit; nothing is fitted."""
    return score_logits(MaxLogit(model=None))
