"""Experiment 2.1's measures and figures, on points laid out by hand."""

import warnings

import numpy as np
import pandas as pd
import pytest
from conftest import REPOSITORY
from hypothesis import given, settings
from hypothesis import strategies as st

from layeraudit.report.experiment_2_1 import (
    gather_points,
    measure_accuracy,
    measure_detectors,
    measure_groups,
)
from layeraudit.report.figures.experiment_2_1 import plot_accuracy, plot_credibility, plot_detectors
from layeraudit.report.measures import tabulate

LAYERS, K = ["relu1", "fc"], 5
COLUMNS = [
    *["seed", "y", "y_true", "is_poison", "dnn_label", "dknn_label", "credibility"],
    *["same_label_neighbours_relu1", "same_label_neighbours_fc"],
]
TEST = pd.DataFrame(
    [
        (1, 1, 1, False, 1, 1, 0.9, 5, 5),
        (1, 9, 9, False, 9, 4, 0.4, 5, 5),  # spoiled
        (1, 4, 4, False, 9, 4, 0.3, 5, 5),  # recovered
        (1, 4, 4, False, 9, 9, 0.2, 5, 5),  # wrong both times
        (2, 7, 7, False, 7, 7, 1.0, 5, 5),
        (2, 7, 7, False, 1, 7, 0.6, 5, 5),  # recovered
    ],
    columns=COLUMNS,
)
TRAIN = pd.DataFrame(
    [
        (1, 4, 4, False, 4, 4, 0.9, 5, 5),
        (1, 7, 7, False, 7, 7, 0.1, 4, 4),
        (1, 7, 7, False, 1, 7, 0.05, 0, 1),
        (1, 9, 1, True, 1, 1, 0.1, 0, 0),
        (1, 1, 9, True, 9, 9, 0.3, 1, 0),
        (2, 4, 4, False, 4, 4, 0.8, 5, 5),
        (2, 9, 1, True, 9, 1, 0.2, 3, 3),  # memorised: the network gives it the label that it was given
    ],
    columns=COLUMNS,
)
POINTS = gather_points(TRAIN, TEST)
NONE = np.nan


def pick(measures: pd.DataFrame, **keys: object) -> pd.DataFrame:
    """Return the rows of a figure, a seed each."""
    rows = measures[np.logical_and.reduce([measures[name] == value for name, value in keys.items()])]
    assert rows["seed"].is_unique
    return rows


def made_up(*, n: int, n_poison: int, spread: float = 1, seeds: int = 3) -> pd.DataFrame:
    """Make points of even credibility, that of poison up to `spread`, about a tenth of them misclassified."""
    random = np.random.default_rng(0)
    train = pd.DataFrame(
        {
            "seed": np.repeat(np.arange(1, seeds + 1), n),
            "y": 1,
            "y_true": 1,
            "is_poison": np.tile(np.arange(n) >= n - n_poison, seeds),
            "dnn_label": np.concatenate([np.arange(n) % (10 + seed) == 0 for seed in range(seeds)]) + 1,
            "dknn_label": 1,
            "credibility": random.random(n * seeds),
            "same_label_neighbours_relu1": K,
            "same_label_neighbours_fc": random.integers(0, K + 1, n * seeds),
        }
    )
    train.loc[train["is_poison"], "y"] = 9
    train.loc[train["is_poison"], "credibility"] *= spread
    return gather_points(train, train[~train["is_poison"]])


def test_poison_that_is_read_as_its_true_digit_is_misclassified() -> None:
    poison = POINTS[POINTS["is_poison"] & (POINTS["evaluated"] == "held_out")]
    assert poison["misclassified"].tolist() == [True, True, False]
    assert POINTS["evaluated"].value_counts().to_dict() == {"held_out": 9, "training": 7}


