"""Attacks that transfer: how they are made, and what is counted of them, on records laid out by hand."""

import math
from collections.abc import Mapping, Sequence
from io import StringIO
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import mcnemar
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from numpy.typing import NDArray
from scipy import stats

from layeraudit.errors import InputError
from layeraudit.report import dknn_against_transfer, transfer
from layeraudit.report.dknn_against_transfer import (
    measure_conformity,
    measure_detection,
    set_threshold,
    tabulate_detection,
)
from layeraudit.report.figures.transfer import plot_success, spread
from layeraudit.report.radii import middle_radius
from layeraudit.report.transfer import (
    CHOSEN,
    ORACLE,
    OTHERS,
    STEADY,
    TWIN,
    add_choice,
    choose_layer,
    choose_layers,
    find_best_layers,
    find_steady,
    measure_success,
    read_off,
    tabulate_success,
)
from layeraudit.statistics import compare_pairs, tabulate_claims

pytestmark = pytest.mark.usefixtures("one_thread")

RecipeKey = tuple[float, str, str, str]

NONE: RecipeKey = (0.0, "none", "", "")


def i_fgsm_at(epsilon: float) -> RecipeKey:
    return epsilon, "i_fgsm", "", ""


def fgsm_at(epsilon: float) -> RecipeKey:
    return epsilon, "fgsm", "", ""


def ilap_at(epsilon: float, *, guide: str = "fgsm", layer: str = "relu1") -> RecipeKey:
    return epsilon, "ilap", guide, layer


def make_record(recipes: Mapping[RecipeKey, Mapping[str, Any]], *, n: int) -> pd.DataFrame:
    """Lay out what `craft_transfer` writes, as it is read: recipes with columns of theirs, n images each."""
    rows = [
        {"dataset": "mnist", "source": "lenet", "seed": 3, "image": image}
        | dict(zip(["epsilon", "attack", "guide", "layer"], recipe, strict=True))
        | {"forward": 0, "backward": 0, "linf": recipe[0], "l2": 0.0}
        | {"no_reference": "", "zero_gradients": ""}
        | {name: values[image] if isinstance(values, list) else values for name, values in columns.items()}
        for recipe, columns in recipes.items()
        for image in range(n)
    ]
    file = StringIO()
    pd.DataFrame(rows).to_csv(file, index=False)
    file.seek(0)
    return pd.read_csv(file)


IN_RECORD: dict[RecipeKey, dict[str, Any]] = {
    NONE: {},
    i_fgsm_at(0.1): {"l2": [1.0, 3.0, 2.0, 2.0], "forward": 8, "backward": 8},
    ilap_at(0.1): {
        **{"l2": 1.0, "linf": [0.1, 0.1, 0.05, 0.05], "forward": 11, "backward": 8},
        **{"no_reference": [True, False, False, False], "zero_gradients": [0, 2, 1, 0]},
    },
    i_fgsm_at(0.2): {"l2": 4.0},
    ilap_at(0.2): {"l2": 3.0, "no_reference": False, "zero_gradients": 0},
    (0.2, "mi_fgsm", "", ""): {"l2": 5.0},
}

FOOLED = {
    # In the order of the recipes above, four images each; lenet is the source.
    "audited": ["0000", "1000", "0110", "1010", "1111", "1111"],
    "lenet": ["0000", "1111", "1100", "1111", "1111", "1111"],
    "tramer_d": ["0000", "0100", "0110", "0100", "0000", "1000"],
    "lenet_twin": ["0000", "1110", "0001", "1111", "0011", "0000"],
}
BINARISED = {
    "audited": ["0001", "0000", "0100", "0000", "1110", "0000"],
    "lenet": ["0000", "1000", "1000", "1111", "1111", "1111"],
    "tramer_d": ["0000", "0000", "0111", "0000", "1111", "0000"],
    "lenet_twin": ["0000", "0000", "0000", "0000", "0000", "1111"],
}


def read_marks(marks: list[str]) -> NDArray[np.int64]:
    return np.array([int(mark) for mark in "".join(marks)], np.int64)


def make_successes() -> pd.DataFrame:
    y = np.tile(np.array([4, 0, 9, 2]), len(IN_RECORD))
    labels = {f"label_{name}": (y + 3 * read_marks(marks)) % 10 for name, marks in FOOLED.items()}
    labels |= {f"binarised_{name}": (y + read_marks(marks)) % 10 for name, marks in BINARISED.items()}
    measured = measure_success(make_record(IN_RECORD, n=4), y, labels)
    return measured.set_index(["target", *transfer.RECIPE]).sort_index()


SUCCESSES = make_successes()


@pytest.mark.parametrize(
    ("target", "recipe", "success", "success_binarised"),
    [
        ("audited", NONE, 0.0, 0.25),
        ("audited", i_fgsm_at(0.1), 0.25, 0.0),
        ("audited", ilap_at(0.1), 0.5, 0.25),
        ("tramer_d", ilap_at(0.1), 0.5, 0.75),
        ("lenet", i_fgsm_at(0.1), 1.0, 0.25),
        ("lenet", ilap_at(0.1), 0.5, 0.25),
        (TWIN, ilap_at(0.1), 0.25, 0.0),
        (OTHERS, i_fgsm_at(0.1), 0.25, 0.0),
        (OTHERS, ilap_at(0.1), 0.5, 0.5),
        (OTHERS, ilap_at(0.2), 0.5, 0.875),
    ],
)
def test_an_attack_succeeds_where_the_target_gives_another_label_than_the_true_one(
    target: str, recipe: RecipeKey, success: float, success_binarised: float
) -> None:
    row = SUCCESSES.loc[(target, *recipe)]
    assert (row["success"], row["success_binarised"]) == (success, success_binarised)
    assert (row["dataset"], row["source"], row["seed"], row["n_points"]) == ("mnist", "lenet", 3, 4)


