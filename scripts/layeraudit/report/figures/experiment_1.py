"""Figure of experiment 1: credibility of clean images and of poison points, for a network of clean images."""

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from layeraudit.figures import CLEAN, MISCLASSIFIED, MISCLASSIFIED_CLEAN, POISON, REFERENCE, count
from layeraudit.report.experiment_1 import HIGH, LOW, REPORTED_POISONED, group_points

GROUPS = {
    "clean": ("clean images of the two digits", "o"),
    "not_moved": ("poison, not moved by the solver", "o"),
    "moved": ("poison, moved by the solver", "D"),
}
"""Name in the table: label and marker."""

COLOURS = {
    "clean": (CLEAN, MISCLASSIFIED_CLEAN),
    "not_moved": (POISON, MISCLASSIFIED),
    "moved": (POISON, MISCLASSIFIED),
}
"""Name in the table: colour where the network gives the true digit, and where it does not."""


def _draw_distribution(axes: Axes, points: pd.DataFrame, group: str) -> None:
    """Draw a marker for each point at its credibility, and at the share of points with at most that much."""
    label, marker = GROUPS[group]
    points = points.sort_values("credibility", kind="stable")
    share = np.arange(1, len(points) + 1) / len(points) if len(points) else np.empty(0)
    wrong = (points["dnn_label"] != points["y_true"]).to_numpy()
    right_colour, wrong_colour = COLOURS[group]
    median = f", median {points['credibility'].median():.2f}" if len(points) else ""
    axes.step(
        np.concatenate([[0], points["credibility"], [1]]) if len(points) else [],
        np.concatenate([[0], share, [1]]) if len(points) else [],
        where="post",
        color=right_colour,
        linewidth=1.6 if group == "clean" else 0.8,
        linestyle=":" if group == "not_moved" else "-",
        marker="None" if group == "clean" else marker,
        markevery=np.flatnonzero(np.concatenate([[False], ~wrong, [False]])).tolist(),
        markersize=4,
        markerfacecolor="white" if group == "not_moved" else right_colour,
        label=f"{label}: n = {len(points):,}{median}",
    )
    axes.plot(
        points["credibility"][wrong],
        share[wrong],
        color=wrong_colour,
        linestyle="None",
        marker=marker,
        markersize=5,
        markerfacecolor="white" if group == "not_moved" else wrong_colour,
        zorder=3,
        label=f"    of them with a wrong label of the network: {wrong.sum()}",
    )


def plot_credibility(points: pd.DataFrame) -> Figure:
    """Plot the distribution of credibility of clean images and of poison points, a panel for each set.

    Parameters
    ----------
    points : as `layeraudit.report.experiment_1.read_points` gives them
    """
    groups = group_points(points)
    sizes = sorted({size for size, _ in groups} - {0})
    n_seeds = points["seed"].nunique()
    figure, panels = plt.subplots(
        1, len(sizes), figsize=(max(8, 6.2 * len(sizes)), 6), sharey=True, squeeze=False, layout="constrained"
    )
    for axes, size in zip(panels[0], sizes, strict=True):
        for bound in (LOW, HIGH):
            axes.axvline(bound, color=REFERENCE, linewidth=0.8, linestyle=":")
        for group in GROUPS:
            _draw_distribution(axes, groups[0 if group == "clean" else size, group], group)
        reported = (
            f"\nthe report: {REPORTED_POISONED[size]} of {size} poisoned" if size in REPORTED_POISONED else ""
        )
        n_moved, n_wrong = (len(groups[size, name]) for name in ("moved", "misclassified"))
        axes.set_title(
            f"{size} poison points a seed, {size * n_seeds} in all:"
            f" {n_moved} moved, {n_wrong} misclassified{reported}"
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
