"""Distance to the nearest class mean, by the covariance that all classes share.

By pytorch-ood.
"""

from layeraudit.detectors import Evidence, Score
from layeraudit.detectors._pytorch_ood import Mahalanobis, fit_gaussians

TITLE = "Mahalanobis distance"
REFERENCE = "Lee et al. 2018, https://arxiv.org/abs/1807.03888"
BENCHES = ["poison", "evasion"]
ENVIRONMENT = "detectors"
OPTIONS = {
    "layer": {
        "description": "Layer whose activations are measured; its square is the size of a matrix.",
        "type": "string",
    },
}


def fit(training: Evidence, calibration: Evidence, *, seed: int, layer: str) -> Score:
    """Fit a Gaussian to the training rows of each label, all of one covariance.

    The score is half the squared distance to the nearest mean, whatever the label in question. A direction in
    which no training row varies counts as one of a very small variance (pytorch-ood adds 1e-6 to the sum of
    squares). The paper's changes to the input, and its regression over layers, are left out.

    Raises
    ------
    InputError
        Where evidence lacks the layer; from the function too.
    """
    return fit_gaussians(Mahalanobis(encoder=None), training, layer)
