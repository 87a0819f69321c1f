"""Detectors of pytorch-ood 0.4.0 on evidence; scores are larger for what is less like the training rows.

They are given float64, in which softmax does not end in ties at 1 and a covariance can be inverted that is
singular to float32; ViM alone goes back to float32.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from layeraudit.detectors import Evidence, Score
from layeraudit.detectors._features import take_activations
from layeraudit.torchvision_beside_cpu_torch import torchvision

# isort: split
# pytorch-ood imports torchvision too, and cannot where that was not imported so before.
from pytorch_ood.api import FeaturesDetector, LogitsDetector
from pytorch_ood.detector import (
    RMD,
    EnergyBased,
    Entropy,
    KLMatching,
    Mahalanobis,
    MaxLogit,
    MaxSoftmax,
    ViM,
)

__all__ = [
    "RMD",
    "EnergyBased",
    "Entropy",
    "KLMatching",
    "Mahalanobis",
    "MaxLogit",
    "MaxSoftmax",
    "ViM",
    "fit_gaussians",
    "score_features",
    "score_logits",
    "to_tensor",
    "torchvision",
]

ROWS_AT_ONCE = 1024


def to_tensor(matrix: NDArray[np.float32] | NDArray[np.float64]) -> Tensor:
    """Copy a matrix to a tensor, float64."""
    return torch.from_numpy(np.array(matrix, dtype=np.float64))


def score_logits(detector: LogitsDetector) -> Score:
    """Return the function that scores evidence by its logits."""

    def score(evidence: Evidence) -> NDArray[np.float64]:
        scores: NDArray[np.float64] = detector.predict_logits(to_tensor(evidence.logits)).numpy()
        return scores

    return score


def score_features(detector: FeaturesDetector, layer: str) -> Score:
    """Return the function that scores evidence by the activations of a layer."""

    def score(evidence: Evidence) -> NDArray[np.float64]:
        rows = take_activations(evidence, layer)
        scores = np.empty(len(rows))
        for start in range(0, len(rows), ROWS_AT_ONCE):
            some = slice(start, start + ROWS_AT_ONCE)
            scores[some] = detector.predict_features(to_tensor(rows[some])).numpy()
        return scores

    return score


def fit_gaussians(detector: Mahalanobis, training: Evidence, layer: str) -> Score:
    """Fit a Gaussian to each class that has training rows, with one covariance, and score by them."""
    features = to_tensor(take_activations(training, layer))
    # It asks for labels without a gap, and there may be a class without a row.
    _, classes = np.unique(training.y, return_inverse=True)
    with _float64_by_default():
        detector.fit_features(features, torch.from_numpy(classes))
    return score_features(detector, layer)


@contextmanager
def _float64_by_default() -> Iterator[None]:
    """Have what pytorch-ood makes without naming a type be float64."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)
