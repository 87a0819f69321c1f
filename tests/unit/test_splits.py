"""Splits: disjoint, drawn at random, of the rows that they say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layeraudit.errors import InputError
from layeraudit.splits import (
    Split,
    draw_rows,
    merge,
    restore_sources,
    take,
    take_attacked,
    take_clean,
    take_first,
)

ROWS = np.arange(100, 140)


@given(seed=st.integers(0, 2**32 - 1), a=st.integers(0, 20), b=st.integers(0, 20))
def test_samples_are_disjoint_and_of_the_rows(seed: int, a: int, b: int) -> None:
    drawn = draw_rows(ROWS, {"a": a, "b": b}, np.random.default_rng(seed))
    assert {name: len(set(rows)) for name, rows in drawn.items()} == {"a": a, "b": b}
    assert not set(drawn["a"]) & set(drawn["b"])
    for rows in drawn.values():
        assert set(rows) <= set(ROWS)


def test_every_row_is_as_likely_in_every_sample() -> None:
    """Each row is in `a` with chance 1/4: 4,000 draws count it 1,000 times, give or take 27."""
    generator = np.random.default_rng(0)
    counts = np.zeros(140)
    for _ in range(4000):
        counts[draw_rows(ROWS, {"a": 10, "b": 20}, generator)["a"]] += 1
    assert np.abs(counts[100:] - 1000).max() < 5 * 27.4


def test_the_first_rows_of_a_sample_are_no_special_ones() -> None:
    firsts = [draw_rows(ROWS, {"a": 20}, np.random.default_rng(seed))["a"][0] for seed in range(400)]
    assert set(firsts) == set(ROWS)


def test_a_seed_draws_the_same_rows_and_another_seed_others() -> None:
    first, again, other = (draw_rows(ROWS, {"a": 20}, np.random.default_rng(seed))["a"] for seed in (1, 1, 2))
    assert first.tolist() == again.tolist() != other.tolist()


def test_more_than_there_are_is_an_error() -> None:
    with pytest.raises(InputError, match=r"a \+ b take 41 images, allowed are up to 40"):
        draw_rows(ROWS, {"a": 21, "b": 20}, np.random.default_rng(0))


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
        ("n_classes", 9, "the labels go up to 9, allowed are 0 to 8"),
        ("y", np.array([7, -1]), "the labels go up to 9, allowed are 0 to 9"),
    ],
)
def test_arrays_that_make_no_split_are_an_error(name: str, value: np.ndarray, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        Split(**{**vars(make_clean()), name: value})


def test_sources_are_restored_in_the_order_of_the_points() -> None:
    x = np.arange(3, dtype=np.float32).reshape(3, 1, 1, 1) / 3
    sources = Split(x, np.zeros(3, np.int64), np.zeros(3, np.int64), np.zeros(3, bool), np.array([7, 5, 9]))
    points = take(sources, np.array([2, 0]))
    moved = Split(1 - points.x, points.y + 1, points.y_true, np.ones(2, bool), points.source)
    assert restore_sources(moved, sources).tolist() == points.x.tolist()
    with pytest.raises(InputError, match="row 9 of the data set"):
        restore_sources(moved, take(sources, np.array([0, 1])))


def test_a_split_knows_the_classes_of_its_data_set_though_it_may_have_images_of_few() -> None:
    split = make_clean()
    assert split.n_classes == 10
    of_twelve = take_clean(np.zeros((3, 1, 2, 2), np.uint8), np.array([7, 8, 9]), np.array([2, 0]), 12)
    assert of_twelve.n_classes == 12
    x = np.concatenate([of_twelve.x, of_twelve.x])
    for made in (take(of_twelve, np.array([0])), take_first(of_twelve, 1), take_attacked(of_twelve, x)):
        assert made.n_classes == 12
    assert merge(split, of_twelve).n_classes == merge(of_twelve, split).n_classes == 12
    none = take(of_twelve, np.arange(0))
    assert (len(none), none.n_classes) == (0, 12)


def test_attacked_images_follow_each_other_attack_after_attack() -> None:
    split = make_clean()
    attacked = take_attacked(split, np.concatenate([split.x, 1 - split.x]))
    assert attacked.y.tolist() == attacked.y_true.tolist() == [9, 7, 9, 7]
    assert attacked.source.tolist() == [2, 0, 2, 0]
    assert not attacked.is_poison.any()


@pytest.mark.parametrize("n", [0, 3])
def test_the_first_of_a_split_are_as_many_as_it_has(n: int) -> None:
    assert take_first(make_clean(), 1).source.tolist() == [2]
    sentence = f"{n} images are asked for, allowed are 1 to 2, which the split has"
    with pytest.raises(InputError, match=f"^{sentence}$"):
        take_first(make_clean(), n)