def test_the_source_is_its_own_target_and_neither_it_nor_its_twin_is_one_of_the_others() -> None:
    targets = {"audited", "lenet", "tramer_d", TWIN, OTHERS}
    assert set(SUCCESSES.index.get_level_values("target")) == targets
    assert len(SUCCESSES) == 5 * len(IN_RECORD)
    assert set(SUCCESSES.loc[OTHERS, "networks"]) == {"audited tramer_d"}
    of_others = (SUCCESSES.loc["audited", "success"] + SUCCESSES.loc["tramer_d", "success"]) / 2
    pd.testing.assert_series_equal(SUCCESSES.loc[OTHERS, "success"], of_others)


def test_steady_are_those_that_noise_of_the_middle_radius_fools_seldom_in_the_mean_of_the_seeds() -> None:
    at_the_middle = {"audited": (0.04, 0.06), "tramer_d": (0.0, 0.2)}
    at_the_middle |= dict.fromkeys(["lenet", TWIN, OTHERS], (0.0, 0.0))
    rows = [
        (seed, target, epsilon, attack, success)
        for target, of_seeds in at_the_middle.items()
        for seed, of_seed in enumerate(of_seeds)
        for epsilon, attack, success in [
            (0.1, "noise", 0.9),
            (0.2, "noise", of_seed),
            (0.2, "fgsm", 0.9),
            (0.3, "noise", 0.9),
        ]
    ]
    columns = ["seed", "target", "epsilon", "attack", "success"]
    by_seed = pd.DataFrame(rows, columns=columns).assign(dataset="mnist", source="lenet")
    assert find_steady(by_seed) == {("mnist", "lenet"): ["audited"]}


def test_the_mean_of_the_steady_is_of_these_alone() -> None:
    y = np.tile(np.array([4, 0, 9, 2]), len(IN_RECORD))
    labels = {
        f"{kind}_{name}": (y + read_marks(marks)) % 10
        for kind, of_kind in [("label", FOOLED), ("binarised", BINARISED)]
        for name, marks in of_kind.items()
    }
    measured = measure_success(make_record(IN_RECORD, n=4), y, labels, steady=["tramer_d"])
    columns = [name for name in measured if name != "target"]
    steady, alone = (
        measured.loc[measured["target"] == name, columns].reset_index(drop=True)
        for name in (STEADY, "tramer_d")
    )
    pd.testing.assert_frame_equal(steady, alone)
    assert set(steady["networks"]) == {"tramer_d"}


def test_the_twin_is_judged_on_the_images_that_it_gets_right() -> None:
    recipes: dict[RecipeKey, dict[str, Any]] = {
        NONE: {},
        i_fgsm_at(0.1): {"l2": [9.0, 1.0, 1.0, 1.0]},
        ilap_at(0.1): {"l2": [9.0, 2.0, 2.0, 2.0], "no_reference": [True, False, False, False]},
    }
    marks = {"audited": ["0000"] * 3, "lenet": ["0000", "1111", "1111"]}
    marks["lenet_twin"] = ["1000", "1100", "1011"]
    labels = {
        f"{kind}_{name}": read_marks(of) for name, of in marks.items() for kind in ("label", "binarised")
    }
    measured = measure_success(make_record(recipes, n=4), np.zeros(12, np.int64), labels)
    twin = measured[measured["target"] == TWIN].set_index("attack")
    assert set(twin["n_points"]) == {3}
    assert twin["success"].tolist() == pytest.approx([0, 1 / 3, 2 / 3])
    assert twin.loc["ilap", ["l2", "no_reference"]].tolist() == [2, 0]
    assert twin.loc["ilap", "gain_over_i_fgsm"] == pytest.approx(1 / 3)
    p = twin.loc["ilap", ["p_more_i_fgsm", "p_less_i_fgsm"]].tolist()
    assert p == pytest.approx(mcnemar(2, 1))
    assert set(measured.loc[measured["target"] == "lenet", "n_points"]) == {4}


@pytest.mark.parametrize(
    ("target", "recipe", "gain", "above", "below"),
    [
        ("audited", ilap_at(0.1), 0.25, 2, 1),
        ("audited", ilap_at(0.2), 0.5, 2, 0),
        ("lenet", ilap_at(0.1), -0.5, 0, 2),
        ("lenet", ilap_at(0.2), 0.0, 0, 0),
        ("tramer_d", ilap_at(0.1), 0.25, 1, 0),
        ("tramer_d", (0.2, "mi_fgsm", "", ""), 0.0, 1, 1),
        ("audited", i_fgsm_at(0.2), 0.0, 0, 0),
    ],
)
def test_a_gain_is_over_i_fgsm_of_the_same_radius_on_the_same_images(
    target: str, recipe: RecipeKey, gain: float, above: int, below: int
) -> None:
    row = SUCCESSES.loc[(target, *recipe)]
    assert row["gain_over_i_fgsm"] == gain
    p = row[["p_more_i_fgsm", "p_less_i_fgsm"]].tolist()
    assert p == pytest.approx(mcnemar(above, below))


def test_the_gain_in_the_mean_of_the_others_is_tested_by_how_many_an_image_fools() -> None:
    row = SUCCESSES.loc[(OTHERS, *ilap_at(0.1))]
    # I-FGSM fools 1 1 0 0 of both, ILAP 0 2 2 0.
    assert row["gain_over_i_fgsm"] == 0.25
    p = row[["p_more_i_fgsm", "p_less_i_fgsm"]].tolist()
    assert p == pytest.approx(compare_pairs([-0.5, 0.5, 1, 0]))


@pytest.mark.parametrize("baseline", transfer.BASELINES)
def test_a_gain_over_each_baseline_is_the_difference_of_the_successes(baseline: str) -> None:
    at = (0.2, baseline, "", "")
    if ("audited", *at) not in SUCCESSES.index:
        assert np.isnan(SUCCESSES.loc[("audited", *ilap_at(0.2)), f"gain_over_{baseline}"])
    else:
        difference = (
            SUCCESSES.loc[("audited", *ilap_at(0.2)), "success"] - SUCCESSES.loc[("audited", *at), "success"]
        )
        assert SUCCESSES.loc[("audited", *ilap_at(0.2)), f"gain_over_{baseline}"] == difference


