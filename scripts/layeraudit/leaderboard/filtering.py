"""Filters: what a network is worth after rows of its training set were removed."""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from layeraudit.networks import predict
from layeraudit.splits import Split

COLUMNS = (
    *("setting", "poison", "detector", "seed", "n_training", "n_removed", "n_poison", "n_poison_removed"),
    *("accuracy", "attack_success", "n_test", "n_probe"),
)
"""Of the tables that say what networks are worth, a row a seed."""


def measure_worth(
    network: nn.Module,
    train: Split,
    removed: NDArray[np.bool_],
    test: Split,
    probe: Split,
    *,
    batch_size: int = 500,
) -> dict[str, int | float | str]:
    """Measure what a network is worth to its owner and to the attacker, after rows were removed.

    Parameters
    ----------
    train : the training rows, all of them
    removed : bool, for each of them, whether the network was trained without it
    test : held-out images
    probe : images as the attacker shows them, with the labels that he wants as `y`

    Returns
    -------
    Of COLUMNS all from `n_training` on. `accuracy` is the share of the held-out images that get their true
    label, `attack_success` that of the probe that gets the label which the attacker wants, or empty without
    a probe
    """

    def share(split: Split, labels: NDArray[np.int64]) -> float:
        if not len(split):
            return math.nan
        found = predict(network, torch.from_numpy(split.x), batch_size=batch_size).numpy()
        return float((found == labels).mean())

    return {
        "n_training": len(train),
        "n_removed": int(removed.sum()),
        "n_poison": int(train.is_poison.sum()),
        "n_poison_removed": int((train.is_poison & removed).sum()),
        "accuracy": share(test, test.y_true),
        "attack_success": share(probe, probe.y) if len(probe) else "",
        "n_test": len(test),
        "n_probe": len(probe),
    }
