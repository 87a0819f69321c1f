"""A control: scores that know nothing."""

import numpy as np
from numpy.typing import NDArray

from layeraudit.detectors import Evidence, Score

TITLE = "Random"
REFERENCE = ""
BENCHES = ["poison", "evasion"]
ENVIRONMENT = "tables"
OPTIONS = {}  # type: ignore[var-annotated]  # a literal, as all methods have


def fit(training: Evidence, calibration: Evidence, *, seed: int) -> Score:
    """Return the function that draws scores from [0, 1), by the seed alone."""

    def score(evidence: Evidence) -> NDArray[np.float64]:
        return np.random.default_rng(seed).random(len(evidence))

    return score
