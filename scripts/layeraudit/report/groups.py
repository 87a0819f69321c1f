"""Groups of points that several experiments of the report compare, and what they are compared by."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from layeraudit.statistics import least_corrected, mean_above

LOW_CREDIBILITY = 0.2
"""What is called low; the report gives no bound, and this is a lenient one."""

RARE = 0.1
"""Where the largest credibility is low, a share of points below this has more; lenient too."""


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


def select_controls(points: pd.DataFrame) -> dict[str, pd.Series]:
    """Return which clean points the poison points are compared with: bool [n] of each control.

    `same_digits` are clean points of the digits that the poison shows or is labelled as. The misclassified
    are the fair control: the network reads most poison otherwise than it was labelled, and points on which
    label and network differ may be of low credibility with no poison about.
    """
    groups = select_groups(points)
    poison = points.loc[groups["poison"], ["y", "y_true"]]
    return {
        "clean": groups["clean"],
        "same_digits": groups["clean"] & points["y_true"].isin(np.unique(poison)),
        "misclassified_clean": groups["misclassified_clean"],
    }


def list_figures(figures: Mapping[str, float], n_points: int, **keys: object) -> list[dict[str, object]]:
    """Return a row for each figure of one seed: the keys, `quantity`, `value` and `n_points`."""
    return [
        keys | {"quantity": quantity, "value": float(value), "n_points": n_points}
        for quantity, value in figures.items()
    ]


def average_points(values: Mapping[str, pd.Series], **keys: object) -> list[dict[str, object]]:
    """Return a row for each figure of one seed that is a mean over points; of no points it is NaN."""
    return [
        row
        for quantity, of_points in values.items()
        for row in list_figures({quantity: of_points.mean()}, len(of_points), **keys)
    ]


def fit_slope(shares: ArrayLike) -> float:
    """Fit a line to shares over the layers; of one layer, or where a share is NaN, there is none."""
    values = np.asarray(shares, dtype=np.float64)
    if len(values) < 2 or np.isnan(values).any():
        return np.nan
    return float(stats.linregress(np.arange(len(values)), values).slope)


def compare_layers(shares: pd.DataFrame) -> tuple[pd.Series, tuple[float, float]]:
    """Test whether shares grow from every layer to the next: t-tests over seeds of each step.

    Parameters
    ----------
    shares : a row a seed, a column a layer

    Returns
    -------
    The smallest step, of each seed; p whose alternative is that all are above 0 (the largest of theirs), and
    p whose alternative is that one is below 0 (Bonferroni). Without seeds or steps all are NaN
    """
    steps = shares.diff(axis=1).iloc[:, 1:]
    if steps.empty:
        return pd.Series(dtype=float), (np.nan, np.nan)
    above, below = np.transpose([mean_above(steps[layer], 0.0) for layer in steps.columns])
    return steps[steps.mean().idxmin()], (above.max(), least_corrected(below))
