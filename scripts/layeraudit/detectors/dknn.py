"""One minus credibility: how unusual the neighbours' labels are, even for the class that fits them best."""

import numpy as np
from numpy.typing import NDArray

from layeraudit.detectors import Evidence, Score
from layeraudit.dknn import Mode, count_nonconformity_to, judge_by_neighbours

TITLE = "DkNN credibility"
REFERENCE = "Papernot & McDaniel 2018, https://arxiv.org/abs/1803.04765"
BENCHES = ["poison", "evasion"]
ENVIRONMENT = "tables"
OPTIONS = {
    "mode": {
        "description": "How p-values are calibrated, as for calibration.mode.",
        "type": "string",
        "enum": ["paper", "cleverhans", "conformal"],
    },
}


def fit(training: Evidence, calibration: Evidence, *, seed: int, mode: Mode) -> Score:
    """Calibrate on the true labels of the calibration rows, with the neighbours in all layers.

    Credibility is that of the label which the neighbours contradict least. Whether it is the label in
    question does not matter.

    Parameters
    ----------
    mode : as in `dknn.compute_p_values`

    Raises
    ------
    InputError
        As `dknn.judge_by_neighbours` does.
    """
    n_classes = training.logits.shape[1]

    def take(evidence: Evidence) -> list[NDArray[np.int64]]:
        return [np.asarray(evidence.neighbours[layer]) for layer in calibration.neighbours]

    of_true_labels = count_nonconformity_to(calibration.y, take(calibration), training.y, n_classes=n_classes)

    def score(evidence: Evidence) -> NDArray[np.float64]:
        judgement = judge_by_neighbours(
            take(evidence), training.y, of_true_labels, n_classes=n_classes, mode=mode
        )
        return 1 - judgement.credibility

    return score
