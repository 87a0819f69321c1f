"""Each detector by hand, and against what its paper says in plain NumPy or its library called directly."""

import numpy as np
import pytest
from art.defences.detector.poison.clustering_analyzer import ClusteringAnalyzer
from art.defences.detector.poison.spectral_signature_defense import SpectralSignatureDefense
from hypothesis import given
from hypothesis import strategies as st
from sklearn.cluster import KMeans

from layeraudit.detectors import (
    Evidence,
    _features,
    activation_clustering,
    confident_learning,
    deep_knn,
    dknn,
    energy,
    entropy,
    given_label_loss,
    held_out_deficit,
    kl_matching,
    knn_distance,
    label_disagreement,
    lid,
    mahalanobis,
    max_logit,
    relative_mahalanobis,
    softmax,
    spectral_signatures,
    trust_score,
    vim,
)
from layeraudit.detectors._features import (
    measure_distances,
    measure_neighbours,
    take_activations,
    take_neighbours,
)
from layeraudit.errors import InputError


def evidence_of(y, *, activations=None, neighbours=None, logits=None, n_classes=3) -> Evidence:
    n = len(y)
    return Evidence(
        np.array(y, dtype=np.int64),
        {layer: np.array(rows, dtype=np.float32) for layer, rows in (activations or {}).items()},
        {layer: np.array(rows, dtype=np.int64) for layer, rows in (neighbours or {}).items()},
        np.array(np.zeros((n, n_classes)) if logits is None else logits, dtype=np.float32),
        np.zeros(n, dtype=bool),
        np.zeros((n, 1, 2, 2), dtype=np.float32),
    )


NOBODY = evidence_of([])
TRAINING = evidence_of([0, 0, 0, 1, 1, 2])
"""Six training rows of three classes."""


def draw_classes(seed=0, n=90, dimensions=6):
    """Draw training, calibration and other rows, of three classes that overlap, in the layer `a`."""
    generator = np.random.default_rng(seed)
    mixing = generator.normal(size=(dimensions, dimensions))
    drawn = []
    for _ in range(3):
        y = generator.integers(0, 3, n)
        rows = (3 * np.eye(3, dimensions)[y] + generator.normal(size=(n, dimensions))) @ mixing
        logits = rows @ np.linalg.inv(mixing)[:, :3]
        drawn.append(evidence_of(y, activations={"a": rows}, logits=logits))
    return drawn


# Neighbours and their labels


def test_deep_k_nearest_neighbours_by_hand() -> None:
    """The calibration rows' true labels have nonconformities 0, 1, 3 and 3; k is 2 in two layers."""
    calibration = evidence_of(
        [0, 0, 1, 2],
        neighbours={"a": [[0, 1], [0, 1], [0, 1], [0, 5]], "b": [[0, 2], [0, 3], [3, 0], [1, 3]]},
    )
    judged = evidence_of([2, 2, 2], neighbours={"a": [[0, 1], [3, 4], [0, 3]], "b": [[1, 2], [3, 5], [0, 5]]})
    # The smallest nonconformities are 0 (label 0), 1 (label 1) and 2 (label 0).
    score = {
        mode: dknn.fit(TRAINING, calibration, seed=0, mode=mode)(judged).tolist()
        for mode in ("paper", "cleverhans", "conformal")
    }
    assert score["paper"] == [1 - 4 / 4, 1 - 3 / 4, 1 - 2 / 4]
    assert score["cleverhans"] == pytest.approx([1 - 3 / 3, 1 - 3 / 3, 1 - 2 / 3])
    assert score["conformal"] == pytest.approx([1 - 5 / 5, 1 - 4 / 5, 1 - 3 / 5])


@pytest.mark.parametrize(
    ("layers", "expected"),
    [(["a"], [0, 2 / 2, 1 / 2]), (["b"], [1 / 2, 2 / 2, 0]), (["b", "a"], [1 / 4, 4 / 4, 1 / 4])],
)
def test_label_disagreement_by_hand(layers, expected) -> None:
    judged = evidence_of([0, 2, 1], neighbours={"a": [[0, 1], [0, 3], [2, 3]], "b": [[2, 4], [1, 2], [3, 4]]})
    score = label_disagreement.fit(TRAINING, NOBODY, seed=0, layers=layers)
    assert score(judged).tolist() == expected


