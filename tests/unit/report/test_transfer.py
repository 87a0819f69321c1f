"""Attacks that transfer, and DkNN against them: what is counted, on records laid out by hand."""

import math
from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from numpy.typing import NDArray

from layeraudit.errors import InputError
from layeraudit.report.dknn_against_transfer import measure_conformity, measure_detection, set_threshold
from layeraudit.report.figures.transfer import plot_detection, plot_success, spread
from layeraudit.report.measures import tabulate
from layeraudit.report.radii import middle_radius
from layeraudit.report.transfer import (
    BASELINES,
    CHOICE_KEYS,
    CHOSEN,
    ORACLE,
    OTHERS,
    RECIPE,
    STEADY,
    TWIN,
    add_choice,
    choose_layer,
    choose_layers,
    find_best_layers,
    measure_success,
    measure_transfer,
    read_off,
    select_steady,
)

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
        | dict(zip(RECIPE, recipe, strict=True))
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


def read_networks(marks: Mapping[str, list[str]], y: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
    """Return labels that are wrong where there is a mark."""
    return {name: (y + 3 * read_marks(of_network)) % 10 for name, of_network in marks.items()}


def select(measures: pd.DataFrame, **keys: object) -> pd.Series:
    """Return the one row of some keys; those that are not named are empty."""
    columns = set(measures.columns) - {"dataset", "source", "seed", "value", "n_points"}
    chosen = pd.Series(True, index=measures.index)
    for column in columns:
        chosen &= measures[column].astype(str) == str(keys.get(column, ""))
    (index,) = measures.index[chosen]
    return measures.loc[index]


def in_recipe(recipe: RecipeKey) -> dict[str, object]:
    return dict(zip(RECIPE, recipe, strict=True))


TRUE = np.tile(np.array([4, 0, 9, 2]), len(IN_RECORD))
MEASURED = measure_success(
    make_record(IN_RECORD, n=4), TRUE, read_networks(FOOLED, TRUE), read_networks(BINARISED, TRUE)
)

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


DISTURBANCES = pd.concat([make_disturbances([[1.0]], epsilon=epsilon, seed=3) for epsilon in (0.1, 0.2)])
MEASURES = measure_transfer([MEASURED], DISTURBANCES)


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
        (OTHERS, ilap_at(0.2, layer=CHOSEN), 0.5, 0.875),
    ],
)
def test_an_attack_succeeds_where_the_target_gives_another_label_than_the_true_one(
    target: str, recipe: RecipeKey, success: float, success_binarised: float
) -> None:
    row = select(MEASURES, target=target, quantity="success", **in_recipe(recipe))
    assert row["value"] == success
    assert row[["dataset", "source", "seed", "n_points"]].tolist() == ["mnist", "lenet", 3, 4]
    row = select(MEASURES, target=target, quantity="success_binarised", **in_recipe(recipe))
    assert row["value"] == success_binarised


def test_each_figure_is_there_once() -> None:
    keys = ["dataset", "source", "target", *RECIPE, "quantity"]
    assert MEASURES.columns.tolist() == [*keys, "seed", "value", "n_points"]
    assert not MEASURES.duplicated([*keys, "seed"]).any()
    assert set(MEASURES["target"]) == {"", "audited", "lenet", "tramer_d", TWIN, OTHERS}


def test_neither_the_source_nor_its_twin_is_one_of_the_others() -> None:
    count = MEASURES[MEASURES["quantity"] == "n_networks"]
    assert count[["target", "value", "n_points"]].values.tolist() == [[OTHERS, 2, 4]]
    of_others = MEASURES[(MEASURES["target"] == OTHERS) & (MEASURES["quantity"] != "n_networks")]
    for row in of_others.to_dict("records"):
        same = {name: row[name] for name in [*RECIPE, "quantity"]}
        both = [select(MEASURES, target=name, **same)["value"] for name in ("audited", "tramer_d")]
        assert row["value"] == pytest.approx(np.mean(both), nan_ok=True)


def test_steady_are_those_that_noise_of_the_middle_radius_fools_seldom_in_the_mean_of_the_seeds() -> None:
    rows = [
        (seed, target, epsilon, attack, success)
        for target, of_seeds in {"audited": (0.04, 0.06), "tramer_d": (0.0, 0.2)}.items()
        for seed, of_seed in enumerate(of_seeds)
        for epsilon, attack, success in [
            (0.1, "noise", 0.9),
            (0.2, "noise", of_seed),
            (0.2, "fgsm", 0.9),
            (0.3, "noise", 0.9),
        ]
    ]
    others = pd.DataFrame(rows, columns=["seed", "target", "epsilon", "attack", "value"])
    others = others.assign(dataset="mnist", source="lenet", quantity="success")
    steady = select_steady(others)
    assert set(steady["target"]) == {"audited"}
    assert len(steady) == len(others) / 2


def test_the_mean_of_the_steady_is_of_these_alone() -> None:
    recipes: dict[RecipeKey, dict[str, Any]] = {
        NONE: {},
        (0.1, "noise", "", ""): {},
        i_fgsm_at(0.1): {},
        ilap_at(0.1): {},
    }
    marks = {"audited": ["00", "10", "01", "11"], "tramer_d": ["00", "00", "10", "01"]}
    labels = read_networks(marks, np.zeros(8, np.int64))
    measured = measure_success(make_record(recipes, n=2), np.zeros(8, np.int64), labels, labels)
    measures = measure_transfer([measured], make_disturbances([[1.0]], seed=3))
    steady, alone = (
        measures.loc[measures["target"] == name].drop(columns="target").reset_index(drop=True)
        for name in (STEADY, "tramer_d")
    )
    is_count = steady["quantity"] == "n_networks"
    assert steady.loc[is_count, "value"].tolist() == [1]
    pd.testing.assert_frame_equal(steady[~is_count].reset_index(drop=True), alone)


def test_the_twin_is_judged_on_the_images_that_it_gets_right() -> None:
    recipes: dict[RecipeKey, dict[str, Any]] = {NONE: {}, i_fgsm_at(0.1): {}, ilap_at(0.1): {}}
    marks = {"audited": ["0000"] * 3, "lenet": ["0000", "1111", "1111"]}
    marks["lenet_twin"] = ["1000", "1100", "1011"]
    labels = read_networks(marks, np.zeros(12, np.int64))
    measured = measure_success(make_record(recipes, n=4), np.zeros(12, np.int64), labels, labels)
    success = measured[measured["quantity"] == "success"].set_index(["target", "attack"])
    assert success.loc[TWIN, "value"].tolist() == pytest.approx([0, 1 / 3, 2 / 3])
    assert set(success.loc[TWIN, "n_points"]) == {3}
    assert set(success.loc["lenet", "n_points"]) == {4}
    gain = select(measured, target=TWIN, quantity="gain_over_i_fgsm", **in_recipe(ilap_at(0.1)))
    assert gain["value"] == pytest.approx(1 / 3)


@pytest.mark.parametrize("target", ["audited", "lenet", "tramer_d", TWIN, OTHERS])
@pytest.mark.parametrize("baseline", BASELINES)
@pytest.mark.parametrize("epsilon", [0.1, 0.2])
def test_a_gain_is_the_difference_of_the_successes_at_one_radius(
    target: str, baseline: str, epsilon: float
) -> None:
    successes = MEASURES[(MEASURES["target"] == target) & (MEASURES["quantity"] == "success")]
    at = successes[successes["epsilon"] == epsilon].set_index(["attack", "layer"])["value"].to_dict()
    gain = select(MEASURES, target=target, quantity=f"gain_over_{baseline}", **in_recipe(ilap_at(epsilon)))
    expected = at["ilap", "relu1"] - at.get((baseline, ""), np.nan)
    assert gain["value"] == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    ("target", "recipe", "gain"),
    [
        # ILAP's L2 are 1 and 3, I-FGSM's 2 and 4.
        ("audited", ilap_at(0.1), (0.5 + 1) / 2 - 0.25),
        ("lenet", ilap_at(0.1), (0.5 + 1) / 2 - 1),
        (OTHERS, ilap_at(0.1), (0.5 + 0.5) / 2 - 0.25),
        ("audited", ilap_at(0.2), math.nan),  # beyond all of ILAP's
    ],
)
def test_at_equal_l2_the_attack_is_taken_on_the_straight_line_between_two_of_its_radii(
    target: str, recipe: RecipeKey, gain: float
) -> None:
    row = select(MEASURES, target=target, quantity="gain_at_equal_l2", **in_recipe(recipe))
    assert row["value"] == pytest.approx(gain, nan_ok=True)


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
    marks = {"audited": [marks for _, marks in of_recipes.values()]}
    labels = read_networks(marks, np.zeros(12, np.int64))
    measured = measure_success(record, np.zeros(12, np.int64), labels, labels)
    gains = measured[(measured["quantity"] == "gain_at_equal_l2") & (measured["epsilon"] == 0.1)]
    assert gains.set_index("layer")["value"].to_dict() == pytest.approx({"relu1": 0.25, "relu2": 1})


