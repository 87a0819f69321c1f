"""Experiment 1's table, claims and figure, on points laid out by hand."""

import warnings
from math import comb
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from layeraudit.errors import InputError
from layeraudit.figures import CLEAN, MISCLASSIFIED, MISCLASSIFIED_CLEAN, POISON
from layeraudit.report.experiment_1 import (
    compare_low_credibility,
    make_claims,
    read_points,
    subtract_clean,
    tabulate_credibility,
)
from layeraudit.report.figures.experiment_1 import plot_credibility
from layeraudit.statistics import BETWEEN_SEEDS_OF_ONE_POOL, judge_claims, share_equals, tabulate_claims

COLUMNS = ["seed", "points", "y", "y_true", "dnn_label", "dknn_label", "credibility", "moved"]
POINTS = pd.DataFrame(
    [
        (0, 0, 1, 1, 1, 1, 1.0, False),
        (0, 0, 9, 9, 9, 9, 0.6, False),
        (0, 0, 9, 9, 4, 9, 0.05, False),  # clean and misclassified
        (1, 0, 1, 1, 1, 1, 0.8, False),
        (0, 4, 9, 1, 1, 1, 0.9, True),
        (0, 4, 9, 1, 9, 1, 0.02, True),  # the network has it wrong, DkNN right
        (0, 4, 1, 9, 9, 9, 0.4, False),
        (0, 4, 1, 9, 9, 1, 0.5, False),  # 0.5 is not above 0.5
        (1, 4, 9, 1, 1, 1, 0.1, False),  # 0.1 is not below 0.1
        (1, 4, 9, 1, 1, 1, 0.7, False),
        (1, 4, 1, 9, 9, 9, 0.7, False),
        (1, 4, 1, 9, 9, 9, 0.9, False),
    ],
    columns=COLUMNS,
)


def points_of(size: int, moved: list[int], wrong: list[int], credibility: float = 0.9) -> pd.DataFrame:
    """Make seeds of `size` poison points and as many clean images, with so many moved, and so many wrong."""
    frames = []
    for seed, (n_moved, n_wrong) in enumerate(zip(moved, wrong, strict=True)):
        rows = np.arange(size)
        poison = pd.DataFrame({"y_true": np.ones(size, dtype=np.int64), "y": 9, "seed": seed, "points": size})
        poison["moved"] = rows < n_moved
        poison["dnn_label"] = np.where(rows < n_wrong, 9, 1)
        poison["dknn_label"] = 1
        poison["credibility"] = credibility + 0.001 * seed
        clean = poison.assign(points=0, moved=False, y=1, dnn_label=1, credibility=0.9)
        frames += [clean, poison]
    return pd.concat(frames, ignore_index=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("group", "quantity", "of_seeds", "n_points"),
    [
        ((0, "clean"), "number_of_points", [3, 1], 4),
        ((0, "clean"), "dnn_accuracy", [2 / 3, 1], 4),
        ((0, "clean"), "dknn_accuracy", [1, 1], 4),
        ((0, "clean"), "median_credibility", [0.6, 0.8], 4),
        ((0, "clean"), "share_credibility_below_0.1", [1 / 3, 0], 4),
        ((4, "poison"), "number_of_points", [4, 4], 8),
        ((4, "poison"), "dnn_accuracy", [3 / 4, 1], 8),
        ((4, "poison"), "dknn_accuracy", [3 / 4, 1], 8),
        ((4, "poison"), "mean_credibility", [0.455, 0.6], 8),
        ((4, "poison"), "median_credibility", [0.45, 0.7], 8),
        ((4, "poison"), "share_credibility_below_0.1", [1 / 4, 0], 8),
        ((4, "poison"), "share_credibility_above_0.5", [1 / 4, 3 / 4], 8),
        ((4, "moved"), "number_of_points", [2, 0], 8),
        ((4, "moved"), "dnn_accuracy", [1 / 2], 2),
        ((4, "moved"), "mean_credibility", [0.46], 2),
        ((4, "not_moved"), "number_of_points", [2, 4], 8),
        ((4, "misclassified"), "number_of_points", [1, 0], 8),
        ((4, "misclassified"), "dnn_accuracy", [0], 1),
        ((4, "misclassified"), "dknn_accuracy", [1], 1),
        ((4, "not_misclassified"), "mean_credibility", [0.6, 0.6], 7),
    ],
)
def test_a_figure_is_the_mean_over_the_seeds_that_have_one(
    group: tuple[int, str], quantity: str, of_seeds: list[float], n_points: int
) -> None:
    row = (
        tabulate_credibility(POINTS, as_reported=True)
        .set_index(["points", "group", "quantity"])
        .loc[(*group, quantity)]
    )
    assert row["value"] == pytest.approx(np.mean(of_seeds))
    assert (row["n_points"], row["n_seeds"]) == (n_points, len(of_seeds))
    assert row["interval"] == BETWEEN_SEEDS_OF_ONE_POOL
    if len(of_seeds) == 1:
        assert row[["ci95_low", "ci95_high"]].isna().all()
        return
    assert 0 <= row["ci95_low"] <= row["value"] <= row["ci95_high"]
    if quantity != "number_of_points":
        assert row["ci95_high"] <= 1


