"""What speaks for a row's label: its neighbours, the network, and a probe that has not seen the row."""

import tracemalloc
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from conftest import gather_evidence
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from layeraudit import blocks
from layeraudit.audit import probe
from layeraudit.audit.gate import HELD_OUT, TRAIN, judge_accuracy
from layeraudit.audit.labels import (
    measure_disagreement,
    measure_probe,
    measure_self_confidence,
    propose_labels,
)
from layeraudit.audit.outliers import measure_to_last
from layeraudit.audit.probe import choose_layer, find_hindrance, fit_probe, read_probe, write_probe
from layeraudit.audit.rows import judge_labels, judge_outliers, predict_each, score_labels
from layeraudit.audit.significance import compute_p_values
from layeraudit.detectors import Evidence, label_disagreement
from layeraudit.errors import InputError
from layeraudit.files import open_logits, open_matrix, write_matrix

LABELS = np.array([0, 0, 1, 1, 2, 0])


@pytest.fixture(params=[2**25, 1])
def block(request, monkeypatch) -> int:
    """Blocks of all rows, and of one row each."""
    monkeypatch.setattr(blocks, "BYTES_AT_ONCE", request.param)
    return request.param


def draw_evidence(*, n=60, m=30, spread=1.0, seed=0, classes=3):
    """Draw training rows and others round three axes; the layer `early` sees them blurred."""
    generator = np.random.default_rng(seed)
    y = generator.integers(classes, size=n + m)
    late = 4 * np.eye(classes, 5)[y] + spread * generator.normal(size=(n + m, 5))
    early = late + 3 * generator.normal(size=late.shape)
    logits = (3 * late[:, :classes]).astype(np.float32)
    parts = [
        {"early": early[of].astype(np.float32), "late": late[of].astype(np.float32)}
        for of in (slice(n), slice(n, None))
    ]
    training = gather_evidence(parts[0], y[:n], k=5, logits=logits[:n])
    return training, gather_evidence(parts[1], y[n:], k=5, training=training, logits=logits[n:])


def test_disagreement_is_the_share_of_other_labels(block) -> None:
    neighbours = np.array([[1, 2, 3, 5], [4, 4, 4, 4], [0, 1, 5, 0]])
    assert measure_disagreement(neighbours, LABELS, np.array([0, 2, 1])).tolist() == [0.5, 0, 1]


def test_disagreement_is_that_of_the_detector(block) -> None:
    training, others = draw_evidence()
    for evidence in (training, others):
        for layers in (["early"], ["late"], ["early", "late"]):
            expected = label_disagreement.fit(training, others, seed=0, layers=layers)(evidence)
            shares = [measure_disagreement(evidence.neighbours[of], training.y, evidence.y) for of in layers]
            assert np.allclose(np.mean(shares, axis=0), expected, rtol=0, atol=1e-15)


def test_self_confidence_is_what_is_left_of_the_probability_of_the_label(block) -> None:
    logits = np.log(np.array([[0.5, 0.25, 0.25], [0.1, 0.1, 0.8]])).astype(np.float32)
    assert measure_self_confidence(logits, np.array([0, 2])) == pytest.approx([0.5, 0.2], abs=1e-6)
    sure = measure_self_confidence(np.float32([[80, 0, 0], [0, 1000, 0]]), np.array([0, 0]))
    assert sure == pytest.approx([2 * np.exp(-80), 1], rel=1e-12)


@given(
    arrays(np.int64, (7, 6), elements=st.integers(0, 5)),
    arrays(np.int64, 7, elements=st.integers(0, 3)),
    st.booleans(),
)
def test_proposed_is_the_label_with_most_support(neighbours, y, has_probe) -> None:
    given_by_probe = np.random.default_rng(0).dirichlet(np.ones(4), size=7)
    predict = (lambda some: given_by_probe[some]) if has_probe else None
    found = propose_labels([neighbours[:, :3], neighbours[:, 3:]], LABELS, y, predict, n_classes=4)
    for row, (own, label) in enumerate(zip(y, found, strict=True)):
        votes = [float((LABELS[neighbours[row]] == of).mean()) for of in range(4)]
        support = [(vote + p) / 2 for vote, p in zip(votes, given_by_probe[row], strict=True)]
        support = support if has_probe else votes
        best = [of for of in range(4) if support[of] == max(support)]
        assert label == (own if own in best else best[0])


