"""Figures that stand alone: each says what it shows, with n and what its intervals are."""

from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from layeraudit.files import written_whole

matplotlib.use("Agg")
matplotlib.rcParams["svg.hashsalt"] = "layeraudit"
matplotlib.rcParams["svg.fonttype"] = "none"

GROUPS = {
    "poisoned": ("poison points", "#b2182b", "D"),
    "misclassified": ("misclassified (poison included)", "#e08214", "s"),
    "misclassified_clean": ("misclassified, clean only", "#7b3294", "^"),
    "non_poisoned": ("clean held-out images", "#2166ac", "o"),
}
"""Name in the table: label, colour (told apart by colour-blind readers) and marker."""

OFFSETS = [-0.21, -0.07, 0.07, 0.21]
"""Shifts of the groups beside each other, in layers, so that no interval hides another."""


def plot_poisoned_neighbours(table: pd.DataFrame, *, k: int, n_poison: int, n_train: int) -> Figure:
    """Plot the share of poison among the neighbours by layer and group, the report's figures beside ours.

    Parameters
    ----------
    table : as `layeraudit.tables.tabulate_poisoned_neighbours` makes it
    k : neighbours of a point in a layer
    n_poison, n_train : poison points, and all rows, of the training set
    """
    figure, axes = plt.subplots(figsize=(8.5, 5.2), layout="constrained")
    layers = list(dict.fromkeys(table["layer"]))
    base_rate = 100 * n_poison / n_train
    label = f"base rate {base_rate:.1f} %: {n_poison} of {n_train:,} training rows are poison"
    axes.axhline(base_rate, color="0.3", linewidth=1, linestyle=":", label=label)
    for offset, (group, (label, colour, marker)) in zip(OFFSETS, GROUPS.items(), strict=True):
        rows = table[table["group"] == group].set_index("layer").loc[layers]
        percent = rows["percent_poisoned_neighbours"]
        positions = np.arange(len(layers)) + offset
        n = rows[["n_points", "n_seeds"]].iloc[0]
        axes.errorbar(
            positions,
            percent,
            yerr=[percent - rows["ci95_low"], rows["ci95_high"] - percent],
            color=colour,
            marker=marker,
            linewidth=1.2,
            capsize=4,
            label=f"{label}: n = {n['n_points']:,} points, {n['n_seeds']} seeds",
        )
        if rows["reported"].notna().any():
            axes.plot(
                positions,
                rows["reported"],
                color=colour,
                marker=marker,
                markerfacecolor="white",
                linestyle="--",
                linewidth=1,
                label=f"{label}: the report's figure, one run",
            )
    axes.set_xticks(range(len(layers)), layers)
    axes.set_xlim(-0.4, len(layers) - 0.6)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("layer, from input to output")
    axes.set_ylabel(f"poison among the {k} nearest training rows (%)")
    axes.set_title(
        "Poison among the nearest neighbours of an image, layer by layer\n"
        "mean over seeds, with its 95 % interval (Student's t)",
        loc="left",
        fontsize="medium",
    )
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize="small")
    return figure


def save(figure: Figure, path: Path) -> None:
    """Write the figure in the form that the suffix of `path` names; the same figure gives the same bytes."""
    metadata = {"Date": None} if path.suffix == ".svg" else None
    with written_whole(path) as temporary:
        figure.savefig(temporary, dpi=200, metadata=metadata)
