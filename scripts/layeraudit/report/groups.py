"""Groups of points that several experiments of the report compare, and what they are compared by."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

LOW_CREDIBILITY = 0.2
"""What is called low; the report gives no bound, and this is a lenient one."""

FEWEST_COMPARED = 20
"""Points of which a variance is compared: that of fewer is mostly noise."""


def select_groups(points: pd.DataFrame) -> dict[str, pd.Series]:
    """Return which points are in each group of the report, and in its complements: bool [n] of each.

    A point is misclassified where the network gives it another label than the one that it was given; a poison
    point that is not has been memorised.

    Parameters
    ----------
    points : a row a point, with `y`, `dnn_label` and `is_poison`
    """
    poison, misclassified = points["is_poison"].astype(bool), points["dnn_label"] != points["y"]
    return {
        "poison": poison,
        "memorised": poison & ~misclassified,
        "not_memorised": poison & misclassified,
        "misclassified": misclassified,
        "misclassified_clean": misclassified & ~poison,
        "rest": ~misclassified & ~poison,
        "clean": ~poison,
    }


def compare_variances(values: ArrayLike, control: ArrayLike) -> float:
    """Return the natural logarithm of the ratio of two sample variances.

    NaN where either is of fewer than `FEWEST_COMPARED` points, or 0.
    """
    samples = [np.asarray(of, dtype=np.float64) for of in (values, control)]
    if min(map(len, samples)) < FEWEST_COMPARED:
        return np.nan
    ours, others = (sample.var(ddof=1) for sample in samples)
    return float(np.log(ours / others)) if ours > 0 and others > 0 else np.nan


def compare_with_clean(credibility: Mapping[str, ArrayLike]) -> dict[str, float]:
    """Compare the variance of poison's credibility with that of clean points, by `compare_variances`.

    Parameters
    ----------
    credibility : of each group that `select_groups` tells apart
    """
    return {
        f"log_variance_over_{control}": compare_variances(credibility["poison"], credibility[control])
        for control in ("clean", "misclassified_clean")
    }


def fit_slope(shares: ArrayLike) -> float:
    """Fit a line to shares over the layers; of one layer, or where a share is NaN, there is none."""
    values = np.asarray(shares, dtype=np.float64)
    if len(values) < 2 or np.isnan(values).any():
        return np.nan
    return float(stats.linregress(np.arange(len(values)), values).slope)