@pytest.fixture
def many_classes(tmp_path, monkeypatch) -> Evidence:
    """4,000 rows of 1,000 classes, whose mapped logits are the last layer, and blocks of 64 KB."""
    monkeypatch.setattr(blocks, "BYTES_AT_ONCE", 2**16)
    n, n_classes = 4000, 1000
    y = np.arange(n) % n_classes
    write_matrix(tmp_path / "logits.npy", 9 * np.eye(n_classes, dtype=np.float32)[y])
    logits = open_matrix(tmp_path / "logits.npy", np.float32)
    layers = {"early": np.ones((n, 1), np.float32), "fc": logits}
    neighbours = dict.fromkeys(layers, (np.arange(n)[:, np.newaxis] + n_classes * np.arange(1, 4)) % n)
    return Evidence(y, layers, neighbours, logits, np.zeros(n, bool), np.empty((n, 0, 0, 0), np.float32))


def judge_accuracy_of(evidence):
    """Judge a network on rows that are its training rows and its held-out rows."""
    labels, logits = ({TRAIN: of, HELD_OUT: of} for of in (evidence.y, [evidence.logits]))
    return judge_accuracy(labels, logits, n_classes=1000, expected_accuracy=None)["parts"][HELD_OUT]["right"]


def judge_labels_of(evidence):
    found, *_ = judge_labels(evidence, evidence, None, n_classes=1000, has_logits=True)
    return [int((found[name] == evidence.y).sum()) for name in ("predicted", "proposed")]


@pytest.mark.parametrize(
    ("judge", "expected"),
    [
        (lambda of: open_logits(Path(of.logits.filename), rows=4000).shape, (4000, 1000)),
        (judge_accuracy_of, 4000),
        (choose_layer, "early"),
        (judge_labels_of, [4000, 4000]),
    ],
    ids=["open_logits", "judge_accuracy", "choose_layer", "judge_labels"],
)
def test_no_array_of_all_rows_and_classes_is_made(judge, expected, many_classes) -> None:
    """Of 1.28 million rows of 1,000 classes even one of a byte a number would take 1.3 GB."""
    tracemalloc.start()
    try:
        found, (_, most) = judge(many_classes), tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found == expected
    assert most < many_classes.logits.size / 2


# The probe.


def test_a_row_is_judged_by_scikit_learn_fitted_to_the_other_folds(block) -> None:
    training, others = draw_evidence()
    fitted = fit_probe(training, "late", n_classes=3, seed=1)
    x, y = training.activations["late"].astype(np.float64), training.y
    found = fitted.predict_unseen(training.activations["late"], np.arange(60))
    by_each = []
    for number in range(5):
        seen = fitted.fold != number
        scaler = StandardScaler().fit(x[seen])
        model = LogisticRegression(C=fitted.regularisation, max_iter=200).fit(
            scaler.transform(x[seen]), y[seen]
        )
        assert found[~seen] == pytest.approx(model.predict_proba(scaler.transform(x[~seen])), abs=1e-4)
        by_each.append(model.predict_proba(scaler.transform(others.activations["late"])))
    of_others = fitted.predict_others(others.activations["late"], np.arange(30))
    assert of_others == pytest.approx(np.array([by_each[row % 5][row] for row in range(30)]), abs=1e-4)