@given(st.integers(2, 30), st.integers(1, 12), st.integers(1, 40), st.integers(0, 1000))
def test_the_held_out_deficit_counts_places_in_lists(n, k, n_held_out, seed) -> None:
    generator = np.random.default_rng(seed)
    k = min(k, n - 1)
    layers = {
        layer: (
            np.array([generator.permutation(np.delete(np.arange(n), row))[:k] for row in range(n)]),
            np.array([generator.permutation(n)[:k] for _ in range(n_held_out)]),
        )
        for layer in "ab"
    }
    training, held_out = (
        evidence_of(np.zeros(rows), neighbours={layer: lists[part] for layer, lists in layers.items()})
        for part, rows in enumerate((n, n_held_out))
    )
    score = held_out_deficit.fit(training, held_out, seed=0, layers=["a", "b"], k=k)(training)

    def count(lists, around):
        return sum(int((lists == one).sum()) for one in around)

    for row in range(n):
        of_layers = [
            1 - (count(of_held_out, own[row]) + 1) / (count(own, own[row]) * n_held_out / n + 1)
            for own, of_held_out in layers.values()
        ]
        assert score[row] == pytest.approx(max(of_layers))


def test_held_out_rows_that_lie_as_training_rows_do_leave_no_deficit() -> None:
    lists = np.array([[1, 2], [0, 2], [0, 1]])
    once = np.ones(3)
    assert held_out_deficit.measure_deficit(lists, lists, lists, once).tolist() == [0, 0, 0]
    elsewhere = np.array([[0, 0]] * 3)
    assert held_out_deficit.measure_deficit(lists[:1], lists, elsewhere, once).tolist() == [1 - 1 / 5]


def test_held_out_rows_are_expected_by_their_label() -> None:
    weights = held_out_deficit.weigh_rows(np.array([0, 0, 1, 2]), np.array([0, 0, 0, 1, 4]))
    assert weights.tolist() == [1.5, 1.5, 1, 0]
    lists = np.array([[1], [0], [3], [2]])
    # Rows of the label that nobody held out are not missed.
    deficit = held_out_deficit.measure_deficit(lists, lists, np.array([[0], [1], [1]]), weights)
    assert deficit.tolist() == [1 - 3 / 2.5, 1 - 2 / 2.5, 1 - 1 / 2, 0]


@pytest.mark.parametrize(
    ("y", "neighbours", "expected"),
    [
        (0, [0, 1, 2, 3, 5], (1 - 3) / 5),
        (1, [0, 1, 2, 3, 5], (3 - 1) / 5),
        (2, [0, 1, 3, 4, 5], (2 - 1) / 5),
        (0, [0, 1, 3, 4, 5], 0),  # shares the most votes, and is kept
        (1, [0, 1, 2, 0, 1], 1),
        (0, [0, 1, 2, 0, 1], -1),
        (3, [0, 1, 2, 3, 4], 3 / 5),  # a class without a training row
    ],
)
def test_votes_by_hand(y, neighbours, expected) -> None:
    judged = evidence_of([y], neighbours={"a": [[*neighbours, 5]]})  # of six the nearest five vote
    assert deep_knn.fit(TRAINING, NOBODY, seed=0, layer="a", k=5)(judged).tolist() == [expected]


@given(st.integers(0, 2**32 - 1))
def test_votes_are_above_zero_exactly_where_the_plurality_has_another_label(seed: int) -> None:
    generator = np.random.default_rng(seed)
    training = evidence_of(generator.integers(0, 3, 30))
    judged = evidence_of(generator.integers(0, 3, 8), neighbours={"a": generator.integers(0, 30, (8, 7))})
    scores = deep_knn.fit(training, NOBODY, seed=0, layer="a", k=7)(judged)
    for y, rows, score in zip(judged.y, judged.neighbours["a"], scores, strict=True):
        votes = np.bincount(training.y[rows], minlength=3)
        assert (score > 0) == (votes[y] < votes.max())
        assert -1 <= score <= 1


@pytest.mark.parametrize(
    ("detector", "options"),
    [
        (label_disagreement, {"layers": ["a"]}),
        (deep_knn, {"layer": "a", "k": 2}),
        (knn_distance, {"layer": "a", "k": 2}),
    ],
)
@pytest.mark.parametrize("row", [-1, 6])
def test_a_neighbour_that_is_no_training_row_is_an_error(detector, options, row) -> None:
    training = evidence_of(TRAINING.y, activations={"a": np.ones((6, 2))})
    judged = evidence_of([0], activations={"a": [[1, 1]]}, neighbours={"a": [[0, row]]})
    with pytest.raises(InputError, match=r"outside the training rows 0\.\.5"):
        detector.fit(training, NOBODY, seed=0, **options)(judged)


