"""Section 4 of the report: what it leaves to further experiments, measured on the poison bench.

It asks for larger sets of poison with several labels, their influence, and what removing the suspects does;
whether poison always has a credibility of low variance and low maximum; and why poison among the neighbours
grows towards the final layer. The first and the last are asked of secml's poison, which is the report's; the
tables hold every other poison beside it.

A point is a training row, poison or clean, and none is its own neighbour. It is misclassified where the
network gives it another label than it was given, and a poison point is memorised where the network gives it
the label that it was given.
"""

from collections.abc import Collection, Iterable, Sequence

import numpy as np
import pandas as pd

from layeraudit.errors import InputError
from layeraudit.experiments import PERFECT, RANDOM, UNFILTERED
from layeraudit.report.groups import LOW_CREDIBILITY, compare_with_clean, fit_slope, select_groups
from layeraudit.report.measures import list_figures

RUN = ["setting", "poison", "seed"]

SCORES = ["y", "is_poison", "dnn_label", "credibility"]
"""The columns of scores that are used, beside those of each layer."""

NEIGHBOURS = {"percent_poison": "poison_neighbours", "percent_same_label": "same_label_neighbours"}
"""Quantity, and the count of neighbours that it is of."""

GROUPS = ("poison", "memorised", "not_memorised", "clean", "misclassified_clean")

BY_CREDIBILITY = "dknn_paper"
"""The report's own proposal: the training rows of the lowest credibility are removed."""

BY_LABELS = "label_disagreement_relu3"
"""Our answer: the rows are removed most of whose neighbours in a late layer were given another label."""

FILTERS = (UNFILTERED, RANDOM, BY_CREDIBILITY, BY_LABELS, PERFECT)

REMOVAL = ["accuracy", "attack_success", "poison_removed", "clean_removed"]


def gather_points(
    scores: Iterable[pd.DataFrame],
    *,
    settings: Sequence[str],
    poisons: Sequence[str],
    seeds: Sequence[int],
    layers: Sequence[str],
) -> pd.DataFrame:
    """Name the run of each training row of many runs.

    Parameters
    ----------
    scores : of the training rows, a table a run
    settings, poisons, seeds : of each run, in the order of the runs
    layers : those that are searched

    Returns
    -------
    `setting`, `poison`, `seed`, and those columns of scores that are used

    Raises
    ------
    InputError
        Where scores lack a column, or a run has no poison.
    """
    columns = [*SCORES, *(f"{count}_{layer}" for count in NEIGHBOURS.values() for layer in layers)]
    parts = []
    for of_run, setting, poison, seed in zip(scores, settings, poisons, seeds, strict=True):
        named = f"the scores of seed {seed} of {setting}, {poison}"
        lacking = [name for name in columns if name not in of_run]
        if lacking:
            raise InputError(f"{named} lack {lacking[0]}, which every row must have")
        if not of_run["is_poison"].any():
            raise InputError(f"{named} hold no poison, allowed are runs with a poison point at least")
        parts.append(of_run[columns].assign(setting=setting, poison=poison, seed=seed))
    return pd.concat(parts, ignore_index=True).astype({"is_poison": bool})


def measure_poison(points: pd.DataFrame, layers: Sequence[str], k: int) -> pd.DataFrame:
    """Measure the credibility of poison and of clean rows, and whose neighbours are poison, in each run.

    The misclassified are the fair comparison: credibility does not look at the label that a point was given,
    and the network reads most of this poison otherwise than that label.

    Parameters
    ----------
    points : as `gather_points` returns them
    layers : those that are searched, from input to output
    k : neighbours of a point in a layer

    Returns
    -------
    `setting`, `poison`, `seed`, `group` (those of `GROUPS`; `all` of the base rate), `layer` (none where a
    figure is of all), `quantity`, `value` (NaN of no point), `n_points`. Quantities are `mean_credibility`,
    `decile_1`, `decile_9`, `variance`, `share_above_0.2`; of poison `log_variance_over_clean` and
    `log_variance_over_misclassified_clean`, `n_labels` (that it was given) and `percent_memorised`;
    `percent_poison` and `percent_same_label` of the neighbours, and a `slope` of the former, a line over the
    layers, percentage points a layer; `percent_base_rate`, the poison among all rows
    """
    rows: list[dict[str, object]] = []
    for names, of_run in points.groupby(RUN, sort=False):
        run, groups = dict(zip(RUN, names, strict=True)), select_groups(of_run)
        credibility = {group: of_run.loc[groups[group], "credibility"] for group in GROUPS}
        poison = of_run[groups["poison"]]
        of_poison = compare_with_clean(credibility) | {"n_labels": poison["y"].nunique()}
        of_poison |= {"percent_memorised": 100 * (poison["dnn_label"] == poison["y"]).mean()}
        rows += list_figures(of_poison, len(poison), **run, group="poison", layer="")
        base_rate = {"percent_base_rate": 100 * groups["poison"].mean()}
        rows += list_figures(base_rate, len(of_run), **run, group="all", layer="")
        for group, values in credibility.items():
            of_group, keys = of_run[groups[group]], run | {"group": group}
            rows += list_figures(_describe(values), len(values), **keys, layer="")
            for quantity, count in NEIGHBOURS.items():
                shares = [100 / k * of_group[f"{count}_{layer}"].mean() for layer in layers]
                for layer, share in zip(layers, shares, strict=True):
                    rows += list_figures({quantity: share}, len(values), **keys, layer=layer)
                if quantity == "percent_poison":
                    rows += list_figures({"slope": fit_slope(shares)}, len(values), **keys, layer="")
    return pd.DataFrame(rows)


def _describe(credibility: pd.Series) -> dict[str, float]:
    """Return what a distribution of credibility is like; each is NaN where it is of too few points."""
    return {
        "mean_credibility": credibility.mean(),
        "decile_1": float(credibility.quantile(0.1)),
        "decile_9": float(credibility.quantile(0.9)),
        "variance": credibility.var(),
        f"share_above_{LOW_CREDIBILITY}": (credibility > LOW_CREDIBILITY).mean(),
    }


def measure_removal(
    trained: Iterable[pd.DataFrame], retrained: Iterable[pd.DataFrame], secml: Collection[str]
) -> pd.DataFrame:
    """Measure what networks do before and after suspects are removed, the mean of experiments in each seed.

    Experiments of a seed share its images, also those of different poisons, so each seed is one replicate.

    Parameters
    ----------
    trained, retrained : records of the poison bench, a row a seed: `setting`, `poison`, `detector`, `seed`,
        `n_training`, `n_removed`, `n_poison`, `n_poison_removed`, `accuracy`, `attack_success` (NaN where the
        attacker wants no label in particular)
    secml : the poisons that secml makes

    Returns
    -------
    `family` (`secml` or `other`), `detector` (those of `FILTERS`), `quantity` (those of `REMOVAL`; shares),
    `seed`, `value`, `n_points` (poison)

    Raises
    ------
    InputError
        Where a seed is there twice.
    """
    table = pd.concat([*trained, *retrained], ignore_index=True)
    table = table[table["detector"].isin(FILTERS) & (table["n_poison"] > 0)]
    repeated = table[table.duplicated([*RUN, "detector"])]
    if len(repeated):
        setting, poison, seed, detector = repeated.iloc[0][[*RUN, "detector"]]
        raise InputError(f"seed {seed} of {setting}, {poison}, {detector} is given twice, allowed is once")
    n_clean = table["n_training"] - table["n_poison"]
    table = table.assign(
        family=np.where(table["poison"].isin(list(secml)), "secml", "other"),
        poison_removed=table["n_poison_removed"] / table["n_poison"],
        clean_removed=(table["n_removed"] - table["n_poison_removed"]) / n_clean,
    )
    rows: list[dict[str, object]] = []
    order = {name: number for number, name in enumerate(FILTERS)}
    for (family, detector, seed), runs in table.sort_values(
        "detector", key=lambda names: names.map(order), kind="stable"
    ).groupby(["family", "detector", "seed"], sort=False):
        for quantity in REMOVAL:
            known = runs.dropna(subset=quantity)
            keys = {"family": family, "detector": detector, "seed": seed}
            rows += list_figures({quantity: known[quantity].mean()}, int(known["n_poison"].sum()), **keys)
    return pd.DataFrame(rows)
