"""Experiment 1's measures and figure, on points laid out by hand."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import REPOSITORY

from layeraudit.errors import InputError
from layeraudit.figures import CLEAN, MISCLASSIFIED, MISCLASSIFIED_CLEAN, POISON
from layeraudit.report.experiment_1 import measure_credibility, read_points, subtract_clean
from layeraudit.report.figures.experiment_1 import plot_credibility
from layeraudit.report.measures import tabulate

POINTS = pd.DataFrame(
    [
        (1, 0, 1, 1, 1, 1, 1.0, False),
        (1, 0, 9, 9, 9, 9, 0.6, False),
        (1, 0, 9, 9, 4, 9, 0.05, False),  # clean and misclassified
        (2, 0, 1, 1, 1, 1, 0.8, False),
        (1, 4, 9, 1, 1, 1, 0.9, True),
        (1, 4, 9, 1, 9, 1, 0.02, True),  # the network has it wrong, DkNN right
        (1, 4, 1, 9, 9, 9, 0.4, False),
        (1, 4, 1, 9, 9, 1, 0.5, False),  # 0.5 is not above 0.5
        (2, 4, 9, 1, 1, 1, 0.1, False),  # 0.1 is not below 0.1
        (2, 4, 9, 1, 1, 1, 0.7, False),
        (2, 4, 1, 9, 9, 9, 0.7, False),
        (2, 4, 1, 9, 9, 9, 0.9, False),
    ],
    columns=["seed", "points", "y", "y_true", "dnn_label", "dknn_label", "credibility", "moved"],
)
NONE = np.nan


@pytest.mark.parametrize(
    ("group", "quantity", "by_seed", "n_points"),
    [
        ((0, "clean"), "dnn_accuracy", [2 / 3, 1], [3, 1]),
        ((0, "clean"), "dknn_accuracy", [1, 1], [3, 1]),
        ((0, "clean"), "median_credibility", [0.6, 0.8], [3, 1]),
        ((0, "clean"), "share_credibility_below_0.1", [1 / 3, 0], [3, 1]),
        ((4, "poison"), "dnn_accuracy", [3 / 4, 1], [4, 4]),
        ((4, "poison"), "dknn_accuracy", [3 / 4, 1], [4, 4]),
        ((4, "poison"), "mean_credibility", [0.455, 0.6], [4, 4]),
        ((4, "poison"), "median_credibility", [0.45, 0.7], [4, 4]),
        ((4, "poison"), "share_credibility_below_0.1", [1 / 4, 0], [4, 4]),
        ((4, "poison"), "share_credibility_above_0.5", [1 / 4, 3 / 4], [4, 4]),
        ((4, "moved"), "number_of_points", [2, 0], [4, 4]),
        ((4, "moved"), "dnn_accuracy", [1 / 2, NONE], [2, 0]),
        ((4, "not_moved"), "mean_credibility", [0.45, 0.6], [2, 4]),
        ((4, "misclassified"), "number_of_points", [1, 0], [4, 4]),
        ((4, "misclassified"), "dknn_accuracy", [1, NONE], [1, 0]),
        ((4, "not_misclassified"), "mean_credibility", [0.6, 0.6], [3, 4]),
        # Clean 1 has 1 and 0.8, clean 9 has 0.6 in the first seed alone, without the misclassified one.
        ((4, "not_misclassified"), "credibility_less_clean", [-0.4 / 3, -0.4], [3, 2]),
        ((4, "not_misclassified"), "low_share_less_clean", [0, 0], [3, 2]),
    ],
)
def test_a_group_is_measured_in_every_seed(
    group: tuple[int, str], quantity: str, by_seed: list[float], n_points: list[int]
) -> None:
    measures = measure_credibility(POINTS).set_index(["points", "group", "quantity"]).sort_index()
    found = measures.loc[(*group, quantity)]
    assert found["seed"].tolist() == [1, 2]
    assert found["value"].tolist() == pytest.approx(by_seed, nan_ok=True)
    assert found["n_points"].tolist() == n_points


@pytest.mark.parametrize(
    "points",
    [
        POINTS[POINTS["seed"] == 2],
        POINTS[POINTS["points"] == 4],
        POINTS[(POINTS["points"] == 0) | (POINTS["dnn_label"] != POINTS["y_true"])],
        POINTS[(POINTS["points"] == 4) & (POINTS["dnn_label"] != POINTS["y_true"])],
    ],
    ids=["one seed", "no clean image", "no poison point that is right", "one point"],
)
def test_groups_without_points_and_single_seeds_stop_nothing(points: pd.DataFrame) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        measures = measure_credibility(points)
        plot_credibility(points, tabulate(measures))
    empty = measures["n_points"] == 0
    assert empty.any()
    assert measures["value"].isna().equals(empty)


def test_poison_is_compared_with_clean_images_of_its_own_digit() -> None:
    columns = ["y_true", "credibility"]
    clean = pd.DataFrame([(1, 1.0), (1, 0.8), (9, 0.05), (9, 0.15)], columns=columns)
    poison = pd.DataFrame([(1, 0.8), (4, 0.7), (9, 0.3), (9, 0.02)], columns=columns)
    differences = subtract_clean(poison, clean)
    assert differences["credibility_less_clean"].tolist() == pytest.approx([-0.1, 0.2, -0.08])
    assert differences["low_share_less_clean"].tolist() == [0, -0.5, 0.5]


def test_the_reports_figures_stand_beside_both_groups_that_they_may_mean() -> None:
    reported = pd.read_csv(REPOSITORY / "config/reported/experiment_1.csv")
    sets = [POINTS.assign(points=POINTS["points"].replace(4, size)) for size in (15, 50)]
    table = tabulate(measure_credibility(pd.concat(sets, ignore_index=True)), reported)
    beside = table.dropna(subset="reported").set_index(["points", "group"])["reported"]
    assert beside.to_dict() == {
        (size, group): number for size, number in [(15, 4), (50, 25)] for group in ("moved", "misclassified")
    }


def write_run(folder: Path, seed: int, n_points: int = 2) -> list[Path]:
    folder = folder / f"seed{seed}"
    folder.mkdir()
    columns = {"dnn_label": 1, "dknn_label": 1, "credibility": 0.5}
    test = pd.DataFrame({"row": range(3), "y": [1, 4, 9], "y_true": [1, 4, 9], **columns})
    poison = pd.DataFrame({"row": [0, 1], "y": [9, 9], "y_true": [1, 1], **columns})
    record = pd.DataFrame({"row": [0, 1], "moved": [False, seed > 3]})
    paths = [folder / "test.parquet", folder / "poison_some.parquet", folder / "poison_some.csv"]
    test.to_parquet(paths[0])
    poison.to_parquet(paths[1])
    record.iloc[:n_points].to_csv(paths[2], index=False)
    return paths


def test_points_are_read_with_their_record_and_the_clean_images_of_their_digits(tmp_path: Path) -> None:
    tests, scores, records = zip(*(write_run(tmp_path, seed) for seed in (3, 5)), strict=True)
    points = read_points(tests, scores, records, [3, 5])
    clean, poison = points[points["points"] == 0], points[points["points"] == 2]
    assert clean["y"].tolist() == [1, 9] * 2
    assert clean["seed"].tolist() == poison["seed"].tolist() == [3, 3, 5, 5]
    assert points["moved"].dtype == bool
    assert points["moved"].tolist() == [False] * 4 + [False, False, False, True]


def test_a_record_of_other_points_is_refused(tmp_path: Path) -> None:
    test, scores, record = write_run(tmp_path, 0, n_points=1)
    with pytest.raises(InputError, match=r"poison_some.csv holds 1 points, allowed are the 2 of the scores"):
        read_points([test], [scores], [record], [0])


def test_the_figure_shows_every_poison_point_and_every_error_in_its_colour() -> None:
    table = pd.DataFrame({"points": [4, 4, 9], "reported": [2, 2, 3]})
    (axes,) = plot_credibility(POINTS, table).axes
    assert axes.get_title(loc="left").endswith(
        "8 in all: 2 moved, 1 misclassified\nthe report: 2 of 4 poisoned"
    )
    clean, clean_wrong, not_moved, not_moved_wrong, moved, moved_wrong = (
        line for line in axes.lines if not line.get_label().startswith("_")
    )
    assert [line.get_color() for line in (clean, clean_wrong, moved, moved_wrong)] == [
        *(CLEAN, MISCLASSIFIED_CLEAN, POISON, MISCLASSIFIED)
    ]
    assert clean.get_marker() == ""
    assert clean_wrong.get_xydata().tolist() == [[0.05, 0.25]]
    assert [not_moved.get_xdata()[at] for at in not_moved.get_markevery()] == [0.1, 0.4, 0.5, 0.7, 0.7, 0.9]
    assert not len(not_moved_wrong.get_xdata())
    assert [(moved.get_xdata()[at], moved.get_ydata()[at]) for at in moved.get_markevery()] == [(0.9, 1.0)]
    assert moved_wrong.get_xydata().tolist() == [[0.02, 0.5]]
    assert "n = 2," in moved.get_label()
