"""Experiment 2.1, on points laid out by hand, and its permutation test against counting all samples."""

import warnings
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from layeraudit.report.experiment_2_1 import (
    average_over_seeds,
    compare_matched_samples,
    draw_matched,
    gather_points,
    make_claims,
    measure_detectors,
    measure_groups,
    measure_recovery,
    tabulate_accuracy,
    tabulate_groups,
    tabulate_matched,
    tabulate_recovery,
)
from layeraudit.report.figures.experiment_2_1 import (
    plot_accuracy,
    plot_credibility,
    plot_detectors,
    plot_matched,
)
from layeraudit.report.groups import select_controls
from layeraudit.statistics import permute

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


def pick(table: pd.DataFrame, **keys: object) -> pd.Series:
    rows = table[np.logical_and.reduce([table[name] == value for name, value in keys.items()])]
    assert len(rows) == 1
    return rows.iloc[0]


def made_up(*, n: int, n_poison: int, poison_credibility: float, seeds: int = 3) -> pd.DataFrame:
    """Make points of even credibility, about a tenth misclassified, and poison of at most a credibility."""
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
    train.loc[train["is_poison"], "credibility"] *= poison_credibility
    train.loc[train["is_poison"], "same_label_neighbours_relu1"] = 0
    return gather_points(train, train[~train["is_poison"]])


def test_poison_that_is_read_as_its_true_digit_is_misclassified() -> None:
    poison = POINTS[POINTS["is_poison"] & (POINTS["evaluated"] == "held_out")]
    assert poison["misclassified"].tolist() == [True, True, False]
    assert POINTS["evaluated"].value_counts().to_dict() == {"held_out": 9, "training": 7}


@pytest.mark.parametrize(
    ("evaluated", "group", "quantity", "by_seed", "n_points", "n_seeds"),
    [
        ("held_out", "poison", "points", [2, 1], 3, 2),
        ("held_out", "misclassified", "points", [4, 1], 5, 2),
        ("held_out", "misclassified_clean", "points", [2, 1], 3, 2),
        ("held_out", "rest", "points", [2, 1], 3, 2),
        ("training", "misclassified", "points", [3, 0], 3, 2),
        ("held_out", "poison", "mean_credibility", [0.2, 0.2], 3, 2),
        ("held_out", "poison", "variance_of_credibility", [0.02], 2, 1),  # of one point there is none
        ("held_out", "poison", "maximum_credibility", [0.3, 0.2], 3, 2),
        ("held_out", "poison", "misclassified_share", [1, 0], 3, 2),
        ("held_out", "poison", "share_above_0.2", [1 / 2, 0], 3, 2),
        ("held_out", "poison", "dnn_accuracy", [1, 0], 3, 2),  # of the true digit
        ("held_out", "misclassified", "median_credibility", [0.25, 0.6], 5, 2),
        ("held_out", "misclassified_clean", "dknn_accuracy", [0.5, 1], 3, 2),
        ("training", "misclassified_clean", "mean_credibility", [0.05], 1, 1),
        ("training", "clean", "dnn_accuracy", [2 / 3, 1], 4, 2),
    ],
)
def test_a_figure_of_a_group_is_the_mean_over_the_seeds_that_have_one(
    evaluated: str, group: str, quantity: str, by_seed: list[float], n_points: int, n_seeds: int
) -> None:
    table = tabulate_groups(measure_groups(POINTS), as_reported=True)
    row = pick(table, evaluated=evaluated, group=group, quantity=quantity)
    assert row["value"] == pytest.approx(np.mean(by_seed))
    assert (row["n_points"], row["n_seeds"]) == (n_points, n_seeds)


def test_an_experiment_that_is_not_the_reports_has_no_figures_of_it() -> None:
    groups, recovery = measure_groups(POINTS), measure_recovery(POINTS)
    for tabulate, measured in ((tabulate_groups, groups), (tabulate_recovery, recovery)):
        of_report, of_others = (tabulate(measured, as_reported=reported) for reported in (True, False))
        assert of_others["reported"].isna().all()
        pd.testing.assert_frame_equal(of_others.drop(columns="reported"), of_report.drop(columns="reported"))
    points = made_up(n=30, n_poison=6, poison_credibility=1)
    of_report, of_others = (claims_of(points, as_reported=reported) for reported in (True, False))
    assert set(of_report.index) - set(of_others.index) == {"recovered_share", "number_of_misclassified"}
    assert set(of_others["reported"]) == {""}


