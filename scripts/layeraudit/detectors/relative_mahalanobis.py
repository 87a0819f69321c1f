"""Mahalanobis distance to the nearest class mean, less the one to the mean of all rows.

By pytorch-ood.
"""

from layeraudit.detectors import Evidence, Score
from layeraudit.detectors._pytorch_ood import RMD, fit_gaussians

TITLE = "Relative Mahalanobis distance"
REFERENCE = "Ren et al. 2021, https://arxiv.org/abs/2106.09022"
BENCHES = ["poison", "evasion"]
VARIANT_OF = "mahalanobis"
ENVIRONMENT = "detectors"
OPTIONS = {
    "layer": {
        "description": "Layer whose activations are measured; its square is the size of a matrix.",
        "type": "string",
    },
}


def fit(training: Evidence, calibration: Evidence, *, seed: int, layer: str) -> Score:
    """Fit a Gaussian to the training rows of each label, all of one covariance, and one to all rows.

    The score is the squared distance to the nearest mean of a label, less that to the mean of all: directions
    that tell nothing of the label do not count.

    Raises
    ------
    InputError
        Where evidence lacks the layer; from the function too.
    """
    return fit_gaussians(RMD(encoder=None), training, layer)