def test_the_reports_numbers_stand_beside_both_groups_that_they_may_mean() -> None:
    points = pd.concat([points_of(15, [3, 5], [0, 1]), points_of(50, [20, 30], [0, 1])])
    reported = (
        tabulate_credibility(points, as_reported=True)
        .set_index(["points", "group", "quantity"])["reported"]
        .dropna()
    )
    assert reported.to_dict() == {
        (15, "moved", "number_of_points"): 4,
        (15, "misclassified", "number_of_points"): 4,
        (50, "moved", "number_of_points"): 25,
        (50, "misclassified", "number_of_points"): 25,
    }


def test_an_experiment_that_is_not_the_reports_has_no_numbers_of_it() -> None:
    points = points_of(50, [20, 30], [0, 1])
    assert tabulate_credibility(points, as_reported=False)["reported"].isna().all()
    of_report, of_others = (
        {claim.claim for claim in make_claims(points, as_reported=reported)} for reported in (True, False)
    )
    assert of_report - of_others == {"25_of_50_points_moved", "25_of_50_points_misclassified"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "points",
    [
        POINTS[POINTS["seed"] == 1],
        POINTS[POINTS["points"] == 4],
        POINTS[(POINTS["points"] == 0) | (POINTS["dnn_label"] != POINTS["y_true"])],
        POINTS[(POINTS["points"] == 4) & (POINTS["dnn_label"] != POINTS["y_true"])],
    ],
    ids=["one seed", "no clean image", "no poison point that is right", "one point"],
)
def test_groups_without_points_and_single_seeds_stop_nothing(points: pd.DataFrame) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = tabulate_credibility(points, as_reported=True)
        claims = tabulate_claims(make_claims(points, as_reported=True))
        plot_credibility(points)
    empty = table[table["n_points"] == 0]
    assert len(empty)
    assert empty.loc[empty["quantity"] != "number_of_points", "value"].isna().all()
    assert (empty.loc[empty["quantity"] == "number_of_points", "value"] == 0).all()
    assert set(judge_claims(claims)["verdict"]) == {"cannot tell"}


def mantel_haenszel(tables: list[tuple[int, int, int, int]]) -> float:
    """Give the one-sided p that the first kind is low more often, by the formula of 1959, uncorrected."""
    excess = variance = 0.0
    for low_poison, other_poison, low_clean, other_clean in tables:
        poison, clean = low_poison + other_poison, low_clean + other_clean
        low, other, n = low_poison + low_clean, other_poison + other_clean, poison + clean
        excess += low_poison - poison * low / n
        variance += poison * clean * low * other / (n**2 * (n - 1))
    return float(stats.norm.sf(excess / np.sqrt(variance)))


def test_low_credibility_is_compared_within_each_seed_and_digit() -> None:
    poison = [[0.05, 0.02, 0.5, 0.08], [0.9, 0.01]]
    clean = [[0.9, 0.05, 0.7, 0.6, 0.1], [0.9, 0.8, 0.7]]
    tables = [(3, 1, 1, 4), (1, 1, 0, 3)]  # 0.1 is not low
    for of_part in ([(0, 1), (1, 1)], [(0, 1), (0, 9)]):
        frames = [
            pd.concat(
                pd.DataFrame({"seed": seed, "y_true": digit, "credibility": values})
                for (seed, digit), values in zip(of_part, kind, strict=True)
            )
            for kind in (poison, clean)
        ]
        p = mantel_haenszel(tables)
        assert compare_low_credibility(*frames) == pytest.approx((p, 1 - p))
        p = mantel_haenszel([(c, d, a, b) for a, b, c, d in tables])
        assert compare_low_credibility(*frames[::-1]) == pytest.approx((p, 1 - p))
        p = mantel_haenszel(tables[:1])
        assert compare_low_credibility(frames[0].iloc[:4], frames[1]) == pytest.approx((p, 1 - p))
        assert np.isnan(compare_low_credibility(frames[0].iloc[:4], frames[1].iloc[5:])).all()


