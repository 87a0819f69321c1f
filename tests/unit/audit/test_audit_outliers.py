"""Distances to neighbours, by hand and by the definition; rows far from all others."""

import numpy as np
import pytest
from conftest import gather_evidence
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from layeraudit.audit.outliers import measure_to_last, measure_to_neighbours, score_outliers
from layeraudit.audit.rows import judge_outliers, rank_inputs
from layeraudit.detectors import _features
from layeraudit.errors import InputError

LINE = np.float32([[1, 0], [2, 0], [4, 0], [8, 0]])
"""Four rows on a line: nearest neighbours 1, 1, 2 and 4 away, the second 3, 2, 3 and 6."""


def draw(n, seed, shift=0.0):
    generator = np.random.default_rng(seed)
    return {
        layer: (shift + generator.normal(size=(n, d))).astype(np.float32) for layer, d in (("a", 4), ("b", 9))
    }


def test_distances_on_a_line() -> None:
    training = gather_evidence({"line": LINE}, [0] * 4, k=2)
    found = measure_to_neighbours(training, training, "line", metric="l2", which=[0, 1])
    assert found.tolist() == [[1, 3], [1, 2], [2, 3], [4, 6]]
    assert measure_to_last(training, training, metric="l2")["line"].tolist() == [3, 2, 3, 6]
    assert measure_to_last(training, training, metric="cosine")["line"].tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("metric", ["cosine", "l2"])
@pytest.mark.parametrize("memory", [1, 2**22])
def test_distances_are_those_of_the_definition(metric, memory, monkeypatch) -> None:
    monkeypatch.setattr(_features, "BYTES_AT_ONCE", memory)
    training = gather_evidence(draw(20, 0), [0] * 20, k=6)
    others = gather_evidence(draw(7, 1), [0] * 7, k=6, training=training)
    for layer, found in measure_to_last(others, training, metric=metric).items():
        rows, references = (of.activations[layer].astype(np.float64) for of in (others, training))
        if metric == "cosine":
            rows, references = (of / np.linalg.norm(of, axis=1, keepdims=True) for of in (rows, references))
        last = references[others.neighbours[layer][:, -1]]
        assert found == pytest.approx(np.linalg.norm(rows - last, axis=1), rel=1e-12)


def test_a_neighbour_that_is_no_training_row_is_refused() -> None:
    training = gather_evidence({"line": LINE}, [0] * 4, k=2)
    training.neighbours["line"][3, 0] = 4
    with pytest.raises(InputError, match="outside the training rows 0..3"):
        measure_to_last(training, training, metric="l2")


def test_each_layer_counts_in_units_of_its_calibration_median() -> None:
    calibration = {"a": np.array([1.0, 2, 6]), "b": np.array([10.0, 20, 90])}
    found = score_outliers({"a": np.array([2.0, 4]), "b": np.array([20.0, 0])}, calibration)
    assert found.tolist() == [1, 1]


@given(arrays(np.float64, 5, elements=st.floats(0, 100)), st.floats(0.01, 100))
def test_scores_do_not_depend_on_the_scale_of_a_layer(distances, scale) -> None:
    calibration = np.array([1.0, 2, 3])
    once = score_outliers({"a": distances}, {"a": calibration})
    assert score_outliers({"a": scale * distances}, {"a": scale * calibration}) == pytest.approx(once)


def test_a_layer_in_which_calibration_rows_have_twins_still_counts() -> None:
    calibration = {"a": np.array([0.0, 0, 3]), "b": np.zeros(3)}
    assert score_outliers({"a": np.array([1.0, 0]), "b": np.array([0.0, 5])}, calibration).tolist() == [
        0.5,
        2.5,
    ]


def test_rows_that_are_far_are_flagged_and_come_first() -> None:
    training = gather_evidence(draw(200, 0), [0] * 200, k=5)
    calibration = gather_evidence(draw(300, 1), [0] * 300, k=5, training=training)
    far = {
        layer: np.concatenate([rows[:30], draw(30, 3, shift=9.0)[layer]])
        for layer, rows in draw(30, 2).items()
    }
    others = gather_evidence(far, [0] * 60, k=5, training=training)
    distances = measure_to_last(calibration, training, metric="l2")
    found, p = judge_outliers(others, distances, training, metric="l2")
    assert found["outlier_flagged"][30:].all() and found["outlier_flagged"][:30].sum() <= 3
    assert sorted(found["outlier_rank"][30:]) == list(range(1, 31))
    assert (found["outlier_p"] == p.values).all() and (found["outlier_p"][30:] == 1 / 301).all()


def test_of_rows_like_the_others_none_is_flagged() -> None:
    training = gather_evidence(draw(200, 0), [0] * 200, k=5)
    calibration = gather_evidence(draw(200, 1), [0] * 200, k=5, training=training)
    distances = measure_to_last(calibration, training, metric="l2")
    found, _ = judge_outliers(training, distances, training, metric="l2")
    assert not found["outlier_flagged"].any()


def test_inputs_rank_by_credibility_then_by_distance_then_by_row() -> None:
    credibility = np.array([0.5, 0.1, 0.1, 0.5, 0.1])
    assert rank_inputs(credibility, np.array([9.0, 1, 2, 9, 1])).tolist() == [4, 2, 1, 5, 3]
