"""The attack that knows Deep k-nearest neighbours: what is counted of it, and the program that makes it."""

import math
import warnings
from io import StringIO

import numpy as np
import pandas as pd
import pytest

from layeraudit.report.adaptive import (
    KEYS,
    PUBLISHED,
    make_claims,
    measure_attack,
    measure_clean,
    tabulate_attack,
)
from layeraudit.report.figures.adaptive import plot_attack
from layeraudit.statistics import tabulate_claims

pytestmark = pytest.mark.usefixtures("one_thread")

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
        (IN_BALL, "dknn_errs_and_passes", 0.5, 4),
        (IN_BALL, "l2_of_successes", 1.2, 3),
        (("ilap", "relu1", "linf", 0.1), "dknn_accuracy", 1, 4),
        (("ilap", "relu1", "linf", 0.1), "dknn_errs_and_passes", 0, 4),
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


def make_seeds() -> pd.DataFrame:
    """Measure two seeds, of clean images and of attacks at a radius that the paper reports."""
    seeds = []
    for credibility in (0.9, 0.05):
        rows = [(*row[:3], 0.2 if row[2] == "linf" else row[3], *row[4:]) for row in IN_LINF + IN_L2]
        rows[0] = (*rows[0][:9], credibility)
        clean = pd.DataFrame(
            {"y_true": [1, 2], "dnn_label": [1, 2], "dknn_label": [1, 2], "credibility": [credibility, 0.9]}
        )
        seeds += [measure_clean(clean, FLAGGED_UP_TO), measure_attack(*lay_out(rows), FLAGGED_UP_TO)]
    return pd.concat(seeds, ignore_index=True)


def test_the_papers_figures_stand_beside_ours_where_it_has_any() -> None:
    table = tabulate_attack(make_seeds(), as_published=True).set_index(KEYS)
    assert table["published"].dropna().to_dict() == {
        ("none", "", "linf", 0.0, "images_above_0.1"): 0.913,
        ("adaptive", "", "linf", 0.2, "dknn_accuracy"): 0.174,
        ("adaptive", "", "linf", 0.2, "credibility_of_successes"): 0.104,
        ("adaptive", "", "linf", 0.2, "successes_above_0.1"): 0.28,
        ("least_l2", "", "l2", math.inf, "fools_both"): 0.95,
        ("least_l2", "", "l2", math.inf, "l2_of_successes"): 2.38,
    }


def test_the_figure_of_one_seed_has_no_bars_and_warns_of_nothing() -> None:
    one_seed = make_seeds().drop_duplicates(KEYS)
    table = tabulate_attack(one_seed, as_published=False)
    assert table[["ci95_low", "ci95_high"]].isna().all(axis=None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plot_attack(table).canvas.draw()


def test_data_or_a_k_that_is_not_the_papers_has_no_figures_of_it() -> None:
    assert tabulate_attack(make_seeds(), as_published=False)["published"].isna().all()


def test_every_published_figure_is_of_an_attack_and_a_quantity_that_is_measured() -> None:
    measured = make_seeds()
    found = set(measured[["attack", "quantity"]].itertuples(index=False, name=None))
    assert {(attack, quantity) for attack, _, quantity in PUBLISHED} <= found


def test_figures_are_means_over_seeds_and_their_intervals_are_within_what_there_can_be() -> None:
    table = tabulate_attack(make_seeds(), as_published=True).set_index(KEYS)
    assert not table.index.duplicated().any()
    row = table.loc[("adaptive", "", "linf", 0.2, "credibility_of_successes")]
    assert row["value"] == pytest.approx((1.02 / 3 + 0.17 / 3) / 2)
    assert (row["ci95_low"], row["ci95_high"]) == (0, 1)
    assert (row["n_points"], row["n_seeds"]) == (6, 2)
    l2 = table.loc[("least_l2", "", "l2", math.inf, "l2_of_successes")]
    assert l2[["value", "ci95_low", "ci95_high"]].tolist() == pytest.approx([1.15] * 3)  # in both seeds
    nothing = table.loc[("ilap", "relu1", "linf", 0.2, "l2_of_successes")]
    assert np.isnan(nothing["value"])
    assert nothing["n_seeds"] == 0


def test_that_dknn_yields_is_claimed_at_each_radius_with_a_published_figure() -> None:
    rows = [
        ("adaptive", 0.1, "dknn_accuracy", 0.80),
        ("adaptive", 0.1, "dknn_accuracy", 0.90),
        ("adaptive", 0.1, "dnn_accuracy", 0.1),
        ("ilap", 0.1, "dknn_accuracy", 0.1),
        ("adaptive", 0.2, "dknn_accuracy", 0.05),
        ("adaptive", 0.2, "dknn_accuracy", 0.05),
        ("adaptive", 0.3, "dknn_accuracy", 0.0),
        ("adaptive", 0.3, "dknn_accuracy", 0.0),
        ("adaptive", 0.4, "dknn_accuracy", 0.0),
    ]
    by_seed = pd.DataFrame(rows, columns=["attack", "radius", "quantity", "value"]).assign(n_points=50)
    claims = tabulate_claims(make_claims(by_seed, [0.1, 0.2, 0.3, 0.4])).set_index("claim")
    name = "dknn_yields_to_an_attack_that_knows_it_"
    assert claims.index.tolist() == [f"{name}0.1", f"{name}0.2", f"{name}0.3"]
    first, second, third = (claims.loc[f"{name}{epsilon}"] for epsilon in (0.1, 0.2, 0.3))
    assert first[["value", "n_points", "n_seeds"]].tolist() == pytest.approx([0.85, 100, 2])
    assert first["reported"] == "84.2 %"
    # The standard error of two that lie 0.1 apart is 0.05; t of one degree of freedom is Cauchy's.
    below = 0.5 + math.atan((0.85 - 0.842) / 0.05) / math.pi
    assert (first["p_for"], first["p_against"]) == pytest.approx((below, 1 - below))
    # Both seeds are below and the same: two throws of a coin.
    assert (second["p_for"], second["p_against"]) == pytest.approx((0.25, 1))
    # As seldom as 0 % is neither above nor below it.
    assert (third["p_for"], third["p_against"]) == pytest.approx((1, 1))
