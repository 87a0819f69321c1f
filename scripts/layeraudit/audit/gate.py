"""The gate: whether the network is right as often as it should be, before anything is concluded from it.

Wrong normalisation, another order of classes or of channels, or weights that were not loaded raise no error.
They make a network that guesses, and an audit that means nothing.
"""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from layeraudit.audit.labels import predict_labels
from layeraudit.blocks import split_rows
from layeraudit.errors import InputError
from layeraudit.statistics import interval_of_share

NEAR_CHANCE = 0.01
"""Above this p-value a network is not shown to beat the answer that is always the same."""

TRAIN, HELD_OUT = "train", "held_out"

Verdict = Literal["as_expected", "below_expectation", "nothing_expected", "no_logits"]


def has_logits(logits: NDArray[np.float32]) -> bool:
    """Return whether logits, float32 [n, classes], were given; where they were not all are 0."""
    return bool(np.any(logits))


def are_probabilities(logits: NDArray[np.float32]) -> bool:
    """Return whether logits, float32 [n, classes], are shares that sum to 1, as a softmax makes them."""
    return all(
        (logits[some] >= 0).all() and np.allclose(logits[some].sum(axis=1), 1, atol=1e-3)
        for some in split_rows(len(logits), logits[:1].nbytes)
    )


def judge_accuracy(
    labels: Mapping[str, NDArray[np.int64]],
    logits: Mapping[str, Sequence[NDArray[np.float32]]],
    *,
    n_classes: int,
    expected_accuracy: float | None,
    trained_by: str | None = None,
) -> dict[str, Any]:
    """Judge a network by its accuracy on the training rows and on the held-out rows.

    It is near chance where its held-out accuracy is not above the share of the largest class, by a one-sided
    binomial test. It is below the expectation where all of the held-out rows' Wilson interval is.

    Parameters
    ----------
    labels : of `TRAIN` and `HELD_OUT`, int64 [n] given
    logits : of both the files, each float32 [n, classes], which may be mapped; all 0 where there are none
    expected_accuracy : on held-out rows; None expects nothing
    trained_by : the function that has trained the network again, for what to look at near chance

    Returns
    -------
    `n_classes`, `majority_share` (of the held-out rows), `expected_accuracy`, `verdict`, and in `parts` for
    each of both `n`, `right`, `accuracy`, `ci95_low` and `ci95_high`; None without logits

    Raises
    ------
    InputError
        Where the network has not one output a class, returns probabilities, or is near chance.
    """
    counts = np.bincount(labels[HELD_OUT], minlength=n_classes)
    majority_share = float(counts.max() / counts.sum())
    judged = {
        "n_classes": n_classes,
        "majority_share": majority_share,
        "expected_accuracy": expected_accuracy,
    }
    if not any(map(has_logits, chain(*logits.values()))):
        parts = {name: _count_right(None, of) for name, of in labels.items()}
        return judged | {"verdict": "no_logits", "parts": parts}
    outputs = logits[HELD_OUT][0].shape[1]
    if outputs != n_classes:
        raise InputError(
            f"the network has {outputs} outputs, allowed are {n_classes}, one for each class of the data set"
        )
    if all(map(are_probabilities, logits[HELD_OUT])):
        raise InputError(
            "the network returns probabilities, which sum to 1, allowed are logits: leave out its softmax"
        )
    parts = {
        name: _count_right(np.concatenate([*map(predict_labels, logits[name])]), of)
        for name, of in labels.items()
    }
    _check_above_chance(parts[HELD_OUT], parts[TRAIN], majority_share, trained_by)
    verdict: Verdict = "nothing_expected"
    if expected_accuracy is not None:
        falls_short = parts[HELD_OUT]["ci95_high"] < expected_accuracy
        verdict = "below_expectation" if falls_short else "as_expected"
    return judged | {"verdict": verdict, "parts": parts}


def _count_right(predicted: NDArray[np.int64] | None, labels: NDArray[np.int64]) -> dict[str, Any]:
    if predicted is None:
        return {"n": len(labels)} | dict.fromkeys(("right", "accuracy", "ci95_low", "ci95_high"))
    right = int((predicted == labels).sum())
    low, high = interval_of_share(right, len(labels))
    return {
        "n": len(labels),
        "right": right,
        "accuracy": right / len(labels),
        "ci95_low": low,
        "ci95_high": high,
    }


def _check_above_chance(
    held_out: Mapping[str, Any], train: Mapping[str, Any], chance: float, trained_by: str | None
) -> None:
    test = stats.binomtest(held_out["right"], held_out["n"], chance, alternative="greater")
    if test.pvalue > NEAR_CHANCE:
        network, causes = "the network", "normalisation, order of classes, channels and weights"
        if trained_by:
            network = f"the network that {trained_by} has trained again"
            causes = "how long and how fast it trains, or leave `train` null"
        raise InputError(
            f"{network} is right on {held_out['right']} of {held_out['n']} held-out rows and "
            f"{train['accuracy']:.1%} of the training rows, allowed is more than the share of the largest "
            f"class, {chance:.1%}, at a level of {NEAR_CHANCE:.0%}: look at {causes}"
        )