@pytest.mark.parametrize("k", [0, 3])
def test_no_more_neighbours_than_there_are_can_be_asked_for(k: int) -> None:
    with pytest.raises(InputError, match=f"k is {k}, allowed are 1 to 2, the neighbours in 'a'"):
        take_neighbours(evidence_of([0], neighbours={"a": [[0, 1]]}), "a", n_training=2, k=k)


def test_a_layer_that_is_not_there_is_an_error() -> None:
    evidence = evidence_of([0], activations={"a": [[0]], "b": [[0]]}, neighbours={"b": [[0]]})
    with pytest.raises(InputError, match="no layer 'c', allowed are a, b"):
        take_activations(evidence, "c")
    with pytest.raises(InputError, match="no neighbours in the layer 'a', allowed are b"):
        take_neighbours(evidence, "a", n_training=1)
    with pytest.raises(InputError, match="no neighbours in the layer 'a', allowed are none"):
        take_neighbours(evidence_of([0]), "a", n_training=1)


# Distances


def test_distances_by_hand() -> None:
    rows, others = np.float32([[3, 4], [0, 0]]), np.float32([[3, 4], [0, 0], [6, 8], [-3, -4]])
    which = np.array([[0, 1, 2, 3], [3, 2, 1, 0]])
    raw = measure_distances(rows, others, which, unit_length=False)
    assert raw.tolist() == [[0, 5, 5, 10], [5, 10, 0, 5]]
    scaled = measure_distances(rows, others, which, unit_length=True)
    np.testing.assert_allclose(scaled, [[0, 1, 0, 2], [1, 1, 0, 1]], rtol=1e-15)


@pytest.mark.parametrize("at_once", [1, 1000, 2**22])
def test_distances_do_not_depend_on_how_many_are_computed_at_once(monkeypatch, at_once) -> None:
    monkeypatch.setattr(_features, "BYTES_AT_ONCE", at_once)
    generator = np.random.default_rng(0)
    rows, others = generator.normal(size=(2, 30, 5)).astype(np.float32)
    which = generator.integers(0, 30, (30, 4))
    units, other_units = (
        part / np.linalg.norm(part, axis=1, keepdims=True)
        for part in (rows.astype(np.float64), others.astype(np.float64))
    )
    expected = np.linalg.norm(units[:, np.newaxis] - other_units[which], axis=2)
    np.testing.assert_allclose(measure_distances(rows, others, which, unit_length=True), expected, rtol=1e-12)


def test_equal_rows_are_at_distance_zero_and_no_others() -> None:
    row = np.random.default_rng(0).normal(size=(1, 300)).astype(np.float32)
    next_to_it = row.copy()
    next_to_it[0, 7] = np.nextafter(row[0, 7], np.float32(9))
    for unit_length in (True, False):
        distances = measure_distances(
            row, np.concatenate([row, next_to_it]), np.array([[0, 1]]), unit_length=unit_length
        )
        assert distances[0, 0] == 0 < distances[0, 1] < 1e-6


def find_by_cosine(rows, others, k):
    cosines = (rows @ others.T) / np.outer(np.linalg.norm(rows, axis=1), np.linalg.norm(others, axis=1))
    return np.argsort(-cosines, axis=1)[:, :k]


@pytest.mark.parametrize("k", [1, 5])
def test_the_distance_is_the_kth_smallest_between_rows_of_unit_length(k: int) -> None:
    training, _, judged = draw_classes()
    rows, others = (part.activations["a"].astype(np.float64) for part in (judged, training))
    judged.neighbours["a"] = find_by_cosine(rows, others, 9)
    units, other_units = (part / np.linalg.norm(part, axis=1, keepdims=True) for part in (rows, others))
    expected = np.sort(np.linalg.norm(units[:, np.newaxis] - other_units, axis=2), axis=1)[:, k - 1]
    scores = knn_distance.fit(training, NOBODY, seed=0, layer="a", k=k)(judged)
    np.testing.assert_allclose(scores, expected, rtol=1e-6)


# Local intrinsic dimensionality


