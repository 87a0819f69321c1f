"""Table 1, on points laid out by hand."""

import numpy as np
import pandas as pd
import pytest

from layeraudit.tables import interval_of_mean, tabulate_poisoned_neighbours

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
TABLE = tabulate_poisoned_neighbours(SCORES, ["relu1", "fc"], k=4).set_index(["group", "layer"])


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
def test_a_figure_is_the_mean_of_the_means_of_the_seeds(
    group: str, layer: str, seed_means: list[float], n_points: int
) -> None:
    row = TABLE.loc[(group, layer)]
    assert row["percent_poisoned_neighbours"] == pytest.approx(np.mean(seed_means))
    assert row["n_points"] == n_points
    assert row["n_seeds"] == len(seed_means)


def test_the_interval_is_students_over_the_seeds_cut_to_what_a_share_can_be() -> None:
    row = TABLE.loc[("non_poisoned", "fc")]
    assert (row["ci95_low"], row["ci95_high"]) == (0, 100)
    low, high = interval_of_mean(np.array([10.0, 12.0, 17.0]))
    half = 4.302652729911275 * np.sqrt(13) / np.sqrt(3)  # t(0.975, 2) of the tables; 10, 12, 17 vary by 13
    assert (low, high) == pytest.approx((13 - half, 13 + half))


def test_one_seed_says_nothing_of_another() -> None:
    row = TABLE.loc[("misclassified_clean", "fc")]
    assert (row["ci95_low"], row["ci95_high"]) == (0, 100)


def test_a_group_without_points_has_no_figure_but_an_interval() -> None:
    table = tabulate_poisoned_neighbours(SCORES[~SCORES["is_poison"]], ["fc"], k=4).set_index("group")
    row = table.loc["poisoned"]
    assert np.isnan(row["percent_poisoned_neighbours"])
    assert (row["ci95_low"], row["ci95_high"], row["n_points"], row["n_seeds"]) == (0, 100, 0, 0)


def test_the_reports_figures_stand_beside_ours_where_it_has_them() -> None:
    assert TABLE["reported"].dropna().to_dict() == {
        ("non_poisoned", "relu1"): 24.93,
        ("non_poisoned", "fc"): 29.04,
        ("misclassified", "relu1"): 25.3,
        ("misclassified", "fc"): 36.93,
    }
