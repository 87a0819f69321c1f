"""Figure of experiment 1: credibility of clean images and of poison points, for a network of clean images."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from layeraudit.figures import CLEAN, MISCLASSIFIED, MISCLASSIFIED_CLEAN, POISON, REFERENCE, count
from layeraudit.report.experiment_1 import HIGH, LOW, group_points

GROUPS = {
    "clean": ("clean images of the two digits", CLEAN, MISCLASSIFIED_CLEAN, "o", "-"),
    "not_moved": ("poison, not moved by the solver", POISON, MISCLASSIFIED, "o", ":"),
    "moved": ("poison, moved by the solver", POISON, MISCLASSIFIED, "D", "-"),
}
"""Name in the table: label, colour where the network gives the true digit and where not, marker and line."""


def _draw_distribution(axes: Axes, points: pd.DataFrame, group: str) -> None:
    """Draw the share of points of at most each credibility, and where the single points lie."""
    label, colour, wrong_colour, marker, line = GROUPS[group]
    points = points.sort_values("credibility", kind="stable")
    credibility, share = points["credibility"].to_numpy(), np.arange(1, len(points) + 1) / len(points)
    wrong = (points["dnn_label"] != points["y_true"]).to_numpy()
    median = f", median {np.median(credibility):.2f}" if len(points) else ""
    style: dict[str, Any] = {"markersize": 5} | ({"markerfacecolor": "white"} if group == "not_moved" else {})
    axes.step(
        [0, *credibility, 1] if len(points) else [],
        [0, *share, 1] if len(points) else [],
        where="post",
        color=colour,
        linestyle=line,
        linewidth=1.6 if group == "clean" else 0.8,
        marker="" if group == "clean" else marker,
        markevery=(1 + np.flatnonzero(~wrong)).tolist(),
        label=f"{label}: n = {len(points):,}{median}",
        **style,
    )
    label = f"    of them with a wrong label of the network: {wrong.sum()}"
    axes.plot(credibility[wrong], share[wrong], marker, color=wrong_colour, zorder=3, label=label, **style)


def plot_credibility(points: pd.DataFrame, table: pd.DataFrame) -> Figure:
    """Plot the distribution of credibility of clean images and of poison points, a panel for each set.

    Parameters
    ----------
    points : as `layeraudit.report.experiment_1.read_points` returns them
    table : of the measures of experiment 1, with the report's numbers of points where they compare
    """
    groups = group_points(points)
    sizes = sorted({size for size, _ in groups} - {0})
    n_seeds = points["seed"].nunique()
    reported = table.dropna(subset="reported")
    figure, panels = plt.subplots(
        1, len(sizes), figsize=(max(8, 6.2 * len(sizes)), 6), sharey=True, squeeze=False, layout="constrained"
    )
    for axes, size in zip(panels[0], sizes, strict=True):
        for bound in (LOW, HIGH):
            axes.axvline(bound, color=REFERENCE, linewidth=0.8, linestyle=":")
        for group in GROUPS:
            _draw_distribution(axes, groups[0 if group == "clean" else size, group], group)
        n, n_moved, n_wrong = (len(groups[size, name]) for name in ("poison", "moved", "misclassified"))
        of_report = "".join(
            f"\nthe report: {number:.0f} of {size} poisoned"
            for number in reported.loc[reported["points"] == size, "reported"].unique()
        )
        axes.set_title(
            f"{size} poison points a seed, {n} in all: {n_moved} moved, {n_wrong} misclassified{of_report}"
        )
        axes.set_xlabel(f"credibility (dotted: {LOW} and {HIGH}, the bounds of low and high)")
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(0, 1.02)
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13))
    panels[0, 0].set_ylabel("share of the group with at most this credibility")
    figure.suptitle(
        "Credibility of poison points, and of clean images, for networks trained on clean images\n"
        f"distribution over all points of {count(n_seeds, 'seed')}; each marker is a point",
        x=0.01,
        horizontalalignment="left",
        fontsize="medium",
    )
    return figure