@pytest.mark.parametrize(("wide", "share", "least", "most"), [(2, 0.0, 0.1, 1), (150, 0.4, 0.001, 0.01)])
def test_a_probe_learns_no_wrong_labels_by_heart(wide, share, least, most, monkeypatch) -> None:
    """Of few columns a weak penalty is best; of as many as rows, with labels that are wrong, a strong one."""
    generator = np.random.default_rng(1)
    y = np.arange(240) % 3
    rows = np.concatenate([4 * np.eye(3)[y], generator.normal(size=(240, wide))], axis=1)
    wrong = generator.random(240) < share
    given = np.where(wrong, (y + generator.integers(1, 3, 240)) % 3, y)
    training = gather_evidence({"late": rows.astype(np.float32)}, given, k=2)

    def fit() -> tuple[float, float]:
        fitted = fit_probe(training, "late", n_classes=3, seed=1)
        found = fitted.predict_unseen(training.activations["late"], np.arange(240)).argmax(axis=1)
        return fitted.regularisation, float((found == y).mean())

    regularisation, right = fit()
    assert least <= regularisation <= most
    monkeypatch.setattr(probe, "REGULARISATIONS", (1.0,))
    assert right > 0.99 or right > fit()[1] + 0.05


def test_folds_have_as_many_rows_of_each_class() -> None:
    training, _ = draw_evidence()
    fitted = fit_probe(training, "late", n_classes=3, seed=1)
    for label in range(3):
        counts = np.bincount(fitted.fold[training.y == label], minlength=5)
        assert counts.max() - counts.min() <= 1


def test_two_classes_and_a_class_that_no_row_has() -> None:
    training, _ = draw_evidence(classes=2)
    two = fit_probe(training, "late", n_classes=2, seed=1)
    three = fit_probe(training, "late", n_classes=3, seed=1)
    rows, activations = np.arange(60), training.activations["late"]
    found = three.predict_unseen(activations, rows)
    assert found[:, :2] == pytest.approx(two.predict_unseen(activations, rows))
    assert (found[:, 2] == 0).all()
    model = LogisticRegression(C=two.regularisation)
    seen = two.fold != 0
    scaler = StandardScaler().fit(activations[seen])
    model.fit(scaler.transform(activations[seen]), training.y[seen])
    expected = model.predict_proba(scaler.transform(activations[~seen]))
    assert two.predict_unseen(activations, rows)[~seen] == pytest.approx(expected, abs=1e-4)


def test_of_many_rows_a_sample_is_fitted_with_every_class_in_it(monkeypatch) -> None:
    training, _ = draw_evidence(n=200)
    monkeypatch.setattr(probe, "MOST_NUMBERS", 40 * 5 * 10)
    fitted = fit_probe(training, "late", n_classes=3, seed=1)
    assert 40 <= fitted.fitted <= 43
    assert np.isfinite(fitted.biases).all()
    again = fit_probe(training, "late", n_classes=3, seed=1)
    assert all(np.array_equal(of, vars(again)[name]) for name, of in vars(fitted).items())
    score = measure_probe(predict_each(fitted, training, is_training=True), training.y, n_classes=3)
    assert (score < 0.5).mean() > 0.9


@pytest.mark.parametrize(
    ("y", "n_classes", "hindered"),
    [
        ([0] * 5 + [1] * 5, 2, False),
        ([0] * 5 + [1] * 5, 100, False),
        ([0] * 5 + [1] * 5, 101, True),
        ([0] * 5 + [1] * 4, 2, True),
        ([1] * 50, 2, True),
    ],
)
def test_few_rows_or_many_classes_have_no_probe(y, n_classes, hindered) -> None:
    assert (find_hindrance(np.array(y), n_classes=n_classes) is not None) == hindered


def test_the_layer_is_the_last_that_is_not_the_logits() -> None:
    rows = np.float32([[1, 2], [3, 4]])
    for layers, logits, expected in (
        (("early", "late"), rows + 1, "late"),
        (("early", "late"), rows, "early"),
        (("late",), rows, "late"),
    ):
        evidence = gather_evidence(dict.fromkeys(layers, rows), [0, 1], k=1, logits=logits)
        assert choose_layer(evidence) == expected