def test_what_has_no_i_fgsm_of_its_radius_has_no_gain() -> None:
    rows = SUCCESSES.xs(NONE, level=tuple(transfer.RECIPE))
    columns = [f"{name}_i_fgsm" for name in ("gain_over", "p_more", "p_less")]
    assert rows[columns].isna().all(axis=None)


@pytest.mark.parametrize(
    ("target", "recipe", "gain"),
    [
        # ILAP's L2 are 1 and 3, I-FGSM's 2 and 4.
        ("audited", ilap_at(0.1), (0.5 + 1) / 2 - 0.25),
        ("lenet", ilap_at(0.1), (0.5 + 1) / 2 - 1),
        (OTHERS, ilap_at(0.1), (0.5 + 0.5) / 2 - 0.25),
        ("audited", ilap_at(0.2), math.nan),  # beyond all of ILAP's
        ("audited", i_fgsm_at(0.1), 0),
        ("audited", (0.2, "mi_fgsm", "", ""), math.nan),  # of one radius, which is not I-FGSM's
        ("audited", NONE, math.nan),
    ],
)
def test_at_equal_l2_the_attack_is_taken_on_the_straight_line_between_two_of_its_radii(
    target: str, recipe: RecipeKey, gain: float
) -> None:
    row = SUCCESSES.loc[(target, *recipe)]
    assert row["gain_at_equal_l2"] == pytest.approx(gain, nan_ok=True)


def test_at_equal_l2_each_layer_has_a_line_of_its_own() -> None:
    of_recipes: dict[RecipeKey, tuple[float, str]] = {  # L2, and whether each of two images fools
        NONE: (0.0, "00"),
        i_fgsm_at(0.1): (2.0, "00"),
        ilap_at(0.1, layer="relu1"): (1.0, "00"),
        ilap_at(0.1, layer="relu2"): (1.5, "11"),
        ilap_at(0.2, layer="relu1"): (3.0, "10"),
        ilap_at(0.2, layer="relu2"): (2.5, "11"),
    }
    record = make_record({recipe: {"l2": l2} for recipe, (l2, _) in of_recipes.items()}, n=2)
    marks = read_marks([marks for _, marks in of_recipes.values()])
    labels = {f"{kind}_{name}": marks for kind in ("label", "binarised") for name in ("audited", "lenet")}
    measured = measure_success(record, np.zeros(12, np.int64), labels)
    at_least = measured[(measured["target"] == "audited") & (measured["epsilon"] == 0.1)].set_index("layer")
    assert at_least.loc[["relu1", "relu2"], "gain_at_equal_l2"].tolist() == pytest.approx([0.25, 1])


def test_what_an_attack_took_and_where_it_had_no_way_stands_beside_its_success() -> None:
    row = SUCCESSES.loc[("audited", *ilap_at(0.1))]
    assert (row["forward"], row["backward"]) == (11, 8)
    assert (row["no_reference"], row["zero_gradients"]) == (1, 2)
    assert (row["linf"], row["l2"]) == pytest.approx((0.075, 1.0))
    assert SUCCESSES.loc[("audited", *i_fgsm_at(0.1)), ["no_reference", "zero_gradients"]].tolist() == [0, 0]


def test_a_figure_is_read_off_the_line_whatever_the_order_of_its_points_and_not_beyond_it() -> None:
    across, up = [4.0, 0.0, 1.0], [7.0, 1.0, 4.0]
    assert [read_off(at, across, up) for at in (0.0, 0.5, 2.0, 4.0)] == [1, 2.5, 5, 7]
    assert np.isnan([read_off(at, across, up) for at in (-0.1, 4.1)]).all()


NAMES = ["relu1", "relu2", "relu3", "fc"]  # no alphabetical order is that of the network


def make_disturbances(curves: Sequence[Sequence[float]], **cell: object) -> pd.DataFrame:
    """Lay out how far the attack in each layer (a row) disturbs each layer (a column)."""
    layers = NAMES[: len(curves)]
    keys = {"dataset": "mnist", "source": "lenet", "seed": 0, "epsilon": 0.1, "guide": "fgsm"} | cell
    return pd.DataFrame(
        [
            keys | {"layer": layer, "seen": seen, "disturbance": disturbance}
            for layer, curve in zip(layers, curves, strict=True)
            for seen, disturbance in zip(layers, curve, strict=True)
        ]
    )


RISING = [1.0, 2.0, 3.0, 4.0]


WITHOUT_A_PEAK = [
    "none",
    "the last layer has none after it",
    "the layer before is disturbed more",
    "only the attacks in other layers peak there",
    "one layer",
]


@pytest.mark.parametrize(
    ("curves", "chosen"),
    [
        ([RISING, [1, 5, 2, 9], RISING, RISING], "relu2"),
        ([[5, 2, 3, 4], RISING, [1, 2, 5, 4], RISING], "relu3"),
        ([[5, 2, 3, 4], [1, 5, 2, 4], RISING, RISING], "relu2"),
        ([[5, 2, 3, 4], RISING, RISING, RISING], "relu1"),
        ([RISING, RISING, RISING, RISING], "relu1"),
        ([RISING, RISING, RISING, [1, 2, 3, 99]], "relu1"),
        ([RISING, [6, 5, 2, 1], [1, 6, 5, 2], RISING], "relu1"),
        ([[1, 2, 9, 4], [1, 2, 9, 4], RISING, [1, 2, 9, 4]], "relu1"),
        ([[1.0]], "relu1"),
    ],
    ids=[
        "one peak",
        "of two the latest",
        "of two side by side the latest",
        "the first is a peak",
        "none",
        "the last layer has none after it",
        "the layer before is disturbed more",
        "only the attacks in other layers peak there",
        "one layer",
    ],
)
def test_the_layer_is_the_latest_where_the_attack_made_in_it_disturbs_it_most(
    curves: list[list[float]], chosen: str, request: pytest.FixtureRequest
) -> None:
    is_peak = request.node.callspec.id not in WITHOUT_A_PEAK
    assert choose_layer(make_disturbances(curves)) == (chosen, is_peak)