def test_where_no_image_is_low_nothing_is_said() -> None:
    frame = pd.DataFrame({"seed": [0, 0], "y_true": [1, 1], "credibility": [0.5, 0.9]})
    assert compare_low_credibility(frame, frame) == (1.0, 1.0)


def test_poison_is_compared_with_clean_images_of_its_own_digit_and_seed() -> None:
    columns = ["seed", "y_true", "credibility"]
    clean = pd.DataFrame([(0, 1, 1.0), (0, 1, 0.8), (0, 9, 0.05), (0, 9, 0.15), (1, 1, 0.5)], columns=columns)
    poison = pd.DataFrame([(0, 1, 0.8), (0, 9, 0.3), (0, 9, 0.02), (2, 1, 0.9)], columns=columns)
    difference = subtract_clean(poison, clean, pd.Index([0, 1, 2]))
    assert difference.loc[0].to_dict() == pytest.approx({"credibility": (-0.1 + 0.2 - 0.08) / 3, "low": 0})
    assert difference.loc[[1, 2]].isna().all(axis=None)


def verdicts(points: pd.DataFrame) -> dict[str, str]:
    claims = judge_claims(tabulate_claims(make_claims(points, as_reported=True)))
    return dict(zip(claims["claim"], claims["verdict"], strict=True))


def test_claims_hold_where_they_are_true_and_fail_where_they_are_false() -> None:
    moved, wrong = [24, 25, 25, 26, 25], [1, 0, 0, 1, 0]
    points = points_of(50, moved, wrong, credibility=0.95)
    some = (points["points"] == 50) & (points.groupby(["seed", "points"]).cumcount() < points["seed"])
    verdict = verdicts(points.assign(credibility=points["credibility"].mask(some, 0.4)))
    assert verdict == {
        "low_credibility_although_right": "cannot tell",
        "low_credibility_more_often_than_clean": "cannot tell",
        "right_poison_as_credible_as_clean": "holds",
        "most_of_50_points_credible": "holds",
        "25_of_50_points_moved": "holds",
        "25_of_50_points_misclassified": "does not hold for these networks",
    }
    points = points_of(50, moved, wrong, credibility=0.05)
    verdict = verdicts(points.assign(credibility=points["credibility"].mask(some, 0.6)))
    assert verdict["low_credibility_although_right"] == "holds"
    assert verdict["low_credibility_more_often_than_clean"] == "holds"
    assert verdict["right_poison_as_credible_as_clean"] == "does not hold"
    assert verdict["most_of_50_points_credible"] == "does not hold"


@pytest.mark.parametrize(
    ("count", "holds", "fails"),
    [(0, False, True), (52, False, False), (75, True, False), (90, False, False), (150, False, True)],
)
def test_a_share_of_points_is_held_against_both_ends_of_its_margin(
    count: int, holds: bool, fails: bool
) -> None:
    p_for, p_against = share_equals(count, 150, 0.5, 0.1)
    assert (p_for < 0.05, p_against < 0.05) == (holds, fails)
    above_low = sum(comb(150, k) * 0.4**k * 0.6 ** (150 - k) for k in range(count, 151))
    below_high = sum(comb(150, k) * 0.6**k * 0.4 ** (150 - k) for k in range(count + 1))
    assert p_for == pytest.approx(max(above_low, below_high))


def test_no_misclassified_point_in_three_seeds_speaks_against_the_reports_25() -> None:
    points = points_of(50, [25, 24, 26], [0, 0, 0])
    (claim,) = (
        claim
        for claim in make_claims(points, as_reported=True)
        if claim.claim == "25_of_50_points_misclassified"
    )
    assert (claim.value, claim.n_points, claim.n_seeds) == (0, 150, 3)
    assert claim.ci95_low == pytest.approx(0)
    assert 0 < claim.ci95_high < 2
    assert claim.p_against < 1e-6
    assert claim.p_for == 1


def test_sets_of_a_size_that_the_report_has_not_are_not_held_against_its_numbers() -> None:
    assert not [
        claim for claim in make_claims(points_of(6, [3, 3], [0, 1]), as_reported=True) if claim.reported
    ]


def test_claims_compare_the_largest_set_alone_with_clean_images() -> None:
    points = pd.concat([points_of(15, [3, 5], [0, 1], credibility=0.05), points_of(50, [20, 30], [0, 1])])
    claims = {claim.claim: claim for claim in make_claims(points, as_reported=True)}
    assert len(claims) == 9
    assert claims["right_poison_as_credible_as_clean"].n_points == 99
    assert claims["right_poison_as_credible_as_clean"].value == pytest.approx(0.0005)
    assert claims["most_of_15_points_credible"].value == 0


