"""Length of the activation outside the main subspace of the training rows, against the logits.

Virtual-logit matching, by pytorch-ood.
"""

import math

import numpy as np
from numpy.typing import NDArray

from layeraudit.detectors import Evidence, Score
from layeraudit.detectors._features import take_activations
from layeraudit.detectors._pytorch_ood import ViM, score_features, to_tensor
from layeraudit.errors import InputError

TITLE = "ViM"
REFERENCE = "Wang et al. 2022, https://arxiv.org/abs/2203.10807"
BENCHES = ["poison", "evasion"]
ENVIRONMENT = "detectors"
OPTIONS = {
    "layer": {
        "description": "The layer that the last one takes.",
        "type": "string",
    },
    "dimensions": {
        "description": "Dimensions of the principal subspace; the paper has half of a small layer.",
        "type": "integer",
        "minimum": 1,
        "maximum": 1_000_000,
    },
}

PRECISION = 1e-6
"""Directions in which features vary by less than this part of the greatest are float32 rounding."""

TOLERANCE = 0.01
"""Greatest error (root mean square) of recovered logits, as a part of their deviation."""


def fit(training: Evidence, calibration: Evidence, *, seed: int, layer: str, dimensions: int) -> Score:
    """Fit the principal subspace of the training rows, and the scale of what lies outside of it.

    The score is the virtual logit, a scaled length of the residual, less the log of the sum of exp(logits).
    The weights of the last layer are recovered, see `recover_last_layer`. Where the training rows vary in no
    more directions than `dimensions`, half of theirs are taken, as pytorch-ood does where the layer has
    fewer; where they are all zero there is no virtual logit.

    Raises
    ------
    InputError
        Where evidence lacks the layer, or its logits are not made of it.
    """
    weights, biases, rank = recover_last_layer(training, layer)
    expected = take_activations(calibration, layer) @ weights.T + biases
    error = np.sqrt(np.square(expected - calibration.logits).mean())
    if not error <= TOLERANCE * calibration.logits.std():
        raise InputError(f"the logits are no affine function of the layer {layer!r}, which ViM needs")
    detector = ViM(
        encoder=None,
        d=dimensions if dimensions < rank else rank // 2,
        w=to_tensor(weights),
        b=to_tensor(biases),
    )
    detector.fit_features(to_tensor(take_activations(training, layer)), labels=None)
    if not math.isfinite(detector.alpha):
        detector.alpha = 0.0
    return score_features(detector, layer)


def recover_last_layer(
    evidence: Evidence, layer: str
) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    """Recover the weights of a last layer that is affine, from what it takes and the logits that it gives.

    They are those of least squares, and of them the smallest, since evidence tells nothing of the weights of
    what does not vary.

    Returns
    -------
    weights : float64 [classes, d]
    biases : float64 [classes]
    rank : directions in which the layer varies
    """
    features, logits = (
        np.array(matrix, dtype=np.float64) for matrix in (take_activations(evidence, layer), evidence.logits)
    )
    centre, mean = features.mean(axis=0), logits.mean(axis=0)
    weights, _, rank, _ = np.linalg.lstsq(features - centre, logits - mean, rcond=PRECISION)
    return weights.T, mean - centre @ weights, int(rank)