def test_the_reports_counts_stand_beside_ours_in_both_readings() -> None:
    reported = tabulate_groups(measure_groups(POINTS), as_reported=True).dropna(subset="reported")
    assert set(reported["quantity"]) == {"points"}
    for _, of_reading in reported.groupby("evaluated"):
        counts = of_reading.set_index("group")["reported"].to_dict()
        assert counts == {"poison": 50, "misclassified": 414, "misclassified_clean": 364}


@pytest.mark.parametrize(
    ("seed", "quantity", "value", "n_points"),
    [
        (1, "misclassified_points", 2, 4),
        (1, "recovered_points", 1, 2),
        (1, "recovered_share", 0.5, 2),
        (1, "spoiled_points", 1, 2),
        (1, "spoiled_share", 0.5, 2),
        (1, "net_points", 0, 4),
        (1, "mcnemar_p", 1, 4),
        (2, "net_points", 1, 2),
        ("all", "misclassified_points", 1.5, 6),
        ("all", "recovered_share", 0.75, 3),
        ("all", "net_points", 0.5, 6),
        ("all", "mcnemar_p", 1, 6),  # two recovered, one spoiled
    ],
)
def test_points_set_right_and_spoiled_are_counted_among_the_clean(
    seed: object, quantity: str, value: float, n_points: int
) -> None:
    table = tabulate_recovery(measure_recovery(POINTS), as_reported=True)
    row = pick(table, evaluated="held_out", seed=seed, quantity=quantity)
    assert row["value"] == pytest.approx(value)
    assert row["n_points"] == n_points


@given(counts=st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=1, max_size=3))
@settings(max_examples=25)
def test_mcnemar_is_the_sign_test_of_the_discordant_points(counts: list[tuple[int, int]]) -> None:
    frames = [
        pd.DataFrame(
            {"seed": seed, "misclassified": misclassified, "dknn_label": label}
            for n, misclassified, label in ((recovered, True, 1), (spoiled, False, 2), (3, False, 1))
            for _ in range(n)
        )
        for seed, (recovered, spoiled) in enumerate(counts)
    ]
    points = pd.concat(frames).assign(evaluated="held_out", is_poison=False, y_true=1)
    table = tabulate_recovery(measure_recovery(points), as_reported=True)
    sums = tuple(map(sum, zip(*counts, strict=True)))
    for seed, (recovered, spoiled) in [*enumerate(counts), ("all", sums)]:
        p = pick(table, seed=seed, quantity="mcnemar_p")["value"]
        if recovered + spoiled:
            assert p == pytest.approx(stats.binomtest(recovered, recovered + spoiled).pvalue)
        else:
            assert np.isnan(p)


def test_a_bin_holds_its_lower_edge_and_the_last_one_both() -> None:
    clean = tabulate_accuracy(POINTS).query("evaluated == 'held_out' and group == 'misclassified_clean'")
    assert clean["n_points"].tolist() == [0, 0, 1, 1, 0, 0, 1, 0, 0, 0]
    edges = pd.DataFrame(
        {
            "seed": 1,
            "evaluated": "training",
            "is_poison": False,
            "y": 1,
            "dnn_label": 9,
            "y_true": 1,
            "dknn_label": 1,
            "credibility": np.arange(751) / 750,
        }
    )
    n = tabulate_accuracy(edges).query("evaluated == 'training' and group == 'misclassified'")["n_points"]
    assert n.tolist() == [75] * 9 + [76]


def test_accuracy_in_a_bin_has_wilsons_interval_over_the_points_of_all_seeds() -> None:
    points = pd.concat(
        [
            POINTS[POINTS["evaluated"] == "held_out"].assign(credibility=0.15),
            POINTS[POINTS["evaluated"] == "training"],
        ]
    )
    row = pick(tabulate_accuracy(points), evaluated="held_out", group="misclassified", credibility_low=0.1)
    n, share, z = 5, 4 / 5, 1.959963984540054
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    assert (row["n_points"], row["n_seeds"], row["value"]) == (5, 2, pytest.approx(share))
    assert (row["ci95_low"], row["ci95_high"]) == pytest.approx((middle - half, middle + half))


# Credibility is a share of 750 calibration points, so ties are the rule.
credibilities = st.lists(st.integers(0, 6).map(lambda count: count / 750), min_size=2, max_size=5)