@pytest.mark.parametrize("dimension", [1, 2, 7])
def test_the_estimate_of_a_ball_is_its_dimension_but_for_the_number_of_neighbours(dimension) -> None:
    """In a ball the i-th of k neighbours is at (i / k) ** (1 / dimension), as a part of the farthest."""
    k = 20
    parts = np.arange(1, k + 1) / k
    estimate = lid.estimate_dimension(parts[np.newaxis] ** (1 / dimension), most=1000)
    assert estimate == pytest.approx(-dimension / np.log(parts).mean())
    assert estimate == pytest.approx(dimension * 1.09, rel=0.05)


def test_the_estimate_of_uniform_points_is_their_dimension() -> None:
    points = np.random.default_rng(0).random((3000, 3))
    distances = np.sort(np.linalg.norm(points - 0.5, axis=1))[np.newaxis, :200]
    assert lid.estimate_dimension(distances, most=1000).item() == pytest.approx(3, rel=0.15)


@pytest.mark.parametrize(
    ("distances", "expected"),
    [
        ([1, 1, 1], 50),  # no dimension is too large
        ([0, 0, 0], 0),  # all are the row again
        ([0, 0, 2], 50),
        ([0, np.exp(-1), 1], 2),  # the mean of 1 and 0, turned round
        ([1, np.exp(-1), np.exp(-2)], 1),  # the order does not matter
    ],
)
def test_estimates_by_hand(distances, expected) -> None:
    assert lid.estimate_dimension(np.array([distances], dtype=float), most=50) == pytest.approx(expected)


@given(st.integers(0, 2**32 - 1), st.sampled_from([2.0**-30, 0.5, 2.0**30]))
def test_an_estimate_heeds_no_scale_and_keeps_its_bounds(seed: int, scale: float) -> None:
    generator = np.random.default_rng(seed)
    distances = generator.choice([0, 0.5, 0.9999999, 1, 3], (5, 6))
    estimates = lid.estimate_dimension(distances, most=30)
    assert (estimates >= 0).all() and (estimates <= 30).all()
    np.testing.assert_allclose(lid.estimate_dimension(distances * scale, most=30), estimates)


def test_dimensions_are_compared_with_the_calibration_rows_layer_by_layer() -> None:
    k = 8
    training, calibration, judged = draw_classes()
    generator = np.random.default_rng(1)
    for part in (training, calibration, judged):
        part.activations["b"] = generator.normal(size=(90, 4)).astype(np.float32)
    z = []
    for layer in ("a", "b"):
        estimates = []
        for part in (calibration, judged):
            rows, others = (e.activations[layer].astype(np.float64) for e in (part, training))
            part.neighbours[layer] = find_by_cosine(rows, others, 9)
            of_part = []
            for row in rows:
                r = sorted(np.linalg.norm(row / np.linalg.norm(row) - o / np.linalg.norm(o)) for o in others)
                of_part.append(min(-1 / np.mean([np.log(r[i] / r[k - 1]) for i in range(k)]), rows.shape[1]))
            estimates.append(np.array(of_part))
        z.append((estimates[1] - estimates[0].mean()) / estimates[0].std())
    scores = lid.fit(training, calibration, seed=0, layers=["a", "b"], k=k)(judged)
    np.testing.assert_allclose(scores, (z[0] + z[1]) / 2, rtol=1e-6, atol=1e-9)
    alone = lid.fit(training, calibration, seed=0, layers=["b"], k=k)(judged)
    np.testing.assert_allclose(alone, z[1], rtol=1e-6, atol=1e-9)


def test_distances_to_neighbours_are_those_in_the_layer_and_in_the_order_of_the_search() -> None:
    training = evidence_of([0, 0], activations={"a": [[1, 0], [0, 2]], "b": [[1], [1]]})
    judged = evidence_of([0], activations={"a": [[0, 5]], "b": [[1]]}, neighbours={"a": [[0, 1]]})
    np.testing.assert_allclose(measure_neighbours(judged, training, "a", k=2), [[np.sqrt(2), 0]])


# The trust score


