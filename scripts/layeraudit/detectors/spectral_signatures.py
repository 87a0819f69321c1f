"""Squared projection on the main direction in which the activations of one label vary.

By ART 1.20.1.
"""

import numpy as np
from art.defences.detector.poison.spectral_signature_defense import SpectralSignatureDefense
from numpy.typing import NDArray

from layeraudit.detectors import Evidence, Score
from layeraudit.detectors._features import rows_by_label

TITLE = "Spectral signatures"
REFERENCE = "Tran et al. 2018, https://arxiv.org/abs/1811.00636"
BENCHES = ["poison"]
ENVIRONMENT = "detectors"
OPTIONS = {
    "layer": {
        "description": "Layer whose activations are projected; in the paper the last but one.",
        "type": "string",
    },
}


def fit(training: Evidence, calibration: Evidence, *, seed: int, layer: str) -> Score:
    """Return the function that judges rows among themselves, those of one label at a time.

    The score is the paper's: the square of the projection of the row, less the mean of its label's rows, on
    their first right singular vector. ART takes that vector of the centred rows, but projects the rows as
    they are given to it; here it is given centred ones.

    The paper removes as many rows of each label. Here the scores of all labels are compared as they are.

    Raises
    ------
    InputError
        From the function, where evidence lacks the layer.
    """

    def score(evidence: Evidence) -> NDArray[np.float64]:
        scores = np.zeros(len(evidence))
        for of_label, rows in rows_by_label(evidence, layer):
            lengths = SpectralSignatureDefense.spectral_signature_scores(rows - rows.mean(axis=0))
            scores[of_label] = lengths[:, 0] ** 2
        return scores

    return score