@given(poison=credibilities, control=credibilities)
@settings(max_examples=40)
def test_permutation_p_values_are_the_shares_of_all_samples_that_are_as_low_or_as_high(
    poison: list[float], control: list[float]
) -> None:
    p_values = permute(poison, control, seed=1)
    n = len(poison)
    plain = np.array(poison + control)
    centred = np.concatenate([np.array(values) - np.mean(values) for values in (poison, control)])
    maxima, differences = [], []
    for chosen in combinations(range(len(plain)), n):
        others = np.setdiff1d(np.arange(len(plain)), chosen)
        maxima.append(plain[list(chosen)].max())
        differences.append(centred[list(chosen)].var(ddof=1) - centred[others].var(ddof=1))
    # The first combination is the poison itself. Rounding may tell apart variances that are the same.
    for name, values in {"variance": differences, "maximum": maxima}.items():
        low, high = np.mean(values <= values[0] + 1e-12), np.mean(values >= values[0] - 1e-12)
        assert p_values[name] == pytest.approx((low, high))


def test_where_there_are_too_many_samples_some_are_drawn_at_random_by_the_seed() -> None:
    poison, control = np.arange(6) / 20, np.arange(14) / 14  # 38,760 samples
    exact = permute(poison, control, seed=0, resamples=38760)
    p_values = permute(poison, control, seed=1)
    for name in ("variance", "maximum"):
        for p, share in zip(p_values[name], exact[name], strict=True):
            assert p == pytest.approx(share, abs=5 * np.sqrt(share * (1 - share) / 9999) + 1e-4)
    assert permute(poison, control, seed=1) == p_values
    assert permute(poison, control, seed=2) != p_values


@pytest.mark.parametrize(("spread", "lower"), [(0.1, False), (0.003, True)])
@pytest.mark.parametrize("mean", [0.05, 0.9])
def test_a_difference_in_spread_is_found_wherever_the_poison_lies(
    mean: float, spread: float, lower: bool
) -> None:
    random = np.random.default_rng(0)
    p_values = permute(random.normal(mean, spread, 50), random.normal(0.05, 0.03, 107), seed=1)
    low, high = p_values["variance"]
    assert (low < 0.001, high < 0.001) == (lower, not lower)


def test_matched_samples_are_of_clean_points_alone() -> None:
    drawn = draw_matched([0.1, 0.2, 0.3], 5, seed=1, resamples=999)
    assert {name: len(values) for name, values in drawn.items()} == {"variance": 999, "maximum": 999}
    assert set(drawn["maximum"]) == {0.1, 0.2, 0.3}
    # The chance that five draws with replacement have none of the largest.
    assert np.mean(drawn["maximum"] < 0.3) == pytest.approx((2 / 3) ** 5, abs=0.06)
    assert drawn["variance"].mean() == pytest.approx(np.var([0.1, 0.2, 0.3]), rel=0.05)
    assert [len(values) for values in draw_matched([0.1], 5, seed=1).values()] == [0, 0]


def test_poison_is_compared_with_clean_points_of_three_kinds() -> None:
    of_seed = POINTS[(POINTS["evaluated"] == "held_out") & (POINTS["seed"] == 1)]
    rows = {name: of_seed[members]["credibility"] for name, members in select_controls(of_seed).items()}
    assert rows["clean"].tolist() == [0.9, 0.4, 0.3, 0.2]
    assert rows["same_digits"].tolist() == [0.9, 0.4]
    assert rows["misclassified_clean"].tolist() == [0.3, 0.2]


def test_poison_is_compared_within_its_seed_with_held_out_images() -> None:
    by_seed, _ = compare_matched_samples(POINTS)
    variances = by_seed[by_seed["statistic"] == "variance"].set_index(["seed", "control"])
    assert variances["n_control"].to_dict() == {
        (1, "clean"): 4,
        (1, "same_digits"): 2,
        (1, "misclassified_clean"): 2,
        (2, "clean"): 2,
        (2, "same_digits"): 0,
        (2, "misclassified_clean"): 1,
    }
    assert variances["n_points"].groupby("seed").first().to_dict() == {1: 2, 2: 1}
    assert variances["p_low"].notna().groupby("seed").all().to_dict() == {1: True, 2: False}


