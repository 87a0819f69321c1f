"""Claims of the report and of papers, put to the test: `config/claims.yaml` holds them.

A claim is of one figure, or of the difference of two within a seed, and seeds are the replicates. Those that
say what the figure must be are the primary ones, chosen before a run: each has a verdict, corrected for their
number. Of all others the interval stands alone.
"""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd
from statsmodels.stats.multitest import multipletests

from layeraudit.errors import InputError
from layeraudit.report.measures import BOUNDS, OF_A_SEED
from layeraudit.statistics import (
    SIGNIFICANCE_LEVEL,
    figure_over_seeds,
    find_bounds,
    mean_above,
    mean_equals,
)

HOLDS, FAILS, CANNOT_TELL = "holds", "does not hold", "cannot tell"

P_VALUES = ["p_for", "p_against"]

Claims = Mapping[str, Mapping[str, Any]]
"""By name, as `config/schema.yaml` describes them."""


def judge_claims(
    claims: Claims, measures: Mapping[str, pd.DataFrame], as_reported: Collection[str]
) -> pd.DataFrame:
    """Measure each claim, and judge the primary ones.

    Both p-values of all primary claims are corrected together (Holm 1979), so that the chance of one wrong
    verdict or more is at most the significance level. A test that cannot be made counts as p 1.

    Parameters
    ----------
    measures : by name, what each experiment measures in every seed
    as_reported : those of them whose experiment is the report's or the paper's, so that figures compare

    Returns
    -------
    A row for each claim, the primary ones first: `claim`, `source`, `words`, `reported`, `measured` (in
    words), `value`, `ci95_low`, `ci95_high` (Student's t over seeds, 95 %), `n_points`, `n_seeds`, `expected`
    (what the figure must be), `p_for`, `p_against`, `p_for_holm`, `p_against_holm`, `verdict`, `table`

    Raises
    ------
    InputError
        Where a claim names a column that its table has not, or more than one figure.
    """
    rows = [
        _measure_claim(name, claim, measures[claim["table"]], compares=claim["table"] in as_reported)
        for name, claim in sorted(claims.items(), key=lambda item: "holds" not in item[1])
    ]
    table = pd.DataFrame(rows)
    is_primary = table["expected"] != ""
    p = table.loc[is_primary, P_VALUES].fillna(1.0).to_numpy()
    corrected = multipletests(p.ravel(), method="holm")[1].reshape(p.shape) if p.size else p
    holds, fails = (corrected < SIGNIFICANCE_LEVEL).T
    table["verdict"] = ""
    table.loc[is_primary, "verdict"] = np.select([holds, fails], [HOLDS, FAILS], CANNOT_TELL)
    table[[f"{name}_holm" for name in P_VALUES]] = np.nan
    table.loc[is_primary, [f"{name}_holm" for name in P_VALUES]] = corrected
    last = ["expected", *P_VALUES, *(f"{name}_holm" for name in P_VALUES), "verdict", "table"]
    return table[[name for name in table.columns if name not in last] + last]


def _measure_claim(
    name: str, claim: Mapping[str, Any], measures: pd.DataFrame, *, compares: bool
) -> dict[str, Any]:
    figure = _select_figure(name, measures, claim["figure"])
    by_seed = figure["value"]
    low, high = find_bounds(BOUNDS, claim["figure"].get("quantity", ""))
    if "less" in claim:
        other = _select_figure(name, measures, {**claim["figure"], **claim["less"]})
        by_seed = (by_seed - other["value"]).dropna()
        low, high = low - high, high - low
    expected, p = _test(by_seed, claim.get("holds", {}), compares=compares)
    return {
        "claim": name,
        **{key: claim[key] for key in ("source", "words")},
        "reported": claim.get("reported", "") if compares else "",
        "measured": claim["measured"],
        **figure_over_seeds(by_seed, low=low, high=high),
        "n_points": int(figure.loc[by_seed.index, "n_points"].sum()),
        "expected": expected,
        **dict(zip(P_VALUES, p, strict=True)),
        "table": claim["table"],
    }


def _select_figure(name: str, measures: pd.DataFrame, keys: Mapping[str, Any]) -> pd.DataFrame:
    """Return a figure of each seed that has it: `value` and `n_points`, by seed.

    A column that the keys do not name, or name null, is to be empty.
    """
    keys = {column: value for column, value in keys.items() if value is not None}
    columns = [column for column in measures.columns if column not in OF_A_SEED]
    for key in keys:
        if key not in columns:
            raise InputError(
                f"claims.{name} names {key}, allowed are the columns of its table: {', '.join(columns)}"
            )
    chosen = pd.Series(True, index=measures.index)
    for column in columns:
        of_column = measures[column]
        if column not in keys:
            chosen &= of_column.isna()
        elif pd.api.types.is_numeric_dtype(of_column):
            chosen &= of_column == float(keys[column])
        else:
            chosen &= of_column == str(keys[column])
    found = measures[chosen].dropna(subset="value").set_index("seed")
    if found.index.has_duplicates:
        raise InputError(f"claims.{name} names {found.index.value_counts().max()} figures, allowed is one")
    return found


def _test(
    by_seed: pd.Series, holds: Mapping[str, float], *, compares: bool
) -> tuple[str, tuple[float, float]]:
    """Return what the figure must be, in words, and both p-values; nothing where no verdict is asked for."""
    match dict(holds):
        case {"above": bound}:
            return f"above {bound:g}", mean_above(by_seed, bound)
        case {"below": bound}:
            return f"below {bound:g}", mean_above(by_seed, bound)[::-1]
        case {"equals": reported, "within": margin} if compares:
            return f"{reported:g} within {margin:g}", mean_equals(by_seed, reported, margin)
    return "", (np.nan, np.nan)
