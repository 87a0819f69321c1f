"""Measures of the report's experiments: what each is in every seed, a row a figure, and their means.

A table of measures has the columns that tell its figures apart, of which `quantity` is one, and `seed`,
`value` and `n_points`. Whoever re-implements a figure compares with these; the tables that a reader quotes
are their means over the seeds.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from layeraudit.files import atomic_write
from layeraudit.statistics import average_over_seeds

OF_A_SEED = ["seed", "value", "n_points"]
"""Columns of measures beside those that tell figures apart."""

BOUNDS = {
    **dict.fromkeys(["slope*", "log_*", "net_points", "*_skewness", "percent_above_*"], (-np.inf, np.inf)),
    **dict.fromkeys(["*_difference", "gain_*", "spearman_*", "*_less_*"], (-1.0, 1.0)),
    "percent_*": (0.0, 100.0),
    **dict.fromkeys(
        ["*points", "*labels", "l2*", "occurrence_*", "*variance*", "n_*", "*passes"], (0.0, np.inf)
    ),
}
"""The least and greatest value of quantities, by the first pattern that fits; of all others 0 and 1."""


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


def write_measures(path: Path, measures: pd.DataFrame) -> None:
    """Write measures as `.csv`, with ten digits: what tells figures apart comes first."""
    last = ["quantity", *OF_A_SEED]
    with atomic_write(path) as temporary:
        measures[[name for name in measures.columns if name not in last] + last].to_csv(
            temporary, index=False, float_format="%.10g", lineterminator="\n"
        )


def tabulate(measures: pd.DataFrame, reported: pd.DataFrame | None = None) -> pd.DataFrame:
    """Average measures over the seeds: how every table of the report is made.

    Parameters
    ----------
    measures : a row for each figure and seed; NaN where a seed has none
    reported : the report's or a paper's figures, with columns that tell them apart as those of measures do

    Returns
    -------
    A row for each figure: its columns, `value`, `ci95_low`, `ci95_high` (Student's t over seeds, 95 %),
    `n_points` (of the seeds that have the figure), `n_seeds`, `reported` (NaN where there is none), and what
    else `reported` says of it
    """
    keys = [name for name in measures.columns if name not in OF_A_SEED]
    table = average_over_seeds(measures, keys, BOUNDS)
    if reported is None:
        return table.assign(reported=np.nan)
    shared = [name for name in keys if name in reported]
    return table.merge(reported, on=shared, how="left", validate="many_to_one")