def score_trust_slowly(training, judged, *, k, alpha, is_training):
    """Score as algorithms 1 and 2 of the paper read, a training row being left out by its number."""
    rows, asked = training.activations["a"].astype(float), judged.activations["a"].astype(float)
    kept = []
    for label in range(3):
        of_label = [i for i in range(len(rows)) if training.y[i] == label]
        radius = {
            i: sorted(np.linalg.norm(rows[i] - rows[j]) for j in of_label if j != i)[
                min(k, len(of_label) - 1) - 1
            ]
            for i in of_label
        }
        kept += sorted(of_label, key=radius.get)[: len(of_label) - int(alpha * len(of_label))]
    scores = []
    for i, (row, y) in enumerate(zip(asked, judged.y, strict=True)):
        others = [j for j in kept if not (is_training and j == i)]
        own = min(np.linalg.norm(row - rows[j]) for j in others if training.y[j] == y)
        other = min(np.linalg.norm(row - rows[j]) for j in others if training.y[j] != y)
        scores.append(1 / (1 + other / own))
    return scores


@pytest.mark.parametrize("is_training", [False, True])
@pytest.mark.parametrize(("k", "alpha"), [(10, 0), (3, 0.2), (100, 0.5)])
def test_trust_is_that_of_the_paper_and_no_row_is_its_own_neighbour(is_training, k, alpha) -> None:
    training, _, judged = draw_classes()
    judged = training if is_training else judged
    scores = trust_score.fit(training, NOBODY, seed=0, layer="a", k=k, alpha=alpha)(judged)
    expected = score_trust_slowly(training, judged, k=k, alpha=alpha, is_training=is_training)
    np.testing.assert_allclose(scores, expected, rtol=1e-6)


LINE = {"a": [[0], [1], [2], [10], [10], [12]]}


@pytest.mark.parametrize(
    ("y", "x", "expected"),
    [
        (0, 4, 2 / (2 + 6)),
        (1, 4, 6 / (6 + 2)),
        (2, 4, 8 / (8 + 2)),
        (0, 1, 1 / (1 + 9)),  # the training row itself, whose next is at 1
        (1, 10, 0),  # a training row that has a double
        (0, 10, 1),
        (2, 12, 1),  # the only row of its class
        (2, 11, 1 / (1 + 1)),
        (3, 4, 1),  # a class without a training row
    ],
)
def test_trust_on_a_line(y, x, expected) -> None:
    training = evidence_of(TRAINING.y, activations=LINE)
    score = trust_score.fit(training, NOBODY, seed=0, layer="a", k=1, alpha=0)
    assert score(evidence_of([y], activations={"a": [[x]]})).tolist() == [expected]


def test_where_both_distances_are_zero_neither_class_is_nearer() -> None:
    training = evidence_of([0, 0, 1], activations={"a": [[5], [5], [5]]})
    score = trust_score.fit(training, NOBODY, seed=0, layer="a", k=1, alpha=0)
    assert score(training).tolist() == [0.5, 0.5, 1]


def test_with_one_class_none_is_nearer_than_it() -> None:
    training = evidence_of([0, 0, 0], activations={"a": [[1], [2], [3]]})
    score = trust_score.fit(training, NOBODY, seed=0, layer="a", k=1, alpha=0)
    assert score(training).tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("alpha", "expected"), [(0, [0, 1, 2, 9]), (0.2, [0, 1, 2, 9]), (0.25, [0, 1, 2]), (0.5, [0, 1])]
)
def test_the_rows_that_are_left_out_are_those_where_it_is_least_dense(alpha, expected) -> None:
    rows = np.float32([[0], [1], [2], [9]])
    assert trust_score.keep_dense(rows, k=1, alpha=alpha)[:, 0].tolist() == expected
    assert trust_score.keep_dense(rows[:1], k=10, alpha=alpha).tolist() == [[0]]


# Gaussians


def gaussians_of(training):
    """Give the means of the classes, and the inverse of the pooled scatter, in float64."""
    rows = training.activations["a"].astype(np.float64)
    means = np.array([rows[training.y == label].mean(axis=0) for label in np.unique(training.y)])
    centred = rows - means[np.unique(training.y, return_inverse=True)[1]]
    return means, np.linalg.inv(centred.T @ centred + 1e-6 * np.eye(rows.shape[1]))


def squares_to(centres, inverse, evidence):
    differences = evidence.activations["a"].astype(np.float64)[:, np.newaxis] - centres
    return np.einsum("nci,ij,ncj->nc", differences, inverse, differences)


@pytest.mark.parametrize("classes", [[0, 1, 2], [0, 2]])
def test_mahalanobis_is_the_squared_distance_to_the_nearest_mean(classes) -> None:
    training, _, judged = draw_classes()
    training.y[~np.isin(training.y, classes)] = classes[0]
    means, inverse = gaussians_of(training)
    expected = squares_to(means, inverse, judged).min(axis=1) / 2
    scores = mahalanobis.fit(training, NOBODY, seed=0, layer="a")(judged)
    np.testing.assert_allclose(scores, expected, rtol=1e-9)


