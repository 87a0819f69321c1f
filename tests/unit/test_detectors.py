"""What every detector has and keeps to, and that each finds what was planted for it to find.

The network is a made-up one: three classes, each round an axis of its own in the layer `relu`, from which the
logits are affine, and a layer `early` that is a blurred view of it. Its images are greys that tell nothing.
"""

from dataclasses import replace

import numpy as np
import pytest
from conftest import (
    BIASES,
    LENGTH,
    N_CLASSES,
    WEIGHTS,
    assert_suspects_come_first,
    draw,
    draw_problem,
    make_evidence,
)
from jsonschema import Draft202012Validator

from layeraudit.detectors import Evidence
from layeraudit.plugins import list_methods, load, read_constants

OPTIONS = {
    "activation_clustering": {"layer": "relu"},
    "confident_learning": {},
    "label_disagreement": {"layers": ["relu", "fc"]},
    "deep_knn": {"layer": "relu", "k": 15},
    "dknn": {"mode": "paper"},
    "energy": {},
    "entropy": {},
    "given_label_loss": {},
    "grey_pixels": {},
    "held_out_deficit": {"layers": ["relu", "fc"], "k": 5},
    "kl_matching": {},
    "knn_distance": {"layer": "relu", "k": 10},
    "lid": {"layers": ["relu", "fc"], "k": 15},
    "mahalanobis": {"layer": "relu"},
    "max_logit": {},
    "perfect": {},
    "pixel_distance": {},
    "random": {},
    "relative_mahalanobis": {"layer": "relu"},
    "softmax": {},
    "spectral_signatures": {"layer": "relu"},
    "trust_score": {"layer": "relu", "k": 10, "alpha": 0.15},
    "vim": {"layer": "relu", "dimensions": 3},
}
"""Of every method the options that it is tested with."""

METHODS = sorted(OPTIONS)


def benches_of(method):
    return read_constants("detectors", method)["BENCHES"]


CASES = [(method, bench) for method in METHODS for bench in benches_of(method)]


def score(method, training, calibration, judged, *, seed=1, **options):
    fitted = load("detectors", method).fit(training, calibration, seed=seed, **(OPTIONS[method] | options))
    return fitted(judged)


def score_bench(method, bench, **options):
    training, calibration, judged = draw_problem(flipped=6)
    return score(method, training, calibration, training if bench == "poison" else judged, **options)


def select(evidence, rows):
    return Evidence(
        evidence.y[rows],
        {layer: part[rows] for layer, part in evidence.activations.items()},
        {layer: part[rows] for layer, part in evidence.neighbours.items()},
        evidence.logits[rows],
        evidence.is_suspect[rows],
        evidence.x[rows],
    )


def test_every_method_is_tested() -> None:
    assert list_methods("detectors") == METHODS


@pytest.mark.parametrize("method", METHODS)
def test_methods_are_tested_with_options_that_they_allow(method: str) -> None:
    options = read_constants("detectors", method)["OPTIONS"]
    assert OPTIONS[method].keys() == options.keys()
    for name, schema in options.items():
        Draft202012Validator(schema).validate(OPTIONS[method][name])


@pytest.mark.parametrize(("method", "bench"), CASES)
def test_scores_are_finite_numbers_and_the_same_again(method: str, bench: str) -> None:
    before = np.random.get_state()[1].copy()
    first, second = (score_bench(method, bench) for _ in range(2))
    assert first.dtype == np.float64
    assert first.shape == ((150,) if bench == "poison" else (70,))
    assert np.isfinite(first).all()
    assert first.tolist() == second.tolist()
    assert (np.random.get_state()[1] == before).all()


@pytest.mark.parametrize(("method", "bench"), CASES)
def test_none_but_the_perfect_one_looks_at_what_is_to_be_found(method: str, bench: str) -> None:
    training, calibration, judged = (
        replace(evidence, is_suspect=~evidence.is_suspect) for evidence in draw_problem(flipped=6)
    )
    flipped = score(method, training, calibration, training if bench == "poison" else judged)
    assert (flipped.tolist() == score_bench(method, bench).tolist()) == (method != "perfect")