def test_a_layer_is_chosen_in_each_cell() -> None:
    first, second = [RISING, [1, 5, 2, 4], RISING, RISING], [RISING, RISING, [1, 2, 5, 4], RISING]
    others: list[dict[str, object]] = [{"seed": 1}, {"epsilon": 0.2}, {"guide": "i_fgsm"}]
    others += [{"source": "tramer_d"}, {"dataset": "fashion"}]
    cells = [make_disturbances(first), *(make_disturbances(second, **cell) for cell in others)]
    chosen = choose_layers(pd.concat(cells, ignore_index=True))
    assert chosen["layer"].tolist() == ["relu2"] + 5 * ["relu3"]
    assert chosen["layer_taken"].tolist() == chosen["layer"].tolist()
    assert chosen[transfer.CHOICE_KEYS].loc[0].tolist() == ["mnist", "lenet", 0, 0.1, "fgsm"]
    assert not chosen.duplicated(transfer.CHOICE_KEYS).any()


def test_a_layer_that_is_no_peak_says_so() -> None:
    chosen = choose_layers(make_disturbances([RISING, RISING, RISING, RISING]))
    assert chosen[["layer", "layer_taken"]].values.tolist() == [["relu1", "relu1 (no peak)"]]


def make_by_seed(rows: list[tuple[object, ...]]) -> pd.DataFrame:
    """Lay out successes: seed, target, attack, guide, layer, success."""
    columns = ["seed", "target", "attack", "guide", "layer", "success"]
    return pd.DataFrame(rows, columns=columns).assign(dataset="mnist", source="lenet", epsilon=0.1)


OF_LAYERS = make_by_seed(
    [
        (0, OTHERS, "i_fgsm", "", "", 0.9),
        (0, OTHERS, "ilap", "fgsm", "relu1", 0.2),
        (0, OTHERS, "ilap", "fgsm", "relu2", 0.4),
        (0, OTHERS, "ilap", "fgsm", "relu3", 0.4),
        (0, "audited", "ilap", "fgsm", "relu1", 0.9),
        (0, "audited", "ilap", "fgsm", "relu2", 0.1),
        (0, OTHERS, "ilap", "i_fgsm", "relu1", 0.5),
        (0, OTHERS, "ilap", "i_fgsm", "relu2", 0.3),
        (0, OTHERS, "ilaf", "i_fgsm", "relu2", 0.8),
        (1, OTHERS, "ilap", "fgsm", "relu3", 0.3),
        (1, OTHERS, "ilap", "fgsm", "relu1", 0.1),
    ]
)


def test_the_best_layer_is_where_ilap_fools_most_of_the_others() -> None:
    best = find_best_layers(OF_LAYERS)
    found = {(row["seed"], row["guide"]): row["layer"] for row in best.to_dict("records")}
    assert found == {(0, "fgsm"): "relu2", (0, "i_fgsm"): "relu1", (1, "fgsm"): "relu3"}


def test_a_choice_is_added_below_what_was_there_and_says_which_layer_it_took() -> None:
    chosen = pd.DataFrame(
        [(0, "fgsm", "relu1"), (0, "i_fgsm", "relu2"), (1, "fgsm", "relu3")],
        columns=["seed", "guide", "layer"],
    ).assign(dataset="mnist", source="lenet", epsilon=0.1)
    chosen["layer_taken"] = ["relu1 (no peak)", "relu2", "relu3"]
    once = add_choice(OF_LAYERS, chosen, CHOSEN)
    n = len(OF_LAYERS)
    pd.testing.assert_frame_equal(once.iloc[:n][OF_LAYERS.columns], OF_LAYERS)
    assert once["layer_taken"].iloc[:n].isna().all()
    added = once.iloc[n:]
    assert set(added["layer"]) == {CHOSEN}
    assert added[["seed", "target", "attack", "guide", "layer_taken", "success"]].values.tolist() == [
        [0, OTHERS, "ilap", "fgsm", "relu1 (no peak)", 0.2],
        [0, "audited", "ilap", "fgsm", "relu1 (no peak)", 0.9],
        [0, OTHERS, "ilap", "i_fgsm", "relu2", 0.3],
        [1, OTHERS, "ilap", "fgsm", "relu3", 0.3],
    ]
    twice = add_choice(once, find_best_layers(OF_LAYERS), ORACLE)
    assert twice["layer"].tolist()[len(once) :] == [ORACLE] * 4
    pd.testing.assert_frame_equal(twice.iloc[: len(once)], once)
    assert twice["layer_taken"].tolist()[len(once) :] == ["relu2", "relu2", "relu1", "relu3"]


@pytest.mark.parametrize(
    ("radii", "middle"),
    [([0.3], 0.3), ([0.3, 0.1], 0.3), ([0.3, 0.1, 0.2, 0.1, 0.1], 0.2), ([0.1, 0.15, 0.2, 0.3], 0.2)],
)
def test_the_middle_radius_is_that_of_the_different_ones_and_of_two_the_greater(
    radii: list[float], middle: float
) -> None:
    assert middle_radius(radii) == middle


def make_seeds(gains: list[float], p_more: list[float]) -> pd.DataFrame:
    """Lay out what ILAP after I-FGSM gains in the chosen layer, a seed each, and what no claim is of."""
    n, cell = len(gains), {"dataset": "mnist", "source": "lenet"}
    same = cell | {"target": OTHERS, "epsilon": 0.2, "attack": "ilap", "guide": "i_fgsm", "layer": CHOSEN}
    figures = {"success": 0.5, "success_binarised": 0.5, "gain_at_equal_l2": 0.1, "linf": 0.2, "l2": 2.0}
    costs = {"forward": 13, "backward": 10, "no_reference": 1, "zero_gradients": 2, "n_points": 50}
    costs["networks"] = "audited lenet"
    ours = pd.DataFrame({"seed": range(n)}).assign(layer_taken=["relu1", "relu2", "relu1"][:n])
    for baseline in transfer.BASELINES:
        p_less = [1 - p for p in p_more]
        columns = {"gain_over": gains, "p_more": p_more, "p_less": p_less}
        ours = ours.assign(**{f"{name}_{baseline}": values for name, values in columns.items()})
    ours = ours.assign(**(same | figures | costs))
    changes: list[dict[str, Any]] = [{"layer": ORACLE}, {"layer": "relu1"}]
    changes += [{"guide": "fgsm"}, {"guide": "mi_fgsm"}]
    changes += [{"target": "audited"}, {"epsilon": 0.1}, {"epsilon": 0.3}]
    return pd.concat(
        [*(ours.assign(gain_over_i_fgsm=0.9, p_more_i_fgsm=1e-9, **change) for change in changes), ours],
        ignore_index=True,
    )