def test_relative_mahalanobis_takes_off_the_distance_to_the_mean_of_all() -> None:
    training, _, judged = draw_classes()
    means, inverse = gaussians_of(training)
    rows = training.activations["a"].astype(np.float64)
    of_all = np.linalg.inv((rows - rows.mean(axis=0)).T @ (rows - rows.mean(axis=0)) + 1e-6 * np.eye(6))
    expected = squares_to(means, inverse, judged).min(axis=1)
    expected -= squares_to(rows.mean(axis=0, keepdims=True), of_all, judged)[:, 0]
    scores = relative_mahalanobis.fit(training, NOBODY, seed=0, layer="a")(judged)
    np.testing.assert_allclose(scores, expected, rtol=1e-9, atol=1e-12)


def test_a_covariance_that_is_singular_to_float32_is_inverted_all_the_same() -> None:
    training, _, judged = draw_classes()
    for part in (training, judged):
        rows = part.activations["a"]
        rows[:, 1] = rows[:, 0] + 1e-3 * rows[:, 1]
        rows *= 100
    means, inverse = gaussians_of(training)
    scores = mahalanobis.fit(training, NOBODY, seed=0, layer="a")(judged)
    np.testing.assert_allclose(scores, squares_to(means, inverse, judged).min(axis=1) / 2, rtol=1e-5)


def test_pytorch_ood_is_given_float64_and_torch_is_left_as_it_was() -> None:
    import torch

    training, _, judged = draw_classes()
    mahalanobis.fit(training, NOBODY, seed=0, layer="a")(judged)
    assert torch.get_default_dtype() == torch.float32


# Virtual-logit matching


def with_last_layer(weights, biases, *parts):
    for part in parts:
        part.logits[:] = part.activations["a"] @ weights.T + biases


def score_vim_slowly(training, judged, weights, biases, dimensions):
    """Score as section 4 of the paper reads."""
    origin = -np.linalg.pinv(weights) @ biases
    rows, asked = (part.activations["a"].astype(np.float64) - origin for part in (training, judged))
    principal = np.linalg.svd(rows)[2][:dimensions]

    def residual(x):
        return np.linalg.norm(x - x @ principal.T @ principal, axis=1)

    logits, other_logits = ((x + origin) @ weights.T + biases for x in (rows, asked))
    alpha = logits.max(axis=1).sum() / residual(rows).sum()
    return alpha * residual(asked) - np.log(np.exp(other_logits).sum(axis=1))


@pytest.mark.parametrize("dimensions", [1, 3, 5])
def test_virtual_logits_are_those_of_the_paper_without_its_weights(dimensions: int) -> None:
    generator = np.random.default_rng(2)
    weights, biases = generator.normal(size=(3, 6)), generator.normal(size=3)
    training, calibration, judged = draw_classes()
    with_last_layer(weights, biases, training, calibration, judged)
    scores = vim.fit(training, calibration, seed=0, layer="a", dimensions=dimensions)(judged)
    expected = score_vim_slowly(training, judged, weights, biases, dimensions)
    np.testing.assert_allclose(scores, expected, rtol=1e-3, atol=1e-3)


def test_weights_of_what_varies_are_recovered_and_others_are_zero() -> None:
    generator = np.random.default_rng(2)
    weights, biases = generator.normal(size=(3, 6)), generator.normal(size=3)
    training, *_ = draw_classes()
    training.activations["a"][:, 4] = 0
    with_last_layer(weights, biases, training)
    found_weights, found_biases, rank = vim.recover_last_layer(training, "a")
    assert rank == 5
    weights[:, 4] = 0
    np.testing.assert_allclose(found_weights, weights, atol=1e-5)
    np.testing.assert_allclose(found_biases, biases, atol=1e-5)


@pytest.mark.parametrize("dimensions", [6, 100])
def test_of_a_layer_without_so_many_dimensions_half_are_principal(dimensions: int) -> None:
    training, calibration, judged = draw_classes()
    scores = vim.fit(training, calibration, seed=0, layer="a", dimensions=dimensions)(judged)
    half = vim.fit(training, calibration, seed=0, layer="a", dimensions=3)(judged)
    assert scores.tolist() == half.tolist()