def test_the_p_value_of_all_seeds_is_the_greatest_of_theirs() -> None:
    points = made_up(n=60, n_poison=6, poison_credibility=0.5)
    by_seed, samples = compare_matched_samples(points, resamples=199)
    table = tabulate_matched(by_seed)
    p_low = by_seed.query("control == 'clean' and statistic == 'variance'")["p_low"]
    row = pick(table, control="clean", statistic="variance", seed="all")
    assert len(p_low) == 3
    assert row["p_low"] == p_low.max() > p_low.min()
    assert (row["n_points"], row["n_control"], row["n_seeds"]) == (18, 162, 3)
    of_one = samples.query("control == 'clean' and statistic == 'variance' and seed == 2")["value"]
    one = pick(table, control="clean", statistic="variance", seed=2)
    assert len(of_one) == 199
    held_out = points[(points["evaluated"] == "held_out") & (points["seed"] == 2)]
    poison, clean = (held_out.loc[held_out["is_poison"] == flag, "credibility"] for flag in (True, False))
    assert (one["p_low"], one["p_high"]) == permute(poison, clean, seed=2, resamples=199)["variance"]
    assert of_one.tolist() == draw_matched(clean, 6, seed=2, resamples=199)["variance"].tolist()
    assert one["matched_mean"] == pytest.approx(of_one.mean())


