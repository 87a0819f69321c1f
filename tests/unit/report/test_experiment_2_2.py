"""Experiment 2.2: Table 1, trends over layers, base rates, depth and claims, on points laid out by hand."""

import warnings
from itertools import permutations, product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from layeraudit.errors import InputError
from layeraudit.report.experiment_2_2 import (
    QUARTERS,
    REPORTED,
    average_shares,
    compute_slopes,
    describe_poison,
    make_claims,
    tabulate_base_rate,
    tabulate_depth,
    tabulate_poisoned_neighbours,
    tabulate_trend,
)
from layeraudit.report.figures.experiment_2_2 import plot_depth, plot_poisoned_neighbours
from layeraudit.statistics import Claim

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
COUNTED = tabulate_poisoned_neighbours(SCORES, ["relu1", "fc"], k=4, as_reported=True)
TABLE = COUNTED.set_index(["group", "layer"])


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


def test_the_interval_is_cut_to_what_a_share_can_be() -> None:
    row = TABLE.loc[("non_poisoned", "fc")]
    assert (row["ci95_low"], row["ci95_high"]) == (0, 100)


def test_one_seed_has_no_interval() -> None:
    assert TABLE.loc[("misclassified_clean", "fc"), ["ci95_low", "ci95_high"]].isna().all()


def test_a_group_without_points_has_no_figure() -> None:
    clean = SCORES[~SCORES["is_poison"]]
    table = tabulate_poisoned_neighbours(clean, ["fc"], k=4, as_reported=True).set_index("group")
    row = table.loc["poisoned"]
    assert row[["percent_poisoned_neighbours", "ci95_low", "ci95_high"]].isna().all()
    assert (row["n_points"], row["n_seeds"]) == (0, 0)


def test_the_reports_figures_stand_beside_ours_where_it_has_them() -> None:
    assert TABLE["reported"].dropna().to_dict() == {
        ("non_poisoned", "relu1"): 24.93,
        ("non_poisoned", "fc"): 29.04,
        ("misclassified", "relu1"): 25.3,
        ("misclassified", "fc"): 36.93,
    }


def test_an_experiment_that_is_not_the_reports_has_no_figures_of_it() -> None:
    table = tabulate_poisoned_neighbours(SCORES, ["relu1", "fc"], k=4, as_reported=False)
    assert table["reported"].isna().all()
    pd.testing.assert_frame_equal(table.drop(columns="reported"), COUNTED.drop(columns="reported"))
    points = both_trainings([1, 2, 3, 5], [4] * 4)
    of_report, of_others = (
        {claim.claim: claim for claim in make_claims(points, LAYERS, 20, as_reported=as_reported)}
        for as_reported in (True, False)
    )
    compared = {"level_non_poisoned_relu1", "level_non_poisoned_fc", "level_misclassified_fc"}
    compared |= {f"table_1_{training}" for training in QUARTERS}
    assert of_report.keys() - of_others.keys() == compared
    assert {claim.reported for claim in of_others.values()} == {""}
    assert "24.93, 28.8, 29.14, 29.04 %" in {claim.reported for claim in of_report.values()}


LAYERS = ["relu1", "relu2", "relu3", "fc"]


def lay_out(rows: list[tuple[str, int, bool, bool, list[int]]]) -> pd.DataFrame:
    """Give points of digit 1: training, seed, whether it is poison and misclassified, counts by layer."""
    points = pd.DataFrame(
        [
            {
                "training": training,
                "seed": seed,
                "y": 1,
                "is_poison": is_poison,
                "dnn_label": 9 if is_misclassified else 1,
            }
            | {f"poison_neighbours_{layer}": count for layer, count in zip(LAYERS, counts, strict=True)}
            for training, seed, is_poison, is_misclassified, counts in rows
        ]
    )
    return points.assign(distance=np.nan, moved=None)


def find_p_of_page(counts: list[list[int]], order: list[int]) -> float:
    """Give Page's exact p by trying all orders of all rows: a slow oracle, without ties."""
    ranks = [[sorted(row).index(value) + 1 for value in row] for row in counts]
    observed = sum(place * rank for row in ranks for place, rank in zip(order, row, strict=True))
    chances = [
        sum(place * rank for row in rows for place, rank in zip(order, row, strict=True)) >= observed
        for rows in product(permutations(range(1, len(order) + 1)), repeat=len(counts))
    ]
    return float(np.mean(chances))


def trend_of(points: pd.DataFrame, group: str = "non_poisoned") -> pd.DataFrame:
    table = tabulate_trend(points, LAYERS, k=10)
    return table[table["group"] == group].set_index(["quantity", "seed"])