@pytest.mark.parametrize(
    ("evaluated", "group", "quantity", "by_seed", "n_points"),
    [
        ("held_out", "poison", "n_group", [2, 1], [2, 1]),
        ("held_out", "misclassified", "n_group", [4, 1], [4, 1]),
        ("held_out", "misclassified_clean", "n_group", [2, 1], [2, 1]),
        ("held_out", "rest", "n_group", [2, 1], [2, 1]),
        ("training", "misclassified", "n_group", [3, 0], [3, 0]),
        ("held_out", "poison", "mean_credibility", [0.2, 0.2], [2, 1]),
        ("held_out", "poison", "variance_of_credibility", [0.02, NONE], [2, 1]),
        ("held_out", "poison", "maximum_credibility", [0.3, 0.2], [2, 1]),
        ("held_out", "poison", "share_above_0.2", [1 / 2, 0], [2, 1]),
        ("held_out", "poison", "dnn_accuracy", [1, 0], [2, 1]),  # of the true digit
        ("held_out", "poison", "log_variance_over_clean", [NONE, NONE], [2, 1]),  # of too few points
        ("held_out", "misclassified", "median_credibility", [0.25, 0.6], [4, 1]),
        ("held_out", "misclassified_clean", "dknn_accuracy", [0.5, 1], [2, 1]),
        ("training", "misclassified_clean", "mean_credibility", [0.05, NONE], [1, 0]),
        ("training", "clean", "dnn_accuracy", [2 / 3, 1], [3, 1]),
        ("held_out", "clean", "misclassified_points", [2, 1], [4, 2]),
        ("held_out", "clean", "recovered_points", [1, 1], [2, 1]),
        ("held_out", "clean", "recovered_share", [0.5, 1], [2, 1]),
        ("held_out", "clean", "spoiled_points", [1, 0], [2, 1]),
        ("held_out", "clean", "spoiled_share", [0.5, 0], [2, 1]),
        ("held_out", "clean", "net_points", [0, 1], [4, 2]),
        ("training", "clean", "recovered_share", [1, NONE], [1, 0]),
    ],
)
def test_a_group_is_measured_in_every_seed(
    evaluated: str, group: str, quantity: str, by_seed: list[float], n_points: list[int]
) -> None:
    found = pick(measure_groups(POINTS), evaluated=evaluated, group=group, quantity=quantity)
    assert found["seed"].tolist() == [1, 2]
    assert found["value"].tolist() == pytest.approx(by_seed, nan_ok=True)
    assert found["n_points"].tolist() == n_points


@given(spread=st.floats(0.01, 1))
@settings(max_examples=10)
def test_a_ratio_of_variances_grows_with_the_square_of_the_spread(spread: float) -> None:
    for control in ("clean", "misclassified_clean"):
        plain, scaled = (
            pick(measure_groups(points), group="poison", quantity=f"log_variance_over_{control}")
            for points in (
                made_up(n=300, n_poison=30, seeds=1),
                made_up(n=300, n_poison=30, spread=spread, seeds=1),
            )
        )
        assert plain["evaluated"].tolist() == ["held_out"]
        assert scaled["value"].iloc[0] - plain["value"].iloc[0] == pytest.approx(2 * np.log(spread))


def test_the_reports_figures_stand_beside_ours_in_both_readings() -> None:
    reported = pd.read_csv(REPOSITORY / "config/reported/experiment_2_1.csv")
    table = tabulate(measure_groups(POINTS), reported).dropna(subset="reported")
    assert table["evaluated"].value_counts().to_dict() == {"held_out": 6, "training": 6}
    shares = table.loc[table["quantity"] == "recovered_share", "reported"]
    assert shares.tolist() == pytest.approx([213 / 364] * 2, abs=1e-6)


def test_a_bin_holds_its_lower_edge_and_the_last_one_both() -> None:
    clean = measure_accuracy(POINTS).query("evaluated == 'held_out' and group == 'misclassified_clean'")
    assert clean.query("seed == 1")["n_points"].tolist() == [0, 0, 1, 1, 0, 0, 0, 0, 0, 0]
    assert clean.query("n_points > 0")["value"].tolist() == [0, 1, 1]
    assert clean.query("n_points == 0")["value"].isna().all()
    columns = {"seed": 1, "evaluated": "training", "is_poison": False, "y": 1, "y_true": 1}
    edges = pd.DataFrame({"credibility": np.arange(751) / 750}).assign(**columns, dnn_label=9, dknn_label=1)
    n = measure_accuracy(edges).query("group == 'misclassified'")["n_points"]
    assert n.tolist() == [75] * 9 + [76]