@pytest.mark.parametrize("n", [90, 5])
def test_logits_that_are_not_made_of_the_layer_are_an_error(n: int) -> None:
    """Also those of five rows, which an affine function of six columns always fits."""
    training, calibration, _ = draw_classes()
    training.logits[:] = training.logits**2
    calibration.logits[:] = calibration.logits**2
    training = evidence_of(
        training.y[:n], activations={"a": training.activations["a"][:n]}, logits=training.logits[:n]
    )
    with pytest.raises(InputError, match="no affine function of the layer 'a', which ViM needs"):
        vim.fit(training, calibration, seed=0, layer="a", dimensions=2)


# Logits


LOGITS = np.float32([[0, 0, 0], [5, 1, -2], [1, 5, 4.5], [-3, -9, -7]])


@pytest.mark.parametrize(
    ("detector", "formula"),
    [
        (max_logit, lambda z: -z.max()),
        (softmax, lambda z: -np.exp(z.max()) / np.exp(z).sum()),
        (energy, lambda z: -np.log(np.exp(z).sum())),
        (entropy, lambda z: -(np.exp(z) / np.exp(z).sum() * (z - np.log(np.exp(z).sum()))).sum()),
    ],
)
def test_scores_of_logits_are_those_of_the_formula(detector, formula) -> None:
    scores = detector.fit(NOBODY, NOBODY, seed=0)(evidence_of([0] * 4, logits=LOGITS))
    np.testing.assert_allclose(scores, [formula(z) for z in LOGITS.astype(np.float64)], rtol=1e-12)


def test_softmax_tells_the_sure_from_the_very_sure() -> None:
    judged = evidence_of([0, 0], logits=[[20, 0, 0], [25, 0, 0]])
    less_sure, sure = softmax.fit(NOBODY, NOBODY, seed=0)(judged)
    assert less_sure > sure


def test_kl_matching_is_the_divergence_from_the_nearest_typical_posterior() -> None:
    """No calibration row is taken for class 2, which has no typical posterior."""
    calibration = evidence_of([2] * 4, logits=[[4, 1, 0], [3, 0, 1], [0, 5, 1], [1, 2, 0]])
    p, q = (np.exp(z) / np.exp(z).sum(axis=1, keepdims=True) for z in (LOGITS, calibration.logits))
    typical = np.array([q[:2].mean(axis=0), q[2:].mean(axis=0)])
    expected = (p[:, np.newaxis] * np.log(p[:, np.newaxis] / typical)).sum(axis=2).min(axis=1)
    scores = kl_matching.fit(NOBODY, calibration, seed=0)(evidence_of([0] * 4, logits=LOGITS))
    np.testing.assert_allclose(scores, expected, rtol=1e-5)


def test_a_class_that_is_never_typical_gives_a_number_all_the_same() -> None:
    calibration = evidence_of([0, 1], logits=[[2000, 0, 0], [0, 2000, 0]])
    scores = kl_matching.fit(NOBODY, calibration, seed=0)(
        evidence_of([0] * 3, logits=[[0, 0, 2000], [0, 0, 0], [2000, 0, 0]])
    )
    assert np.isfinite(scores).all()
    assert scores[:2].min() > 1e300 and scores[2] == 0


# Rows of a class among themselves


def test_a_cluster_scores_the_share_of_the_other() -> None:
    """Class 0: two places, of 6 and 2 rows. Class 1: one row. Class 2: rows all alike."""
    rows = [[0, 0]] * 3 + [[9, 9]] * 2 + [[0, 1]] * 3 + [[5, 5]] + [[7, 7]] * 3
    judged = evidence_of([0] * 8 + [1] + [2] * 3, activations={"a": rows})
    score = activation_clustering.fit(judged, NOBODY, seed=0, layer="a")
    assert score(judged).tolist() == [2 / 8] * 3 + [6 / 8] * 2 + [2 / 8] * 3 + [0] * 4


