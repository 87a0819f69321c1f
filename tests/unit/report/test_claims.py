"""Claims: which figure each is of, its test over seeds, and the correction for their number."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import REPOSITORY
from scipy import stats

from layeraudit.errors import InputError
from layeraudit.report.claims import judge_claims
from layeraudit.report.configuration import MOST_PRIMARY

SHARES = {"misclassified": [5.0, 6.0, 7.0, 6.5], "clean": [4.0, 5.5, 5.0, 4.5]}
MEASURES = pd.DataFrame(
    [
        (group, layer, 0.2, "percent_poison", seed, value + shift, 10)
        for layer, shift in (("relu1", 0.0), ("fc", 2.0))
        for group, values in SHARES.items()
        for seed, value in enumerate(values, start=1)
    ],
    columns=["group", "layer", "epsilon", "quantity", "seed", "value", "n_points"],
)
FIGURE = {"group": "misclassified", "layer": "fc", "epsilon": 0.2, "quantity": "percent_poison"}
CLAIM: dict[str, Any] = {
    "source": "the report",
    "words": "it grows",
    "measured": "percent of poison",
    "table": "depth",
    "figure": FIGURE,
}


def judge(
    *, as_reported: tuple[str, ...] = (), measures: pd.DataFrame = MEASURES, **claims: Any
) -> pd.DataFrame:
    return judge_claims(claims, {"depth": measures}, as_reported).set_index("claim")


def test_a_claim_without_what_must_hold_is_an_interval_alone() -> None:
    row = judge(mine=CLAIM).loc["mine"]
    values = np.array(SHARES["misclassified"]) + 2
    half = stats.t.ppf(0.975, 3) * values.std(ddof=1) / 2
    assert (row["value"], row["n_points"], row["n_seeds"]) == (values.mean(), 40, 4)
    assert (row["ci95_low"], row["ci95_high"]) == pytest.approx((values.mean() - half, values.mean() + half))
    assert (row["verdict"], row["expected"]) == ("", "")
    assert np.isnan(row["p_for"])


def test_a_difference_is_taken_within_a_seed_that_has_both() -> None:
    fewer = MEASURES[~((MEASURES["group"] == "clean") & (MEASURES["seed"] == 4))].sample(
        frac=1, random_state=0
    )
    row = judge(mine=CLAIM | {"less": {"group": "clean"}, "holds": {"above": 0}}, measures=fewer).loc["mine"]
    differences = [1.0, 0.5, 2.0]
    assert (row["value"], row["n_seeds"], row["n_points"]) == (pytest.approx(np.mean(differences)), 3, 30)
    assert row["p_for"] == pytest.approx(stats.ttest_1samp(differences, 0, alternative="greater").pvalue)
    assert row["p_for"] + row["p_against"] == pytest.approx(1)


def test_null_is_an_empty_column() -> None:
    whole = MEASURES[MEASURES["layer"] == "fc"].assign(layer=None, value=1.0)
    row = judge(mine=CLAIM | {"less": {"layer": None}}, measures=pd.concat([MEASURES, whole])).loc["mine"]
    assert row["value"] == pytest.approx(np.mean(SHARES["misclassified"]) + 2 - 1)


@pytest.mark.parametrize(
    ("holds", "verdict", "expected"),
    [
        ({"above": 0}, "holds", "above 0"),
        ({"below": 0}, "does not hold", "below 0"),
        ({"above": 8.2}, "cannot tell", "above 8.2"),
        ({"equals": 8.1, "within": 4}, "holds", "8.1 within 4"),
        ({"equals": 30, "within": 5}, "does not hold", "30 within 5"),
    ],
)
def test_a_primary_claim_has_a_verdict(holds: dict[str, float], verdict: str, expected: str) -> None:
    row = judge(mine=CLAIM | {"holds": holds}, as_reported=("depth",)).loc["mine"]
    assert (row["verdict"], row["expected"]) == (verdict, expected)


def test_both_p_values_of_all_primary_claims_are_corrected_together() -> None:
    primary = {f"c{bound}": CLAIM | {"holds": {"above": bound}} for bound in (0, 7, 8)}
    table = judge(secondary=CLAIM, **primary)
    p = np.sort(table.loc[list(primary), ["p_for", "p_against"]].to_numpy().ravel())
    by_hand = np.minimum(1, np.maximum.accumulate(p * np.arange(6, 0, -1)))
    corrected = table.loc[list(primary), ["p_for_holm", "p_against_holm"]].to_numpy().ravel()
    np.testing.assert_allclose(np.sort(corrected), by_hand)
    assert table.index.tolist() == [*primary, "secondary"]


def test_no_verdict_without_two_seeds_or_without_the_figure() -> None:
    one = MEASURES[MEASURES["seed"] == 1]
    claims = {
        "one_seed": CLAIM | {"holds": {"above": 0}},
        "not_there": CLAIM | {"figure": FIGURE | {"group": "moved"}, "holds": {"above": 0}},
    }
    table = judge(measures=one, **claims)
    assert table["verdict"].tolist() == ["cannot tell"] * 2
    assert table.loc["not_there", "n_seeds"] == 0


def test_figures_of_another_experiment_than_the_reports_are_not_compared_with_its_own() -> None:
    claim = CLAIM | {"reported": "29.04 %", "holds": {"equals": 29.04, "within": 5}}
    of_report, of_other = (judge(mine=claim, as_reported=names).loc["mine"] for names in (("depth",), ()))
    assert (of_report["reported"], of_report["verdict"]) == ("29.04 %", "does not hold")
    assert (of_other["reported"], of_other["verdict"]) == ("", "")


@pytest.mark.parametrize(
    ("figure", "match"),
    [
        (
            {**FIGURE, "depth": 1},
            "claims.mine names depth, allowed are the columns of its table: group, layer",
        ),
        ({"group": "clean"}, None),
    ],
)
def test_a_claim_names_one_figure(figure: dict[str, Any], match: str | None) -> None:
    if match is None:  # columns that it does not name are not empty, so there is no such figure
        assert judge(mine=CLAIM | {"figure": figure}).loc["mine", "n_seeds"] == 0
    else:
        with pytest.raises(InputError, match=match):
            judge(mine=CLAIM | {"figure": figure})
    with pytest.raises(InputError, match="claims.mine names 2 figures, allowed is one"):
        judge(mine=CLAIM, measures=pd.concat([MEASURES, MEASURES]))


def shipped() -> Iterator[tuple[str, dict[str, Any]]]:
    yield from yaml.safe_load((REPOSITORY / "config/claims.yaml").read_text())["claims"].items()


def test_the_shipped_claims_have_few_primary_ones() -> None:
    assert 0 < sum("holds" in claim for _, claim in shipped()) <= MOST_PRIMARY