@pytest.mark.parametrize(
    ("among", "score", "threshold", "quantity", "value"),
    [
        # Credibility .9, .1, .05 of the clean, .1 and .3 of the poison: the pairs are won, 1 + .5 + 0 and 1.
        ("all", "credibility", None, "auroc", 2.5 / 6),
        ("all", "credibility", None, "base_rate", 2 / 5),
        # Flagging all poison flags .1 and .05 too.
        ("all", "credibility", None, "fpr_at_95_tpr", 2 / 3),
        ("all", "credibility", 0.05, "poison_flagged_share", 0),
        ("all", "credibility", 0.05, "clean_flagged_points", 1),
        ("all", "credibility", 0.1, "poison_flagged_share", 1 / 2),
        ("all", "credibility", 0.1, "clean_flagged_share", 2 / 3),
        ("all", "credibility", 0.1, "clean_flagged_points", 2),
        ("all", "credibility", 0.1, "precision", 1 / 3),
        ("all", "credibility", 0.01, "precision", np.nan),
        # Disagreement 0, .2, .9 of the clean, 1 and .9 of the poison.
        ("all", "label_disagreement", None, "auroc", 5.5 / 6),
        ("all", "label_disagreement", None, "fpr_at_95_tpr", 1 / 3),
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
    of_threshold = figures[
        figures["threshold"].isna() if threshold is None else figures["threshold"] == threshold
    ]
    row = pick(of_threshold, among=among, score=score, quantity=quantity)
    assert row["value"] == pytest.approx(value, nan_ok=True)


def test_seeds_without_clean_suspects_do_not_count() -> None:
    keys = ["evaluated", "among", "score", "threshold"]
    table = average_over_seeds(measure_detectors(POINTS, LAYERS, K), keys)
    among = {"evaluated": "training", "score": "credibility", "quantity": "auroc"}
    assert pick(table, among="all", **among)["n_seeds"] == 2
    assert pick(table, among="misclassified", **among)["n_seeds"] == 1


def claims_of(points: pd.DataFrame, *, as_reported: bool = True) -> pd.DataFrame:
    groups, recovery = measure_groups(points), measure_recovery(points)
    matched, _ = compare_matched_samples(points, resamples=299)
    detectors = measure_detectors(points, LAYERS, K)
    claims = make_claims(groups, recovery, matched, detectors, as_reported=as_reported)
    return pd.DataFrame([vars(claim) for claim in claims]).set_index("claim")


SPREAD = [
    "variance_of_poison_below_clean",
    "hardly_a_poison_point_is_credible",
    "low_in_every_new_set_of_poison",
    "variance_of_poison_below_misclassified_clean",
]


def test_claims_are_for_poison_of_low_credibility() -> None:
    claims = claims_of(made_up(n=300, n_poison=50, poison_credibility=0.02))
    found = ["threshold_finds_poison_among_all", "threshold_finds_poison_among_misclassified"]
    assert (claims.loc[SPREAD + found, "p_for"] < 0.05).all()
    # The unit of the first tests is a point, of the others a seed.
    assert claims["bound"].dropna().to_dict() == dict(zip(SPREAD, [1, 0.1, 1, 1], strict=True))
    assert (claims.loc[SPREAD + found, "p_against"] > 0.5).all()
    assert claims.loc[SPREAD[2], "value"] == 1


def test_claims_are_against_poison_of_credibility_low_and_high() -> None:
    wide = made_up(n=300, n_poison=20, poison_credibility=1)
    wide.loc[wide["is_poison"], "credibility"] = np.tile([0.0, 1.0], 60)
    claims = claims_of(wide).loc[SPREAD]
    assert (claims["p_against"] < 0.05).all()
    assert (claims["p_for"] > 0.5).all()
    assert claims.loc[SPREAD[2], "value"] == 0


def test_poison_is_of_low_maximum_where_almost_none_is_above_the_bound() -> None:
    points = made_up(n=300, n_poison=50, poison_credibility=0.1, seeds=2)
    # Of 100 points, none above 0.2 has the chance 0.9^100 where a tenth of all is.
    assert claims_of(points).loc[SPREAD[1], "p_for"] == pytest.approx(0.9**100)
    points.loc[points["is_poison"], "credibility"] = 0.9
    claim = claims_of(points).loc[SPREAD[1]]
    assert (claim["p_for"], claim["p_against"]) == pytest.approx((1, 0.1**100))
    assert claim["value"] == 1  # all of the points are above the bound


def test_one_seed_of_high_credibility_is_against_low_credibility_in_every_seed() -> None:
    points = made_up(n=300, n_poison=20, poison_credibility=0.02)
    points.loc[points["is_poison"] & (points["seed"] == 2), "credibility"] = np.tile([0.0, 1.0], 20)
    claim = claims_of(points).loc[SPREAD[2]]
    assert claim["value"] == pytest.approx(2 / 3)
    assert claim["p_against"] < 0.05 < 0.5 < claim["p_for"]


def test_claims_of_recovery_say_in_which_direction_the_net_goes() -> None:
    recovered = claims_of(made_up(n=300, n_poison=6, poison_credibility=1))
    net, share = recovered.loc["recovers_more_than_it_spoils"], recovered.loc["recovered_share"]
    assert net["value"] == pytest.approx((30 + 27 + 25) / 3)  # DkNN is always right there
    assert net["p_for"] < 0.05 < net["p_against"]
    assert share["value"] == 1
    assert share["p_against"] < share["p_for"]


@pytest.mark.parametrize(
    ("held_out", "training", "holds"),
    [(400, 900, True), (900, 420, True), (420, 400, True), (100, 900, False)],
)
def test_the_number_of_misclassified_holds_where_either_reading_has_it(
    held_out: int, training: int, holds: bool
) -> None:
    points = made_up(n=30, n_poison=6, poison_credibility=1)
    groups = measure_groups(points)
    is_number = (groups["group"] == "misclassified") & (groups["quantity"] == "points")
    for evaluated, number in (("held_out", held_out), ("training", training)):
        groups.loc[is_number & (groups["evaluated"] == evaluated), "value"] = number + np.arange(3.0)
    matched, _ = compare_matched_samples(points, resamples=9)
    detectors = measure_detectors(points, LAYERS, K)
    claim = make_claims(groups, measure_recovery(points), matched, detectors, as_reported=True)[-1]
    assert claim.claim == "number_of_misclassified"
    assert (claim.p_for < 0.05, claim.p_against < 0.05) == (holds, not holds)
    assert claim.value == training + 1


@pytest.mark.parametrize(("n_poison", "seeds"), [(0, 2), (1, 1), (6, 2)])
def test_small_sets_of_points_have_tables_claims_and_figures(n_poison: int, seeds: int) -> None:
    points = made_up(n=12, n_poison=n_poison, poison_credibility=0.5, seeds=seeds)
    points = points[~points["misclassified"] | points["is_poison"]]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        matched, samples = compare_matched_samples(points, resamples=99)
        claims = claims_of(points)
        figures = [
            plot_credibility(points),
            plot_accuracy(tabulate_accuracy(points)),
            plot_detectors(points, LAYERS, K),
            plot_matched(samples, tabulate_matched(matched)),
        ]
    assert len(claims) == 9
    assert claims["p_for"].isna()["variance_of_poison_below_clean"] == (n_poison < 2)
    assert [len(figure.axes) for figure in figures] == [2, 2, 4, 2 * seeds]