def draw_pairs_of_clusters(dimensions=40):
    """Draw classes 0 and 1 in two clusters each, of 30 and 12, and 30 and 4 rows, the small ones suspect."""
    generator = np.random.default_rng(0)
    y = np.r_[np.zeros(42, int), np.ones(34, int)]
    suspect = np.r_[np.zeros(30), np.ones(12), np.zeros(30), np.ones(4)].astype(bool)
    rows = generator.normal(size=(76, dimensions))
    rows[suspect] += 4 * generator.normal(size=dimensions)
    return evidence_of(y, activations={"a": rows, "b": generator.normal(size=(76, 3))}), suspect


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_clusters_that_art_suspects_score_more_than_a_half(seed: int) -> None:
    judged, suspect = draw_pairs_of_clusters()
    scores = activation_clustering.fit(judged, NOBODY, seed=seed, layer="a")(judged)
    assert (
        scores.tolist()
        == np.select(
            [suspect & (judged.y == 0), suspect, judged.y == 0], [30 / 42, 30 / 34, 12 / 42], 4 / 34
        ).tolist()
    )
    clusters = [(scores[judged.y == label] > 0.5).astype(int) for label in (0, 1)]
    clean, _, _ = ClusteringAnalyzer().analyze_by_size(clusters)
    assert np.concatenate(list(clean)).astype(bool).tolist() == (scores <= 0.5).tolist()


def test_ten_principal_components_are_clustered_from_ten_starts_and_fewer_of_a_small_class(
    monkeypatch,
) -> None:
    seen = []

    class Recorded(KMeans):
        def fit_predict(self, rows):
            seen.append((rows.shape, self.n_clusters, self.n_init))
            return super().fit_predict(rows)

    monkeypatch.setattr(activation_clustering, "KMeans", Recorded)
    judged, _ = draw_pairs_of_clusters()
    judged.y[-5:] = 2
    activation_clustering.fit(judged, NOBODY, seed=0, layer="a")(judged)
    assert seen == [((42, 10), 2, 10), ((29, 10), 2, 10), ((5, 5), 2, 10)]


def test_the_loss_is_the_logarithm_of_the_given_labels_softmax() -> None:
    judged = evidence_of([0, 1, 2], logits=[[0, 0, 0], [2, 0, 1], [0, 0, 2000]])
    scores = given_label_loss.fit(NOBODY, NOBODY, seed=0)(judged)
    expected = [np.log(3), np.log(np.exp(2) + 1 + np.exp(1)), 0]
    np.testing.assert_allclose(scores, expected, atol=1e-12)


def test_confident_learning_is_the_margin_of_adjusted_probabilities() -> None:
    """By hand, from the paper: probabilities less the class's mean self-confidence, shifted, rescaled."""
    logits = np.log([[0.7, 0.3], [0.5, 0.5], [0.4, 0.6], [0.2, 0.8]])
    y = np.array([0, 0, 1, 1])
    probabilities = np.exp(logits)
    thresholds = np.array([probabilities[y == label, label].mean() for label in (0, 1)])
    adjusted = probabilities - thresholds + thresholds.max()
    adjusted /= adjusted.sum(axis=1, keepdims=True)
    own = adjusted[np.arange(4), y]
    expected = 1 - (own - adjusted[np.arange(4), 1 - y] + 1) / 2
    scores = confident_learning.fit(NOBODY, NOBODY, seed=0)(evidence_of(y, logits=logits))
    np.testing.assert_allclose(scores, expected, atol=1e-6)


def project_slowly(rows):
    """Compute what algorithm 1 of the paper scores by, on the first eigenvector of the covariance."""
    centred = rows.astype(np.float64) - rows.astype(np.float64).mean(axis=0)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    return (centred @ vectors[:, -1]) ** 2


def test_spectral_signatures_are_the_squared_projections_of_centred_rows() -> None:
    judged, suspect = draw_pairs_of_clusters(dimensions=8)
    judged.activations["a"][:] += 20
    scores = spectral_signatures.fit(judged, NOBODY, seed=0, layer="a")(judged)
    for label in (0, 1):
        rows = judged.activations["a"][judged.y == label]
        np.testing.assert_allclose(scores[judged.y == label], project_slowly(rows), rtol=1e-6, atol=1e-9)
        # What ART makes of rows that are not centred, here far from the origin, is not that.
        uncentred = SpectralSignatureDefense.spectral_signature_scores(rows)[:, 0] ** 2
        assert not np.allclose(uncentred, project_slowly(rows), rtol=0.1)
    assert scores[suspect & (judged.y == 1)].min() > scores[~suspect & (judged.y == 1)].max()


def test_a_class_of_one_row_has_no_signature() -> None:
    judged = evidence_of([0, 1, 1], activations={"a": [[3, 4], [0, 0], [0, 2]]})
    scores = spectral_signatures.fit(judged, NOBODY, seed=0, layer="a")(judged)
    np.testing.assert_allclose(scores, [0, 1, 1])
