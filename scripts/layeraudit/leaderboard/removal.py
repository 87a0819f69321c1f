"""Removal: which rows of a training set a detector removes as a filter, whatever the poison is."""

import numpy as np
from numpy.typing import NDArray

from layeraudit.errors import InputError
from layeraudit.experiments import PERFECT


def choose_removed(
    detector: str,
    scores: NDArray[np.float64],
    is_poison: NDArray[np.bool_],
    share: float,
    *,
    seed: int,
) -> NDArray[np.bool_]:
    """Choose the training rows that a detector removes as a filter.

    It removes those with the highest scores, of those of one score some at random: training rows stand in an
    order, poison last, that must not decide. A row is never removed that is no more suspicious than the least
    suspicious one. The control `perfect` removes the poison, all of it, however much that is.

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
        Where there is no score, or one is not finite.
    """
    if not len(scores) or not np.isfinite(scores).all():
        raise InputError("the scores hold NaN or infinity, or are none, allowed are finite numbers")
    if detector == PERFECT:
        return is_poison.copy()
    shuffled = np.random.default_rng(seed).permutation(len(scores))
    order = shuffled[np.argsort(-scores[shuffled], kind="stable")]
    removed = np.zeros(len(scores), dtype=bool)
    removed[order[: round(share * len(scores))]] = True
    removed &= scores > scores.min()
    return removed