def test_a_probe_is_read_as_it_was_written(tmp_path) -> None:
    training, _ = draw_evidence()
    fitted = fit_probe(training, "late", n_classes=3, seed=1)
    write_probe(tmp_path / "probe.npz", fitted)
    found = read_probe(tmp_path / "probe.npz")
    assert all(np.array_equal(of, vars(found)[name]) for name, of in vars(fitted).items())
    write_probe(tmp_path / "none.npz", None)
    assert read_probe(tmp_path / "none.npz") is None
    np.savez(tmp_path / "other.npz", **vars(fitted) | {"biases": np.zeros(3)})
    with pytest.raises(InputError, match=r"other.npz has weights \[5, 3, 5\] and biases \[3\], allowed"):
        read_probe(tmp_path / "other.npz")


# Both together.


def test_scores_are_means_of_shares_and_probabilities() -> None:
    training, others = draw_evidence()
    fitted = fit_probe(training, "late", n_classes=3, seed=1)
    predict = predict_each(fitted, others, is_training=False)
    found = score_labels(others, training.y, predict, n_classes=3)
    assert list(found) == [
        *("label_disagreement_early", "label_disagreement_late", "label_disagreement"),
        *("probe", "neighbours_and_probe"),
    ]
    both = (found["label_disagreement_early"] + found["label_disagreement_late"]) / 2
    assert found["label_disagreement"] == pytest.approx(both)
    of_label = predict(slice(0, 30))[np.arange(30), others.y]
    assert found["probe"] == pytest.approx(1 - of_label)
    assert found["neighbours_and_probe"] == pytest.approx((both + 1 - of_label) / 2)
    without = score_labels(others, training.y, None, n_classes=3)
    assert np.isnan(without["probe"]).all() and np.isnan(without["neighbours_and_probe"]).all()


@pytest.mark.parametrize(
    ("has_probe", "last", "proposed", "flagged", "false_alarms"),
    # Without a probe the blurred layer has half of ten votes, and right labels may lose seven of them.
    [(True, 20, 20, 20, 0), (False, 30, 19, 15, 2)],
)
def test_flipped_labels_come_first_with_the_right_label_proposed(
    has_probe, last, proposed, flagged, false_alarms
) -> None:
    training, calibration = draw_evidence(n=300, m=400, spread=0.5)
    true = training.y.copy()
    training.y[:20] = (true[:20] + 1) % 3
    fitted = fit_probe(training, "late", n_classes=3, seed=1) if has_probe else None
    found, p, scores = judge_labels(training, calibration, fitted, n_classes=3, has_logits=True)
    assert found["label_rank"][:20].max() <= last
    right = found["proposed"] == true
    assert right[:20].sum() >= proposed and right.mean() > (0.99 if has_probe else 0.97)
    assert (found["predicted"] == true).mean() > 0.99
    assert found["label_flagged"][:20].sum() >= flagged
    assert found["label_flagged"][20:].sum() <= false_alarms
    ranking = "neighbours_and_probe" if has_probe else "label_disagreement"
    assert (found["label_score"] == found[ranking]).all()
    assert (found["label_p"] == p.values).all()
    expected = [(1 + (scores >= score).sum()) / 401 for score in found["label_score"]]
    assert found["label_p"].tolist() == expected


def test_of_ties_the_row_that_comes_first_ranks_first() -> None:
    training, calibration = draw_evidence(spread=0.0)
    found, *_ = judge_labels(training, calibration, None, n_classes=3, has_logits=False)
    order = np.lexsort((np.arange(60), -found["label_score"]))
    assert (np.argsort(found["label_rank"]) == order).all()
    assert (found["predicted"] == -1).all() and np.isnan(found["self_confidence"]).all()


