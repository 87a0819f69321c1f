"""A control: how grey the pixels are, without the network.

Digits are nearly black and white, so that an attack within an L-infinity ball shows in the pixels. A detector
of activations that does no better than this control has not been shown to need them.
"""

import numpy as np
from numpy.typing import NDArray

from layeraudit.detectors import Evidence, Score

TITLE = "Grey pixels"
REFERENCE = ""
BENCHES = ["evasion"]
ENVIRONMENT = "tables"
OPTIONS = {}  # type: ignore[var-annotated]  # a literal, as all methods have


def fit(training: Evidence, calibration: Evidence, *, seed: int) -> Score:
    """Return the function that scores by the mean distance of pixels from black or white, in [0, 0.5]."""

    def score(evidence: Evidence) -> NDArray[np.float64]:
        pixels = evidence.x.astype(np.float64)
        return np.asarray(np.abs(pixels - np.round(pixels)).mean(axis=(1, 2, 3)))

    return score
