"""Entropy of the softmax probabilities.

By pytorch-ood.
"""

from layeraudit.detectors import Evidence, Score
from layeraudit.detectors._pytorch_ood import Entropy, score_logits

TITLE = "Entropy"
REFERENCE = "Chan et al. 2021, https://arxiv.org/abs/2012.06575"
BENCHES = ["poison", "evasion"]
VARIANT_OF = "softmax"
ENVIRONMENT = "detectors"
OPTIONS = {}  # type: ignore[var-annotated]  # a literal, as all methods have


def fit(training: Evidence, calibration: Evidence, *, seed: int) -> Score:
    """Return the function that scores by the entropy, in nats; probabilities below 1e-7 count as 1e-7."""
    return score_logits(Entropy(model=None))