@pytest.mark.parametrize(
    ("among", "score", "threshold", "quantity", "value"),
    [
        # Credibility .9, .1, .05 of the clean, .1 and .3 of the poison: the pairs are won, 1 + .5 + 0 and 1.
        ("all", "credibility", None, "auroc", 2.5 / 6),
        ("all", "credibility", None, "base_rate", 2 / 5),
        ("all", "credibility", 0.05, "poison_flagged_share", 0),
        ("all", "credibility", 0.05, "clean_flagged_points", 1),
        ("all", "credibility", 0.1, "poison_flagged_share", 1 / 2),
        ("all", "credibility", 0.1, "clean_flagged_share", 2 / 3),
        ("all", "credibility", 0.1, "clean_flagged_points", 2),
        ("all", "credibility", 0.1, "precision", 1 / 3),
        ("all", "credibility", 0.01, "precision", NONE),
        # Disagreement 0, .2, .9 of the clean, 1 and .9 of the poison.
        ("all", "label_disagreement", None, "auroc", 5.5 / 6),
        ("all", "label_disagreement", None, "average_precision", 1 / 2 * 1 + 1 / 2 * 2 / 3),
        ("all", "label_disagreement", 0.9, "precision", 2 / 3),
        ("all", "label_disagreement", 0.95, "poison_flagged_share", 1 / 2),
        # The clean one of .05 is the only misclassified.
        ("misclassified", "credibility", None, "auroc", 0),
        ("misclassified", "credibility", None, "base_rate", 2 / 3),
        ("misclassified", "credibility", 0.1, "clean_flagged_share", 1),
    ],
)
def test_a_detector_is_rated_on_the_rows_of_a_seed(
    among: str, score: str, threshold: float | None, quantity: str, value: float
) -> None:
    figures = measure_detectors(POINTS, LAYERS, K).query("evaluated == 'training' and seed == 1")
    of_threshold = figures["threshold"].isna() if threshold is None else figures["threshold"] == threshold
    (found,) = pick(figures[of_threshold], among=among, score=score, quantity=quantity)["value"]
    assert found == pytest.approx(value, nan_ok=True)


def test_seeds_without_clean_suspects_do_not_count() -> None:
    measures = measure_detectors(POINTS, LAYERS, K)
    of_seeds = {"evaluated": "training", "score": "credibility"}
    for quantity in ("auroc", "base_rate"):
        for among, n_seeds in {"all": 2, "misclassified": 1}.items():
            found = pick(measures, among=among, quantity=quantity, **of_seeds)
            assert found["value"].notna().sum() == n_seeds


@pytest.mark.parametrize(("n_poison", "seeds"), [(0, 2), (1, 1), (6, 2)])
def test_small_sets_of_points_have_measures_and_figures(n_poison: int, seeds: int) -> None:
    points = made_up(n=12, n_poison=n_poison, seeds=seeds)
    points = points[~points["misclassified"] | points["is_poison"]]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        groups, accuracy = tabulate(measure_groups(points)), tabulate(measure_accuracy(points))
        measure_detectors(points, LAYERS, K)
        figures = [
            plot_credibility(points),
            plot_accuracy(accuracy, groups),
            plot_detectors(points, LAYERS, K),
        ]
    assert [len(figure.axes) for figure in figures] == [2, 2, 4]


def test_the_figure_of_accuracy_shows_means_over_seeds_and_the_reports_share() -> None:
    groups = tabulate(measure_groups(POINTS)).assign(reported=0.6)
    figure = plot_accuracy(tabulate(measure_accuracy(POINTS)), groups)
    held_out = figure.axes[0]
    assert [line.get_ydata()[0] for line in held_out.lines if line.get_linestyle() == ":"] == [0.6]
    _, *labels = [text.get_text() for text in held_out.get_legend().get_texts()]
    assert labels == [
        "with the poison: n = 5, at most 1 seed a bin",
        "clean only: n = 3, at most 1 seed a bin",
    ]
