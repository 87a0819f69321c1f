"""The report's section 4, on rows laid out by hand, and on experiments whose answers are planted."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from layeraudit.errors import InputError
from layeraudit.report.figures.section_4 import plot_section_4
from layeraudit.report.section_4 import (
    FILTERS,
    average_over_experiments,
    compare_filters,
    describe_poison,
    gather_points,
    make_claims,
    measure_changes,
    measure_credibility,
    measure_depth,
    measure_removal,
    pair_experiments,
    tabulate_credibility,
    tabulate_depth,
    tabulate_removal,
)
from layeraudit.statistics import Claim, judge_claims, permute, tabulate_claims

LAYERS, K = ["relu1", "relu2", "fc"], 10
COLUMNS = ["seed", "y", "y_true", "is_poison", "dnn_label", "credibility"]
COLUMNS += [f"{count}_neighbours_{layer}" for count in ("poison", "same_label") for layer in LAYERS]
SCORES = pd.DataFrame(
    [
        (0, 1, 1, False, 1, 0.9, 0, 0, 0, 5, 8, 10),
        (0, 9, 9, False, 9, 0.5, 1, 1, 1, 5, 8, 10),
        (0, 4, 4, False, 9, 0.1, 2, 3, 4, 5, 5, 5),  # misclassified
        (0, 4, 4, False, 7, 0.3, 4, 5, 6, 5, 5, 5),  # misclassified
        (0, 1, 9, True, 1, 0.2, 1, 4, 7, 2, 6, 10),  # memorised
        (0, 9, 1, True, 1, 0.6, 1, 1, 1, 0, 0, 0),
        (1, 1, 1, False, 1, 0.8, 0, 0, 0, 5, 8, 10),
        (1, 2, 2, False, 2, 0.4, 0, 0, 0, 5, 8, 10),
        (1, 1, 9, True, 9, 0.2, 3, 2, 1, 0, 0, 0),
    ],
    columns=COLUMNS,
)
POINTS = gather_points(
    SCORES, settings=["mnist"] * 2, poisons=["secml_1x50"] * 2, seeds=[11, 12], layers=LAYERS
)


def pick(table: pd.DataFrame, **keys: object) -> pd.Series:
    rows = table[np.logical_and.reduce([table[name] == value for name, value in keys.items()])]
    assert len(rows) == 1
    return rows.iloc[0]


def test_poison_is_counted_from_its_rows() -> None:
    row = pick(describe_poison(POINTS), poison="secml_1x50")
    assert row["points"] == (2 + 1) / 2
    assert row["labels"] == 2  # a seed that happens to lack one does not make the set another
    assert row["rate"] == pytest.approx((2 / 6 + 1 / 3) / 2)
    of_one_label = POINTS.assign(y=1)  # the images are of two
    assert describe_poison(of_one_label)["labels"].tolist() == [1]


@pytest.mark.parametrize(
    ("seed", "quantity", "value"),
    [
        (11, "mean", 0.4),
        (11, "variance", 0.08),
        (11, "maximum", 0.6),
        (11, "share_above_0.2", 1 / 2),  # 0.2 itself is not above it
        (12, "share_above_0.2", 0),
        (12, "variance", np.nan),  # of one point there is none
        (11, "variance_of_clean", np.var([0.9, 0.5, 0.1, 0.3], ddof=1)),
        (11, "variance_over_clean", 0.08 / np.var([0.9, 0.5, 0.1, 0.3], ddof=1)),
        (11, "variance_of_misclassified_clean", 0.02),
        (11, "variance_over_misclassified_clean", 4),
        (11, "variance_of_clean_of_its_labels", 0.08),  # of 1 and 9, not of 4
        (11, "variance_over_clean_of_its_labels", 1),
        (12, "variance_over_misclassified_clean", np.nan),
    ],
)
def test_credibility_of_a_run_is_that_of_its_poison(seed: int, quantity: str, value: float) -> None:
    row = pick(measure_credibility(POINTS), seed=seed, quantity=quantity)
    assert row["value"] == pytest.approx(value, nan_ok=True)
    assert row["n_points"] == {11: 2, 12: 1}[seed]


def test_a_control_that_does_not_vary_has_no_ratio() -> None:
    even = POINTS.assign(credibility=np.where(POINTS["is_poison"], POINTS["credibility"], 0.5))
    row = pick(measure_credibility(even), seed=11, quantity="variance_over_clean")
    assert np.isnan(row["value"])


@pytest.mark.parametrize(
    ("group", "layer", "quantity", "value", "n_points"),
    [
        ("all", "", "percent_base_rate", 100 / 3, 6),
        ("poison", "", "percent_memorised", 50, 2),
        ("poison", "relu1", "percent_poison", 10, 2),
        ("poison", "fc", "percent_poison", 40, 2),
        ("memorised", "fc", "percent_poison", 70, 1),
        ("not_memorised", "fc", "percent_poison", 10, 1),
        ("memorised", "relu2", "percent_same_label", 60, 1),
        ("not_memorised", "relu2", "percent_same_label", 0, 1),
        ("clean", "relu1", "percent_poison", 17.5, 4),
        ("misclassified_clean", "fc", "percent_poison", 50, 2),
        ("misclassified", "relu1", "percent_poison", 70 / 3, 3),  # the poison that is not believed too
        ("memorised", "", "slope_of_percent_poison", 30, 1),
        ("not_memorised", "", "slope_of_percent_poison", 0, 1),
        ("memorised", "", "slope_of_percent_same_label", 40, 1),
    ],
)
def test_a_share_of_a_group_is_the_mean_of_its_points(
    group: str, layer: str, quantity: str, value: float, n_points: int
) -> None:
    row = pick(measure_depth(POINTS, LAYERS, K), seed=11, group=group, layer=layer, quantity=quantity)
    assert row["value"] == pytest.approx(value)
    assert row["n_points"] == n_points


def test_a_seed_without_points_of_a_group_does_not_count() -> None:
    table = tabulate_depth(measure_depth(POINTS, LAYERS, K))
    row = pick(table, group="memorised", layer="fc", quantity="percent_poison")
    assert (row["value"], row["n_points"], row["n_seeds"]) == (70, 1, 1)
    assert row[["ci95_low", "ci95_high"]].isna().all()
    row = pick(table, group="not_memorised", layer="fc", quantity="percent_poison")
    assert (row["value"], row["n_seeds"]) == (10, 2)


@given(st.lists(st.integers(0, K), min_size=3, max_size=3))
@settings(max_examples=20)
def test_a_slope_is_that_of_least_squares(counts: list[int]) -> None:
    poison = POINTS[POINTS["seed"] == 12]
    moved = poison.assign(
        **{f"poison_neighbours_{layer}": count for layer, count in zip(LAYERS, counts, strict=True)}
    )
    row = pick(
        measure_depth(moved, LAYERS, K), group="not_memorised", layer="", quantity="slope_of_percent_poison"
    )
    # Of three layers the one in the middle does not matter.
    assert row["value"] == pytest.approx(100 / K * (counts[2] - counts[0]) / 2)


def test_one_layer_has_no_slope() -> None:
    row = pick(
        measure_depth(POINTS, ["fc"], K),
        seed=11,
        group="poison",
        layer="",
        quantity="slope_of_percent_poison",
    )
    assert np.isnan(row["value"])


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"settings": ["mnist"]}, "settings holds 1 values, allowed are 2: one for each file of scores"),
        ({"poisons": ["a", "b", "c"]}, "poisons holds 3 values"),
        ({"seeds": [11, 11]}, "seed 11 of mnist, secml_1x50 is given twice, allowed is once"),
        (
            {"layers": ["relu1", "relu9"]},
            "seed 11 of mnist, secml_1x50 lack poison_neighbours_relu9, which every row must have",
        ),
    ],
)
def test_what_does_not_fit_the_scores_ends_in_a_sentence(changed: dict[str, Any], match: str) -> None:
    given = {"settings": ["mnist"] * 2, "poisons": ["secml_1x50"] * 2, "seeds": [11, 12], "layers": LAYERS}
    with pytest.raises(InputError, match=match):
        gather_points(SCORES, **(given | changed))


def test_a_run_that_lacks_a_column_of_the_others_is_named() -> None:
    lacking = SCORES.assign(credibility=SCORES["credibility"].where(SCORES["seed"] == 0))
    with pytest.raises(InputError, match="seed 12 of mnist, b lack credibility"):
        gather_points(lacking, settings=["mnist"] * 2, poisons=["a", "b"], seeds=[11, 12], layers=LAYERS)


def test_a_run_without_poison_is_a_mistake() -> None:
    clean = SCORES[~SCORES["is_poison"] | (SCORES["seed"] == 0)]
    with pytest.raises(InputError, match="seed 12 of mnist, b hold no poison, allowed are runs with"):
        gather_points(clean, settings=["mnist"] * 2, poisons=["a", "b"], seeds=[11, 12], layers=LAYERS)


DESCRIBED = pd.DataFrame(
    [
        ("mnist", "secml_1x50", 50, 2),
        ("mnist", "secml_1x100", 100, 2),
        ("mnist", "secml_5x10", 50, 10),
        ("mnist", "secml_5x50", 250, 10),
        ("mnist", "flips", 50, 2),
        ("fashion", "secml_1x50", 50, 2),
    ],
    columns=["setting", "poison", "points", "labels"],
)
SECML = ["secml_1x50", "secml_1x100", "secml_5x10", "secml_5x50"]


def test_sets_that_differ_in_one_number_alone_are_compared_within_a_setting() -> None:
    assert list(pair_experiments(DESCRIBED, SECML)) == [
        ("points", "mnist", "secml_1x100", "secml_1x50"),
        ("points", "mnist", "secml_5x50", "secml_5x10"),
        ("labels", "mnist", "secml_5x10", "secml_1x50"),
    ]
    assert list(pair_experiments(DESCRIBED, ["flips"])) == []
    assert list(pair_experiments(DESCRIBED, [])) == []


def test_changes_are_paired_by_seed_whatever_the_order_of_the_seeds() -> None:
    measured = pd.DataFrame(
        [
            ("mnist", "secml_1x50", 1, "variance", 0.1, 50),
            ("mnist", "secml_1x50", 2, "variance", 0.2, 50),
            ("mnist", "secml_1x50", 3, "variance", 0.9, 50),  # the other set has no such seed
            ("mnist", "secml_1x100", 2, "variance", 0.25, 100),
            ("mnist", "secml_1x100", 1, "variance", 0.12, 100),
        ],
        columns=["setting", "poison", "seed", "quantity", "value", "n_points"],
    )
    described = DESCRIBED[:2].assign(rate=0.05)
    changes = measure_changes(measured, described, SECML)
    assert changes.set_index("seed")["value"].to_dict() == pytest.approx({1: 0.02, 2: 0.05})
    table = tabulate_credibility(measured, changes, described)
    row = pick(table, quantity="change_variance_with_points")
    assert (row["poison"], row["compared_with"]) == ("secml_1x100", "secml_1x50")
    assert (row["points"], row["labels"], row["n_points"], row["n_seeds"]) == (100, 2, 300, 2)
    assert row["value"] == pytest.approx(0.035)
    half = 12.706204736 * 0.03 / 2  # t(0.975, 1) of the tables; the standard error is half the difference
    assert (row["ci95_low"], row["ci95_high"]) == pytest.approx((0.035 - half, 0.035 + half))


def test_figures_of_a_seed_are_one_replicate() -> None:
    by_run = pd.DataFrame(
        [("a", 1, 0.2), ("b", 1, 0.4), ("a", 2, 0.6), ("b", 2, np.nan), ("a", 3, np.nan)],
        columns=["poison", "seed", "value"],
    )
    assert average_over_experiments(by_run).to_dict() == pytest.approx({1: 0.3, 2: 0.6})


def record(
    detector: str,
    seed: int,
    accuracy: float,
    success: float = np.nan,
    *,
    poison: str = "secml_1x50",
    setting: str = "mnist",
    n_poison: int = 10,
    n_poison_removed: int = 0,
    n_removed: int = 0,
) -> dict[str, object]:
    return {
        "setting": setting,
        "poison": poison,
        "detector": detector,
        "seed": seed,
        "n_training": 100 + n_poison,
        "n_removed": n_removed,
        "n_poison": n_poison,
        "n_poison_removed": n_poison_removed,
        "accuracy": accuracy,
        "attack_success": success,
    }


def test_shares_removed_are_of_the_poison_and_of_the_clean_rows() -> None:
    retrained = pd.DataFrame(
        [
            record("random", 1, 0.9, n_removed=11, n_poison_removed=1),
            record("random", 1, 0.9, poison="none", n_poison=0),  # has nothing to be found
            record("isolation_forest", 1, 0.9),  # is in other tables
        ]
    )
    removal = measure_removal([], [retrained], SECML)
    row = removal.iloc[0]
    assert len(removal) == 1
    assert (row["poison_removed"], row["clean_removed"], row["family"]) == (0.1, 0.1, "secml")


def test_filters_are_compared_within_an_experiment_and_seed() -> None:
    removal = measure_removal(
        [],
        [
            pd.DataFrame([record("random", 2, 0.8), record("random", 1, 0.9), record("random", 3, 0.1)]),
            pd.DataFrame([record("perfect", 1, 0.95), record("perfect", 2, 0.9)]),
            pd.DataFrame([record(name, 1, 0.5, setting="fashion") for name in ("random", "perfect")]),
            pd.DataFrame([record("perfect", 3, 1.0, poison="flips")]),  # without its own random one
        ],
        SECML,
    )
    compared = compare_filters(removal, "perfect", "random", "accuracy")
    by_run = compared.set_index(["setting", "seed"])["value"].to_dict()
    assert by_run == pytest.approx({("mnist", 1): 0.05, ("mnist", 2): 0.1, ("fashion", 1): 0})
    table = tabulate_removal(removal)
    row = pick(table, family="secml", detector="perfect", quantity="change_accuracy_against_random")
    # Of seed 1 two experiments, whose mean is one replicate.
    assert (row["value"], row["n_experiments"], row["n_seeds"]) == (pytest.approx(0.0625), 2, 2)
    row = pick(table, family="other", detector="perfect", quantity="accuracy")
    assert (row["value"], row["n_points"], row["n_seeds"]) == (1.0, 10, 1)


def test_records_that_do_not_fit_end_in_a_sentence() -> None:
    table = pd.DataFrame([record("random", 1, 0.9)])
    with pytest.raises(InputError, match="lacks the column accuracy"):
        measure_removal([table], [table.drop(columns="accuracy")], SECML)
    with pytest.raises(InputError, match="seed 1 of mnist, secml_1x50, random is given twice"):
        measure_removal([table], [table], SECML)


def plant(
    experiments: dict[str, tuple[int, int]],
    *,
    seeds: int = 5,
    n_clean: int = 60,
    spread: Sequence[float] = (0.02, 0.3),
    spread_per_point: float = 0.0,
    spread_per_label: float = 0.0,
    height: float = 0.1,
    growth: float = 8.0,
) -> pd.DataFrame:
    """Make runs of experiments, each of points and labels, whose poison behaves as told.

    Poison has a credibility about `height` whose standard deviation is the first of `spread`, more by so much
    a point and label; clean rows have the second. Every second poison point is memorised, and only those have
    poison among their neighbours that grows, by `growth` points of 100 a layer. From seed to seed what is
    planted is a thousandth more.
    """
    generator = np.random.default_rng(0)
    frames, names = [], []
    for poison, (points, labels) in experiments.items():
        for seed in range(1, seeds + 1):
            n = n_clean + points
            is_poison = np.arange(n) >= n_clean
            y = np.where(is_poison, np.arange(n) % labels, np.arange(n) % 10)
            misread = np.where(is_poison, np.arange(n) // labels % 2 == 0, np.arange(n) % 4 == 0)
            deviation = spread[0] + spread_per_point * points + spread_per_label * labels
            of_seed = 1 + 0.001 * (seed - 3)
            deviation *= of_seed
            noise = generator.normal(0, 1, n)
            noise[is_poison] = stats.zscore(noise[is_poison])
            frame = {
                "seed": len(names),
                "y": y,
                "y_true": np.where(is_poison, (y + 1) % 10, y),
                "is_poison": is_poison,
                "dnn_label": np.where(misread, (y + 1) % 10, y),
                "credibility": np.where(is_poison, height + deviation * noise, 0.5 + spread[1] * noise),
            }
            memorised = is_poison & ~misread
            for place, layer in enumerate(LAYERS):
                share = (
                    5 + generator.normal(0, 0.2) + np.where(memorised, growth * of_seed * place, 0.1 * place)
                )
                share += np.where(misread & ~is_poison & (place == len(LAYERS) - 1), 3.0 * of_seed, 0.0)
                frame[f"poison_neighbours_{layer}"] = share
                frame[f"same_label_neighbours_{layer}"] = 50
            frames.append(pd.DataFrame(frame))
            names.append((poison, seed))
    return gather_points(
        pd.concat(frames, ignore_index=True),
        settings=["mnist"] * len(names),
        poisons=[poison for poison, _ in names],
        seeds=[seed for _, seed in names],
        layers=LAYERS,
    )


FOUR = {"secml_1x50": (20, 2), "secml_1x100": (40, 2), "secml_5x10": (20, 10), "secml_5x50": (40, 10)}


def plant_removal(
    poisons: Sequence[str], *, gains: dict[str, float], seeds: int = 5, n_probe: bool = True
) -> pd.DataFrame:
    generator = np.random.default_rng(1)
    rows = [
        record(
            detector,
            seed,
            0.8 + gains.get(detector, 0.0) + generator.normal(0, 0.001),
            0.6 - gains.get(detector, 0.0) + generator.normal(0, 0.001) if n_probe else np.nan,
            poison=poison,
        )
        for poison in poisons
        for detector in FILTERS
        for seed in range(1, seeds + 1)
    ]
    table = pd.DataFrame(rows)
    is_trained = table["detector"] == "unfiltered"
    return measure_removal([table[is_trained]], [table[~is_trained]], SECML)


def weigh(points: pd.DataFrame, removal: pd.DataFrame, layers: Sequence[str] = LAYERS) -> dict[str, Claim]:
    credibility = measure_credibility(points)
    changes = measure_changes(credibility, describe_poison(points), SECML)
    claims = make_claims(
        points,
        credibility,
        changes,
        measure_depth(points, layers, 100),
        removal,
        layers=layers,
        secml=SECML,
        resamples=1999,
    )
    return {claim.claim: claim for claim in claims}


GOOD = {"dknn_paper": 0.05, "label_disagreement_relu3": 0.1, "perfect": 0.101}
POISONS = [*FOUR, "flips"]
EVERY_CLAIM = {
    "variance_of_secml_poison_below_clean",
    "variance_of_secml_poison_below_misclassified_clean",
    "hardly_a_point_of_secml_poison_is_credible",
    "hardly_a_point_of_other_poison_is_credible",
    "variance_grows_with_points",
    "variance_grows_with_labels",
    "poison_is_nearer_to_the_misclassified",
    "influence_grows_from_layer_to_layer",
    "grows_more_where_memorised",
    "removal_by_credibility_raises_accuracy",
    "removal_by_credibility_lowers_success",
    "removal_by_labels_raises_accuracy",
    "removal_by_labels_lowers_success",
    "removal_by_labels_is_near_the_perfect_filter",
}


def test_claims_hold_where_they_are_planted() -> None:
    points = plant(
        FOUR | {"flips": (40, 3)}, spread=(0.005, 0.3), spread_per_point=0.0003, spread_per_label=0.001
    )
    claims = weigh(points, plant_removal(POISONS, gains=GOOD))
    assert set(claims) == EVERY_CLAIM
    for name, claim in claims.items():
        assert claim.p_for < 0.001 < claim.p_against, name
        assert claim.n_seeds == 5, name
    assert claims["variance_of_secml_poison_below_clean"].value < 0.05
    bounds = {name: claim.bound for name, claim in claims.items() if not np.isnan(claim.bound)}
    variances = [f"variance_of_secml_poison_below_{of}" for of in ("clean", "misclassified_clean")]
    few = [f"hardly_a_point_of_{of}_poison_is_credible" for of in ("secml", "other")]
    assert bounds == dict.fromkeys(variances, 1) | dict.fromkeys(few, 0.1)
    # From 20 to 40 points the deviation grows by 0.006; zscore divides by n, the variance by n - 1.
    low, high = 0.013**2, 0.019**2
    ten_low, ten_high = 0.021**2, 0.027**2
    grown = np.mean([40 / 39 * b - 20 / 19 * a for a, b in ((low, high), (ten_low, ten_high))])
    assert claims["variance_grows_with_points"].value == pytest.approx(grown, rel=1e-4)
    assert claims["variance_grows_with_labels"].value == pytest.approx(
        20 / 19 * (ten_low - low) / 2 + 40 / 39 * (ten_high - high) / 2, rel=1e-4
    )
    # Half the points grow by 8 a layer, the others by 0.1.
    assert claims["influence_grows_from_layer_to_layer"].value == pytest.approx(4.05, abs=0.2)
    assert claims["grows_more_where_memorised"].value == pytest.approx(7.9)
    assert claims["poison_is_nearer_to_the_misclassified"].value == pytest.approx(3 * 3 / 4)
    assert claims["removal_by_labels_raises_accuracy"].value == pytest.approx(0.1, abs=0.002)
    assert claims["removal_by_credibility_lowers_success"].value == pytest.approx(-0.05, abs=0.002)


def test_claims_do_not_hold_where_the_opposite_is_planted() -> None:
    points = plant(
        FOUR | {"flips": (40, 3)},
        spread=(0.7, 0.01),
        spread_per_point=-0.003,
        spread_per_label=-0.03,
        height=0.6,
        growth=-8.0,
    )
    # The neighbours of the misclassified are turned round as well.
    counts = [f"poison_neighbours_{layer}" for layer in LAYERS]
    points.loc[~points["is_poison"], counts] *= -1
    harm = {"dknn_paper": -0.05, "label_disagreement_relu3": -0.1, "perfect": 0.1}
    claims = weigh(points, plant_removal(POISONS, gains=harm))
    for name, claim in claims.items():
        assert claim.p_against < 0.01 < claim.p_for, name


def test_one_experiment_in_which_poison_varies_more_refutes_always() -> None:
    low = plant({"secml_1x50": (20, 2)}, spread=(0.005, 0.3))
    high = plant({"secml_1x100": (40, 2)}, spread=(1.0, 0.1))
    of_both = weigh(pd.concat([low, high], ignore_index=True), plant_removal(FOUR, gains={}))
    claim = of_both["variance_of_secml_poison_below_clean"]
    assert claim.p_against == pytest.approx(2 / 2000)  # the least that 1,999 permutations can give, twice
    assert claim.p_for > 0.9
    few_credible = of_both["hardly_a_point_of_secml_poison_is_credible"]
    assert few_credible.p_against < 1e-6 < few_credible.p_for


def test_the_p_value_of_the_variance_is_the_greatest_of_the_runs() -> None:
    points = plant(FOUR, spread=(0.15, 0.2), seeds=2)
    claim = weigh(points, plant_removal(FOUR, gains={}))["variance_of_secml_poison_below_clean"]
    p = [
        permute(
            of_run.loc[of_run["is_poison"], "credibility"],
            of_run.loc[~of_run["is_poison"], "credibility"],
            seed=int(str(seed)),
            resamples=1999,
        )["variance"][0]
        for (_, seed), of_run in points.groupby(["poison", "seed"], sort=False)
    ]
    assert claim.p_for == max(p) > min(p)


@pytest.mark.parametrize("experiments", [{"secml_1x50": (4, 2)}, {"flips": (4, 2)}])
def test_claims_that_cannot_be_made_have_neither_figure_nor_p(
    experiments: dict[str, tuple[int, int]],
) -> None:
    points = plant(experiments, seeds=1)
    is_secml = "secml_1x50" in experiments
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        claims = weigh(points, plant_removal(list(experiments), gains=GOOD, seeds=1, n_probe=False))
        judged = judge_claims(tabulate_claims(claims.values()))
    assert set(claims) == EVERY_CLAIM
    absent = {name for name, claim in claims.items() if np.isnan(claim.value)}
    always = {"variance_grows_with_points", "variance_grows_with_labels"}
    always |= {"removal_by_credibility_lowers_success", "removal_by_labels_lowers_success"}
    if is_secml:
        assert absent == always | {"hardly_a_point_of_other_poison_is_credible"}
    else:
        assert absent == EVERY_CLAIM - {"hardly_a_point_of_other_poison_is_credible"}
    for name in absent:
        assert np.isnan(claims[name].p_for) and np.isnan(claims[name].p_against), name
        assert (claims[name].n_points, claims[name].n_seeds) == (0, 0), name
    # One seed has a figure, and no test over seeds.
    grows = claims["influence_grows_from_layer_to_layer"]
    assert np.isnan(grows.p_for)
    assert set(judged.loc[judged["claim"].isin(absent), "verdict"]) == {"cannot tell"}


def test_one_layer_has_no_steps() -> None:
    claims = weigh(plant({"secml_1x50": (4, 2)}), plant_removal(["secml_1x50"], gains={}), layers=["fc"])
    for name in ("influence_grows_from_layer_to_layer", "grows_more_where_memorised"):
        assert np.isnan([claims[name].value, claims[name].p_for, claims[name].p_against]).all()


NAMES = pd.DataFrame(
    [("poison_setting", "mnist", "MNIST"), ("poison_setting", "fashion", "Fashion-MNIST")]
    + [("poison", name, name.replace("_", " ")) for name in {*POISONS, *FOUR, *SECML, "flips", "badnets_25"}],
    columns=["kind", "id", "title"],
)


def draw(points: pd.DataFrame, removal: pd.DataFrame) -> Any:
    credibility = measure_credibility(points)
    described = describe_poison(points)
    return plot_section_4(
        tabulate_credibility(credibility, measure_changes(credibility, described, SECML), described),
        tabulate_depth(measure_depth(points, LAYERS, 100)),
        tabulate_removal(removal),
        NAMES,
        secml=SECML,
        layers=LAYERS,
        k=100,
    )


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [1, 3])
@pytest.mark.parametrize("poisons", [list(FOUR), ["secml_1x50", "flips"], ["flips"]])
def test_the_figure_stands_with_few_experiments_and_seeds(poisons: list[str], seeds: int) -> None:
    points = plant({poison: (FOUR | {"flips": (4, 1)})[poison] for poison in poisons}, seeds=seeds)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = draw(points, plant_removal(poisons, gains=GOOD, seeds=seeds))
        figure.canvas.draw()
    first, second, third = figure.axes
    assert first.get_yticklabels()[0].get_text() == (
        "MNIST: flips (4 points, 6.2 %, 1 label)"
        if poisons == ["flips"]
        else "MNIST: secml 1x50 (20 points, 25 %, 2 labels)"
    )
    in_legend = [text.get_text() for text in second.get_legend().get_texts()]
    if "secml_1x50" in poisons:
        assert f"secml 1x50 (MNIST): {10 * seeds} memorised, {10 * seeds} not" in in_legend
    assert len(third.get_legend().get_texts()) == (4 if {"secml_1x50", "flips"} <= set(poisons) else 2)


def test_the_figure_shows_the_middle_of_poison_above_that_of_misclassified_clean_rows() -> None:
    points = plant({"secml_1x50": (20, 2), "badnets_25": (20, 1)}, seeds=1)
    axes = draw(points, plant_removal(["secml_1x50"], gains=GOOD)).axes[0]
    assert axes.get_yticklabels()[1].get_text() == "MNIST: badnets 25 (20 points, 25 %, 1 label)"
    groups = {"poison": points["is_poison"], "clean, misclassified": ~points["is_poison"]}
    lines = [segment for lines in axes.collections for segment in lines.get_segments()]  # type: ignore[attr-defined]
    segments = [segment for segment in lines if len(segment)]  # of one seed there is no interval
    for label, group in groups.items():
        of_group = points[group & ((label == "poison") | points["misclassified"])]
        expected = of_group.groupby("poison", sort=False)["credibility"].quantile([0.1, 0.9])
        drawn = [segments.pop(0)[:, 0] for _ in range(2)]
        np.testing.assert_allclose(np.ravel(drawn), expected)
    heights = {text.get_text(): text.get_position()[1] for text in axes.texts}
    assert heights["poison"] < 0 < heights["clean, misclassified"]  # the axis points down


def test_the_figure_stands_where_nothing_was_trained_again() -> None:
    nothing = plant_removal(["flips"], gains={})[:0]
    figure = draw(plant({"secml_1x50": (4, 2)}), nothing)
    assert figure.axes[2].get_legend() is None
