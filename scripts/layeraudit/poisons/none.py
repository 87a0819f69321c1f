"""No poison: the training set stays clean, and there is nothing to probe."""

import numpy as np

from layeraudit.poisons import AttackerData, Poison
from layeraudit.splits import take

TITLE = "No poison"
REFERENCE = ""
ENVIRONMENT = "numpy"
OPTIONS = {}  # type: ignore[var-annotated]  # a literal, as all methods have


def poison(data: AttackerData, *, seed: int) -> Poison:
    """Return no points and an empty probe."""
    nothing = np.zeros(0, dtype=np.int64)
    return Poison(points=take(data.sources, nothing), probe=take(data.test, nothing))
