"""The paper's results on MNIST, on images laid out by hand."""

import warnings

import numpy as np
import pandas as pd
import pytest

from layeraudit.report.dknn_mnist import (
    ALPHAS,
    NO_MODE,
    compute_nonconformity_of_given_label,
    make_claims,
    tabulate_inputs,
    tabulate_reliability,
    tabulate_validity,
)
from layeraudit.report.figures.dknn_mnist import plot_inputs
from layeraudit.statistics import BETWEEN_SEEDS_OF_ONE_POOL, tabulate_claims

CALIBRATIONS = [np.array([0, 0, 1, 3]), np.array([0, 2, 2, 2, 2])]


def make_scores(rows: list[tuple[int, int, int, int, float, int, int]]) -> pd.DataFrame:
    columns = ["seed", "y", "dnn_label", "dknn_label", "dnn_confidence", "nonconformity"]
    scores = pd.DataFrame(rows, columns=[*columns, "same_label_neighbours_fc"])
    return scores.assign(y_true=scores["y"])


TEST = make_scores(
    [
        # Four neighbours in all: nonconformity + same label = 4 wherever DkNN gives the label.
        (0, 7, 7, 7, 0.9, 0, 4),  # all neighbours agree: paper 1, cleverhans 1
        (0, 7, 3, 7, 0.6, 1, 3),  # paper 2 / 4, cleverhans 2 / 2
        (0, 7, 7, 3, 0.8, 2, 1),  # DkNN errs: paper 1 / 4, cleverhans 1 / 2
        (1, 7, 7, 7, 1.0, 3, 1),  # paper 0, cleverhans 0
        (1, 7, 7, 7, 0.5, 2, 2),  # paper 4 / 5, cleverhans 4 / 4
    ]
)
SCORES = dict.fromkeys(["test", "fgsm", "bim", "cw", "rotated", "fashion_mnist"], TEST)
SETTINGS = {"fgsm": "epsilon 0.25"}
KEYS = ["input", "quantity", "mode"]
INPUTS = tabulate_inputs(SCORES, CALIBRATIONS, SETTINGS, as_published=SCORES)
TABLE = INPUTS.set_index(KEYS).sort_index()


@pytest.mark.parametrize(
    ("quantity", "mode", "seed_means"),
    [
        ("dnn_accuracy", NO_MODE, [2 / 3, 1]),
        ("dknn_accuracy", NO_MODE, [2 / 3, 1]),
        ("softmax_confidence", NO_MODE, [2.3 / 3, 0.75]),
        ("credibility", "paper", [1.75 / 3, 0.4]),
        ("credibility", "cleverhans", [2.5 / 3, 0.5]),
        ("credibility", "conformal", [(5 / 5 + 3 / 5 + 2 / 5) / 3, (1 / 6 + 5 / 6) / 2]),
    ],
)
def test_a_figure_is_the_mean_of_the_means_of_the_seeds(
    quantity: str, mode: str, seed_means: list[float]
) -> None:
    row = TABLE.loc[("test", quantity, mode)]
    assert row["value"] == pytest.approx(np.mean(seed_means))
    assert (row["n_points"], row["n_seeds"]) == (5, 2)
    assert 0 <= row["ci95_low"] <= row["value"] <= row["ci95_high"] <= 1


def test_the_papers_figures_stand_beside_ours_and_nothing_is_right_of_what_is_no_digit() -> None:
    assert TABLE.loc[("fgsm", "dknn_accuracy", NO_MODE), "published"] == 0.549
    assert TABLE.loc[("fgsm", "dknn_accuracy", NO_MODE), "posted_low"] == 0.321
    assert np.isnan(TABLE.loc[("test", "credibility", "paper"), "published"])
    assert ("fashion_mnist", "dnn_accuracy", NO_MODE) not in TABLE.index


