"""Experiment 2.2 of the report: poison among the neighbours, layer by layer, and why it grows with depth.

Measured in the report's training, in one that learns the poison by heart, and in two where a quarter of the
rows is poison. A point is a held-out image or a poison point; its neighbours are sought among the training
rows, and a row is never its own neighbour. Shares are in percent of the k neighbours.

Of all functions: `layers` are those that are searched, from input to output, `k` the neighbours of a point in
each.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from layeraudit.errors import InputError
from layeraudit.report import groups as of_report
from layeraudit.report.groups import fit_slope
from layeraudit.report.measures import list_figures, tabulate

GROUPS = {
    "non_poisoned": "clean",
    "misclassified": "misclassified",
    "misclassified_clean": "misclassified_clean",
    "poisoned": "poison",
}
"""Groups of Table 1, and their names in `layeraudit.report.groups`."""


def compute_base_rate(train: int, points: int) -> float:
    """Return the percentage of poison in a training set of so many clean rows and poison points."""
    return 100 * points / (points + train)


def select_groups(points: pd.DataFrame, names: Mapping[str, str] = GROUPS) -> dict[str, pd.Series]:
    """Return of each point in which groups of Table 1, or of others, it is: bool [n] for each group."""
    chosen = of_report.select_groups(points)
    return {name: chosen[group] for name, group in names.items()}


def measure_shares(points: pd.DataFrame, layers: Sequence[str], k: int) -> pd.DataFrame:
    """Measure the share of poison among the neighbours of the groups of Table 1 in each seed.

    Parameters
    ----------
    points : a row for each held-out image and poison point, with the columns `seed`, `y`, `is_poison`,
        `dnn_label` and `poison_neighbours_{layer}`

    Returns
    -------
    `group`, `layer`, `quantity` (`percent_poison`), `seed`, `value` (NaN of no point), `n_points`
    """
    rows: list[dict[str, object]] = []
    for seed, of_seed in points.groupby("seed", sort=False):
        for group, members in select_groups(of_seed).items():
            for layer in layers:
                counts = of_seed.loc[members, f"poison_neighbours_{layer}"]
                figure = {"percent_poison": 100 / k * counts.mean()}
                rows += list_figures(figure, len(counts), group=group, layer=layer, seed=seed)
    return pd.DataFrame(rows)


def tabulate_table1(
    points: pd.DataFrame, layers: Sequence[str], k: int, reported: pd.DataFrame | None
) -> pd.DataFrame:
    """Tabulate the report's Table 1: the mean over seeds of the mean over a seed's points.

    Returns
    -------
    A row for each group and layer: `group`, `layer`, `percent_poisoned_neighbours`, `ci95_low`,
    `ci95_high`, `n_points`, `n_seeds` (those in which the group has points), `reported`
    """
    table = tabulate(measure_shares(points, layers, k), reported).drop(columns="quantity")
    return table.rename(columns={"value": "percent_poisoned_neighbours"})


def describe_poison(
    scores: pd.DataFrame, record: pd.DataFrame, neighbours: dict[str, NDArray[np.int64]]
) -> pd.DataFrame:
    """Add to the scores of a seed's poison points what the attack and the training labels say of them.

    Parameters
    ----------
    scores : a row for each row of the training split, with `y` and `is_poison`
    record : a row for each poison point, in their order, with `y`, `distance` and `moved`
    neighbours : for each layer int64 [n_train, k], rows of the training split


    Returns
    -------
    The poison points' rows of `scores` with `distance`, `moved`, and for each layer
    `clean_same_label_neighbours_{layer}`: how many of the neighbours are clean and have the given label

    Raises
    ------
    InputError
        Where the record is not of these poison points.
    """
    is_poison, y = scores["is_poison"].to_numpy(dtype=bool), scores["y"].to_numpy()
    if record["y"].tolist() != y[is_poison].tolist():
        raise InputError("the record of the poison and the training split have other poison labels")
    added = {name: record[name].to_numpy() for name in ("distance", "moved")}
    for layer, rows in neighbours.items():
        of_poison = rows[is_poison]
        agree = ~is_poison[of_poison] & (y[of_poison] == y[is_poison, np.newaxis])
        added[f"clean_same_label_neighbours_{layer}"] = agree.sum(axis=1)
    return scores[is_poison].assign(**added)


def measure_depth(
    points: pd.DataFrame, occurrences: pd.DataFrame, layers: Sequence[str], k: int, base_rate: float
) -> pd.DataFrame:
    """Measure what each layer makes of clean images, of poison points and of the training rows, in each seed.

    - `percent_poison` among the neighbours of a group, `percent_above_base_rate` (a layer that knew nothing
      of poison would give every group the base rate), and `slope`, a line through a group's shares,
      percentage points a layer
    - `percent_same_label`: neighbours that were given the label of the clean image, or the given, false one
      of the poison point, and `percent_same_label_of_clean_neighbours`, of those of them that are clean
    - `percent_memorised`: poison points that the network gives their given label
    - `spearman_distance`: Spearman's correlation, over poison points, of the L2 distance that the attack
      moved the point with the share of poison among its neighbours
    - `occurrence_skewness`: skewness, over the training rows, of how often a row is a neighbour of the
      held-out images: hubness (Radovanović, Nanopoulos & Ivanović 2010)
    - `occurrence_poison_to_clean`: a poison row's mean occurrence, divided by a clean row's

    Parameters
    ----------
    points : held-out images and the poison points of `describe_poison`, with `seed`, `y`, `is_poison`,
        `dnn_label`, `poison_neighbours_{layer}` and `same_label_neighbours_{layer}`
    occurrences : a row for each training row, with `seed`, `is_poison`, `occurrences_{layer}`
    base_rate : percentage of poison in the training set

    Returns
    -------
    `group` (those of Table 1, `moved` and `not_moved` by the attack, `memorised` and `not_memorised` poison
    points; none of training rows), `layer` (none where a figure is of all), `quantity`, `seed`, `value`,
    `n_points`
    """
    rows: list[dict[str, object]] = []
    for seed, of_seed in points.groupby("seed", sort=False):
        groups = select_groups(of_seed, GROUPS | {name: name for name in ("memorised", "not_memorised")})
        moved = of_seed["moved"].eq(True)
        groups |= {"moved": groups["poisoned"] & moved, "not_moved": groups["poisoned"] & ~moved}
        for group, members in groups.items():
            of_group, n_points = of_seed[members], int(members.sum())
            keys = {"group": group, "seed": seed}
            shares = [100 / k * of_group[f"poison_neighbours_{layer}"].mean() for layer in layers]
            for layer, share in zip(layers, shares, strict=True):
                figures = {"percent_poison": share, "percent_above_base_rate": share - base_rate}
                if group in ("non_poisoned", "poisoned"):
                    same = of_group[f"same_label_neighbours_{layer}"]
                    figures |= {"percent_same_label": 100 / k * same.mean()}
                rows += list_figures(figures, n_points, **keys, layer=layer)
            rows += list_figures({"slope": fit_slope(shares)}, n_points, **keys, layer="")
        poison = of_seed[groups["poisoned"]]
        memorised = {"percent_memorised": 100 * (poison["dnn_label"] == poison["y"]).mean()}
        rows += list_figures(memorised, len(poison), group="poisoned", layer="", seed=seed)
        for layer in layers:
            figures = _relate_to_poison(poison, layer, k)
            rows += list_figures(figures, len(poison), group="poisoned", layer=layer, seed=seed)
    for seed, of_seed in occurrences.groupby("seed", sort=False):
        for layer in layers:
            figures = _count_occurrences(of_seed[f"occurrences_{layer}"], of_seed["is_poison"])
            rows += list_figures(figures, len(of_seed), group="", layer=layer, seed=seed)
    return pd.DataFrame(rows)


def _relate_to_poison(poison: pd.DataFrame, layer: str, k: int) -> dict[str, float]:
    """Return what a layer makes of poison points, by their false labels and by how far they were moved."""
    share = poison[f"poison_neighbours_{layer}"]
    n_clean = (k - share).where(share < k)
    same = (100 * poison[f"clean_same_label_neighbours_{layer}"] / n_clean).mean()
    varies = poison["distance"].nunique() > 1 and share.nunique() > 1
    correlation = stats.spearmanr(poison["distance"], share).statistic if varies else np.nan
    return {"percent_same_label_of_clean_neighbours": same, "spearman_distance": correlation}


def _count_occurrences(counts: pd.Series, is_poison: pd.Series) -> dict[str, float]:
    """Return how unequal training rows are as neighbours, and how poison compares with clean ones."""
    return {
        "occurrence_skewness": float(stats.skew(counts)) if np.ptp(counts) else np.nan,
        "occurrence_poison_to_clean": counts[is_poison].mean() / counts[~is_poison].mean(),
    }
