"""The gate: accuracies, their intervals, and a network that guesses."""

from functools import partial

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from layeraudit.audit.gate import HELD_OUT, TRAIN, has_logits, judge_accuracy
from layeraudit.errors import InputError


def judge(right, *, n=100, n_train=50, expected=None, n_classes=4, shift=0, trained_by=None):
    """Judge a network that is right on the first so many held-out rows, and on all training rows."""
    labels = {TRAIN: np.arange(n_train) % n_classes, HELD_OUT: np.arange(n) % n_classes}
    predicted = {TRAIN: labels[TRAIN], HELD_OUT: (labels[HELD_OUT] + (np.arange(n) >= right)) % n_classes}
    logits = {
        part: np.array_split(3 * np.eye(n_classes, dtype=np.float32)[(of + shift) % n_classes], files)
        for (part, of), files in zip(predicted.items(), (1, 2), strict=True)
    }
    return judge_accuracy(
        labels, logits, n_classes=n_classes, expected_accuracy=expected, trained_by=trained_by
    )


def test_accuracies_have_their_intervals() -> None:
    found = judge(80)
    low, high = proportion_confint(80, 100, method="wilson")
    assert found == {
        "n_classes": 4,
        "majority_share": 0.25,
        "expected_accuracy": None,
        "verdict": "nothing_expected",
        "parts": {
            "train": {"n": 50, "right": 50, "accuracy": 1, "ci95_low": pytest.approx(0.929, abs=1e-3)}
            | {"ci95_high": 1},
            "held_out": {"n": 100, "right": 80, "accuracy": 0.8, "ci95_low": low, "ci95_high": high},
        },
    }


def test_probabilities_are_no_logits() -> None:
    y = np.arange(60) % 3
    for logits, is_refused in ((np.eye(3)[y], True), (np.log(np.eye(3)[y] + 0.1), False)):
        of_parts = {part: [logits.astype(np.float32)] for part in (TRAIN, HELD_OUT)}
        judged = partial(
            judge_accuracy, {TRAIN: y, HELD_OUT: y}, of_parts, n_classes=3, expected_accuracy=None
        )
        if is_refused:
            with pytest.raises(InputError, match="probabilities"):
                judged()
        else:
            assert judged()["parts"]["held_out"]["right"] == 60


@pytest.mark.parametrize(
    ("expected", "verdict"),
    [(0.5, "as_expected"), (0.8, "as_expected"), (0.86, "as_expected"), (0.87, "below_expectation")],
)
def test_below_expectation_is_where_the_whole_interval_is(expected, verdict) -> None:
    assert proportion_confint(80, 100, method="wilson")[1] == pytest.approx(0.8666, abs=1e-4)
    assert judge(80, expected=expected)["verdict"] == verdict


@pytest.mark.parametrize("n", [20, 100, 1000])
def test_near_chance_is_where_the_binomial_test_does_not_reject(n) -> None:
    least = next(
        right for right in range(n) if stats.binomtest(right, n, 0.25, alternative="greater").pvalue <= 0.01
    )
    assert judge(least, n=n)["parts"]["held_out"]["right"] == least
    with pytest.raises(InputError, match=rf"right on {least - 1} of {n} held-out .*25.0%.*normalisation"):
        judge(least - 1, n=n)


def test_near_chance_after_training_again_the_training_is_to_look_at() -> None:
    with pytest.raises(InputError) as failed:
        judge(25, trained_by="mine:train")
    assert "mine:train" in str(failed.value) and "normalisation" not in str(failed.value)


@pytest.mark.parametrize("shift", [1, 2, 3])
def test_classes_in_another_order_are_near_chance(shift) -> None:
    with pytest.raises(InputError, match="right on .* of 100 held-out rows and 0.0% of the training rows"):
        judge(95, shift=shift)


def test_chance_is_the_share_of_the_largest_class() -> None:
    y = np.array([0] * 90 + [1] * 10)
    always_0 = np.tile(np.float32([2, 0]), (100, 1))
    with pytest.raises(InputError, match="90.0%"):
        judge_accuracy(
            {TRAIN: y, HELD_OUT: y},
            {TRAIN: [always_0], HELD_OUT: [always_0]},
            n_classes=2,
            expected_accuracy=None,
        )


def test_without_logits_nothing_is_judged() -> None:
    labels = {TRAIN: np.array([0, 1]), HELD_OUT: np.array([1, 1, 0])}
    logits = {part: [np.zeros((len(y), 2), np.float32)] for part, y in labels.items()}
    assert not any(has_logits(of) for (of,) in logits.values())
    found = judge_accuracy(labels, logits, n_classes=2, expected_accuracy=0.9)
    assert found["verdict"] == "no_logits" and found["majority_share"] == 2 / 3
    nothing = dict.fromkeys(("right", "accuracy", "ci95_low", "ci95_high"))
    assert found["parts"] == {"train": {"n": 2} | nothing, "held_out": {"n": 3} | nothing}


def test_outputs_are_as_many_as_classes() -> None:
    labels = dict.fromkeys((TRAIN, HELD_OUT), np.array([0, 1]))
    logits = {part: [2 * np.eye(2, 3, dtype=np.float32)] for part in labels}
    with pytest.raises(InputError, match="has 3 outputs, allowed are 2"):
        judge_accuracy(labels, logits, n_classes=2, expected_accuracy=None)