@pytest.mark.parametrize(
    "counts",
    [
        [[0, 1, 2, 3], [1, 2, 3, 4], [0, 2, 5, 9]],
        [[3, 2, 1, 0], [4, 3, 2, 1]],
        [[0, 2, 1, 3], [2, 1, 5, 3], [3, 5, 2, 0]],
    ],
)
def test_pages_p_is_that_of_all_orders_of_the_layers(counts: list[list[int]]) -> None:
    row = trend_of(lay_out([("two_digits", 0, False, False, of_point) for of_point in counts])).loc[
        ("rank_correlation", 0)
    ]
    assert row["p_growing"] == pytest.approx(find_p_of_page(counts, [1, 2, 3, 4]))
    assert row["p_falling"] == pytest.approx(find_p_of_page(counts, [4, 3, 2, 1]))
    # Spearman's correlation of each point, by its closed form 1 - 6 sum(d^2) / (n (n^2 - 1)).
    of_points = [
        1 - 6 * sum((sorted(row).index(value) - place) ** 2 for place, value in enumerate(row)) / 60
        for row in counts
    ]
    assert row["value"] == pytest.approx(np.mean(of_points))


def test_points_that_are_the_same_in_all_layers_count_for_neither_direction() -> None:
    moving, tied = [1, 2, 4, 7], [3, 3, 3, 3]
    points = lay_out([("two_digits", 0, False, False, of_point) for of_point in [moving, tied, tied, tied]])
    row = trend_of(points).loc[("rank_correlation", 0)]
    assert (row["n_points"], row["n_tied"]) == (4, 3)
    assert row["value"] == pytest.approx(1 / 4)
    only_tied = trend_of(points[1:]).loc[("rank_correlation", 0)]
    assert (only_tied["value"], only_tied["n_tied"]) == (0, 3)
    assert only_tied["p_growing"] == pytest.approx(only_tied["p_falling"])
    assert only_tied["p_growing"] > 0.4


def test_a_trend_is_to_show_in_every_seed() -> None:
    growing, falling, even = [[0, 1, 2, 3]] * 3, [[3, 2, 1, 0]] * 3, [[1, 1, 1, 1]] * 3

    def combined(*seeds: list[list[int]]) -> pd.Series:
        rows = [("two_digits", seed, False, False, row) for seed, of in enumerate(seeds) for row in of]
        return trend_of(lay_out(rows)).loc[("rank_correlation", "all")]

    one = find_p_of_page(growing, [1, 2, 3, 4])
    assert combined(growing)["p_growing"] == pytest.approx(one)
    assert combined(growing, growing)["p_growing"] == pytest.approx(one)
    assert combined(growing, even)["p_growing"] > one
    at_odds = combined(growing, falling)
    assert at_odds["value"] == pytest.approx(0)
    assert min(at_odds["p_growing"], at_odds["p_falling"]) > 0.2


@given(st.lists(st.floats(0, 100), min_size=4, max_size=4))
def test_the_slope_is_that_of_least_squares_in_closed_form(of_seed: list[float]) -> None:
    a, b, c, d = of_seed
    slope = compute_slopes(pd.DataFrame([of_seed])).iloc[0]
    assert slope == pytest.approx((-3 * a - b + c + 3 * d) / 10, abs=1e-9)


def test_slopes_are_of_the_means_of_seeds_and_tested_over_seeds() -> None:
    rows = [
        ("two_digits", 0, False, False, [0, 1, 2, 3]),  # 10 points a layer
        ("two_digits", 0, False, False, [2, 3, 4, 5]),
        ("two_digits", 1, False, False, [0, 2, 4, 6]),  # 20
        ("two_digits", 2, False, False, [0, 0, 0, 0]),  # 0
    ]
    table = trend_of(lay_out(rows)).loc["slope"]
    assert table.loc[[0, 1, 2], "value"].tolist() == pytest.approx([10, 20, 0])
    assert table.loc[[0, 1, 2], "n_points"].tolist() == [2, 1, 1]
    row = table.loc["all"]
    half = 4.302652729911275 * 10 / np.sqrt(3)  # t(0.975, 2) of the tables; 0, 10, 20 deviate by 10
    assert row["value"] == pytest.approx(10)
    assert (row["ci95_low"], row["ci95_high"]) == pytest.approx((10 - half, 10 + half))
    t = 10 / (10 / np.sqrt(3))
    assert row["p_growing"] == pytest.approx(0.5 - t / (2 * np.sqrt(2 + t**2)))  # Student's t with 2 degrees
    assert row["p_falling"] == pytest.approx(1 - row["p_growing"])
    assert (row["n_points"], row["n_tied"], row["n_seeds"]) == (4, 1, 3)


