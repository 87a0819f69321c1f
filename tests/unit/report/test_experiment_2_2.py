"""Experiment 2.2: Table 1 and what each layer makes of poison, on points laid out by hand."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layeraudit.errors import InputError
from layeraudit.report.experiment_2_2 import (
    compute_base_rate,
    describe_poison,
    measure_depth,
    measure_shares,
    tabulate_table1,
)
from layeraudit.report.figures.experiment_2_2 import plot_depth, plot_poisoned_neighbours
from layeraudit.report.groups import compare_variances, fit_slope
from layeraudit.report.measures import tabulate

COLUMNS = ["seed", "y", "is_poison", "dnn_label", "poison_neighbours_relu1", "poison_neighbours_fc"]
SCORES = pd.DataFrame(
    [
        (0, 1, False, 1, 0, 1),
        (0, 9, False, 1, 2, 3),  # clean and misclassified
        (0, 9, True, 1, 4, 4),  # poison that the network reads otherwise than it was labelled
        (0, 1, True, 1, 3, 2),  # poison that it has memorised
        (1, 9, False, 9, 1, 0),
        (1, 1, False, 1, 1, 0),
        (1, 1, True, 9, 2, 4),
    ],
    columns=COLUMNS,
)
REPORTED = pd.DataFrame({"group": ["misclassified"], "layer": ["fc"], "reported": [36.93]})
TABLE = tabulate_table1(SCORES, ["relu1", "fc"], 4, REPORTED).set_index(["group", "layer"])


@pytest.mark.parametrize(
    ("group", "layer", "seed_means", "n_points"),
    [
        ("non_poisoned", "relu1", [25, 25], 4),
        ("non_poisoned", "fc", [50, 0], 4),
        ("misclassified", "relu1", [75, 50], 3),
        ("misclassified", "fc", [87.5, 100], 3),
        ("misclassified_clean", "relu1", [50], 1),
        ("misclassified_clean", "fc", [75], 1),
        ("poisoned", "relu1", [87.5, 50], 3),
        ("poisoned", "fc", [75, 100], 3),
    ],
)
def test_a_figure_of_table_1_is_the_mean_of_the_means_of_the_seeds(
    group: str, layer: str, seed_means: list[float], n_points: int
) -> None:
    row = TABLE.loc[(group, layer)]
    assert row["percent_poisoned_neighbours"] == pytest.approx(np.mean(seed_means))
    assert row["n_points"] == n_points
    assert row["n_seeds"] == len(seed_means)


def test_table_1_has_the_columns_of_its_contract_and_the_reports_figures() -> None:
    assert list(TABLE.reset_index().columns) == [
        *("group", "layer", "percent_poisoned_neighbours", "ci95_low", "ci95_high"),
        *("n_points", "n_seeds", "reported"),
    ]
    assert TABLE["reported"].dropna().to_dict() == {("misclassified", "fc"): 36.93}
    assert tabulate_table1(SCORES, ["fc"], 4, None)["reported"].isna().all()


def test_the_interval_is_cut_to_what_a_share_can_be_and_one_seed_has_none() -> None:
    row = TABLE.loc[("non_poisoned", "fc")]
    assert (row["ci95_low"], row["ci95_high"]) == (0, 100)
    assert TABLE.loc[("misclassified_clean", "fc"), ["ci95_low", "ci95_high"]].isna().all()


def test_a_group_without_points_has_no_figure() -> None:
    clean = SCORES[~SCORES["is_poison"]]
    row = tabulate_table1(clean, ["fc"], 4, None).set_index("group").loc["poisoned"]
    assert row[["percent_poisoned_neighbours", "ci95_low", "ci95_high"]].isna().all()
    assert (row["n_points"], row["n_seeds"]) == (0, 0)


def test_the_base_rate_is_the_share_of_all_rows() -> None:
    assert compute_base_rate(150, 50) == 25


@given(st.lists(st.floats(0, 100), min_size=4, max_size=4))
def test_the_slope_is_that_of_least_squares_in_closed_form(of_seed: list[float]) -> None:
    a, b, c, d = of_seed
    assert fit_slope(of_seed) == pytest.approx((3 * d + c - b - 3 * a) / 10, abs=1e-9)


def test_one_layer_or_a_missing_share_has_no_slope() -> None:
    assert np.isnan(fit_slope([1.0])) and np.isnan(fit_slope([1.0, np.nan, 2.0]))


def test_variances_are_compared_by_the_logarithm_of_their_ratio_where_there_are_enough_points() -> None:
    values = np.tile([0.0, 1.0], 10)
    assert compare_variances(values, 2 * values + 5) == pytest.approx(-np.log(4))
    assert compare_variances(values, 2 * values) == -compare_variances(2 * values, values)
    assert np.isnan(compare_variances(values, values[:19]))
    assert np.isnan(compare_variances(values, np.ones(20)))


def test_poison_is_described_by_its_record_and_by_the_labels_of_its_clean_neighbours() -> None:
    scores = pd.DataFrame({"row": range(6), "y": [1, 9, 9, 1, 9, 1], "is_poison": [False] * 3 + [True] * 3})
    record = pd.DataFrame({"y": [1, 9, 1], "distance": [0.5, 2.5, 1.0], "moved": [False, True, True]})
    # Row 5 has the label of row 3, but is poison.
    neighbours = np.array([[0] * 3, [0] * 3, [0] * 3, [0, 1, 5], [1, 2, 3], [1, 2, 3]])
    poison = describe_poison(scores, record, {"fc": neighbours})
    assert poison["row"].tolist() == [3, 4, 5]
    assert poison["distance"].tolist() == [0.5, 2.5, 1.0]
    assert poison["moved"].tolist() == [False, True, True]
    assert poison["clean_same_label_neighbours_fc"].tolist() == [1, 2, 0]
    with pytest.raises(InputError, match="other poison labels"):
        describe_poison(scores, record[:2], {"fc": neighbours})


def depth_points() -> pd.DataFrame:
    """Two clean images and four poison points of one seed, k = 10, in one layer."""
    return pd.DataFrame(
        {
            "seed": 0,
            "y": [1, 9, 1, 1, 9, 9],
            "dnn_label": [1, 1, 1, 9, 9, 1],
            "is_poison": [False, False, True, True, True, True],
            "poison_neighbours_fc": [1, 4, 2, 10, 6, 5],
            "same_label_neighbours_fc": [9, 3, 4, 6, 8, 2],
            "clean_same_label_neighbours_fc": [np.nan, np.nan, 4, 0, 1, 0],
            "distance": [np.nan, np.nan, 0.1, 2.0, 1.5, 1.0],
            "moved": [np.nan, np.nan, False, True, True, True],
        }
    )


OCCURRENCES = pd.DataFrame(
    {"seed": 0, "is_poison": [False, False, False, True], "occurrences_fc": [0, 0, 3, 9]}
)


def measure(points: pd.DataFrame, occurrences: pd.DataFrame = OCCURRENCES) -> pd.DataFrame:
    return measure_depth(points, occurrences, ["fc"], k=10, base_rate=5.0)


@pytest.mark.parametrize(
    ("group", "layer", "quantity", "value", "n_points"),
    [
        ("poisoned", "", "percent_memorised", 50, 4),
        ("", "fc", "occurrence_skewness", (-27 * 2 + 6**3) / 4 / ((9 + 9 + 36) / 4) ** 1.5, 4),
        ("", "fc", "occurrence_poison_to_clean", 9, 4),
        ("non_poisoned", "fc", "percent_same_label", 60, 2),
        ("poisoned", "fc", "percent_same_label", 50, 4),
        # 4 of 8, 1 of 4, 0 of 5; the point without a clean neighbour does not count.
        ("poisoned", "fc", "percent_same_label_of_clean_neighbours", 25, 4),
        ("moved", "fc", "percent_poison", 70, 3),
        ("moved", "fc", "percent_above_base_rate", 65, 3),
        ("not_moved", "fc", "percent_poison", 20, 1),
        ("memorised", "fc", "percent_poison", 40, 2),
        ("not_memorised", "fc", "percent_poison", 75, 2),
        ("misclassified_clean", "fc", "percent_poison", 40, 1),
        ("poisoned", "fc", "spearman_distance", 1.0, 4),  # 0.1, 1, 1.5, 2 with 2, 5, 6, 10 of 10
    ],
)
def test_each_quantity_of_depth_is_as_counted_by_hand(
    group: str, layer: str, quantity: str, value: float, n_points: int
) -> None:
    row = measure(depth_points()).set_index(["group", "layer", "quantity"]).loc[(group, layer, quantity)]
    assert row["value"] == pytest.approx(value)
    assert row["n_points"] == n_points


def test_shares_of_table_1_are_those_of_the_measures_of_depth() -> None:
    points = depth_points()
    keys = ["group", "layer", "quantity", "seed"]
    shares = measure_shares(points, ["fc"], 10).set_index(keys)["value"]
    pd.testing.assert_series_equal(measure(points).set_index(keys)["value"].loc[shares.index], shares)


def test_spearmans_correlation_takes_ranks() -> None:
    points = depth_points().assign(distance=[np.nan, np.nan, 1.0, 2.0, 3.0, 100.0])
    found = measure(points).set_index("quantity")
    # Distances rank 1, 2, 3, 4, shares 1, 4, 3, 2: 1 - 6 (0 + 4 + 0 + 4) / (4 * 15).
    assert found.loc["spearman_distance", "value"] == pytest.approx(0.2)


def test_points_that_all_moved_as_far_have_no_correlation() -> None:
    points = depth_points().assign(distance=1.0, moved=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = measure(points, OCCURRENCES.assign(occurrences_fc=1)).set_index(["group", "quantity"])
    for figure in (("poisoned", "spearman_distance"), ("not_moved", "percent_poison")):
        assert np.isnan(found.loc[figure, "value"])
    assert np.isnan(found.loc[("", "occurrence_skewness"), "value"])


def test_the_figures_stand_also_where_groups_are_empty_or_have_one_seed() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = tabulate_table1(SCORES[:1], ["relu1", "fc"], 4, None)
        figure = plot_poisoned_neighbours(
            [table, table], titles=["one", "other"], k=10, base_rates=[4.8, 25.0]
        )
        labels = [text.get_text() for text in figure.legends[0].get_texts()]
        assert labels[0] == "poison points: n = 0 points, 0 seeds"
        assert labels[3] == "clean held-out images: n = 1 points, 1 seeds"
        titles = {"two_digits": "6 epochs", "two_digits_memorised": "30 epochs"}
        depth = pd.concat([tabulate(measure(depth_points()).assign(training=name)) for name in titles])
        figure = plot_depth(depth, titles=titles, layers=["fc"], k=10)
        texts = [text.get_text() for text in figure.legends[0].get_texts()]
        assert texts == [f"{title}: 50 % of the poison memorised" for title in titles.values()]
