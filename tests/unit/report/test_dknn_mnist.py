"""The paper's results on MNIST, on images laid out by hand."""

import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from conftest import REPOSITORY
from matplotlib.figure import Figure
from numpy.typing import NDArray

from layeraudit.report.dknn_mnist import (
    ALPHAS,
    INPUTS,
    measure_inputs,
    measure_reliability,
    measure_validity,
)
from layeraudit.report.figures.dknn_mnist import plot_inputs, plot_reliability
from layeraudit.report.measures import tabulate

CALIBRATION = np.array([0, 0, 1, 3])

COLUMNS = ["y_true", "dnn_label", "dknn_label", "dnn_confidence", "nonconformity", "same_label_neighbours_fc"]
IMAGES = pd.DataFrame(
    [
        # Four neighbours in all: nonconformity + same label = 4 wherever DkNN gives the label.
        (7, 7, 7, 0.9, 0, 4),  # all neighbours agree: credibility 1 in every mode
        (7, 3, 7, 0.6, 1, 3),  # paper 2 / 4, cleverhans 2 / 2, conformal 3 / 5
        (7, 7, 3, 0.8, 2, 1),  # DkNN errs: paper 1 / 4, cleverhans 1 / 2, conformal 2 / 5
    ],
    columns=COLUMNS,
)
SCORES = dict.fromkeys(INPUTS, IMAGES)
MEASURED = measure_inputs(SCORES, CALIBRATION)
RELIABILITY = measure_reliability(SCORES, CALIBRATION)


@pytest.mark.parametrize(
    ("mode", "quantity", "value"),
    [
        ("", "dnn_accuracy", 2 / 3),
        ("", "dknn_accuracy", 2 / 3),
        ("", "softmax_confidence", 2.3 / 3),
        ("paper", "credibility", 1.75 / 3),
        ("cleverhans", "credibility", 2.5 / 3),
        ("conformal", "credibility", 2 / 3),
    ],
)
def test_a_figure_is_the_mean_of_the_images(mode: str, quantity: str, value: float) -> None:
    row = MEASURED.set_index(["input", "mode", "quantity"]).loc[("test", mode, quantity)]
    assert row.tolist() == pytest.approx([value, 3])


def test_nothing_is_right_of_what_is_no_digit() -> None:
    of_clothes = MEASURED[MEASURED["input"] == "fashion_mnist"]
    assert set(of_clothes["quantity"]) == {"softmax_confidence", "credibility"}
    assert set(MEASURED["input"]) == set(INPUTS)


def test_a_mode_that_drops_every_calibration_point_has_no_p_value() -> None:
    agreed = np.zeros(3, np.int64)
    for measured in (measure_inputs(SCORES, agreed), measure_validity(SCORES["test"], agreed, 4)):
        of_p = measured[measured["mode"] != ""]
        assert (of_p["value"].isna() == (of_p["mode"] == "cleverhans")).all()
    reliability = measure_reliability(SCORES, agreed)
    of_test = reliability[(reliability["input"] == "test") & (reliability["quantity"] == "accuracy")]
    n_points = of_test.groupby("mode")["n_points"].sum().to_dict()
    assert n_points == {"": 3, "paper": 3, "cleverhans": 0}


