"""Splits: disjoint, balanced, of the rows that they say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layeraudit.errors import InputError
from layeraudit.splits import Split, draw_rows, merge, take_clean

LABELS = np.repeat([1, 9, 4], 20)


@given(seed=st.integers(0, 2**32 - 1), a=st.integers(0, 10), b=st.integers(0, 10))
def test_sets_are_balanced_disjoint_and_of_the_classes(seed: int, a: int, b: int) -> None:
    generator = np.random.default_rng(seed)
    drawn = draw_rows(LABELS, {"a": 2 * a, "b": 2 * b}, classes=[9, 1], generator=generator)
    assert np.bincount(LABELS[drawn["a"]], minlength=10).tolist() == [0, a, 0, 0, 0, 0, 0, 0, 0, a]
    assert np.bincount(LABELS[drawn["b"]], minlength=10).tolist() == [0, b, 0, 0, 0, 0, 0, 0, 0, b]
    assert not set(drawn["a"]) & set(drawn["b"])
    assert len(set(drawn["a"])) == 2 * a


def test_a_seed_draws_the_same_rows_and_another_seed_others() -> None:
    first, again, other = (
        draw_rows(LABELS, {"a": 20}, classes=[1, 9], generator=np.random.default_rng(seed))["a"]
        for seed in (1, 1, 2)
    )
    assert first.tolist() == again.tolist() != other.tolist()


@pytest.mark.parametrize(
    ("sizes", "sentence"),
    [
        ({"a": 3}, "a is 3 images, allowed are multiples of the 2 classes"),
        ({"a": 22, "b": 20}, "a \\+ b take 21 images of class 1, allowed are up to 20"),
    ],
)
def test_sizes_that_cannot_be_drawn_are_an_error(sizes: dict[str, int], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        draw_rows(LABELS, sizes, classes=[1, 9], generator=np.random.default_rng(0))


def make_clean() -> Split:
    x = np.arange(3 * 4, dtype=np.uint8).reshape(3, 1, 2, 2) * 20
    return take_clean(x, np.array([7, 8, 9]), np.array([2, 0]))


def test_clean_images_keep_their_row_and_lie_between_0_and_1() -> None:
    split = make_clean()
    assert split.source.tolist() == [2, 0]
    assert split.y.tolist() == split.y_true.tolist() == [9, 7]
    assert not split.is_poison.any()
    np.testing.assert_array_equal(split.x[1].ravel(), np.array([0, 20, 40, 60], dtype=np.float32) / 255)


def test_merged_rows_follow_each_other() -> None:
    clean = make_clean()
    poison = Split(clean.x, np.array([1, 1]), clean.y_true, np.array([True, True]), clean.source)
    merged = merge(clean, poison)
    assert merged.y.tolist() == [9, 7, 1, 1]
    assert merged.y_true.tolist() == [9, 7, 9, 7]
    assert merged.is_poison.tolist() == [False, False, True, True]
    assert merged.source.tolist() == [2, 0, 2, 0]


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("x", np.full((2, 1, 2, 2), 1.5, np.float32), r"row 0 of x is not within \[0, 1\]"),
        ("x", np.full((2, 1, 2, 2), np.nan, np.float32), r"row 0 of x is not within \[0, 1\]"),
        ("x", np.zeros((2, 4), np.float32), "x is float32"),
        ("y", np.zeros(3, np.int64), r"y is int64 \[3\]"),
        ("y_true", np.zeros(2), "y_true is float64"),
        ("is_poison", np.zeros(2, np.int64), "is_poison is int64"),
    ],
)
def test_arrays_that_make_no_split_are_an_error(name: str, value: np.ndarray, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        Split(**{**vars(make_clean()), name: value})
