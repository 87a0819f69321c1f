"""Planted controls: what is planted, what is computed again, and that the figures mean something."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from conftest import gather_evidence
from scipy import stats
from sklearn.metrics import roc_auc_score

from layeraudit.audit import controls
from layeraudit.audit.controls import (
    COLUMNS,
    count_planted,
    draw_flips,
    measure_list,
    measure_planted,
    plant_errors,
    plant_flips,
    score_flips,
)
from layeraudit.audit.labels import measure_self_confidence
from layeraudit.audit.probe import fit_probe
from layeraudit.audit.rows import predict_each, score_labels
from layeraudit.splits import Split

OF_RANKING = {"ranking": "label_disagreement", "calibration_scores": np.linspace(0, 1, 99)}


def draw(*, n=300, distance=5.0, seed=0):
    """Draw rows of three classes that are so far apart, with a layer, logits and a probe."""
    generator = np.random.default_rng(seed)
    y = generator.integers(3, size=n)
    rows = (distance * np.eye(3, 4)[y] + generator.normal(size=(n, 4))).astype(np.float32)
    training = gather_evidence({"a": rows, "b": 2 * rows}, y, k=8, logits=3 * rows[:, :3])
    probe = fit_probe(training, "b", n_classes=3, seed=1)
    predict = predict_each(probe, training, is_training=True)
    scores = score_labels(training, y, predict, n_classes=3)
    return training, {
        "self_confidence": measure_self_confidence(training.logits, y),
        "probe": probe,
        "of_probe": scores["probe"],
    }


def value_of(table, detector, quantity, length=None):
    named = (table["detector"] == detector) & (table["quantity"] == quantity)
    at = table["length"].isna() if length is None else table["length"] == length
    (row,) = table[named & at.fillna(False).astype(bool)].to_dict("records")
    return row


@pytest.mark.parametrize(
    ("n", "planted"), [(9, 0), (10, 1), (99, 9), (100, 10), (1000, 10), (1500, 15), (60_000, 600)]
)
def test_how_many_are_planted(n, planted) -> None:
    assert count_planted(n) == planted


def test_flips_are_uniform_over_rows_and_other_labels() -> None:
    y = np.array([0, 0, 0, 2, 2, 5])
    generator = np.random.default_rng(0)
    chosen, labels = np.zeros(6), np.zeros((6, 6))
    for _ in range(3000):
        rows, flipped = draw_flips(y, 2, generator)
        assert len(set(rows)) == 2 and (np.diff(rows) > 0).all()
        assert (flipped != y[rows]).all() and set(flipped) <= {0, 2, 5}
        chosen[rows] += 1
        labels[rows, flipped] += 1
    assert stats.chisquare(chosen).pvalue > 0.01
    assert all(stats.chisquare(of[of > 0]).pvalue > 0.001 and (of > 0).sum() == 2 for of in labels)


def test_what_depends_on_labels_is_computed_again() -> None:
    training, before = draw()
    rows, flipped = draw_flips(training.y, 30, np.random.default_rng(0))
    found = score_flips(training, rows, flipped, **before)
    y = training.y.copy()
    y[rows] = flipped
    changed = replace(training, y=y)
    predict = predict_each(before["probe"], training, is_training=True)  # fitted to the labels as they were
    expected = score_labels(changed, y, predict, n_classes=3)
    expected["self_confidence"] = measure_self_confidence(training.logits, y)
    assert set(found) == set(expected)
    for detector, scores in found.items():
        assert scores == pytest.approx(expected[detector], abs=1e-12)


def test_without_logits_or_probe_there_are_neighbours_alone() -> None:
    training, before = draw(n=60)
    rows, flipped = draw_flips(training.y, 6, np.random.default_rng(0))
    nothing = {"self_confidence": None, "probe": None, "of_probe": np.full(60, np.nan)}
    found = score_flips(training, rows, flipped, **nothing)
    names = ["label_disagreement_a", "label_disagreement_b", "label_disagreement"]
    assert list(found) == names
    assert list(score_flips(training, rows, flipped, **before | {"probe": None})) == [
        *names,
        "self_confidence",
    ]


def test_recall_and_precision_by_hand() -> None:
    scores = np.array([5.0, 4, 4, 3, 2, 1, 1, 0, 0, 0])
    planted = np.zeros(10, bool)
    planted[[0, 2]] = True
    found = {(of["length"], of["quantity"]): of["value"] for of in measure_list(scores, planted)}
    assert found == {
        (2, "recall"): 0.5,  # of the tie the row that comes first, which is not planted
        (2, "precision"): 0.5,
        (4, "recall"): 1,
        (4, "precision"): 0.5,
        (10, "recall"): 1,
        (10, "precision"): 0.2,
        (None, "auroc"): pytest.approx(roc_auc_score(planted, scores)),
    }


def test_planted_flips_of_an_easy_set_are_found() -> None:
    training, before = draw()
    table = plant_flips(training, **before, **OF_RANKING, seed=1)
    assert list(table) == COLUMNS
    assert set(table["planted"]) == {10} and set(table["n_repeats"]) == {20}
    assert set(table["control"]) == {"flips_after_training"}
    assert sorted(table["length"].dropna().unique()) == [10, 20, 50]
    for detector in ("label_disagreement", "self_confidence", "probe", "neighbours_and_probe"):
        assert value_of(table, detector, "recall", 10)["value"] > 0.95
        assert value_of(table, detector, "auroc")["value"] > 0.99
        recall, precision = (value_of(table, detector, of, 50)["value"] for of in ("recall", "precision"))
        assert precision == pytest.approx(recall / 5)


@pytest.mark.parametrize(("calibration", "expected"), [(np.zeros(999), 1), (np.ones(999), 0)])
def test_planted_flips_are_flagged_unless_calibration_rows_look_as_wrong(calibration, expected) -> None:
    training, before = draw()
    ranking = {"ranking": "label_disagreement", "calibration_scores": calibration}
    table = plant_flips(training, **before, **ranking, seed=1)
    (found,) = table[table["quantity"] == "flagged"].to_dict("records")
    assert found["detector"] == "label_disagreement" and found["n_repeats"] == 20
    assert found["value"] == pytest.approx(expected, abs=0.05)


def test_labels_of_pure_noise_are_near_chance() -> None:
    training, before = draw(distance=0.0)
    table = plant_flips(training, **before, **OF_RANKING, seed=1)
    for detector in table["detector"].unique():
        found = value_of(table, detector, "auroc")
        assert abs(found["value"] - 0.5) < 0.1
        assert found["ci95_low"] < 0.55 and found["ci95_high"] > 0.45


def test_intervals_are_of_student_over_the_repeats(monkeypatch) -> None:
    training, before = draw(n=100, distance=2.0)
    monkeypatch.setattr(controls, "REPEATS", 4)
    found = value_of(
        plant_flips(training, **before, **OF_RANKING, seed=1), "label_disagreement", "recall", 10
    )
    values = []
    for repeat in range(4):
        rows, flipped = draw_flips(training.y, 10, np.random.default_rng([1, repeat]))
        scores = score_flips(training, rows, flipped, **before)["label_disagreement"]
        first = np.lexsort((np.arange(100), -scores))[:10]
        values.append(np.isin(first, rows).mean())
    assert found["value"] == pytest.approx(np.mean(values))
    low, high = stats.t.interval(0.95, 3, np.mean(values), stats.sem(values))
    assert (found["ci95_low"], found["ci95_high"]) == pytest.approx((max(low, 0), min(high, 1)))


def test_a_seed_gives_the_same_table_again() -> None:
    training, before = draw(n=100, distance=1.5)
    once, again, other = (plant_flips(training, **before, **OF_RANKING, seed=seed) for seed in (1, 1, 2))
    assert once.equals(again) and not once.equals(other)


def test_of_too_few_rows_or_one_class_nothing_is_planted() -> None:
    training, before = draw(n=100)
    of_one = replace(training, y=np.zeros(100, np.int64))
    assert not len(plant_flips(of_one, **before, **OF_RANKING, seed=1))
    few = gather_evidence({"a": np.arange(9, dtype=np.float32)[:, None]}, [0, 1, 2] * 3, k=2)
    before = {"self_confidence": None, "probe": None, "of_probe": np.full(9, np.nan)}
    table = plant_flips(few, **before, **OF_RANKING, seed=1)
    assert not len(table) and list(table) == COLUMNS


def make_split(n: int = 200) -> Split:
    generator = np.random.default_rng(0)
    y = generator.integers(3, size=n)
    x = generator.random((n, 1, 16, 16), dtype=np.float32) / 2
    return Split(x, y, y, np.zeros(n, bool), np.arange(n), 5)


def test_flips_and_triggers_are_planted_in_rows_that_stay_in_their_places() -> None:
    split = make_split()
    planted = plant_errors(split, seed=1)
    np.testing.assert_array_equal(planted.source, split.source)
    np.testing.assert_array_equal(planted.y_true, split.y)
    changed = planted.y != split.y
    assert planted.is_poison.sum() == count_planted(len(split)) == 10
    assert changed.sum() == 20 and changed[planted.is_poison].all()
    assert len(set(planted.y[planted.is_poison])) == 1
    assert set(planted.y) == {0, 1, 2}  # no class that the rows have not
    different = (planted.x != split.x).any(axis=(1, 2, 3))
    np.testing.assert_array_equal(different, planted.is_poison)
    (marked,) = np.unique(planted.x[planted.is_poison][:, 0, 13:15, 13:15])
    assert marked == 1
    assert (planted.x[planted.is_poison][:, 0, :13] == split.x[planted.is_poison][:, 0, :13]).all()


def test_other_seeds_plant_other_rows_and_too_few_rows_have_none() -> None:
    one, again, other = (plant_errors(make_split(), seed=seed).y for seed in (1, 1, 2))
    assert (one == again).all() and (one != other).any()
    same = np.zeros(200, np.int64)
    for few in (make_split(9), replace(make_split(), y=same, y_true=same)):
        assert plant_errors(few, seed=1) is few
        assert measure_planted(few, pd.DataFrame(), seed=1).empty


def test_each_kind_of_planted_rows_is_found_without_the_other() -> None:
    split = plant_errors(make_split(), seed=1)
    is_flip = (split.y != split.y_true) & ~split.is_poison
    columns = ("self_confidence", "probe", "neighbours_and_probe", "held_out_deficit")
    # The first detector finds flips alone, the second all that is planted, the third nothing at all.
    rows = pd.DataFrame(
        {"label_disagreement": is_flip * 1.0, "label_disagreement_a": (is_flip | split.is_poison) * 1.0}
        | dict.fromkeys(columns, np.nan)
        | {"outlier_score": 0.0, "predicted": np.where(split.is_poison, split.y, split.y_true)}
        | {"group": np.where(split.is_poison.cumsum() <= 4, 1, 0) * split.is_poison - 1}
    )
    table = measure_planted(split, rows, seed=1)
    found = table.set_index(["control", "detector", "quantity"])["value"]
    for control, detector, auroc in [
        ("flips_before_training", "label_disagreement", 1),
        ("flips_before_training", "label_disagreement_a", 1),
        ("trigger_before_training", "label_disagreement", 0.5),
        ("trigger_before_training", "label_disagreement_a", 1),
        ("trigger_before_training", "outlier_score", 0.5),
    ]:
        assert found[control, detector, "auroc"].item() == auroc
    of_triggers = {"outlier_score", "group"}
    assert set(table["detector"]) == {"label_disagreement", "label_disagreement_a"} | of_triggers
    assert not of_triggers & set(table.loc[table["control"] == "flips_before_training", "detector"])
    grouped = table[table["detector"] == "group"].iloc[0]
    assert (grouped["quantity"], grouped["value"]) == ("flagged", 0.4)
    assert grouped["ci95_low"] < 0.4 < grouped["ci95_high"]
    learned = table.groupby("control")["learned"].unique()
    assert learned["flips_before_training"].tolist() == [0]
    assert learned["trigger_before_training"].tolist() == [10]
    recall = table[(table["quantity"] == "recall") & (table["detector"] == "label_disagreement_a")].iloc[0]
    assert (recall["value"], recall["ci95_high"]) == (1, 1)
    assert recall["ci95_low"] == pytest.approx(1 / (1 + stats.norm.ppf(0.975) ** 2 / 10))  # Wilson, 10 of 10
