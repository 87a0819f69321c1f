"""The attack that knows Deep k-nearest neighbours: what is measured of it."""

import math
import warnings
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import REPOSITORY

from layeraudit.report.adaptive import measure_attack, measure_clean
from layeraudit.report.figures.adaptive import plot_attack
from layeraudit.report.measures import tabulate, write_measures

pytestmark = pytest.mark.usefixtures("one_thread")

REPORTED = pd.read_csv(REPOSITORY / "config/reported/adaptive.csv")
KEYS = ["attack", "layer", "norm", "radius", "quantity"]

Row = tuple[int, str, str, float, float, str, float, bool, bool, float]


def lay_out(rows: list[Row]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Lay out what `craft_adaptive` writes, as it is read, and the scores of its images."""
    columns = [
        "image",
        "attack",
        "norm",
        "radius",
        "share",
        "layer",
        "l2",
        "fools",
        "fools_dknn",
        "credibility",
    ]
    table = pd.DataFrame(rows, columns=columns)
    table["classes"] = 1 + (table["image"] == 2)
    y = (table["image"] + 8) % 10
    scores = pd.DataFrame(
        {
            "y_true": y,
            "dnn_label": (y + 3 * table["fools"]) % 10,
            "dknn_label": (y + table["fools_dknn"]) % 10,
            "credibility": table["credibility"],
        }
    )
    file = StringIO(table.drop(columns=["fools", "fools_dknn", "credibility"]).to_csv(index=False))
    return pd.read_csv(file), scores


YES, NO = True, False
IN_LINF: list[Row] = [
    # image, attack, norm, radius, share, layer, L2, fools the network, fools DkNN, credibility
    (0, "adaptive", "linf", 0.1, 1, "", 1.0, YES, YES, 0.3),
    (1, "adaptive", "linf", 0.1, 1, "", 1.2, NO, YES, 0.1),
    (2, "adaptive", "linf", 0.1, 1, "", 1.4, YES, YES, 0.02),
    (3, "adaptive", "linf", 0.1, 1, "", 9.0, YES, NO, 0.9),
    (0, "ilap", "linf", 0.1, 1, "relu1", 2.0, NO, NO, 0.9),
    (1, "ilap", "linf", 0.1, 1, "relu1", 2.0, NO, NO, 0.9),
    (2, "ilap", "linf", 0.1, 1, "relu1", 2.0, NO, NO, 0.9),
    (3, "ilap", "linf", 0.1, 1, "relu1", 2.0, YES, NO, 0.0),
    (0, "ilap", "linf", 0.1, 1, "fc", 3.0, NO, YES, 0.9),
    (1, "ilap", "linf", 0.1, 1, "fc", 3.0, NO, NO, 0.9),
    (2, "ilap", "linf", 0.1, 1, "fc", 3.0, NO, NO, 0.9),
    (3, "ilap", "linf", 0.1, 1, "fc", 3.0, YES, NO, 0.0),
]
IN_L2: list[Row] = [
    (0, "adaptive", "l2", 1.0, 1.0, "", 1.0, YES, YES, 0.4),
    (1, "adaptive", "l2", 1.0, 1.0, "", 1.0, NO, YES, 0.9),
    (2, "adaptive", "l2", 1.0, 1.0, "", 1.0, NO, YES, 0.9),
    (3, "adaptive", "l2", 1.0, 1.0, "", 1.0, NO, NO, 0.9),
    (0, "adaptive", "l2", 1.0, 0.6, "", 0.6, YES, NO, 0.9),
    (1, "adaptive", "l2", 1.0, 0.6, "", 0.6, NO, NO, 0.9),
    (2, "adaptive", "l2", 1.0, 0.6, "", 0.6, NO, NO, 0.9),
    (3, "adaptive", "l2", 1.0, 0.6, "", 0.6, NO, NO, 0.9),
    (0, "adaptive", "l2", 2.0, 1.0, "", 2.0, YES, YES, 0.9),
    (1, "adaptive", "l2", 2.0, 1.0, "", 2.0, YES, YES, 0.9),
    (2, "adaptive", "l2", 2.0, 1.0, "", 2.0, NO, YES, 0.9),
    (3, "adaptive", "l2", 2.0, 1.0, "", 2.0, YES, NO, 0.9),
    (0, "adaptive", "l2", 2.0, 0.6, "", 1.2, YES, YES, 0.9),
    (1, "adaptive", "l2", 2.0, 0.6, "", 1.3, YES, YES, 0.05),
    (2, "adaptive", "l2", 2.0, 0.6, "", 1.2, NO, NO, 0.9),
    (3, "adaptive", "l2", 2.0, 0.6, "", 1.2, NO, NO, 0.9),
]
FLAGGED_UP_TO = 0.05


def measure(rows: list[Row]) -> pd.DataFrame:
    return measure_attack(*lay_out(rows), FLAGGED_UP_TO).set_index(KEYS).sort_index()


MEASURED = measure(IN_LINF + IN_L2)
IN_BALL = ("adaptive", "", "linf", 0.1)
LEAST = ("least_l2", "", "l2", math.inf)


@pytest.mark.parametrize(
    ("attack", "quantity", "figure", "n"),
    [
        (IN_BALL, "dknn_accuracy", 0.25, 4),
        (IN_BALL, "dknn_accuracy_after_one_class", 0.5, 4),  # image 2 was led to two
        (IN_BALL, "dnn_accuracy", 0.25, 4),
        (IN_BALL, "credibility_of_successes", 0.14, 3),
        (IN_BALL, "successes_above_0.1", 1 / 3, 3),
        (IN_BALL, "successes_not_flagged", 2 / 3, 3),
        (IN_BALL, "dknn_errs_unflagged", 0.5, 4),
        (IN_BALL, "l2_of_successes", 1.2, 3),
        (("ilap", "relu1", "linf", 0.1), "dknn_accuracy", 1, 4),
        (("ilap", "relu1", "linf", 0.1), "dknn_errs_unflagged", 0, 4),
        (("ilap", "relu1", "linf", 0.1), "credibility_of_successes", math.nan, 0),
        (("ilap", "fc", "linf", 0.1), "dknn_accuracy", 0.75, 4),
        (("ilap", "fc", "linf", 0.1), "dnn_accuracy", 0.75, 4),
    ],
)
def test_a_success_is_an_image_that_dknn_gives_another_label(
    attack: tuple[object, ...], quantity: str, figure: float, n: int
) -> None:
    row = MEASURED.loc[(*attack, quantity)]
    assert row["value"] == pytest.approx(figure, nan_ok=True)
    assert row["n_points"] == n


@pytest.mark.parametrize(
    ("quantity", "figure", "n"),
    [
        ("fools_both", 0.5, 4),
        ("l2_of_successes", (1.0 + 1.3) / 2, 2),
        ("credibility_of_successes", (0.4 + 0.05) / 2, 2),
        ("successes_above_0.1", 0.5, 2),
        ("successes_not_flagged", 0.5, 2),
    ],
)
def test_of_all_tries_the_one_of_the_least_l2_that_fools_both_counts(
    quantity: str, figure: float, n: int
) -> None:
    row = MEASURED.loc[(*LEAST, quantity)]
    assert row["value"] == pytest.approx(figure)
    assert row["n_points"] == n
    assert len(MEASURED.loc[LEAST]) == 5


def test_where_none_fools_both_there_is_no_least_l2() -> None:
    rows = [row for row in IN_L2 if not (row[7] and row[8])]
    measured = measure(IN_LINF + rows).loc[LEAST]
    assert measured.loc["fools_both"].tolist() == [0, 4]
    assert measured["value"].drop("fools_both").isna().all()
    assert measured["n_points"].drop("fools_both").eq(0).all()


def test_an_l2_ball_adds_nothing_to_the_figures_of_an_l_infinity_ball() -> None:
    pd.testing.assert_frame_equal(MEASURED.drop(LEAST), measure(IN_LINF + IN_L2[:4]).drop(LEAST))
    assert set(MEASURED.index.get_level_values("norm")) == {"linf", "l2"}


def test_clean_images_say_what_the_thresholds_cost() -> None:
    scores = pd.DataFrame(
        {
            "y_true": [1, 2, 3, 4],
            "dnn_label": [1, 2, 3, 0],
            "dknn_label": [1, 2, 0, 0],
            "credibility": [0.9, 0.1, 0.05, 0.2],
        }
    )
    measured = measure_clean(scores, FLAGGED_UP_TO).set_index(KEYS).loc[("none", "", "linf", 0.0)]
    assert measured["value"].to_dict() == {
        "dknn_accuracy": 0.5,
        "dnn_accuracy": 0.75,
        "images_above_0.1": 0.5,
        "images_not_flagged": 0.75,
    }
    assert set(measured["n_points"]) == {4}


def make_seeds(radii: Sequence[float] = (0.1, 0.15, 0.2, 0.25, 0.3)) -> pd.DataFrame:
    """Measure two seeds, of clean images and of attacks at radii that the paper reports."""
    seeds = []
    for seed, credibility in {1: 0.9, 4: 0.05}.items():
        rows = [(*row[:3], radius, *row[4:]) for radius in radii for row in IN_LINF]
        rows[0] = (*rows[0][:9], credibility)
        clean = pd.DataFrame(
            {"y_true": [1, 2], "dnn_label": [1, 2], "dknn_label": [1, 2], "credibility": [credibility, 0.9]}
        )
        of_attack = measure_attack(*lay_out(rows + IN_L2), FLAGGED_UP_TO)
        seeds += [of.assign(seed=seed) for of in (measure_clean(clean, FLAGGED_UP_TO), of_attack)]
    return pd.concat(seeds, ignore_index=True)


def test_each_of_the_papers_figures_stands_beside_ours_also_of_measures_that_were_written(
    tmp_path: Path,
) -> None:
    write_measures(tmp_path / "measures.csv", make_seeds())
    read = pd.read_csv(tmp_path / "measures.csv")
    assert read.columns.tolist() == [*KEYS, "seed", "value", "n_points"]
    table = tabulate(read, REPORTED)
    columns = REPORTED.columns.tolist()
    pd.testing.assert_frame_equal(
        table.dropna(subset="reported")[columns].sort_values(columns, ignore_index=True),
        REPORTED.sort_values(columns, ignore_index=True),
    )
    assert table.loc[table["reported"].notna(), "layer"].isna().all()


def test_means_over_seeds_are_within_what_there_can_be() -> None:
    table = tabulate(make_seeds()).set_index(KEYS)
    assert not table.index.duplicated().any()
    row = table.loc[("adaptive", "", "linf", 0.1, "credibility_of_successes")]
    assert row["value"] == pytest.approx((1.02 / 3 + 0.17 / 3) / 2)
    assert (row["ci95_low"], row["ci95_high"]) == (0, 1)
    assert (row["n_points"], row["n_seeds"]) == (6, 2)
    shares = table[~table.index.get_level_values("quantity").str.startswith("l2")]
    assert shares["ci95_high"].max() <= 1 and shares["ci95_low"].min() >= 0
    nothing = table.loc[("ilap", "relu1", "linf", 0.2, "l2_of_successes")]
    assert np.isnan(nothing["value"])
    assert nothing["n_seeds"] == 0


@pytest.mark.parametrize("reported", [None, REPORTED])
def test_the_figure_of_one_seed_warns_of_nothing(reported: pd.DataFrame | None) -> None:
    table = tabulate(make_seeds().query("seed == 1"), reported)
    assert table[["ci95_low", "ci95_high"]].isna().all(axis=None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plot_attack(table).canvas.draw()
