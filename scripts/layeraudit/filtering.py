"""Filters: the rows of a training set that are removed, and what the network is worth after that."""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from layeraudit.errors import InputError
from layeraudit.networks import predict
from layeraudit.splits import Split

COLUMNS = (
    *("setting", "poison", "detector", "seed", "n_training", "n_removed", "n_poison", "n_poison_removed"),
    *("accuracy", "attack_success", "n_test", "n_probe"),
)
"""Of the tables that say what networks are worth, a row a seed."""


def choose_removed(scores: NDArray[np.float64], share: float, *, seed: int) -> NDArray[np.bool_]:
    """Choose the rows with the highest scores for removal; of those of one score some at random.

    Training rows stand in an order, poison last, that must not decide between equal scores. A row is never
    removed that is no more suspicious than the least suspicious one.

    Parameters
    ----------
    scores : float64 [n], finite
    share : of the rows, above 0, below 1
    seed : of the choice among equal scores

    Returns
    -------
    bool [n], at most round(share · n)

    Raises
    ------
    InputError
        Where there is no score, or one is not finite.
    """
    if not len(scores) or not np.isfinite(scores).all():
        raise InputError("the scores hold NaN or infinity, or are none, allowed are finite numbers")
    shuffled = np.random.default_rng(seed).permutation(len(scores))
    order = shuffled[np.argsort(-scores[shuffled], kind="stable")]
    removed = np.zeros(len(scores), dtype=bool)
    removed[order[: round(share * len(scores))]] = True
    removed &= scores > scores.min()
    return removed


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
