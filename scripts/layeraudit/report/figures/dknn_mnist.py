"""Figures of the paper's results on MNIST: accuracy and credibility by input, and reliability."""

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from layeraudit.figures import CLEAN, OTHER, REFERENCE, error_bars, seed_error_bars
from layeraudit.report.dknn_mnist import INPUTS, NO_MODE

ACCURACY = {"dnn_accuracy": ("network", REFERENCE, "s"), "dknn_accuracy": ("DkNN", CLEAN, "o")}

SURENESS = {
    ("softmax_confidence", NO_MODE): ("softmax confidence of the network", REFERENCE, "s"),
    ("credibility", "paper"): ("credibility, mode paper", CLEAN, "o"),
    ("credibility", "cleverhans"): ("credibility, mode cleverhans", OTHER, "^"),
}


def plot_inputs(table: pd.DataFrame) -> Figure:
    """Plot accuracy, and softmax confidence and credibility, of each kind of input beside the paper's.

    Parameters
    ----------
    table : as `layeraudit.report.dknn_mnist.tabulate_inputs` makes it
    """
    figure, (upper, lower) = plt.subplots(2, figsize=(8.5, 7.5), sharex=True, layout="constrained")
    names = list(dict.fromkeys(table["input"]))
    for axes, kinds in [
        (upper, {(quantity, NO_MODE): style for quantity, style in ACCURACY.items()}),
        (lower, SURENESS),
    ]:
        for number, ((quantity, mode), (label, colour, marker)) in enumerate(kinds.items()):
            rows = table[(table["quantity"] == quantity) & (table["mode"] == mode)].set_index("input")
            positions = np.array([names.index(name) for name in rows.index]) + 0.16 * (
                number - (len(kinds) - 1) / 2
            )
            value = rows["value"]
            axes.errorbar(
                positions,
                value,
                yerr=seed_error_bars(rows),
                color=colour,
                marker=marker,
                linestyle="none",
                capsize=3,
                label=label,
            )
            axes.plot(
                positions,
                rows["published"],
                color=colour,
                marker=marker,
                markersize=9,
                markerfacecolor="none",
                linestyle="none",
            )
        axes.set_ylim(-0.03, 1.03)
        axes.grid(axis="y", color="0.9")
    n = table.drop_duplicates("input").set_index("input")["n_points"]
    labels = [f"{INPUTS[name]}\nn = {n[name]:,}" for name in names]
    lower.set_xticks(range(len(names)), labels, fontsize="small")
    upper.set_ylabel("accuracy")
    lower.set_ylabel("mean confidence or credibility")
    seeds = table["n_seeds"].max()
    upper.set_title(
        f"A network of clean digits, and its deep k-nearest neighbours: mean over {seeds} seeds, with its\n"
        "95 % interval (Student's t); n is images of all seeds; open markers are Papernot & McDaniel 2018"
    )
    upper.legend(loc="upper right")
    figure.legend(*lower.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def plot_reliability(table: pd.DataFrame) -> Figure:
    """Plot reliability diagrams of DkNN and of softmax, and how many images each bin has.

    Parameters
    ----------
    table : as `layeraudit.report.dknn_mnist.tabulate_reliability` makes it
    """
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
            rows = table[(table["input"] == name) & (table["score"] == score) & (table["mode"] == mode)]
            filled = rows[rows["n_points"] > 0]
            upper.errorbar(
                filled["mean_score"],
                filled["value"],
                yerr=error_bars(filled),
                color=colour,
                marker=marker,
                capsize=2,
                linewidth=1,
                label=label,
            )
            if rows["posted"].notna().any():
                middle = (rows["bin_low"] + rows["bin_high"]) / 2
                upper.plot(
                    middle,
                    rows["posted"],
                    color=colour,
                    marker=marker,
                    markerfacecolor="none",
                    linestyle="none",
                    label=f"{label}: a posted run of the authors' code",
                )
            width = (rows["bin_high"] - rows["bin_low"]) / (len(SURENESS) + 1)
            lower.bar(
                rows["bin_low"] + width * (number + 1), np.maximum(rows["n_points"], 0.8), width, color=colour
            )
        lower.set_yscale("log")
        lower.set_ylim(bottom=0.8)
        upper.set_title(
            f"{INPUTS[name]}, n = {rows['n_points'].sum():,} images of {rows['n_seeds'].max()} seeds"
        )
        lower.set_xlabel("credibility or confidence, in bins of 0.1")
        upper.set_ylim(-0.03, 1.03)
    grid[0, 0].set_ylabel("share that is judged right\n(95 % interval, Wilson)")
    grid[1, 0].set_ylabel("images")
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    return figure
