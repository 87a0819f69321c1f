"""The figure of the attack on Deep k-nearest neighbours itself."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from layeraudit.figures import CLEAN, MISCLASSIFIED, OTHER, POISON, REFERENCE, seed_error_bars

ACCURACY = {"dknn_accuracy": ("DkNN", CLEAN, "o"), "dnn_accuracy": ("the network alone", REFERENCE, "s")}

PASSING = {
    "credibility_of_successes": ("mean credibility", POISON, "o"),
    "successes_above_0.1": ("share with a credibility above 0.1", MISCLASSIFIED, "s"),
    "successes_not_flagged": ("share that is not flagged (5 % of clean images are)", OTHER, "^"),
}


def plot_attack(table: pd.DataFrame) -> Figure:
    """Plot accuracy and what passes by the radius of the attack, and the attack fine-tuned in each layer.

    Parameters
    ----------
    table : means of `layeraudit.report.adaptive.measure_attack` and `measure_clean`
    """
    table = table.fillna({"layer": ""})
    if "reported" not in table:
        table["reported"] = np.nan
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(12, 4.6), layout="constrained")
    of_radii = table[table["attack"].isin(["none", "adaptive"])]
    for axes, kinds in [(left, ACCURACY), (middle, PASSING)]:
        for quantity, (label, colour, marker) in kinds.items():
            rows = of_radii[of_radii["quantity"] == quantity].sort_values("radius")
            x, style = rows["radius"], {"color": colour, "marker": marker}
            axes.errorbar(x, rows["value"], yerr=seed_error_bars(rows), capsize=3, label=label, **style)
            axes.plot(x, rows["reported"], markerfacecolor="none", markersize=10, linestyle="none", **style)
        axes.set_xlabel("L-infinity radius")
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1))
    _plot_layers(right, table)
    left.set_ylabel("accuracy")
    middle.set_ylabel("of the images that DkNN errs on")
    for axes in (left, middle, right):
        axes.set_ylim(-0.03, 1.03)
        axes.grid(axis="y", color="0.92")
    n = table.loc[table["attack"] == "adaptive", "n_points"].max()
    figure.suptitle(
        f"An attack that knows DkNN: mean over {table['n_seeds'].max()} seeds with its 95 % interval "
        f"(Student's t), {n:,} images;\nopen markers are Sitawarin & Wagner 2019",
        fontsize="medium",
        x=0.01,
        ha="left",
    )
    return figure


def _plot_layers(axes: Axes, table: pd.DataFrame) -> None:
    pushed = table[table["attack"] == "ilap"]
    radius = pushed["radius"].iloc[0]
    names = ["", *dict.fromkeys(pushed["layer"])]
    rows = table[(table["radius"] == radius) & (table["norm"] == "linf")]
    for number, (quantity, label, colour, marker) in enumerate(
        [
            ("dknn_accuracy", "DkNN right", CLEAN, "o"),
            ("dknn_errs_unflagged", "DkNN errs and does not flag", OTHER, "^"),
        ]
    ):
        own = rows[rows["quantity"] == quantity].set_index("layer").reindex(names)
        positions = [at + 0.1 * (number - 0.5) for at in range(len(names))]
        style: dict[str, Any] = {"color": colour, "marker": marker, "linestyle": "none"}
        axes.errorbar(positions, own["value"], yerr=seed_error_bars(own), capsize=3, label=label, **style)
    axes.set_xticks(range(len(names)), ["not\nfine-tuned", *names[1:]])
    axes.set_xlabel(f"layer in which ILA fine-tunes it, radius {radius:g}")
    axes.set_ylabel("share of all images")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1))