def test_figures_of_transfer_are_means_over_seeds_with_the_greatest_p() -> None:
    table = tabulate_success(make_seeds([0.1, 0.2, 0.3], [0.01, 0.2, 0.03]))
    ours = table[(table["layer"] == CHOSEN) & (table["target"] == OTHERS) & (table["epsilon"] == 0.2)]
    ours = ours[ours["guide"] == "i_fgsm"].set_index("quantity")
    assert ours.index.tolist() == list(transfer.BOUNDS)
    gain = ours.loc["gain_over_i_fgsm"]
    assert (gain["value"], gain["p_more"], gain["p_less"]) == pytest.approx((0.2, 0.2, 0.99))
    assert (gain["n_points"], gain["n_seeds"]) == (150, 3)
    # 0.1 / sqrt 3 is the standard error, and 4.303 the quantile of t with two degrees of freedom.
    assert gain["ci95_high"] - gain["value"] == pytest.approx(4.302652730 * 0.1 / math.sqrt(3))
    gains = [f"gain_over_{baseline}" for baseline in transfer.BASELINES]
    assert ours["p_more"].drop(gains).isna().all()
    kept = ["forward", "backward", "no_reference", "zero_gradients", "networks", "layer_taken"]
    assert gain[kept].tolist() == [13, 10, 3, 6, "audited lenet", "relu1, relu2"]


def test_a_seed_without_a_figure_counts_neither_as_seed_nor_by_its_points() -> None:
    by_seed = make_seeds([0.1, 0.2, 0.3], [0.01, 0.2, 0.03])
    by_seed.loc[by_seed["seed"] == 2, "gain_at_equal_l2"] = np.nan
    table = tabulate_success(by_seed).set_index("quantity")
    assert set(table.loc["gain_at_equal_l2", "n_points"]) == {100}
    assert set(table.loc["gain_at_equal_l2", "n_seeds"]) == {2}
    assert set(table.loc["success", "n_points"]) == {150}


def test_claims_are_of_the_chosen_layer_after_each_guide_at_the_middle_radius_in_the_mean_of_the_others() -> (
    None
):
    claims = tabulate_claims(transfer.make_claims(make_seeds([0.1, 0.2, 0.3], [0.01, 0.2, 0.03]))).set_index(
        "claim"
    )
    assert set(claims.index) == {
        f"ila_after_{guide}_transfers_more_than_{baseline}_mnist_lenet"
        for guide, baselines in [
            ("fgsm", ["i_fgsm", "mi_fgsm"]),
            ("i_fgsm", ["i_fgsm", "mi_fgsm"]),
            ("mi_fgsm", ["mi_fgsm"]),
        ]
        for baseline in baselines
    }
    after_fgsm = claims.loc["ila_after_fgsm_transfers_more_than_i_fgsm_mnist_lenet"]
    assert (after_fgsm["value"], after_fgsm["p_for"]) == pytest.approx((0.9, 1e-9))
    claim = claims.loc["ila_after_i_fgsm_transfers_more_than_i_fgsm_mnist_lenet"]
    assert (claim["value"], claim["p_for"], claim["p_against"]) == pytest.approx((0.2, 0.2, 0.99))
    assert (claim["n_points"], claim["n_seeds"], claim["bound"]) == (150, 3, 0)
    assert "epsilon 0.2," in claim["quantity"]
    assert claims.index[claims["source"] == transfer.PAPER].tolist() == [claim.name]


@pytest.mark.parametrize(
    "differences", [[0.5, 0.5, -0.5, 1, 1, -0.2], [0.25, -0.25], [-0.3, -0.3, -0.3, 0.1]]
)
def test_few_differences_of_which_some_are_tied_are_compared_as_scipy_does(differences: list[float]) -> None:
    of_scipy = [
        stats.wilcoxon(differences, alternative=side, method=stats.PermutationMethod()).pvalue
        for side in ("greater", "less")
    ]
    assert compare_pairs(differences) == pytest.approx(of_scipy)


@pytest.mark.parametrize(
    ("clean", "threshold"),
    [
        (np.arange(40) / 40, 1 / 40),  # two of 40
        ([0.3] + [0.5] * 2 + [0.9] * 37, 0.3),
        ([0.3] * 2 + [0.5] * 38, 0.3),
        ([0.3] * 3 + [0.5] * 37, -np.inf),
        (np.arange(20) / 20, 0),
        (np.arange(19) / 19, -np.inf),
        ([0.0] * 40, -np.inf),
    ],
    ids=["no ties", "ties above it", "ties at it", "ties of too many", "one of 20", "none of 19", "all"],
)
def test_at_most_one_clean_image_in_twenty_lies_at_the_threshold_or_below(
    clean: list[float], threshold: float
) -> None:
    assert set_threshold(np.array(clean)[::-1]) == threshold


@given(st.lists(st.integers(0, 60), min_size=1, max_size=250))
def test_no_greater_threshold_would_flag_as_few(numbers: list[int]) -> None:
    clean = np.array(numbers) / 60
    threshold = set_threshold(clean)
    assert 20 * (clean <= threshold).sum() <= len(clean)
    above = clean[clean > threshold]
    assert len(above)
    assert 20 * (clean <= above.min()).sum() > len(clean)
    assert threshold == -np.inf or threshold in clean


def test_no_threshold_is_set_on_no_image() -> None:
    with pytest.raises(InputError, match="0 images, allowed are 1 and more"):
        set_threshold(np.array([]))


