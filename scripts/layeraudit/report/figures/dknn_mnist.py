"""Figures of the paper's results on MNIST: accuracy and credibility by input, and reliability."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from layeraudit.figures import CLEAN, OTHER, REFERENCE, seed_error_bars
from layeraudit.report.dknn_mnist import INPUTS

ACCURACY = {
    ("dnn_accuracy", ""): ("network", REFERENCE, "s"),
    ("dknn_accuracy", ""): ("DkNN", CLEAN, "o"),
}

SURENESS = {
    ("softmax_confidence", ""): ("softmax confidence of the network", REFERENCE, "s"),
    ("credibility", "paper"): ("credibility, mode paper", CLEAN, "o"),
    ("credibility", "cleverhans"): ("credibility, mode cleverhans", OTHER, "^"),
}
"""By quantity or score, and mode: label, colour and marker."""

MEANS = "mean over {seeds} seeds, with its 95 % interval (Student's t; of one seed there is none)"


def _prepare(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table, as it was read, with an empty mode where there is none, and with `reported`."""
    table = table.fillna({"mode": ""})
    return table if "reported" in table else table.assign(reported=np.nan)


def plot_inputs(table: pd.DataFrame) -> Figure:
    """Plot accuracy, and softmax confidence and credibility, of each kind of input beside the paper's.

    Parameters
    ----------
    table : means of `layeraudit.report.dknn_mnist.measure_inputs`
    """
    table = _prepare(table)
    figure, (upper, lower) = plt.subplots(2, figsize=(8.5, 7.5), sharex=True, layout="constrained")
    names = list(dict.fromkeys(table["input"]))
    for axes, kinds in [(upper, ACCURACY), (lower, SURENESS)]:
        for number, ((quantity, mode), (label, colour, marker)) in enumerate(kinds.items()):
            rows = table[(table["quantity"] == quantity) & (table["mode"] == mode)]
            x = rows["input"].map(names.index) + 0.16 * (number - (len(kinds) - 1) / 2)
            style: dict[str, Any] = {"color": colour, "marker": marker, "linestyle": "none"}
            axes.errorbar(x, rows["value"], yerr=seed_error_bars(rows), capsize=3, label=label, **style)
            axes.plot(x, rows["reported"], markersize=9, markerfacecolor="none", **style)
        axes.set_ylim(-0.03, 1.03)
        axes.grid(axis="y", color="0.9")
    n = table.drop_duplicates("input").set_index("input")["n_points"]
    labels = [f"{INPUTS[name]}\nn = {n[name]:,}" for name in names]
    lower.set_xticks(range(len(names)), labels, fontsize="small")
    upper.set_ylabel("accuracy")
    lower.set_ylabel("mean confidence or credibility")
    upper.set_title(
        "A network of clean digits, and its deep k-nearest neighbours:\n"
        f"{MEANS.format(seeds=table['n_seeds'].max())};\n"
        "n is images of all seeds; open markers are Papernot & McDaniel 2018"
    )
    upper.legend(loc="upper right")
    figure.legend(*lower.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def plot_reliability(table: pd.DataFrame) -> Figure:
    """Plot reliability diagrams of DkNN and of softmax, and how many images each bin has.

    Parameters
    ----------
    table : means of `layeraudit.report.dknn_mnist.measure_reliability`
    """
    table = _prepare(table)
    inputs = list(dict.fromkeys(table["input"]))
    figure, grid = plt.subplots(
        2,
        len(inputs),
        figsize=(9.5, 6.5),
        sharex=True,
        sharey="row",
        height_ratios=[3, 1],
        layout="constrained",
        squeeze=False,
    )
    for (upper, lower), name in zip(grid.T, inputs, strict=True):
        upper.plot([0, 1], [0, 1], color="0.7", linestyle=":", label="a score that is the chance to be right")
        for number, ((score, mode), (label, colour, marker)) in enumerate(SURENESS.items()):
            own = table[(table["input"] == name) & (table["score"] == score) & (table["mode"] == mode)]
            rows, means = (own[own["quantity"] == quantity] for quantity in ("accuracy", "mean_score"))
            filled = (rows["n_points"] > 0).to_numpy()
            style: dict[str, Any] = {"color": colour, "marker": marker}
            bars = seed_error_bars(rows[filled])
            x, y = means.loc[filled, "value"], rows.loc[filled, "value"]
            upper.errorbar(x, y, yerr=bars, capsize=2, linewidth=1, label=label, **style)
            if rows["reported"].notna().any():
                middle = (rows["bin_low"] + rows["bin_high"]) / 2
                posted = f"{label}: a posted run of the authors' code"
                open_style = style | {"markerfacecolor": "none", "linestyle": "none"}
                upper.plot(middle, rows["reported"], label=posted, **open_style)
            width = (rows["bin_high"] - rows["bin_low"]) / (len(SURENESS) + 1)
            n = np.maximum(rows["n_points"], 0.8)
            lower.bar(rows["bin_low"] + width * (number + 1), n, width, color=colour)
        lower.set_yscale("log")
        lower.set_ylim(bottom=0.8)
        upper.set_title(f"{INPUTS[name]}, n = {rows['n_points'].sum():,}")
        lower.set_xlabel("credibility or confidence, in bins of 0.1")
        upper.set_ylim(-0.03, 1.03)
    grid[0, 0].set_ylabel("share that is judged right")
    grid[1, 0].set_ylabel("images")
    figure.suptitle(
        "How often the network and its deep k-nearest neighbours are right, by how sure they are:\n"
        f"{MEANS.format(seeds=table['n_seeds'].max())}; n is images of all seeds",
        fontsize="medium",
        x=0.01,
        ha="left",
    )
    figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure
