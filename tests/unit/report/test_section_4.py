"""The report's section 4, on rows laid out by hand."""

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layeraudit.errors import InputError
from layeraudit.report.figures.section_4 import plot_section_4
from layeraudit.report.measures import tabulate
from layeraudit.report.section_4 import FILTERS, gather_points, measure_poison, measure_removal

LAYERS, K = ["relu1", "relu2", "fc"], 10
COLUMNS = ["y", "is_poison", "dnn_label", "credibility"]
COLUMNS += [f"{count}_neighbours_{layer}" for count in ("poison", "same_label") for layer in LAYERS]
FIRST = pd.DataFrame(
    [
        (1, False, 1, 0.9, 0, 0, 0, 5, 8, 10),
        (9, False, 9, 0.5, 1, 1, 1, 5, 8, 10),
        (4, False, 9, 0.1, 2, 3, 4, 5, 5, 5),  # misclassified
        (4, False, 7, 0.3, 4, 5, 6, 5, 5, 5),  # misclassified
        (1, True, 1, 0.2, 1, 4, 7, 2, 6, 10),  # memorised
        (9, True, 1, 0.6, 1, 1, 1, 0, 0, 0),
    ],
    columns=COLUMNS,
)
SECOND = pd.DataFrame(
    [
        (1, False, 1, 0.8, 0, 0, 0, 5, 8, 10),
        (2, False, 2, 0.4, 0, 0, 0, 5, 8, 10),
        (1, True, 9, 0.2, 3, 2, 1, 0, 0, 0),
    ],
    columns=COLUMNS,
)
RUNS: dict[str, Any] = {"settings": ["mnist"] * 2, "poisons": ["secml_1x50"] * 2, "seeds": [11, 12]}
POINTS = gather_points([FIRST, SECOND], **RUNS, layers=LAYERS)
SECML = ["secml_1x50"]


def pick(table: pd.DataFrame, **keys: object) -> pd.Series:
    rows = table[np.logical_and.reduce([table[name] == value for name, value in keys.items()])]
    assert len(rows) == 1
    return rows.iloc[0]


@pytest.mark.parametrize(
    ("seed", "group", "layer", "quantity", "value", "n_points"),
    [
        (11, "poison", "", "mean_credibility", 0.4, 2),
        (11, "poison", "", "variance", 0.08, 2),
        (11, "poison", "", "share_above_0.2", 1 / 2, 2),  # 0.2 itself is not above it
        (11, "poison", "", "decile_9", 0.56, 2),
        (12, "poison", "", "share_above_0.2", 0, 1),
        (12, "poison", "", "variance", np.nan, 1),  # of one point there is none
        (11, "poison", "", "n_labels", 2, 2),
        (12, "poison", "", "n_labels", 1, 1),
        (11, "clean", "", "variance", np.var([0.9, 0.5, 0.1, 0.3], ddof=1), 4),
        (11, "misclassified_clean", "", "variance", 0.02, 2),
        (11, "poison", "", "log_variance_over_misclassified_clean", np.nan, 2),  # of too few points
        (11, "all", "", "percent_base_rate", 100 / 3, 6),
        (11, "poison", "", "percent_memorised", 50, 2),
        (11, "poison", "relu1", "percent_poison", 10, 2),
        (11, "poison", "fc", "percent_poison", 40, 2),
        (11, "memorised", "fc", "percent_poison", 70, 1),
        (11, "not_memorised", "fc", "percent_poison", 10, 1),
        (12, "memorised", "fc", "percent_poison", np.nan, 0),
        (11, "memorised", "relu2", "percent_same_label", 60, 1),
        (11, "clean", "relu1", "percent_poison", 17.5, 4),
        (11, "misclassified_clean", "fc", "percent_poison", 50, 2),
        (11, "memorised", "", "slope", 30, 1),
        (11, "not_memorised", "", "slope", 0, 1),
    ],
)
def test_a_figure_of_a_run_is_that_of_its_group(
    seed: int, group: str, layer: str, quantity: str, value: float, n_points: int
) -> None:
    keys = {"seed": seed, "group": group, "layer": layer, "quantity": quantity}
    row = pick(measure_poison(POINTS, LAYERS, K), **keys)
    assert row["value"] == pytest.approx(value, nan_ok=True)
    assert row["n_points"] == n_points