DETECTED: dict[RecipeKey, tuple[str, list[float], float]] = {
    # The images that fool the network, their credibility, and the mean L2.
    NONE: ("0000", [0.9, 0.8, 0.7, 0.1], 0),
    fgsm_at(0.1): ("1000", [0.3, 0.3, 0.6, 0.1], 1),
    i_fgsm_at(0.1): ("1100", [0.1, 0.05, 0.5, 0.9], 2),
    ilap_at(0.1): ("1110", [0.08, 0.02, 0.7, 0.0], 3.5),
    fgsm_at(0.2): ("1100", [0.2, 0.0, 0.6, 0.2], 2),
    i_fgsm_at(0.2): ("1111", [0.4, 0.5, 0.05, 0.0], 4),
    ilap_at(0.2): ("0001", [0.9, 0.8, 0.7, 0.3], 0.5),
}
CALIBRATION = pd.DataFrame(
    {
        "credibility": [0.1] + [0.95] * 19,  # so that 0.1 is the threshold
        "dnn_confidence": [0.25] + [1.0] * 19,
        "dnn_label_neighbours_relu1": [0] + [3] * 19,
        "dnn_label_neighbours_fc": [1] * 2 + [3] * 18,  # of which two are too many
    }
)
LIMITS = {"credibility": 0.1, "softmax": 0.25, "relu1": 0, "fc": -np.inf}
DETECTORS = ["credibility", "relu1", "fc", "softmax"]


def make_detection() -> tuple[pd.DataFrame, pd.DataFrame]:
    record = make_record({recipe: {"l2": l2} for recipe, (_, _, l2) in DETECTED.items()}, n=4)
    y = np.tile(np.array([4, 0, 9, 2]), len(DETECTED))
    fooled = read_marks([marks for marks, _, _ in DETECTED.values()])
    generator = np.random.default_rng(0)
    scores = pd.DataFrame(
        {
            "y_true": y,
            "dnn_label": (y + fooled) % 10,
            "dknn_label": (y + 2 * generator.integers(2, size=len(y))) % 10,
            "credibility": np.concatenate([of_recipe for _, of_recipe, _ in DETECTED.values()]),
            # Few values, so that there are ties.
            "dnn_confidence": generator.integers(1, 5, size=len(y)) / 4,
            "dnn_label_neighbours_relu1": generator.integers(4, size=len(y)),
            "dnn_label_neighbours_fc": generator.integers(4, size=len(y)),
        }
    )
    return record, scores


RECORD, SCORES = make_detection()
DETECTION = measure_detection(RECORD, SCORES, CALIBRATION, ["relu1", "fc"]).fillna(
    {"detector": "", "against": "", "matched_by": ""}
)


def find(
    recipe: RecipeKey, quantity: str, *, detector: str = "", against: str = "", by: str = ""
) -> pd.Series:
    keys = {"quantity": quantity, "detector": detector, "against": against, "matched_by": by}
    keys |= dict(zip(transfer.RECIPE, map(str, recipe), strict=True))
    rows = DETECTION
    for name, value in keys.items():
        rows = rows[rows[name].astype(str) == value]
    assert len(rows) == 1
    return rows.iloc[0]


@pytest.mark.parametrize(
    ("recipe", "quantity", "figure", "n"),
    [
        (NONE, "success", 0, 4),
        (NONE, "flagged", 0.25, 4),
        (NONE, "flagged_of_successes", math.nan, 0),
        (ilap_at(0.1), "success", 0.75, 4),
        (ilap_at(0.1), "flagged", 0.75, 4),
        (ilap_at(0.1), "flagged_of_successes", 2 / 3, 3),
        (ilap_at(0.1), "evasive_success", 0.25, 4),
        (ilap_at(0.1), "credibility", 0.2, 4),
        (ilap_at(0.1), "credibility_of_successes", 0.8 / 3, 3),
        (ilap_at(0.1), "l2", 3.5, 4),
        (i_fgsm_at(0.1), "flagged_of_successes", 1, 2),  # at the threshold is flagged
        (i_fgsm_at(0.1), "evasive_success", 0, 4),
        (i_fgsm_at(0.2), "evasive_success", 0.5, 4),
    ],
)
def test_an_attack_is_evasive_where_it_fools_the_network_and_is_not_flagged(
    recipe: RecipeKey, quantity: str, figure: float, n: int
) -> None:
    row = find(recipe, quantity)
    assert row["value"] == pytest.approx(figure, nan_ok=True)
    assert (row["n_points"], row["dataset"], row["source"], row["seed"]) == (n, "mnist", "lenet", 3)


def test_dknn_is_fooled_where_it_gives_another_label_whatever_the_network_gives() -> None:
    for number, recipe in enumerate(DETECTED):
        own = SCORES.iloc[4 * number : 4 * number + 4]
        fooled = own["dknn_label"] != own["y_true"]
        assert find(recipe, "dknn_accuracy")["value"] == 1 - fooled.mean()
        both = fooled & (own["dnn_label"] != own["y_true"])
        evasive = (both & (own["credibility"] > LIMITS["credibility"])).mean()
        assert find(recipe, "evasive_success_on_dknn")["value"] == evasive


OF_SCORES = {
    "credibility": "credibility",
    "relu1": "dnn_label_neighbours_relu1",
    "fc": "dnn_label_neighbours_fc",
    "softmax": "dnn_confidence",
}


def test_conformity_is_what_speaks_for_the_label() -> None:
    conformity = measure_conformity(SCORES, ["relu1", "fc"])
    assert list(conformity) == DETECTORS
    for name, column in OF_SCORES.items():
        assert conformity[name].tolist() == SCORES[column].tolist()


@pytest.mark.parametrize("detector", DETECTORS)
def test_each_detector_flags_what_lies_at_its_own_threshold_or_below(detector: str) -> None:
    own = SCORES.loc[12:15]
    flagged = own[OF_SCORES[detector]] <= LIMITS[detector]
    row = find(ilap_at(0.1), "true_positive_rate", detector=detector)
    assert (row["value"], row["n_points"]) == (flagged.mean(), 4)
    row = find(ilap_at(0.1), "true_positive_rate_of_successes", detector=detector)
    assert (row["value"], row["n_points"]) == (pytest.approx(flagged.iloc[:3].mean()), 3)


