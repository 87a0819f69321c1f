"""Measures, a row a figure and seed, and the tables that are their means."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from layeraudit.report.measures import average_points, list_figures, tabulate, write_measures

MEASURES = pd.DataFrame(
    [
        ("clean", np.nan, "accuracy", 1, 0.9, 10),
        ("clean", np.nan, "accuracy", 2, 0.7, 30),
        ("clean", "relu1", "percent_poison", 1, 4.0, 10),
        ("clean", "relu1", "percent_poison", 2, np.nan, 0),
    ],
    columns=["group", "layer", "quantity", "seed", "value", "n_points"],
)


def test_a_table_is_the_mean_over_seeds_with_students_interval() -> None:
    first, second = tabulate(MEASURES).to_dict("records")
    assert (first["group"], first["quantity"], first["n_points"], first["n_seeds"]) == (
        "clean",
        "accuracy",
        40,
        2,
    )
    assert first["value"] == pytest.approx(0.8)
    assert first["ci95_low"] == 0.0 and first["ci95_high"] == 1.0  # 0.8 -+ 12.706 * 0.1, cut
    assert (second["value"], second["n_points"], second["n_seeds"]) == (4.0, 10, 1)
    assert np.isnan(second["ci95_low"])


@pytest.mark.parametrize(
    ("quantity", "low", "high"),
    [
        ("accuracy", 0, 1),
        ("successes_above_0.1", 0, 1),
        ("percent_poison", 0, 100),
        ("percent_above_base_rate", -np.inf, np.inf),
        ("slope", -np.inf, np.inf),
        ("log_variance_over_clean", -np.inf, np.inf),
        ("net_points", -np.inf, np.inf),
        ("recovered_points", 0, np.inf),
        ("credibility_difference", -1, 1),
        ("gain_over_i_fgsm", -1, 1),
        ("l2_of_successes", 0, np.inf),
        ("l2", 0, np.inf),
        ("variance", 0, np.inf),
        ("n_labels", 0, np.inf),
    ],
)
def test_an_interval_is_cut_to_what_its_quantity_can_be(quantity: str, low: float, high: float) -> None:
    wide = MEASURES[:2].assign(quantity=quantity, value=[0.0, 1.0])
    row = tabulate(wide).iloc[0]
    half = 12.706 / 2
    assert row["ci95_low"] == pytest.approx(max(low, 0.5 - half), abs=1e-3)
    assert row["ci95_high"] == pytest.approx(min(high, 0.5 + half), abs=1e-3)


def test_reported_figures_stand_beside_ours_where_they_are_measured() -> None:
    reported = pd.DataFrame({"group": ["clean"], "quantity": ["accuracy"], "reported": [0.992]})
    assert tabulate(MEASURES, reported)["reported"].tolist() == pytest.approx([0.992, np.nan], nan_ok=True)
    assert tabulate(MEASURES, reported.assign(group="poison"))["reported"].isna().all()
    assert tabulate(MEASURES)["reported"].isna().all()


def test_figures_are_rows_with_their_keys() -> None:
    assert list_figures({"a": 1}, 3, seed=2) == [{"seed": 2, "quantity": "a", "value": 1.0, "n_points": 3}]
    (row,) = average_points({"a": pd.Series([True, False])}, group="x")
    assert row == {"group": "x", "quantity": "a", "value": 0.5, "n_points": 2}


def test_written_measures_are_read_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "measures.csv"
    write_measures(path, MEASURES[["seed", "value", "quantity", "n_points", "group", "layer"]])
    pd.testing.assert_frame_equal(pd.read_csv(path), MEASURES)
