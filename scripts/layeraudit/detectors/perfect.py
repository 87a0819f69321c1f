"""A control: scores that know everything."""

import numpy as np
from numpy.typing import NDArray

from layeraudit.detectors import Evidence, Score

TITLE = "Perfect"
REFERENCE = ""
BENCHES = ["poison", "evasion"]
ENVIRONMENT = "tables"
OPTIONS = {}  # type: ignore[var-annotated]  # a literal, as all methods have


def fit(training: Evidence, calibration: Evidence, *, seed: int) -> Score:
    """Return the function that scores 1 what is to be found and 0 all else."""

    def score(evidence: Evidence) -> NDArray[np.float64]:
        return evidence.is_suspect.astype(np.float64)

    return score