def test_the_distance_from_the_base_rate_is_tested_on_both_sides_and_corrected_by_holm() -> None:
    rows = [
        ("two_digits", seed, False, False, [count, 2, 2 + seed, 1 + 2 * seed])
        for seed, count in enumerate([7, 8, 9])
    ]
    table = tabulate_base_rate(lay_out(rows), LAYERS, 10, {"two_digits": 20.0})
    of_group = table[table["group"] == "non_poisoned"].set_index("layer")
    assert of_group["value"].tolist() == pytest.approx([60, 0, 10, 10])
    assert (of_group["base_rate"] == 20).all()

    def two_sided(t: float) -> float:
        return 1 - t / np.sqrt(2 + t**2)  # Student's t with 2 degrees of freedom, closed form

    first, third, fourth = (two_sided(t) for t in (6 * np.sqrt(3), np.sqrt(3), np.sqrt(3) / 2))
    assert of_group["p"].tolist() == pytest.approx([first, 1, third, fourth])
    # The groups without points have no test, which is then not counted.
    assert of_group["p_holm"].tolist() == pytest.approx([4 * first, 1, 3 * third, 2 * fourth])
    empty = table[table["group"] == "poisoned"]
    assert empty[["value", "p", "p_holm"]].isna().all(axis=None)
    assert (empty[["n_points", "n_seeds"]] == 0).all(axis=None)


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
            "training": "two_digits",
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


def test_each_quantity_of_depth_is_as_counted_by_hand() -> None:
    occurrences = pd.DataFrame(
        {
            "training": "two_digits",
            "seed": 0,
            "is_poison": [False, False, False, True],
            "occurrences_fc": [0, 0, 3, 9],
        }
    )
    table = tabulate_depth(depth_points(), occurrences, ["fc"], k=10).set_index("quantity")
    deviations = np.array([0, 0, 3, 9]) - 3
    expected = {
        "percent_memorised": (50, 4),
        "occurrence_skewness": (np.mean(deviations**3) / np.mean(deviations**2) ** 1.5, 4),
        "occurrence_poison_to_clean": (9, 4),
        "percent_same_label_clean": (60, 2),
        "percent_same_label_poison": (50, 4),
        # 4 of 8, 1 of 4, 0 of 5; the point without a clean neighbour does not count.
        "percent_same_label_poison_clean_neighbours": (25, 3),
        "percent_poison_of_moved": (70, 3),
        "percent_poison_of_unmoved": (20, 1),
        "percent_poison_of_memorised": (40, 2),
        "percent_poison_of_not_memorised": (75, 2),
        "percent_poison_of_misclassified_clean": (40, 1),
        "spearman_distance": (1.0, 4),  # 0.1, 1, 1.5, 2 with 2, 5, 6, 10 of 10
    }
    assert table["value"].to_dict() == pytest.approx({name: value for name, (value, _) in expected.items()})
    assert table["n_points"].to_dict() == {name: n for name, (_, n) in expected.items()}
    assert (table["n_seeds"] == 1).all()
    assert table["layer"].to_dict() == {
        name: "" if name == "percent_memorised" else "fc" for name in expected
    }


def test_spearmans_correlation_takes_ranks() -> None:
    points = depth_points().assign(distance=[np.nan, np.nan, 1.0, 2.0, 3.0, 100.0])
    occurrences = pd.DataFrame(
        {"training": "two_digits", "seed": [0, 0], "is_poison": [False, True], "occurrences_fc": [1, 2]}
    )
    table = tabulate_depth(points, occurrences, ["fc"], k=10).set_index("quantity")
    # Distances rank 1, 2, 3, 4, shares 1, 4, 3, 2: 1 - 6 (0 + 4 + 0 + 4) / (4 * 15).
    assert table.loc["spearman_distance", "value"] == pytest.approx(0.2)


def test_a_figure_of_depth_is_the_mean_over_seeds_not_over_points() -> None:
    two = pd.concat([depth_points(), depth_points().iloc[:2].assign(seed=1)], ignore_index=True)
    two.loc[two["seed"] == 1, "same_label_neighbours_fc"] = [10, 10]
    three = pd.concat([two, two[two["seed"] == 1]], ignore_index=True)
    occurrences = pd.DataFrame(
        {"training": "two_digits", "seed": [0, 0], "is_poison": [False, True], "occurrences_fc": [1, 2]}
    )
    for points in (two, three):
        table = tabulate_depth(points, occurrences, ["fc"], k=10).set_index("quantity")
        assert table.loc["percent_same_label_clean", "value"] == pytest.approx((60 + 100) / 2)
        assert table.loc["percent_same_label_clean", "n_seeds"] == 2


