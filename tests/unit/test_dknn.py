"""Deep k-nearest neighbours, on neighbours laid out by hand and against a slow, plain version."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from layeraudit import blocks
from layeraudit.dknn import (
    compute_p_values,
    count_nonconformity,
    count_nonconformity_to,
    judge,
    judge_by_neighbours,
)
from layeraudit.errors import InputError

LABELS = np.array([0, 0, 0, 1, 1, 2])
"""Six training rows of three classes."""


def test_nonconformity_counts_the_neighbours_of_another_label_over_all_layers() -> None:
    first_layer = np.array([[0, 1, 2], [3, 4, 5]])  # labels 0 0 0 and 1 1 2
    second_layer = np.array([[0, 1, 3], [5, 3, 0]])  # labels 0 0 1 and 2 1 0
    alpha = count_nonconformity([first_layer, second_layer], LABELS, n_classes=3)
    assert alpha.tolist() == [[1, 5, 6], [5, 3, 4]]
    assert alpha.dtype == np.int64


@pytest.mark.parametrize("row", [-1, 6])
def test_an_absent_neighbour_is_an_error_and_no_label(row: int) -> None:
    with pytest.raises(InputError, match=r"outside the training rows 0\.\.5"):
        count_nonconformity([np.array([[0, row]])], LABELS, n_classes=3)


def test_a_label_that_is_no_class_is_an_error() -> None:
    with pytest.raises(InputError, match=r"outside 0\.\.1"):
        count_nonconformity([np.array([[0]])], LABELS, n_classes=2)


CALIBRATION = np.array([0, 0, 1, 3])


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("paper", [4 / 4, 2 / 4, 1 / 4, 1 / 4, 0 / 4]),
        ("cleverhans", [2 / 2, 2 / 2, 1 / 2, 1 / 2, 0 / 2]),
        ("conformal", [5 / 5, 3 / 5, 2 / 5, 2 / 5, 1 / 5]),
    ],
)
def test_p_value_is_the_share_of_calibration_points_at_least_as_large(mode, expected) -> None:
    assert compute_p_values(np.arange(5), CALIBRATION, mode=mode).tolist() == expected


def test_credibility_and_confidence_are_made_of_the_two_largest_p_values() -> None:
    judgement = judge(np.array([[3, 0, 1]]), CALIBRATION, mode="paper")
    assert judgement.label.tolist() == [1]
    assert judgement.credibility.tolist() == [1.0]
    assert judgement.confidence.tolist() == [1 - 2 / 4]
    assert judgement.nonconformity.tolist() == [0]


def test_where_every_p_value_is_zero_the_smallest_nonconformity_decides() -> None:
    judgement = judge(np.array([[9, 7, 8], [9, 9, 8], [9, 8, 8]]), CALIBRATION, mode="paper")
    assert judgement.label.tolist() == [1, 2, 1]
    assert judgement.credibility.tolist() == [0, 0, 0]
    assert judgement.confidence.tolist() == [1, 1, 1]


def test_trimming_that_leaves_nothing_is_an_error() -> None:
    with pytest.raises(InputError, match=r"cleverhans.*has no point"):
        judge(np.array([[0, 1]]), np.zeros(3, dtype=np.int64), mode="cleverhans")


def test_an_unknown_mode_is_an_error() -> None:
    with pytest.raises(InputError, match="'exact', allowed are paper, cleverhans, conformal"):
        compute_p_values(np.arange(2), CALIBRATION, mode="exact")  # type: ignore[arg-type]


def judge_slowly(neighbours, labels, n_classes, calibration, mode):
    """Judge one input as section 2 of the facts on Deep k-nearest neighbours reads, word by word."""
    alpha = [sum(labels[row] != j for layer in neighbours for row in layer) for j in range(n_classes)]
    kept = [a for a in calibration if a > 0 or mode != "cleverhans"]
    extra = 1 if mode == "conformal" else 0
    p = [(sum(a >= alpha_j for a in kept) + extra) / (len(kept) + extra) for alpha_j in alpha]
    label = min(range(n_classes), key=lambda j: (-p[j], alpha[j], j))
    return label, max(p), 1 - sorted(p)[-2], alpha[label]


@given(data=st.data(), mode=st.sampled_from(["paper", "cleverhans", "conformal"]))
def test_agrees_with_the_slow_version(data: st.DataObject, mode) -> None:
    n_layers, k, n_classes = (data.draw(st.integers(1, 4)) for _ in range(3))
    n_classes += 1
    labels = data.draw(arrays(np.int64, 12, elements=st.integers(0, n_classes - 1)))
    layers = [data.draw(arrays(np.int64, (5, k), elements=st.integers(0, 11))) for _ in range(n_layers)]
    calibration = data.draw(arrays(np.int64, 7, elements=st.integers(0, n_layers * k)))
    calibration[0] = 1  # something is left after trimming
    step = data.draw(st.sampled_from([1, 500, 2**25]))  # bytes at once: one row, some, all
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "BYTES_AT_ONCE", step)
        judgement = judge_by_neighbours(layers, labels, calibration, n_classes=n_classes, mode=mode)
    given = data.draw(arrays(np.int64, 5, elements=st.integers(0, n_classes - 1)))
    of_given = count_nonconformity_to(given, layers, labels, n_classes=n_classes)
    for i in range(5):
        assert of_given[i] == sum(labels[row] != given[i] for layer in layers for row in layer[i])
        expected = judge_slowly([layer[i] for layer in layers], labels, n_classes, calibration, mode)
        assert (
            judgement.label[i],
            judgement.credibility[i],
            judgement.confidence[i],
            judgement.nonconformity[i],
        ) == expected


def test_conformal_p_values_of_exchangeable_points_are_uniform() -> None:
    """Each of m + 1 exchangeable values without ties takes each rank equally often."""
    values = np.random.default_rng(0).permutation(100)
    p = [
        compute_p_values(values[i : i + 1], np.delete(values, i), mode="conformal").item()
        for i in range(len(values))
    ]
    assert sorted(p) == [(rank + 1) / 100 for rank in range(100)]


def test_many_classes_take_no_array_of_rows_and_classes() -> None:
    n, n_classes = 20_000, 1_000
    generator = np.random.default_rng(0)
    neighbours, labels = generator.integers(n, size=(n, 5)), generator.integers(n_classes, size=n)
    tracemalloc.start()
    try:
        judge_by_neighbours([neighbours], labels, CALIBRATION, n_classes=n_classes, mode="paper")
        count_nonconformity_to(labels, [neighbours], labels, n_classes=n_classes)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < n * n_classes * 8 / 2


def test_no_input_has_no_judgement() -> None:
    none = np.zeros((0, 3), dtype=np.int64)
    assert judge_by_neighbours([none], LABELS, CALIBRATION, n_classes=3, mode="paper").label.shape == (0,)
