"""Intervals and tests over seeds: what every table of results needs.

A seed redraws images, poison and weights, and the points within it share all three, so seeds are the
replicates: unless a table says otherwise its figures are means over seeds of a figure of each seed, with
Student's t interval over the seeds. Seeds draw their held-out images from one pool and so share some: the
interval is for another draw of training images, poison and weights, not for other held-out images.
"""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

CONFIDENCE_LEVEL = 0.95

SIGNIFICANCE_LEVEL = 0.05

DECIMALS = 12
"""Figures that agree to so many are tied; beyond them means of the same numbers differ by their rounding."""

Bounds = tuple[float, float]
"""The least and greatest value that a figure can have."""


def interval_of_mean(values: ArrayLike) -> tuple[float, float]:
    """Return Student's t interval of the mean of independent values; NaN without two of them."""
    sample = np.asarray(values, dtype=np.float64)
    if len(sample) < 2:
        return np.nan, np.nan
    half = _quantile_of_t(len(sample) - 1) * (sample.std(ddof=1) / np.sqrt(len(sample)))
    return float(sample.mean() - half), float(sample.mean() + half)


@cache
def _quantile_of_t(df: int) -> float:
    return float(stats.t.ppf((1 + CONFIDENCE_LEVEL) / 2, df=df))


def interval_of_share(count: int, n: int) -> tuple[float, float]:
    """Return Wilson's interval of a share of independent points; of none, all of [0, 1]."""
    if n == 0:
        return 0.0, 1.0
    low, high = proportion_confint(count, n, alpha=1 - CONFIDENCE_LEVEL, method="wilson")
    # Rounding leaves ends that are 0 and 1 a hair off them.
    return (0.0 if count == 0 else float(low)), (1.0 if count == n else float(high))


def figure_over_seeds(by_seed: ArrayLike, *, low: float = -np.inf, high: float = np.inf) -> dict[str, Any]:
    """Return the columns of a figure that is a mean over seeds.

    Parameters
    ----------
    by_seed : the figure of each seed; seeds that have none (NaN) do not count
    low, high : the least and greatest value that it can have, to which the interval is cut

    Returns
    -------
    `value`, `ci95_low`, `ci95_high`, `n_seeds`; the value is NaN without a seed, its interval without two
    """
    values: NDArray[np.float64] = np.asarray(by_seed, dtype=np.float64)
    values = values[~np.isnan(values)]
    ci_low, ci_high = np.clip(interval_of_mean(values), low, high).tolist()
    mean = float(values.mean()) if len(values) else np.nan
    return {"value": mean, "ci95_low": ci_low, "ci95_high": ci_high, "n_seeds": len(values)}


def find_bounds(bounds: Mapping[str, Bounds], quantity: str) -> Bounds:
    """Return the bounds of the first pattern that fits a quantity; of none they are 0 and 1."""
    return next((own for pattern, own in bounds.items() if fnmatchcase(quantity, pattern)), (0.0, 1.0))


def average_over_seeds(
    by_seed: pd.DataFrame,
    keys: Sequence[str],
    bounds: Mapping[str, Bounds],
    totals: Sequence[str] = ("n_points",),
) -> pd.DataFrame:
    """Average each figure over the seeds: how every table of means is made.

    Parameters
    ----------
    by_seed : a row for each figure and seed: the keys, `value` (NaN where the seed has none), and the totals
    keys : columns that tell figures apart; `quantity` is one of them
    bounds : the least and greatest value of quantities, by a pattern of their names as the shell has it
        (`*_points`), see `find_bounds`
    totals : numbers that are added up over the seeds that have the figure

    Returns
    -------
    A row for each figure: the keys, `value`, `ci95_low`, `ci95_high`, the totals, `n_seeds`
    """
    table = []
    at = list(keys).index("quantity")
    # Of thousands of figures, a frame for each takes longer than all that is computed of it.
    figures = by_seed.groupby(list(keys), sort=False, dropna=False).ngroup().to_numpy()
    order = figures.argsort(kind="stable")
    has_value, values = by_seed["value"].notna().to_numpy(), by_seed["value"].to_numpy()
    numbers = {name: by_seed[name].where(has_value, 0).to_numpy() for name in totals}
    firsts = by_seed[list(keys)].drop_duplicates().itertuples(index=False, name=None)
    rows_of_figures = np.split(order, np.flatnonzero(np.diff(figures[order])) + 1) if len(order) else []
    for names, rows in zip(firsts, rows_of_figures, strict=True):
        low, high = find_bounds(bounds, str(names[at]))
        table.append(
            dict(zip(keys, names, strict=True))
            | figure_over_seeds(values[rows], low=low, high=high)
            | {name: int(of_all[rows].sum()) for name, of_all in numbers.items()}
        )
    return pd.DataFrame(table, columns=[*keys, "value", "ci95_low", "ci95_high", *totals, "n_seeds"])


def mean_above(by_seed: ArrayLike, bound: float) -> tuple[float, float]:
    """Test whether the mean over seeds is above a bound: one-sample t-tests over the seeds.

    Seeds that all have the same figure have no spread to compare with; the sign test takes their place.

    Returns
    -------
    p whose alternative is that it is above, and p whose alternative is that it is below; NaN of one seed
    """
    values = np.asarray(by_seed, dtype=np.float64)
    if len(values) < 2:
        return np.nan, np.nan
    excess = np.round(values - bound, DECIMALS)
    if np.ptp(excess) == 0:  # no t statistic
        chance = 0.5 ** len(values)
        return (chance if excess[0] > 0 else 1.0), (chance if excess[0] < 0 else 1.0)
    p = float(stats.ttest_1samp(values, bound, alternative="greater").pvalue)
    return p, 1 - p


def mean_equals(by_seed: ArrayLike, reported: float, margin: float) -> tuple[float, float]:
    """Test whether the mean over seeds is a reported figure, within a margin: two one-sided t-tests.

    Returns
    -------
    p whose alternative is that they differ by less than the margin (Schuirmann 1987), and p whose alternative
    is that they differ by more
    """
    (above_low, below_low), (above_high, below_high) = (
        mean_above(by_seed, reported + end) for end in (-margin, margin)
    )
    return max(above_low, below_high), float(np.minimum(1.0, 2 * min(below_low, above_high)))