def test_what_an_attack_took_is_of_no_target_and_only_ila_can_be_without_a_way() -> None:
    of_attacks = MEASURED[MEASURED["target"] == ""]
    found = of_attacks[of_attacks["epsilon"] == 0.1].set_index(["attack", "quantity"])["value"].to_dict()
    assert found == pytest.approx(
        {
            ("i_fgsm", "linf"): 0.1,
            ("i_fgsm", "l2"): 2,
            ("i_fgsm", "backward_passes"): 8,
            ("ilap", "linf"): 0.075,
            ("ilap", "l2"): 1,
            ("ilap", "backward_passes"): 8,
            ("ilap", "n_no_reference"): 1,
            ("ilap", "n_zero_gradients"): 2,
        }
    )
    assert set(of_attacks["n_points"]) == {4}


def test_only_ila_gains() -> None:
    assert set(MEASURES.loc[MEASURES["quantity"].str.startswith("gain_"), "attack"]) == {"ilap"}


def test_figures_are_read_off_the_line_whatever_the_order_of_its_points_and_not_beyond_it() -> None:
    across, up = [4.0, 0.0, 1.0], [7.0, 1.0, 4.0]
    assert read_off([0.0, 0.5, 2.0, 4.0], across, up).tolist() == [1, 2.5, 5, 7]
    assert np.isnan(read_off([-0.1, 4.1, np.nan], across, up)).all()


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
    assert chosen["is_peak"].all()
    assert chosen[CHOICE_KEYS].loc[0].tolist() == ["mnist", "lenet", 0, 0.1, "fgsm"]
    assert not chosen.duplicated(CHOICE_KEYS).any()


def make_by_seed(rows: list[tuple[object, ...]]) -> pd.DataFrame:
    """Lay out successes: seed, target, attack, guide, layer, success."""
    columns = ["seed", "target", "attack", "guide", "layer", "value"]
    by_seed = pd.DataFrame(rows, columns=columns)
    return by_seed.assign(dataset="mnist", source="lenet", epsilon=0.1, quantity="success")


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


def test_a_choice_is_added_below_what_was_there() -> None:
    chosen = pd.DataFrame(
        [(0, "fgsm", "relu1"), (0, "i_fgsm", "relu2"), (1, "fgsm", "relu3")],
        columns=["seed", "guide", "layer"],
    ).assign(dataset="mnist", source="lenet", epsilon=0.1, is_peak=True)
    once = add_choice(OF_LAYERS, chosen, CHOSEN)
    n = len(OF_LAYERS)
    pd.testing.assert_frame_equal(once.iloc[:n], OF_LAYERS)
    assert once.loc[n:, ["seed", "target", "attack", "guide", "layer", "value"]].values.tolist() == [
        [0, OTHERS, "ilap", "fgsm", CHOSEN, 0.2],
        [0, "audited", "ilap", "fgsm", CHOSEN, 0.9],
        [0, OTHERS, "ilap", "i_fgsm", CHOSEN, 0.3],
        [1, OTHERS, "ilap", "fgsm", CHOSEN, 0.3],
    ]
    twice = add_choice(once, find_best_layers(OF_LAYERS), ORACLE)
    pd.testing.assert_frame_equal(twice.iloc[: len(once)], once)
    assert twice["layer"].tolist()[len(once) :] == [ORACLE] * 4
    assert twice["value"].tolist()[len(once) :] == [0.4, 0.1, 0.5, 0.3]


