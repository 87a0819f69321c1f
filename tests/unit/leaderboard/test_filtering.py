"""Filters: which rows go, and how a network that was trained without them is evaluated."""

import math

import numpy as np
import pytest
from conftest import ends
from hypothesis import given
from hypothesis import strategies as st

from layeraudit.errors import InputError
from layeraudit.leaderboard.filtering import COLUMNS, choose_removed, evaluate_network
from layeraudit.splits import Split


def remove(scores: np.ndarray, share: float, *, seed: int = 0) -> np.ndarray:
    return choose_removed("loss", scores, np.zeros(len(scores), bool), share, seed=seed)


def test_perfect_removes_the_poison_alone() -> None:
    is_poison = np.arange(10) > 5
    removed = choose_removed("perfect", is_poison.astype(float), is_poison, 0.1, seed=0)
    assert removed.tolist() == is_poison.tolist()


def test_the_highest_scores_are_removed() -> None:
    scores = np.array([0.1, 0.9, 0.5, 0.7, 0.2])
    assert remove(scores, 0.4).tolist() == [False, True, False, True, False]


def test_rows_of_the_lowest_score_stay() -> None:
    scores = np.array([0.0] * 8 + [1.0, 1.0])
    assert remove(scores, 0.5).tolist() == [False] * 8 + [True, True]
    assert not remove(np.ones(10), 0.5).any()


def test_ties_are_broken_at_random() -> None:
    scores = np.array([0.0] + [1.0] * 20)
    removed = [remove(scores, 5 / 21, seed=seed)[1:] for seed in range(2000)]
    assert {int(rows.sum()) for rows in removed} == {5}
    # 2,000 draws of a quarter: six standard errors are 0.058.
    assert np.abs(np.mean(removed, axis=0) - 0.25).max() < 0.058


@pytest.mark.parametrize("share", ends("benches.poison.removed"))
def test_the_ends_that_the_schema_allows_are_shares(share: float) -> None:
    assert remove(np.linspace(0, 1, 40), share).sum() == round(40 * share)


@given(
    st.lists(st.floats(-1e6, 1e6) | st.sampled_from([0.0, 1.0]), min_size=1, max_size=40),
    st.floats(0.01, 0.9),
    st.integers(0, 5),
)
def test_removed_rows_are_the_most_suspicious(scores, share, seed) -> None:
    values = np.array(scores)
    removed = remove(values, share, seed=seed)
    assert removed.sum() <= round(share * len(values))
    if removed.any() and not removed.all():
        assert values[removed].min() >= values[~removed].max()
    assert (removed == remove(values, share, seed=seed)).all()


def test_scores_of_other_rows_are_an_input_error() -> None:
    with pytest.raises(InputError, match="^loss has 3 scores in seed 7, allowed are 2, "):
        choose_removed("loss", np.zeros(3), np.zeros(2, bool), 0.1, seed=7)


@pytest.mark.parametrize("scores", [[], [0.0, math.nan], [math.inf, 0.0]])
def test_scores_that_are_not_finite_are_an_input_error(scores: list[float]) -> None:
    with pytest.raises(InputError, match="allowed are finite numbers"):
        remove(np.array(scores, dtype=float), 0.1)


def predict_brightest(x: np.ndarray) -> np.ndarray:
    """Return the number of the brightest of three pixels."""
    return x.reshape(len(x), -1).argmax(axis=1)


def split_of(labels: list[int], y: list[int], y_true: list[int], is_poison: list[bool]) -> Split:
    x = np.eye(3, dtype=np.float32)[labels].reshape(-1, 1, 1, 3)
    return Split(x, np.array(y, int), np.array(y_true, int), np.array(is_poison, bool), np.arange(len(y)))


def test_evaluation_counts_true_labels_and_wanted_labels() -> None:
    train = split_of([0, 1, 2, 2], [0, 1, 0, 1], [0, 1, 2, 2], [False, False, True, True])
    test = split_of([0, 1, 2, 2], [0, 1, 2, 2], [0, 1, 2, 0], [False] * 4)
    probe = split_of([1, 2], [1, 1], [0, 0], [False, False])
    removed = np.array([True, False, True, False])
    found = evaluate_network(predict_brightest, train, test, probe, removed=removed)
    assert found == {
        "n_training": 4,
        "n_removed": 2,
        "n_poison": 2,
        "n_poison_removed": 1,
        "accuracy": 0.75,
        "attack_success": 0.5,
        "n_test": 4,
        "n_probe": 2,
    }
    assert list(COLUMNS)[4:] == list(found)


def test_without_a_probe_success_is_empty() -> None:
    of = split_of([0], [0], [0], [False])
    empty = Split(of.x[:0], of.y[:0], of.y_true[:0], of.is_poison[:0], of.source[:0])
    found = evaluate_network(predict_brightest, of, of, empty, removed=np.array([False]))
    assert found["attack_success"] == ""