@pytest.mark.parametrize("detector", DETECTORS)
@pytest.mark.parametrize("recipe", [recipe for recipe in DETECTED if recipe != NONE], ids=str)
def test_auroc_is_the_share_of_pairs_that_are_in_the_right_order(recipe: RecipeKey, detector: str) -> None:
    columns = {"credibility": "credibility", "softmax": "dnn_confidence"}
    trust = SCORES[columns.get(detector, f"dnn_label_neighbours_{detector}")].tolist()
    start = 4 * list(DETECTED).index(recipe)
    fools = [start + image for image, mark in enumerate(DETECTED[recipe][0]) if mark == "1"]
    for quantity, own in [("auroc", list(range(start, start + 4))), ("auroc_of_successes", fools)]:
        pairs = [(trust[row], trust[clean]) for row in own for clean in range(4)]
        right = sum(1.0 if attacked < clean else 0.5 * (attacked == clean) for attacked, clean in pairs)
        row = find(recipe, quantity, detector=detector)
        assert row["value"] == pytest.approx(right / len(pairs))
        assert row["n_points"] == len(own)


@pytest.mark.parametrize(
    ("recipe", "quantity", "against", "figure", "n", "p"),
    [
        # Both fool with images 0 and 1, and both are flagged there.
        (ilap_at(0.1), "flagged", "i_fgsm", 0, 2, (1, 1)),
        (ilap_at(0.1), "credibility", "i_fgsm", -0.025, 2, None),
        (ilap_at(0.1), "flagged", "fgsm", 1, 1, (0.5, 1)),
        (ilap_at(0.1), "credibility", "fgsm", -0.22, 1, None),
        (ilap_at(0.2), "flagged", "fgsm", math.nan, 0, (math.nan, math.nan)),
        (ilap_at(0.2), "flagged", "i_fgsm", -1, 1, (1, 0.5)),
        (fgsm_at(0.2), "flagged", "i_fgsm", 0.5, 2, (0.5, 1)),
        (i_fgsm_at(0.2), "flagged", "fgsm", -0.5, 2, (1, 0.5)),
    ],
)
def test_attacks_of_one_radius_are_compared_on_the_images_that_both_fool_with(
    recipe: RecipeKey, quantity: str, against: str, figure: float, n: int, p: tuple[float, float] | None
) -> None:
    row = find(recipe, f"{quantity}_difference", against=against, by="images")
    assert row["value"] == pytest.approx(figure, nan_ok=True)
    assert row["n_points"] == n
    if p:
        assert (row["p_more"], row["p_less"]) == pytest.approx(p, nan_ok=True)
    else:
        assert row["p_less"] < row["p_more"]


@pytest.mark.parametrize(
    ("recipe", "matched_by", "against", "figure"),
    [
        # I-FGSM succeeds with 1/2, of which 1 is flagged, and with 1, of which 1/2 is.
        (ilap_at(0.1), "success", "i_fgsm", 2 / 3 - 0.75),
        (ilap_at(0.1), "success", "fgsm", math.nan),
        (ilap_at(0.2), "success", "fgsm", 0 - 0),
        (ilap_at(0.2), "success", "i_fgsm", math.nan),
        # I-FGSM's evasive success is 0 at an L2 of 2, and 1/2 at 4.
        (ilap_at(0.1), "l2", "i_fgsm", 0.25 - 0.375),
        (ilap_at(0.1), "l2", "fgsm", math.nan),
        # Without an attack there is no L2 and no success; FGSM's is 1/4 at an L2 of 1.
        (ilap_at(0.2), "l2", "fgsm", 0.25 - 0.125),
        (ilap_at(0.2), "l2", "i_fgsm", 0.25 - 0),
        (i_fgsm_at(0.1), "success", "fgsm", 1 - 0.5),
        (fgsm_at(0.1), "success", "i_fgsm", math.nan),
    ],
)
def test_attacks_of_other_radii_are_compared_by_the_straight_line_and_not_beyond_it(
    recipe: RecipeKey, matched_by: str, against: str, figure: float
) -> None:
    quantity = {"success": "flagged_of_successes", "l2": "evasive_success"}[matched_by]
    row = find(recipe, f"{quantity}_difference", against=against, by=matched_by)
    assert row["value"] == pytest.approx(figure, nan_ok=True)
    assert row["n_points"] == 4


def test_no_attack_is_compared_with_itself_nor_what_is_no_attack_with_any() -> None:
    compared = DETECTION[DETECTION["against"] != ""]
    assert (compared["attack"] != compared["against"]).all()
    assert not (compared["attack"] == "none").any()
    assert not DETECTION.duplicated(dknn_against_transfer.KEYS).any()


def make_detection_by_seed() -> pd.DataFrame:
    other = RECORD.assign(seed=4)
    seeds = [measure_detection(record, SCORES, CALIBRATION, ["relu1", "fc"]) for record in (RECORD, other)]
    cells = [
        make_disturbances([[1.0]], seed=seed, epsilon=epsilon)
        for seed, epsilon in product((3, 4), (0.1, 0.2))
    ]
    return add_choice(pd.concat(seeds, ignore_index=True), choose_layers(pd.concat(cells)), CHOSEN)


def test_figures_of_detection_are_means_over_seeds() -> None:
    by_seed = make_detection_by_seed()
    moved = (by_seed["quantity"] == "flagged_difference") & (by_seed["seed"] == 4)
    by_seed.loc[moved, ["value", "p_more"]] = [0.5, 0.125]
    table = tabulate_detection(by_seed).set_index(dknn_against_transfer.KEYS).sort_index()
    row = table.loc[("lenet", *ilap_at(0.1, layer=CHOSEN), "flagged_difference", "", "fgsm", "images")]
    assert (row["value"], row["n_seeds"], row["n_points"], row["p_more"]) == (0.75, 2, 2, 0.5)
    assert (row["ci95_low"], row["ci95_high"]) == (-1, 1)  # 3.2 to either side, cut to what there can be
    l2 = table.loc[("lenet", *ilap_at(0.1), "l2", "", "", "")]
    assert l2[["value", "ci95_low", "ci95_high", "n_points"]].tolist() == [3.5, 3.5, 3.5, 8]
    nothing = table.loc[("lenet", *ilap_at(0.1), "evasive_success_difference", "", "fgsm", "l2")]
    assert np.isnan(nothing["value"])
    assert nothing["n_seeds"] == 0