@pytest.mark.parametrize(
    ("radii", "middle"),
    [([0.3], 0.3), ([0.3, 0.1], 0.3), ([0.3, 0.1, 0.2, 0.1, 0.1], 0.2), ([0.1, 0.15, 0.2, 0.3], 0.2)],
)
def test_the_middle_radius_is_that_of_the_different_ones_and_of_two_the_greater(
    radii: list[float], middle: float
) -> None:
    assert middle_radius(radii) == middle


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
    (0.1, "mi_fgsm", "", ""): ("1000", [0.3, 0.3, 0.6, 0.1], 1),
    (0.2, "mi_fgsm", "", ""): ("1000", [0.3, 0.3, 0.6, 0.1], 1),
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
DETECTION = measure_detection(RECORD, SCORES, CALIBRATION, ["relu1", "fc"])


def find(recipe: RecipeKey, quantity: str, **keys: object) -> pd.Series:
    return select(DETECTION, quantity=quantity, **in_recipe(recipe), **keys)


@pytest.mark.parametrize(
    ("recipe", "quantity", "figure"),
    [
        (NONE, "success", 0),
        (ilap_at(0.1), "success", 0.75),
        (ilap_at(0.1), "evasive_success", 0.25),
        (ilap_at(0.1), "credibility", 0.2),
        (ilap_at(0.1), "l2", 3.5),
        (i_fgsm_at(0.1), "evasive_success", 0),  # at the threshold is flagged
        (i_fgsm_at(0.2), "evasive_success", 0.5),
    ],
)
def test_an_attack_is_evasive_where_it_fools_the_network_and_is_not_flagged(
    recipe: RecipeKey, quantity: str, figure: float
) -> None:
    row = find(recipe, quantity)
    assert row["value"] == pytest.approx(figure)
    assert (row["n_points"], row["dataset"], row["source"], row["seed"]) == (4, "mnist", "lenet", 3)


def test_dknn_is_fooled_where_it_gives_another_label_whatever_the_network_gives() -> None:
    for number, recipe in enumerate(DETECTED):
        own = SCORES.iloc[4 * number : 4 * number + 4]
        right = own["dknn_label"] == own["y_true"]
        assert find(recipe, "dknn_accuracy")["value"] == right.mean()


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
@pytest.mark.parametrize("recipe", DETECTED, ids=str)
def test_each_detector_flags_what_lies_at_its_own_threshold_or_below(
    recipe: RecipeKey, detector: str
) -> None:
    start = 4 * list(DETECTED).index(recipe)
    flagged = SCORES[OF_SCORES[detector]].iloc[start : start + 4] <= LIMITS[detector]
    row = find(recipe, "flagged", detector=detector)
    assert (row["value"], row["n_points"]) == (flagged.mean(), 4)
    if recipe != NONE:
        fools = [mark == "1" for mark in DETECTED[recipe][0]]
        row = find(recipe, "flagged_of_successes", detector=detector)
        assert (row["value"], row["n_points"]) == (pytest.approx(flagged[fools].mean()), sum(fools))


@pytest.mark.parametrize("detector", DETECTORS)
@pytest.mark.parametrize("recipe", [recipe for recipe in DETECTED if recipe != NONE], ids=str)
def test_auroc_is_the_share_of_pairs_that_are_in_the_right_order(recipe: RecipeKey, detector: str) -> None:
    trust = SCORES[OF_SCORES[detector]].tolist()
    start = 4 * list(DETECTED).index(recipe)
    fools = [start + image for image, mark in enumerate(DETECTED[recipe][0]) if mark == "1"]
    pairs = [(trust[row], trust[clean]) for row in fools for clean in range(4)]
    right = sum(1.0 if attacked < clean else 0.5 * (attacked == clean) for attacked, clean in pairs)
    row = find(recipe, "auroc_of_successes", detector=detector)
    assert (row["value"], row["n_points"]) == (pytest.approx(right / len(pairs)), len(fools))