@pytest.mark.parametrize(
    ("method", "bench"), [case for case in CASES if case[0] not in ("activation_clustering", "random")]
)
def test_a_score_does_not_depend_on_the_order_of_the_rows(method: str, bench: str) -> None:
    training, calibration, judged = draw_problem(flipped=6)
    evidence = training if bench == "poison" else judged
    order = np.random.default_rng(3).permutation(len(evidence))
    scores = score(method, training, calibration, select(evidence, order))
    np.testing.assert_allclose(scores, score_bench(method, bench)[order], rtol=1e-5, atol=1e-9)


def test_nor_does_it_of_clusters_that_are_clear() -> None:
    training, calibration, _ = draw_problem(flipped=20)
    training = select(training, np.flatnonzero(training.y == 1))
    order = np.random.default_rng(3).permutation(len(training))
    scores, again = (
        score("activation_clustering", training, calibration, evidence)
        for evidence in (training, select(training, order))
    )
    assert again.tolist() == scores[order].tolist()
    assert scores.tolist() == [50 / 70] * 20 + [20 / 70] * 50


AMONG_THEMSELVES = ("activation_clustering", "confident_learning", "spectral_signatures", "random")


@pytest.mark.parametrize("method", [method for method in METHODS if method not in AMONG_THEMSELVES])
@pytest.mark.parametrize("n", [0, 1, 7])
def test_a_score_does_not_depend_on_the_other_rows_even_where_there_are_none(method: str, n: int) -> None:
    training, calibration, judged = draw_problem()
    rows = np.arange(len(judged))[-n:] if n else np.arange(0)
    scores = score(method, training, calibration, select(judged, rows))
    expected = score(method, training, calibration, judged)[rows]
    np.testing.assert_allclose(scores, expected, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("method", AMONG_THEMSELVES)
def test_what_judges_rows_among_themselves_can_be_given_none(method: str) -> None:
    training, calibration, _ = draw_problem()
    assert score(method, training, calibration, select(training, np.arange(0))).shape == (0,)


def spoil(evidence, layers):
    """Replace what evidence says of some layers by noise."""
    generator = np.random.default_rng(9)
    activations, neighbours = dict(evidence.activations), dict(evidence.neighbours)
    for layer in layers:
        activations[layer] = generator.normal(size=activations[layer].shape).astype(np.float32)
        neighbours[layer] = generator.integers(0, 150, neighbours[layer].shape)
    return replace(evidence, activations=activations, neighbours=neighbours)


@pytest.mark.parametrize(("method", "bench"), [case for case in CASES if case[0] != "dknn"])
@pytest.mark.parametrize("layer", ["early", "relu", "fc"])
def test_the_layers_that_the_options_name_count_and_no_others(method: str, bench: str, layer: str) -> None:
    """The logits are spoilt with no layer, so those that look at them alone heed none."""
    spoilt = [spoil(evidence, [layer]) for evidence in draw_problem(flipped=6)]
    named = OPTIONS[method].get("layers", [OPTIONS[method].get("layer")])
    if method == "vim":
        # With another layer it would refuse to work; its weights must come from the layer that it is given.
        spoilt = (
            spoilt if layer != "relu" else [replace_features(part, 2.0) for part in draw_problem(flipped=6)]
        )
    scores = score(method, spoilt[0], spoilt[1], spoilt[0] if bench == "poison" else spoilt[2])
    same = np.allclose(scores, score_bench(method, bench), rtol=1e-5, atol=1e-9)
    assert same == (layer not in named)


def replace_features(evidence, power):
    """Bend the layer `relu`, and let the logits be those of the bent one."""
    relu = (np.sign(evidence.activations["relu"]) * np.abs(evidence.activations["relu"]) ** power) / 8
    logits = (relu @ WEIGHTS.T + BIASES).astype(np.float32)
    activations = dict(evidence.activations) | {"relu": relu.astype(np.float32)}
    return replace(evidence, activations=activations, logits=logits)


@pytest.mark.parametrize("layer", ["early", "relu", "fc"])
def test_every_layer_counts_in_deep_k_nearest_neighbours(layer: str) -> None:
    training, calibration, judged = draw_problem(flipped=6)
    spoilt = score("dknn", training, calibration, spoil(judged, [layer]))
    assert (spoilt != score("dknn", training, calibration, judged)).any()


OF_LOGITS = [
    "confident_learning",
    "given_label_loss",
    "energy",
    "entropy",
    "kl_matching",
    "max_logit",
    "softmax",
]


@pytest.mark.parametrize("method", OF_LOGITS)
def test_those_of_logits_heed_the_logits(method: str) -> None:
    training, calibration, judged = draw_problem()
    halved = score(method, training, calibration, replace(judged, logits=judged.logits / 2))
    assert (halved != score(method, training, calibration, judged)).all()


OF_PIXELS = ["grey_pixels", "pixel_distance"]
OTHERS = ["random", "perfect", *OF_PIXELS, "relative_mahalanobis", "held_out_deficit"]
OF_LABELS = ["activation_clustering", "label_disagreement", "deep_knn", "spectral_signatures", "trust_score"]
OF_LABELS += ["given_label_loss", "confident_learning"]


@pytest.mark.parametrize("method", OF_LABELS)
def test_those_of_labels_find_all_that_are_labelled_wrong(method: str) -> None:
    training, calibration, _ = draw_problem(flipped=6)
    assert training.is_suspect.sum() == 6
    assert_suspects_come_first(score(method, training, calibration, training), training.is_suspect)


@pytest.mark.parametrize("method", [m for m in METHODS if m not in [*OF_LABELS, *OTHERS]])
def test_all_others_find_what_is_like_no_class(method: str) -> None:
    training, calibration, judged = draw_problem()
    scores = score(method, training, calibration, judged)
    if method in ("dknn", "lid"):
        # A count of labels, and an estimate from 15 distances, may overlap.
        pairs = scores[judged.is_suspect][:, None] > scores[~judged.is_suspect]
        assert pairs.mean() > 0.97
    else:
        assert_suspects_come_first(scores, judged.is_suspect)


def test_the_held_out_deficit_finds_training_rows_where_no_row_is_held_out() -> None:
    axes = np.r_[np.arange(150) % N_CLASSES, np.full(12, 7)]
    training = make_evidence(draw(np.random.default_rng(0), axes), axes % N_CLASSES, axes == 7)
    _, calibration, _ = draw_problem()
    features = calibration.activations["relu"]
    calibration = make_evidence(features, calibration.y, calibration.is_suspect, training)
    assert_suspects_come_first(
        score("held_out_deficit", training, calibration, training), training.is_suspect
    )


def test_relative_distance_finds_what_lies_between_the_classes() -> None:
    """An axis of no class tells nothing of the label, so that it heeds it no more than the background."""
    training, calibration, judged = draw_problem()
    features = judged.activations["relu"].copy()
    features[60:] = LENGTH / N_CLASSES * WEIGHTS.sum(axis=0)
    judged = make_evidence(features, None, judged.is_suspect, training)
    assert_suspects_come_first(
        score("relative_mahalanobis", training, calibration, judged), judged.is_suspect
    )


@pytest.mark.parametrize("method", ["label_disagreement", "deep_knn", "trust_score"])
def test_those_of_labels_find_what_the_network_takes_for_another_class(method: str) -> None:
    training, calibration, judged = draw_problem()
    clean = select(judged, np.arange(60))
    fooled = np.arange(60) < 10
    judged = replace(clean, y=np.where(fooled, (clean.y + 1) % N_CLASSES, clean.y))
    assert_suspects_come_first(score(method, training, calibration, judged), fooled)


def test_the_perfect_control_finds_all_and_the_random_one_knows_nothing_but_the_seed() -> None:
    training, calibration, _ = draw_problem(flipped=6)
    perfect = score("perfect", training, calibration, training)
    assert perfect.tolist() == training.is_suspect.astype(float).tolist()
    drawn = score("random", training, calibration, training)
    unlike = replace(training, y=training.y * 0, logits=-training.logits)
    assert score("random", unlike, calibration, unlike).tolist() == drawn.tolist()
    assert score("random", training, calibration, training, seed=2).tolist() != drawn.tolist()
    assert 0 <= drawn.min() < 0.1 and 0.9 < drawn.max() < 1


def test_the_control_of_pixels_measures_how_far_they_are_from_black_and_white() -> None:
    training, calibration, judged = draw_problem()
    black, white, grey, pale = (
        np.zeros(12),
        np.ones(12),
        np.full(12, 0.5),
        np.r_[np.full(6, 0.75), np.ones(6)],
    )
    x = np.array([black, white, grey, pale], dtype=np.float32).reshape(4, 3, 2, 2)
    images = replace(select(judged, np.arange(4)), x=x)
    assert score("grey_pixels", training, calibration, images).tolist() == [0, 0, 0.5, 0.125]


def test_the_control_of_distance_measures_to_the_tenth_image_or_the_last_of_fewer() -> None:
    training, calibration, judged = draw_problem()
    x = np.zeros((len(training), 1, 1, 2), np.float32)
    x[::-1, 0, 0, 0] = np.arange(len(x)) / len(x)
    black = replace(select(judged, np.arange(1)), x=np.zeros((1, 1, 1, 2), np.float32))
    for first, place in ((0, 9), (len(x) - 4, 3)):
        images = replace(select(training, np.arange(first, len(x))), x=x[first:])
        distance = score("pixel_distance", images, calibration, black)
        assert distance == pytest.approx([place / len(x)], rel=1e-5)


@pytest.mark.parametrize("method", [method for method in METHODS if method not in OF_PIXELS])
def test_none_but_those_controls_look_at_pixels(method: str) -> None:
    parts = [replace(evidence, x=1 - evidence.x / 2) for evidence in draw_problem(flipped=6)]
    bench = benches_of(method)[0]
    judged = parts[0] if bench == "poison" else parts[2]
    assert score(method, parts[0], parts[1], judged).tolist() == score_bench(method, bench).tolist()


@pytest.mark.parametrize(("method", "bench"), CASES)
@pytest.mark.parametrize(
    "fault",
    [
        "rows of zeros",
        "nothing but zeros",
        "all rows alike",
        "dead columns",
        "a class of one row",
        "a class of none",
    ],
)
def test_scores_stay_finite_where_the_evidence_is_poor(method: str, bench: str, fault: str) -> None:
    generator = np.random.default_rng(4)
    classes = np.repeat(np.arange(N_CLASSES), 20)
    features, other_features = draw(generator, classes), draw(generator, classes)
    y = classes.copy()
    if fault == "rows of zeros":
        features[:25] = 0
        other_features[:30] = 0
    elif fault == "nothing but zeros":
        features[:] = other_features[:] = 0
    elif fault == "all rows alike":
        features[:] = other_features[:] = features[0]
    elif fault == "dead columns":
        features[:, 1:] = other_features[:, 1:] = 0
    elif fault == "a class of one row":
        y[1:20] = 1
    elif fault == "a class of none":
        y[:20] = 1
    training = make_evidence(features, y, np.zeros(60))
    calibration = make_evidence(other_features, classes, np.zeros(60), training)
    judged = training if bench == "poison" else make_evidence(other_features, None, np.zeros(60), training)
    scores = score(
        method, training, calibration, judged, **({"alpha": 0.5} if method == "trust_score" else {})
    )
    assert scores.shape == (60,) and scores.dtype == np.float64
    assert np.isfinite(scores).all()


def test_the_training_rows_of_the_evasion_bench_need_no_neighbours() -> None:
    training, calibration, judged = draw_problem()
    alone = replace(training, neighbours={})
    for method in (m for m in METHODS if "evasion" in benches_of(m)):
        expected = score(method, training, calibration, judged)
        assert score(method, alone, calibration, judged).tolist() == expected.tolist()