def test_what_is_easier_to_catch_is_claimed_of_each_guide_beside_its_own_attack_at_the_greatest_radius() -> (
    None
):
    by_seed = make_detection_by_seed()
    # ILAP after I-FGSM fools with what ILAP after FGSM does, and is compared with both.
    ours = by_seed["attack"] == "ilap"
    by_seed = pd.concat([by_seed, by_seed[ours].assign(guide="i_fgsm")], ignore_index=True)
    credibility = by_seed["quantity"] == "credibility_difference"
    for against, p_less in [("i_fgsm", [0.01, 0.3]), ("fgsm", [0.02, 0.04])]:
        for seed, p in zip((3, 4), p_less, strict=True):
            at = credibility & (by_seed["against"] == against) & (by_seed["seed"] == seed)
            by_seed.loc[at & (by_seed["epsilon"] == 0.2), ["p_less", "p_more"]] = [p, 1 - p]
            by_seed.loc[at & (by_seed["epsilon"] == 0.2), "value"] = -0.5 if against == "fgsm" else -0.1
    claims = tabulate_claims(dknn_against_transfer.make_claims(by_seed)).set_index("claim")
    assert set(claims.index) == {
        f"pushed_further_{guide}_is_easier_to_catch_lenet" for guide in ("fgsm", "i_fgsm")
    }
    after_fgsm = claims.loc["pushed_further_fgsm_is_easier_to_catch_lenet"]
    assert after_fgsm[["value", "p_for", "p_against"]].tolist() == pytest.approx([-0.5, 0.04, 0.98])
    after_i_fgsm = claims.loc["pushed_further_i_fgsm_is_easier_to_catch_lenet"]
    assert after_i_fgsm[["value", "p_for", "p_against"]].tolist() == pytest.approx([-0.1, 0.3, 0.99])
    assert after_i_fgsm["n_points"] == 2


def draw_success(source: str, *, seeds: int = 2) -> Axes:
    """Draw what is planted: ILA after I-FGSM in two layers, and in the chosen one, against I-FGSM."""
    planted = {
        ("i_fgsm", "", ""): 0.5,
        ("fgsm", "", ""): 0.3,
        ("noise", "", ""): 0.1,
        ("ilap", "i_fgsm", "relu1"): 0.6,
        ("ilap", "i_fgsm", "fc"): 0.4,
        ("ilap", "i_fgsm", CHOSEN): 0.6,
        ("ilap", "i_fgsm", ORACLE): 0.9,
        ("ilap", "fgsm", "relu1"): 0.2,
    }
    keys = {"dataset": "mnist", "source": source, "target": OTHERS, "networks": "audited my_net_2"}
    keys |= {"n_points": 7 * seeds, "n_seeds": seeds, "backward": 20}
    table = pd.DataFrame(
        keys
        | dict(zip(transfer.RECIPE, (epsilon, *recipe), strict=True))
        | {"quantity": quantity, "value": value, "ci95_low": value - 0.05, "ci95_high": value + 0.05}
        for epsilon in (0.1, 0.2, 0.3)
        for recipe, success in planted.items()
        for quantity, value in [("success", success * epsilon / 0.2), ("gain_over_i_fgsm", success - 0.5)]
    )
    elsewhere = table.assign(target="audited", value=0.99)
    figure = plot_success(pd.concat([elsewhere, table]), "mnist")
    figure.canvas.draw()
    (axes,) = figure.axes
    return axes


def test_the_figure_shows_the_mean_of_the_others_at_the_middle_radius_and_the_chosen_layer_apart() -> None:
    axes = draw_success("lenet")
    assert [text.get_text() for text in axes.get_xticklabels()] == ["relu1", "fc", CHOSEN]
    points = axes.containers[0].lines[0]  # type: ignore[union-attr]
    assert points.get_ydata().tolist() == pytest.approx([0.6, 0.4, 0.6])
    x = points.get_xdata()
    assert np.diff(x).tolist() == pytest.approx([1, 1.4])
    labels = {text.get_text(): text.xy[1] for text in axes.texts}  # type: ignore[attr-defined]
    assert labels == pytest.approx({"noise": 0.1, "FGSM": 0.3, "I-FGSM": 0.5, "I-FGSM + ILA": 0.6})
    assert axes.get_title(loc="left").endswith("+0.100 [0.050, 0.150]")


def test_a_network_that_no_list_names_is_drawn_under_its_own_name() -> None:
    axes = draw_success("my_net_1")
    assert axes.get_title(loc="left").startswith("Made on my net 1")
    assert axes.get_ylabel().endswith("2 other networks")


@pytest.mark.parametrize("seeds", [1, 2])
def test_of_one_seed_no_interval_is_drawn(seeds: int) -> None:
    axes = draw_success("lenet", seeds=seeds)
    bars = [lines for container in axes.containers for lines in container.lines[2]]  # type: ignore[union-attr]
    assert any(np.size(bar) for lines in bars for bar in lines.get_segments()) == (seeds > 1)
    assert ("[" in axes.get_title(loc="left")) == (seeds > 1)


def test_a_data_set_without_rows_is_one_sentence_that_names_those_with_rows() -> None:
    table = pd.DataFrame({"dataset": ["mnist"], "target": [OTHERS]})
    with pytest.raises(InputError, match="cifar10.*mnist"):
        plot_success(table, "cifar10")


@given(st.lists(st.floats(0, 1), min_size=1, max_size=5))
def test_labels_stand_apart_and_within_the_panel_however_near_their_lines_are(heights: list[float]) -> None:
    places = spread(sorted(heights), apart=0.1, top=1.0)
    assert (np.diff(places) >= 0.1 - 1e-9).all()
    assert places.min() >= 0
    assert places.max() <= 1 + 1e-9