def test_claims_compare_images_that_the_network_gets_right() -> None:
    points = points_of(6, [3, 3], [1, 2], credibility=0.9)
    wrong = (points["points"] == 0) & (points.groupby(["seed", "points"]).cumcount() == 0)
    points.loc[wrong, ["dnn_label", "credibility"]] = 4, 0.01
    some, low, as_high = make_claims(points, as_reported=True)[:3]
    assert some.value == low.value == 0
    assert as_high.value == pytest.approx(0.0005)
    assert low.n_points == as_high.n_points == 5 + 4


def write_run(folder: Path, seed: int, n_points: int = 2) -> list[Path]:
    folder = folder / f"seed{seed}"
    folder.mkdir()
    columns = {"dnn_label": 1, "dknn_label": 1, "credibility": 0.5}
    test = pd.DataFrame({"row": range(3), "y": [1, 4, 9], "y_true": [1, 4, 9], **columns})
    poison = pd.DataFrame({"row": [0, 1], "y": [9, 9], "y_true": [1, 1], **columns})
    record = pd.DataFrame({"row": [0, 1], "distance": [seed, seed + 0.5], "moved": [False, True]})
    paths = [folder / "test.parquet", folder / "poison_some.parquet", folder / "poison_some.csv"]
    test.to_parquet(paths[0])
    poison.to_parquet(paths[1])
    record.iloc[:n_points].to_csv(paths[2], index=False)
    return paths


def test_points_are_read_with_their_record_and_the_clean_images_of_their_digits(tmp_path: Path) -> None:
    tests, scores, records = zip(*(write_run(tmp_path, seed) for seed in range(2)), strict=True)
    points = read_points(list(tests), list(scores), list(records))
    clean, poison = points[points["points"] == 0], points[points["points"] == 2]
    assert clean["y"].tolist() == [1, 9] * 2
    assert clean["seed"].tolist() == [0, 0, 1, 1]
    assert poison["distance"].tolist() == [0, 0.5, 1, 1.5]
    assert poison["seed"].tolist() == [0, 0, 1, 1]
    assert points["moved"].dtype == bool
    assert points["moved"].tolist() == [False] * 4 + [False, True] * 2


def test_a_record_of_other_points_is_refused(tmp_path: Path) -> None:
    tests, scores, records = write_run(tmp_path, 0, n_points=1)
    with pytest.raises(InputError, match="poison_some hold 1 points, allowed are the 2 of the scores"):
        read_points([tests], [scores], [records])


def test_the_figure_shows_every_poison_point_and_every_error_in_its_colour() -> None:
    figure = plot_credibility(POINTS)
    (axes,) = figure.axes
    shown = {
        line.get_label().strip().split(":")[0] + str(line.get_color()): line
        for line in axes.lines
        if not line.get_label().startswith("_")
    }
    assert {line.get_color() for line in shown.values()} == {
        CLEAN,
        POISON,
        MISCLASSIFIED,
        MISCLASSIFIED_CLEAN,
    }
    clean, clean_wrong, not_moved, not_moved_wrong, moved, moved_wrong = (
        line for line in axes.lines if not line.get_label().startswith("_")
    )
    assert clean.get_marker() == "None"
    assert clean_wrong.get_xydata().tolist() == [[0.05, 0.25]]
    assert [not_moved.get_xdata()[at] for at in not_moved.get_markevery()] == [0.1, 0.4, 0.5, 0.7, 0.7, 0.9]
    assert not len(not_moved_wrong.get_xdata())
    assert [(moved.get_xdata()[at], moved.get_ydata()[at]) for at in moved.get_markevery()] == [(0.9, 1.0)]
    assert moved_wrong.get_xydata().tolist() == [[0.02, 0.5]]
    assert "n = 2," in moved.get_label()


def test_the_mixture_is_the_poison_and_as_many_clean_images_of_each_seed() -> None:
    table = tabulate_credibility(POINTS, as_reported=True).set_index(["points", "group", "quantity"])
    mixture = table.loc[(4, "mixture", "number_of_points")]
    # Of the clean images the first seed has three and the second has one, so they are all taken.
    assert (mixture["value"], mixture["n_points"]) == ((4 + 3 + 4 + 1) / 2, 12)
    assert mixture["ci95_low"] <= mixture["value"] <= mixture["ci95_high"]