@pytest.mark.parametrize(
    ("recipe", "quantity", "against", "figure", "n"),
    [
        # Both fool with images 0 and 1, and both are flagged there.
        (ilap_at(0.1), "flagged", "i_fgsm", 0, 2),
        (ilap_at(0.1), "credibility", "i_fgsm", -0.025, 2),
        (ilap_at(0.1), "flagged", "fgsm", 1, 1),
        (ilap_at(0.1), "credibility", "fgsm", -0.22, 1),
        (ilap_at(0.2), "flagged", "fgsm", math.nan, 0),
        (ilap_at(0.2), "flagged", "i_fgsm", -1, 1),
    ],
)
def test_ila_is_compared_with_a_guide_of_one_radius_on_the_images_that_both_fool_with(
    recipe: RecipeKey, quantity: str, against: str, figure: float, n: int
) -> None:
    row = find(recipe, f"{quantity}_difference", against=against, matched_by="images")
    assert row["value"] == pytest.approx(figure, nan_ok=True)
    assert row["n_points"] == n


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
    ],
)
def test_ila_is_compared_with_other_radii_by_the_straight_line_and_not_beyond_it(
    recipe: RecipeKey, matched_by: str, against: str, figure: float
) -> None:
    quantity = {"success": "flagged_of_successes", "l2": "evasive_success"}[matched_by]
    row = find(recipe, f"{quantity}_difference", against=against, matched_by=matched_by)
    assert row["value"] == pytest.approx(figure, nan_ok=True)
    assert row["n_points"] == 4


def test_each_figure_of_detection_is_there_once_and_compares_ila_alone() -> None:
    assert set(DETECTION.loc[DETECTION["against"] != "", "attack"]) == {"ilap"}
    assert not DETECTION.duplicated([name for name in DETECTION if name not in ("value", "n_points")]).any()


def as_it_is_read(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table as a figure reads it: what is empty is NaN."""
    return table.replace("", np.nan)


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
    keys = {"dataset": "mnist", "source": source, "target": OTHERS, "n_points": 7 * seeds, "n_seeds": seeds}
    table = pd.DataFrame(
        keys
        | in_recipe((epsilon, *recipe))
        | {"quantity": quantity, "value": value, "ci95_low": value - 0.05, "ci95_high": value + 0.05}
        for epsilon in (0.1, 0.2, 0.3)
        for recipe, success in planted.items()
        for quantity, value in [("success", success * epsilon / 0.2), ("gain_over_i_fgsm", success - 0.5)]
    )
    elsewhere = table.assign(target="audited", value=0.99)
    costs = table[table["quantity"] == "success"].assign(target="", quantity="backward_passes", value=20)
    count = pd.DataFrame([keys | {"quantity": "n_networks", "value": 2.0}])
    whole = pd.concat([elsewhere, costs, table, count], ignore_index=True)
    figure = plot_success(as_it_is_read(whole), "mnist")
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


def test_the_figure_of_detection_draws_the_chosen_layer_and_the_flagging_by_credibility() -> None:
    by_seed = add_choice(DETECTION, choose_layers(DISTURBANCES), CHOSEN)
    table = tabulate(by_seed.drop(columns="dataset"))
    figure = plot_detection(as_it_is_read(table))
    left, _, right = figure.axes
    drawn = {container.get_label(): container.lines[0] for container in left.containers}  # type: ignore[union-attr]
    assert drawn["FGSM"].get_ydata().tolist() == [0, 0.5]
    assert drawn["ILAP after FGSM, chosen layer"].get_xdata().tolist() == [0.75, 0.25]
    assert drawn["ILAP after FGSM, chosen layer"].get_ydata().tolist() == pytest.approx([2 / 3, 0])
    assert [text.get_text() for text in right.get_xticklabels()][1:] == ["relu1", "fc", "softmax"]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=5))
def test_labels_stand_apart_and_within_the_panel_however_near_their_lines_are(heights: list[float]) -> None:
    places = spread(sorted(heights), apart=0.1, top=1.0)
    assert (np.diff(places) >= 0.1 - 1e-9).all()
    assert places.min() >= 0
    assert places.max() <= 1 + 1e-9