def test_variances_of_enough_points_are_compared() -> None:
    many = pd.concat([FIRST] * 10, ignore_index=True)
    points = gather_points([many, SECOND], **RUNS, layers=LAYERS)
    row = pick(measure_poison(points, LAYERS, K), seed=11, quantity="log_variance_over_misclassified_clean")
    assert row["value"] == pytest.approx(np.log(0.04 / 0.01))


@given(st.lists(st.integers(0, K), min_size=3, max_size=3))
@settings(max_examples=20)
def test_a_slope_is_that_of_least_squares(counts: list[int]) -> None:
    columns = {f"poison_neighbours_{layer}": count for layer, count in zip(LAYERS, counts, strict=True)}
    row = pick(measure_poison(POINTS.assign(**columns), LAYERS, K), seed=12, group="poison", quantity="slope")
    # Of three layers the one in the middle does not matter.
    assert row["value"] == pytest.approx(100 / K * (counts[2] - counts[0]) / 2)


def test_scores_that_lack_a_column_or_poison_are_named() -> None:
    with pytest.raises(InputError, match="seed 12 of mnist, secml_1x50 lack credibility, which every row"):
        gather_points([FIRST, SECOND.drop(columns="credibility")], **RUNS, layers=LAYERS)
    with pytest.raises(
        InputError, match="seed 11 of mnist, secml_1x50 hold no poison, allowed are runs with"
    ):
        gather_points([FIRST[:4], SECOND], **RUNS, layers=LAYERS)


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
    assert set(removal["detector"]) == {"random"} and set(removal["family"]) == {"secml"}
    values = removal.set_index("quantity")["value"].to_dict()
    assert values == pytest.approx(
        {"accuracy": 0.9, "attack_success": np.nan, "poison_removed": 0.1, "clean_removed": 0.1}, nan_ok=True
    )


def test_experiments_of_a_seed_are_one_replicate() -> None:
    records = [record("random", 1, 0.8), record("random", 1, 0.6, setting="fashion", success=0.5)]
    records += [record("random", 2, 0.9), record("random", 1, 0.1, poison="flips")]
    removal = measure_removal([pd.DataFrame(records)], [], SECML)
    accuracy = removal[(removal["family"] == "secml") & (removal["quantity"] == "accuracy")]
    assert accuracy.set_index("seed")["value"].to_dict() == pytest.approx({1: 0.7, 2: 0.9})
    success = pick(removal, family="secml", seed=1, quantity="attack_success")
    assert (success["value"], success["n_points"]) == (0.5, 10)


def test_a_seed_that_is_there_twice_ends_in_a_sentence() -> None:
    table = pd.DataFrame([record("random", 1, 0.9)])
    with pytest.raises(InputError, match="seed 1 of mnist, secml_1x50, random is given twice"):
        measure_removal([table], [table], SECML)


NAMES = pd.DataFrame(
    [("poison_setting", "mnist", "MNIST"), ("poison", "secml_1x50", "secml"), ("poison", "flips", "flips")],
    columns=["kind", "id", "title"],
)


def draw(points: pd.DataFrame, removal: pd.DataFrame) -> Any:
    measures = measure_poison(points, LAYERS, K)
    return plot_section_4(tabulate(measures), removal, NAMES, secml=SECML, layers=LAYERS, k=K)


def test_the_figure_names_experiments_and_their_numbers() -> None:
    runs = {"settings": ["mnist"] * 3, "poisons": ["secml_1x50"] * 2 + ["flips"], "seeds": [11, 12, 11]}
    points = gather_points([FIRST, SECOND, FIRST], **runs, layers=LAYERS)
    records = [
        record(name, seed, 0.8 + seed / 100, 0.5, poison=poison)
        for name in FILTERS
        for seed in (11, 12)
        for poison in ("secml_1x50", "flips")
    ]
    removal = tabulate(measure_removal([pd.DataFrame(records)], [], SECML))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = draw(points, removal)
        figure.canvas.draw()
    first, second, third = figure.axes
    labels = [label.get_text() for label in first.get_yticklabels()]
    assert labels == ["MNIST: secml (2 points, 33 %, 2 labels)", "MNIST: flips (2 points, 33 %, 2 labels)"]
    assert "secml (MNIST): 1 memorised, 2 not" in [
        text.get_text() for text in second.get_legend().get_texts()
    ]
    assert len(third.get_legend().get_texts()) == 4


def test_the_figure_stands_where_nothing_was_trained_again() -> None:
    removal = tabulate(measure_removal([pd.DataFrame([record("random", 1, 0.9)])], [], SECML))[:0]
    assert draw(POINTS, removal).axes[2].get_legend() is None