def test_an_input_that_is_not_made_as_in_the_paper_is_not_compared_with_it() -> None:
    table = tabulate_inputs(SCORES, CALIBRATIONS, SETTINGS, as_published=["fgsm", "bim"])
    assert set(table.dropna(subset="published")["input"]) == {"fgsm", "bim"}
    posted = ["published", "posted_low", "posted_high"]
    pd.testing.assert_frame_equal(table.drop(columns=posted), INPUTS.drop(columns=posted))
    reliability = tabulate_reliability(SCORES, CALIBRATIONS, as_published=["fgsm"])
    assert reliability[["posted", "posted_n"]].isna().all(axis=None)
    claims = tabulate_claims(make_claims(SCORES, CALIBRATIONS, as_published=["bim"])).set_index("claim")
    compared = claims.index[claims.index.str.startswith("dknn_accuracy_under_")]
    assert compared.tolist() == ["dknn_accuracy_under_bim"]
    reported = claims.index[claims["reported"] != ""]
    assert reported.tolist() == ["dknn_recovers_accuracy_under_bim", "dknn_accuracy_under_bim"]


def test_the_figure_of_one_seed_has_no_bars_and_warns_of_nothing() -> None:
    one_seed = {name: scores[scores["seed"] == 0] for name, scores in SCORES.items()}
    table = tabulate_inputs(one_seed, CALIBRATIONS[:1], SETTINGS, as_published=[])
    assert table[["ci95_low", "ci95_high"]].isna().all(axis=None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plot_inputs(table).canvas.draw()


def test_how_an_input_was_made_stands_in_its_rows() -> None:
    assert set(TABLE.loc["fgsm", "settings"]) == {"epsilon 0.25"}
    assert set(TABLE.loc["test", "settings"]) == {""}


def test_a_mode_that_drops_every_calibration_point_has_no_credibility() -> None:
    table = tabulate_inputs({"test": TEST}, [np.zeros(3, np.int64)] * 2, {}, as_published=[])
    of_mode = table[table["quantity"] == "credibility"].set_index("mode")["value"]
    assert of_mode.isna().to_dict() == {"paper": False, "cleverhans": True, "conformal": False}


def test_the_given_labels_nonconformity_counts_neighbours_of_other_labels() -> None:
    assert compute_nonconformity_of_given_label(TEST, 4).tolist() == [0, 1, 3, 3, 2]


def test_reliability_counts_each_image_in_one_bin_and_its_rights() -> None:
    table = tabulate_reliability(SCORES, CALIBRATIONS, as_published=["test"])
    paper = table[(table["input"] == "test") & (table["mode"] == "paper")].set_index("bin_low")
    assert paper["n_points"].tolist() == [1, 0, 1, 0, 1, 0, 0, 1, 0, 1]
    assert paper["value"].dropna().tolist() == [1, 0, 1, 1, 1]
    assert (paper["mean_score"].dropna() == [0, 0.25, 0.5, 0.8, 1]).all()
    # Wilson, one right of one: 1 / (1 + 1.96^2) to 1.
    assert paper["ci95_low"].iloc[0] == pytest.approx(1 / (1 + 1.959963984540054**2))
    trimmed = table[(table["input"] == "test") & (table["mode"] == "cleverhans")]
    assert trimmed["posted_n"].sum() == 9250
    assert table.groupby(["input", "score", "mode"])["n_points"].sum().unique().tolist() == [5]


def test_a_seed_whose_calibration_a_mode_drops_whole_is_in_no_bin() -> None:
    table = tabulate_reliability(SCORES, [np.zeros(3, np.int64), CALIBRATIONS[1]], as_published=[])
    of_mode = table[table["input"] == "test"].groupby("mode")
    assert of_mode["n_points"].sum().to_dict() == {NO_MODE: 5, "paper": 5, "cleverhans": 2}
    assert of_mode["n_seeds"].max().to_dict() == {NO_MODE: 2, "paper": 2, "cleverhans": 1}


def test_p_values_of_exchangeable_images_are_valid_and_uniform_without_ties() -> None:
    """Images and calibration of one continuous distribution: conformal p-values are uniform."""
    generator = np.random.default_rng(0)
    seeds = 400
    calibrations = [generator.integers(10**6, size=99) for _ in range(seeds)]
    nonconformity = generator.integers(10**6, size=(seeds, 50))
    test = pd.DataFrame(
        {
            "seed": np.repeat(np.arange(seeds), 50),
            "y": 1,
            "dknn_label": 1,
            "nonconformity": nonconformity.ravel(),
            "same_label_neighbours_fc": 10**6 - nonconformity.ravel(),
        }
    )
    table = tabulate_validity(test, calibrations, 10**6)
    conformal = table[table["mode"] == "conformal"]
    assert conformal["alpha"].tolist() == ALPHAS
    for _, row in conformal.iterrows():  # (n + 1) alpha is whole, so the share is alpha exactly
        standard_error = (row["ci95_high"] - row["value"]) / 1.966
        assert abs(row["value"] - row["alpha"]) < 4 * standard_error < 0.2 * np.sqrt(row["alpha"])


def test_with_ties_the_p_values_are_still_valid() -> None:
    generator = np.random.default_rng(1)
    calibrations = [generator.binomial(3, 0.2, 99) for _ in range(400)]
    nonconformity = generator.binomial(3, 0.2, (400, 50))
    test = pd.DataFrame(
        {
            "seed": np.repeat(np.arange(400), 50),
            "y": 1,
            "dknn_label": 1,
            "nonconformity": nonconformity.ravel(),
            "same_label_neighbours_fc": 3 - nonconformity.ravel(),
        }
    )
    table = tabulate_validity(test, calibrations, 3)
    conformal = table[table["mode"] == "conformal"]
    standard_errors = (conformal["ci95_high"] - conformal["value"]) / 1.966
    assert (conformal["value"] <= conformal["alpha"] + 4 * standard_errors).all()


def test_a_claim_is_tested_in_both_directions_in_every_seed() -> None:
    def compare(n_won: int, n_lost: int) -> pd.DataFrame:
        seeds = [(seed, 7, 3, 7, 0.9, 0, 4) for seed in (0, 1) for _ in range(n_won)]
        return make_scores(seeds + [(seed, 7, 7, 3, 0.9, 2, 1) for seed in (0, 1) for _ in range(n_lost)])

    attacked = {"fgsm": compare(9, 1), "bim": compare(1, 9), "cw": compare(5, 5)}
    claims = tabulate_claims(make_claims(SCORES | attacked, CALIBRATIONS, as_published=SCORES)).set_index(
        "claim"
    )
    ten = {0: 1, 1: 10, 5: 252}  # of 1,024 orders of heads and tails
    won = claims.loc["dknn_recovers_accuracy_under_fgsm"]
    assert won["p_for"] == pytest.approx((ten[0] + ten[1]) / 1024)
    assert won["p_against"] == pytest.approx(1 - ten[0] / 1024)
    assert won[["value", "ci95_low", "ci95_high"]].tolist() == pytest.approx([0.8] * 3)  # in both seeds
    assert (won["interval"], won["n_points"], won["n_seeds"]) == (BETWEEN_SEEDS_OF_ONE_POOL, 20, 2)
    assert won["bound"] == 0
    lost = claims.loc["dknn_recovers_accuracy_under_bim"]
    assert (lost["p_for"], lost["p_against"]) == pytest.approx((won["p_against"], won["p_for"]))
    even = claims.loc["dknn_recovers_accuracy_under_cw"]
    assert even["p_for"] == pytest.approx((1024 + ten[5]) / 2048)
    assert claims[["p_for", "p_against"]].notna().all(axis=None)


def test_a_claim_that_one_seed_contradicts_is_not_shown() -> None:
    mixed = make_scores(
        [(0, 7, 3, 7, 0.9, 0, 4) for _ in range(10)] + [(1, 7, 7, 3, 0.9, 2, 1) for _ in range(10)]
    )
    claims = tabulate_claims(
        make_claims(SCORES | {"fgsm": mixed}, CALIBRATIONS, as_published=SCORES)
    ).set_index("claim")
    of_fgsm = claims.loc["dknn_recovers_accuracy_under_fgsm"]
    # 1 and -1, whose interval, 12.7 to either side, is cut to what there can be.
    assert of_fgsm[["value", "ci95_low", "ci95_high"]].tolist() == [0, -1, 1]
    assert (of_fgsm["p_for"], of_fgsm["p_against"]) == pytest.approx((1, 1))
