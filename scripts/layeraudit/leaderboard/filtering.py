"""Filters: which training rows a detector removes, and how a network does that was trained without them."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from layeraudit.errors import InputError
from layeraudit.experiments import PERFECT
from layeraudit.splits import Split

COLUMNS = (
    *("setting", "poison", "detector", "seed", "n_training", "n_removed", "n_poison", "n_poison_removed"),
    *("accuracy", "attack_success", "n_test", "n_probe"),
)
"""Of the tables of networks, a row a seed."""

BATCH_SIZE = 500
"""Images that a network predicts at once."""


def choose_removed(
    detector: str,
    scores: NDArray[np.float64],
    is_poison: NDArray[np.bool_],
    share: float,
    *,
    seed: int,
) -> NDArray[np.bool_]:
    """Choose the training rows that a detector removes as a filter.

    It removes those with the highest scores, and among equal scores a random choice: training rows stand in
    an order, poison last, that must not decide. A row with the lowest score of all is never removed. The
    control `perfect` removes the poison, all of it, however much that is.

    Parameters
    ----------
    detector : its name
    scores : float64 [n], finite
    is_poison : bool [n], at which only the control looks
    share : of the rows, above 0, below 1
    seed : of the choice among equal scores

    Returns
    -------
    bool [n], at most round(share · n), but for the control

    Raises
    ------
    InputError
        Where there is no score, one is not finite, or there are more or fewer than rows.
    """
    if not len(scores) or not np.isfinite(scores).all():
        raise InputError("the scores hold NaN or infinity, or are none, allowed are finite numbers")
    if len(scores) != len(is_poison):
        raise InputError(
            f"{detector} has {len(scores)} scores in seed {seed}, "
            f"allowed are {len(is_poison)}, one for each training row"
        )
    if detector == PERFECT:
        return is_poison.copy()
    shuffled = np.random.default_rng(seed).permutation(len(scores))
    order = shuffled[np.argsort(-scores[shuffled], kind="stable")]
    removed = np.zeros(len(scores), dtype=bool)
    removed[order[: round(share * len(scores))]] = True
    removed &= scores > scores.min()
    return removed


def evaluate_network(
    predict: Callable[[NDArray[np.float32]], NDArray[np.int64]],
    train: Split,
    test: Split,
    probe: Split,
    *,
    removed: NDArray[np.bool_],
) -> dict[str, int | float | str]:
    """Evaluate a network for its owner and for the attacker, after rows were removed.

    Parameters
    ----------
    predict : returns the network's labels, int64 [n], of images, float32 [n, c, h, w]
    train : the training rows, all of them
    test : held-out images
    probe : attacked images, with the labels that the attacker wants as `y`
    removed : bool, for each training row, whether the network was trained without it

    Returns
    -------
    Of COLUMNS all from `n_training` on. `accuracy` is the share of the held-out images that get their true
    label, `attack_success` that of the probe that gets the label which the attacker wants, or empty without
    a probe
    """
    return {
        "n_training": len(train),
        "n_removed": int(removed.sum()),
        "n_poison": int(train.is_poison.sum()),
        "n_poison_removed": int((train.is_poison & removed).sum()),
        "accuracy": float((predict(test.x) == test.y_true).mean()),
        "attack_success": float((predict(probe.x) == probe.y).mean()) if len(probe) else "",
        "n_test": len(test),
        "n_probe": len(probe),
    }
