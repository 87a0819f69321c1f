"""The tables that a reader can quote: each figure with its interval, n and number of seeds."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

CONFIDENCE_LEVEL = 0.95

REPORTED = {
    "non_poisoned": {"relu1": 24.93, "relu2": 28.8, "relu3": 29.14, "fc": 29.04},
    "misclassified": {"relu1": 25.3, "relu2": 28.8, "relu3": 35.4, "fc": 36.93},
}
"""The report's Table 1, in percent."""


def tabulate_poisoned_neighbours(scores: pd.DataFrame, layers: Sequence[str], k: int) -> pd.DataFrame:
    """Tabulate the share of poison among the neighbours of four groups of points: the report's Table 1.

    A figure is the mean over seeds of the mean over a seed's points, and its interval is Student's t over
    the seeds, cut to [0, 100]: a seed redraws data, poison and weights, the points within it share all
    three. Seeds draw their held-out images from one pool and so share some: the interval is for another draw
    of training images, poison and weights, not for other held-out images. Fewer than two seeds say nothing
    of another seed, and the interval is then all of [0, 100].

    Parameters
    ----------
    scores : a row for each evaluated point (held-out images and poison points), with the columns `seed`,
        `y`, `is_poison`, `dnn_label` and `poison_neighbours_{layer}`
    k : neighbours of a point in a layer

    Returns
    -------
    A row for each group and layer: `group`, `layer`, `percent_poisoned_neighbours`, `ci95_low`,
    `ci95_high`, `n_points`, `n_seeds` (those in which the group has points), `reported`.
    """
    is_poison = scores["is_poison"]
    misclassified = scores["dnn_label"] != scores["y"]
    groups = {
        "non_poisoned": ~is_poison,
        "misclassified": misclassified,
        "misclassified_clean": misclassified & ~is_poison,
        "poisoned": is_poison,
    }
    table = []
    for group, members in groups.items():
        by_seed = scores[members].groupby("seed")
        for layer in layers:
            means = 100 / k * by_seed[f"poison_neighbours_{layer}"].mean().to_numpy()
            low, high = interval_of_mean(means)
            table.append(
                {
                    "group": group,
                    "layer": layer,
                    "percent_poisoned_neighbours": means.mean() if len(means) else np.nan,
                    "ci95_low": max(low, 0.0),
                    "ci95_high": min(high, 100.0),
                    "n_points": int(members.sum()),
                    "n_seeds": len(means),
                    "reported": REPORTED.get(group, {}).get(layer, np.nan),
                }
            )
    return pd.DataFrame(table)


def interval_of_mean(values: NDArray[np.float64]) -> tuple[float, float]:
    """Give Student's t interval of the mean of independent values; without two of them, the whole line."""
    if len(values) < 2:
        return -np.inf, np.inf
    half = stats.t.ppf((1 + CONFIDENCE_LEVEL) / 2, df=len(values) - 1) * stats.sem(values)
    return float(values.mean() - half), float(values.mean() + half)