def test_reliability_counts_each_image_in_one_bin_and_its_rights() -> None:
    scores = SCORES | {"fgsm": SCORES["fgsm"].assign(nonconformity=[4, 1, 0])}
    measured = measure_reliability(scores, CALIBRATION)
    assert (measured.groupby(["input", "score", "mode", "quantity"])["n_points"].sum() == 3).all()

    def by_bin(name: str, mode: str, quantity: str) -> pd.DataFrame:
        own = measured.query("input == @name and mode == @mode and quantity == @quantity")
        assert own["bin_low"].tolist() == [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
        assert own["bin_high"].tolist() == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]
        return own.set_index("bin_low").dropna()

    assert by_bin("test", "paper", "accuracy")["value"].to_dict() == {0.2: 0, 0.4: 1, 0.9: 1}
    assert by_bin("test", "paper", "mean_score")["value"].to_dict() == {0.2: 0.25, 0.4: 0.5, 0.9: 1}
    assert by_bin("test", "cleverhans", "accuracy")["value"].to_dict() == {0.4: 0, 0.9: 1}
    assert by_bin("test", "cleverhans", "accuracy")["n_points"].to_dict() == {0.4: 1, 0.9: 2}
    # The network errs on the second image; 0.8 and 0.6 are the upper ends of their bins, 0 is in the first.
    assert by_bin("test", "", "accuracy")["value"].to_dict() == {0.5: 0, 0.7: 1, 0.8: 1}
    assert by_bin("fgsm", "paper", "mean_score")["value"].to_dict() == {0: 0, 0.4: 0.5, 0.9: 1}


def validity_of(calibrations: NDArray[np.int64], nonconformity: NDArray[np.int64], k: int) -> pd.DataFrame:
    """Tabulate how often the true label's p-value is at most alpha; rows of both arrays are seeds."""
    seeds = [
        measure_validity(pd.DataFrame({"same_label_neighbours_fc": k - given}), calibration, k).assign(
            seed=seed
        )
        for seed, (calibration, given) in enumerate(zip(calibrations, nonconformity, strict=True))
    ]
    table = tabulate(pd.concat(seeds))
    conformal = table[table["mode"] == "conformal"]
    assert conformal["alpha"].tolist() == ALPHAS
    assert (table["n_points"] == nonconformity.size).all()
    return conformal.assign(standard_error=(table["ci95_high"] - table["value"]) / 1.97)


def test_p_values_of_exchangeable_images_are_uniform_without_ties() -> None:
    """Images and calibration are of one distribution, and (n + 1) alpha is whole: the share is alpha."""
    generator = np.random.default_rng(0)
    table = validity_of(
        generator.integers(10**6, size=(200, 99)), generator.integers(10**6, size=(200, 50)), 10**6
    )
    assert (abs(table["value"] - table["alpha"]) < 4 * table["standard_error"]).all()
    assert (4 * table["standard_error"] < 0.3 * np.sqrt(table["alpha"])).all()


def test_with_ties_the_p_values_are_still_valid() -> None:
    generator = np.random.default_rng(1)
    table = validity_of(generator.binomial(3, 0.2, (200, 99)), generator.binomial(3, 0.2, (200, 50)), 3)
    assert (table["value"] <= table["alpha"] + 4 * table["standard_error"]).all()


@pytest.mark.parametrize(("name", "measures"), [("dknn_mnist", MEASURED), ("reliability", RELIABILITY)])
def test_each_reported_figure_stands_beside_ours(name: str, measures: pd.DataFrame) -> None:
    reported = pd.read_csv(REPOSITORY / f"config/reported/{name}.csv").fillna({"mode": ""})
    table = tabulate(measures.assign(seed=1), reported)
    columns = reported.columns.tolist()
    pd.testing.assert_frame_equal(
        table.dropna(subset="reported")[columns].sort_values(columns, ignore_index=True),
        reported.sort_values(columns, ignore_index=True),
        check_dtype=False,
    )


@pytest.mark.parametrize(
    ("plot", "name", "measures"),
    [(plot_inputs, "dknn_mnist", MEASURED), (plot_reliability, "reliability", RELIABILITY)],
)
def test_the_figure_of_one_seed_warns_of_nothing(
    plot: Callable[[pd.DataFrame], Figure], name: str, measures: pd.DataFrame
) -> None:
    reported = pd.read_csv(REPOSITORY / f"config/reported/{name}.csv").fillna({"mode": ""})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for figures in (None, reported):
            plot(tabulate(measures.assign(seed=1), figures)).canvas.draw()