def test_points_that_all_moved_as_far_have_no_correlation() -> None:
    points = depth_points().assign(distance=1.0, moved=True)
    occurrences = pd.DataFrame(
        {"training": "two_digits", "seed": [0, 0], "is_poison": [False, True], "occurrences_fc": [1, 1]}
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = tabulate_depth(points, occurrences, ["fc"], k=10).set_index("quantity")
    for quantity in ("spearman_distance", "percent_poison_of_unmoved", "occurrence_skewness"):
        assert np.isnan(table.loc[quantity, "value"])


def both_trainings(memorised: list[int], report: list[int]) -> pd.DataFrame:
    """Give three seeds of each training whose poison points have these counts, and the next seed one more."""
    rows = []
    for seed in range(3):
        for training, counts in (("two_digits_memorised", memorised), ("two_digits", report)):
            is_learned = training == "two_digits_memorised"
            rows += [
                (training, seed, True, not is_learned, [count + seed for count in counts]),
                (training, seed, False, False, [2, 3 + seed, 5 + 2 * seed, 8 + 3 * seed]),
                (training, seed, False, True, [8 + seed, 6, 4, 2]),
            ]
    return lay_out(rows)


def make_reported(points: pd.DataFrame) -> list[Claim]:
    return make_claims(points, LAYERS, 20, as_reported=True)


def test_the_claims_are_the_reports_and_each_has_its_own_data() -> None:
    claims = {claim.claim: claim for claim in make_reported(both_trainings([1, 2, 3, 5], [4] * 4))}
    assert len(claims) == 11
    monotonic = claims["monotonic_non_poisoned_two_digits"]
    # Percent of 20, mean of the two clean points of a seed.
    shares = 2.5 * np.array([[10 + s, 9 + s, 9 + 2 * s, 10 + 3 * s] for s in range(3)])
    assert monotonic.value == pytest.approx(-2.5)  # from relu1 to relu2, in every seed
    assert (monotonic.ci95_low, monotonic.ci95_high) == pytest.approx((-2.5, -2.5))
    # The three seeds are alike, so the sign test has 1/8; one of three steps down, by Bonferroni, 3/8.
    assert (monotonic.p_for, monotonic.p_against) == (1.0, 0.375)
    assert claims["monotonic_non_poisoned_two_digits_memorised"].value == monotonic.value

    level = claims["level_non_poisoned_relu1"]
    assert level.value == pytest.approx(shares[:, 0].mean())
    assert (level.n_points, level.n_seeds) == (6, 3)
    bounds = ((19.93, "greater"), (29.93, "less"))
    inside = [stats.ttest_1samp(shares[:, 0], bound, alternative=side).pvalue for bound, side in bounds]
    assert level.p_for == pytest.approx(max(inside))

    excess = claims["misclassified_above_non_poisoned"]
    # Misclassified of this training are one clean point and the poison: 2 and 4 + s of 20 in fc.
    by_seed = np.array([5 * (2 + 4 + s) / 2 - shares[s, 3] for s in range(3)])
    assert excess.value == pytest.approx(by_seed.mean())
    assert excess.p_for == pytest.approx(stats.ttest_1samp(by_seed, 0, alternative="greater").pvalue)

    slopes = claims["grows_where_memorised"]
    # (-3 a - b + c + 3 d) / 10 of 5, 10, 15, 25 % in every seed, less a slope of 0
    assert slopes.value == pytest.approx((-15 - 10 + 15 + 75) / 10)
    assert (slopes.p_for, slopes.p_against) == (0.125, 1.0)


@pytest.mark.parametrize("off", [0.0, 12.0])
def test_table_1_comes_out_where_each_of_its_figures_does(off: float) -> None:
    """Of 10,000 neighbours, with seeds a point below, at and above the report's figures; one may be off."""
    counts = {group: [100 * REPORTED[group][layer] for layer in LAYERS] for group in REPORTED}
    counts["misclassified"][-1] += 100 * off
    rows = [
        (
            "two_digits_quarter",
            seed,
            poison,
            poison,
            [round(count + 100 * (seed - 1)) for count in counts[group]],
        )
        for seed in range(3)
        for group, poison in [("non_poisoned", False), ("misclassified", True)]
    ]
    points = pd.concat([both_trainings([1] * 4, [1] * 4), lay_out(rows)], ignore_index=True)
    claims = {claim.claim: claim for claim in make_claims(points, LAYERS, 10_000, as_reported=True)}
    claim = claims["table_1_two_digits_quarter"]
    within = stats.ttest_1samp([-1, 0, 1], -5, alternative="greater").pvalue
    if off:
        assert claim.value == pytest.approx(off)
        assert claim.p_for > 0.5 > claim.p_against
    else:
        assert claim.value == pytest.approx(0.0, abs=1e-9)
        assert claim.p_for == pytest.approx(within) and claim.p_against == 1.0


def test_monotonic_growth_needs_every_step_and_one_step_down_denies_it() -> None:
    rows = [
        ("two_digits", seed, False, False, counts)
        for seed, counts in enumerate([[1, 4, 5, 9], [1, 3, 5, 9], [2, 6, 8, 11]])
    ]
    points = pd.concat([lay_out(rows), both_trainings([1] * 4, [1] * 4).iloc[:1]])
    claim = next(c for c in make_reported(points) if c.claim == "monotonic_non_poisoned_two_digits")
    steps = 5 * np.array([[3, 1, 4], [2, 2, 4], [4, 2, 3]])
    above = [stats.ttest_1samp(step, 0, alternative="greater").pvalue for step in steps.T]
    assert claim.p_for == pytest.approx(max(above))
    assert claim.p_against == pytest.approx(min(1, 3 * min(1 - p for p in above)))
    assert claim.value == pytest.approx(5 * 5 / 3)


def test_one_more_seed_in_one_training_leaves_the_others_paired() -> None:
    points = both_trainings([1, 2, 3, 5], [4] * 4)
    more = points[(points["seed"] == 0) & (points["training"] == "two_digits")].assign(seed=3)
    claims = {claim.claim: claim for claim in make_reported(pd.concat([points, more]))}
    assert claims["grows_where_memorised"].n_seeds == 3
    assert claims["level_non_poisoned_fc"].n_seeds == 4


def test_a_claim_on_points_that_are_not_there_is_not_tested() -> None:
    points = both_trainings([1, 2, 3, 5], [4] * 4)
    right = points[(points["dnn_label"] == points["y"]) & (points["seed"] == 0)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        claims = {claim.claim: claim for claim in make_reported(right)}
        tabulate_trend(right, LAYERS, 20)
        tabulate_base_rate(right, LAYERS, 20, {"two_digits": 5.0, "two_digits_memorised": 5.0})
    for name in ("level_misclassified_fc", "misclassified_above_non_poisoned", "grows_where_memorised"):
        assert np.isnan(claims[name].value)
    assert all(np.isnan(claim.p_for) for claim in claims.values())


def test_average_shares_are_percent_of_the_neighbours_by_seed() -> None:
    shares = average_shares(SCORES[SCORES["is_poison"]], ["relu1", "fc"], k=4)
    assert shares.to_dict() == {"relu1": {0: 87.5, 1: 50.0}, "fc": {0: 75.0, 1: 100.0}}


def test_the_figures_stand_also_where_groups_are_empty_or_have_one_seed() -> None:
    points = lay_out([("two_digits", 0, False, False, [1, 2, 3, 4])])
    table = tabulate_poisoned_neighbours(points, LAYERS, 10, as_reported=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = plot_poisoned_neighbours(
            [table, table], titles=["one", "other"], k=10, base_rates=[4.8, 25.0]
        )
        labels = [text.get_text() for text in figure.legends[0].get_texts()]
        assert labels[:4] == [
            "poison points: n = 0 points, 0 seeds",
            "misclassified (poison included): n = 0 points, 0 seeds",
            "misclassified, clean only: n = 0 points, 0 seeds",
            "clean held-out images: n = 1 points, 1 seeds",
        ]
        occurrences = pd.DataFrame(
            {"training": "two_digits", "seed": [0, 0], "is_poison": [False, True], "occurrences_fc": [1, 2]}
        )
        depth = tabulate_depth(depth_points(), occurrences, ["fc"], k=10)
        both = pd.concat([depth, depth.assign(training="two_digits_memorised")])
        titles = {"two_digits": "6 epochs", "two_digits_memorised": "30 epochs"}
        figure = plot_depth(both, titles=titles, k=10)
        texts = [text.get_text() for text in figure.legends[0].get_texts()]
        assert texts == [f"{title}: 50 % of the poison memorised" for title in titles.values()]