@pytest.mark.parametrize("value", [0, 1])
def test_rows_that_are_all_the_same_have_scores_and_none_is_flagged(value) -> None:
    y = np.arange(90) % 3
    rows = np.full((90, 4), value, np.float32)
    training = gather_evidence({"late": rows}, y, k=5)
    calibration = gather_evidence({"late": rows}, y, k=5, training=training)
    fitted = fit_probe(training, "late", n_classes=3, seed=1)
    of_labels, *_ = judge_labels(training, calibration, fitted, n_classes=3, has_logits=False)
    distances = measure_to_last(calibration, training, metric="cosine")
    of_outliers, _ = judge_outliers(training, distances, training, metric="cosine")
    for columns, kind in ((of_labels, "label"), (of_outliers, "outlier")):
        assert np.isfinite(columns[f"{kind}_score"]).all()
        assert not columns[f"{kind}_flagged"].any()


def test_a_class_of_one_row_is_judged_by_its_neighbours() -> None:
    training, calibration = draw_evidence(classes=2)
    training.y[7] = 2
    assert find_hindrance(training.y, n_classes=3) is not None
    found, *_ = judge_labels(training, calibration, None, n_classes=3, has_logits=False)
    assert found["label_score"][7] == 1 and found["label_rank"][7] == 1
    assert found["proposed"][7] != 2 and np.isfinite(found["label_score"]).all()


def test_a_layer_of_more_columns_than_rows_is_judged() -> None:
    generator = np.random.default_rng(0)
    y = np.arange(200) % 3
    rows = generator.normal(size=(200, 1000)).astype(np.float32)
    rows[:, :3] += 20 * np.eye(3, dtype=np.float32)[y]
    given = y[:100].copy()
    given[:5] = (given[:5] + 1) % 3
    training = gather_evidence({"late": rows[:100]}, given, k=5)
    calibration = gather_evidence({"late": rows[100:]}, y[100:], k=5, training=training)
    fitted = fit_probe(training, "late", n_classes=3, seed=1)
    found, *_ = judge_labels(training, calibration, fitted, n_classes=3, has_logits=False)
    assert sorted(found["label_rank"][:5]) == [1, 2, 3, 4, 5]
    assert (found["proposed"] == y[:100]).all()


def test_of_an_easy_set_without_errors_nothing_is_flagged() -> None:
    for seed in range(5):
        training, calibration = draw_evidence(n=200, m=200, spread=0.3, seed=seed)
        fitted = fit_probe(training, "late", n_classes=3, seed=1)
        found, *_ = judge_labels(training, calibration, fitted, n_classes=3, has_logits=True)
        assert not found["label_flagged"].any()
        assert (found["proposed"] == training.y).all()


def test_p_values_of_training_rows_are_not_too_small_where_the_probe_overfits() -> None:
    """Were calibration rows judged by the mean of all fits, 2 % of p-values would be 1 % or less here."""
    generator = np.random.default_rng(0)
    shares = []
    for seed in range(12):
        centres = 0.3 * generator.normal(size=(4, 100))
        y = generator.integers(4, size=400)
        rows = (centres[y] + generator.normal(size=(400, 100))).astype(np.float32)
        wrong = generator.random(240) < 0.1
        given = np.where(wrong, (y[:240] + 1) % 4, y[:240])
        training = gather_evidence({"late": rows[:240]}, given, k=1)
        calibration = gather_evidence({"late": rows[240:]}, y[240:], k=1, training=training)
        fitted = fit_probe(training, "late", n_classes=4, seed=seed)
        scores, of_calibration = (
            measure_probe(predict_each(fitted, of, is_training=of is training), of.y, n_classes=4)
            for of in (training, calibration)
        )
        p = compute_p_values(scores[~wrong], of_calibration).values
        shares.append([(p <= level).mean() for level in (0.01, 0.05, 0.2)])
    assert (np.mean(shares, axis=0) <= np.array([0.013, 0.06, 0.23])).all()


def test_softmax_of_many_columns_does_not_overflow() -> None:
    training, _ = draw_evidence()
    fitted = fit_probe(training, "late", n_classes=3, seed=1)
    rows = (1e4 * training.activations["late"]).astype(np.float32)
    logits = rows.astype(np.float64) @ fitted.weights[0].T + fitted.biases[0]
    found = partial(fitted.predict_others, rows)(np.arange(0, 60, 5))
    assert found == pytest.approx(softmax(logits, axis=1)[::5])
