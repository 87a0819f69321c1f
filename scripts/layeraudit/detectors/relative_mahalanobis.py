"""The relative Mahalanobis distance of Ren et al. 2021 (arXiv:2106.09022), by pytorch-ood."""

from layeraudit.detectors import Evidence, Score
from layeraudit.out_of_distribution import RMD, fit_gaussians

BENCHES = ["poison", "evasion"]
ENVIRONMENT = "detectors"
SCHEMA = {
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
