"""Figures of experiment 2.1: credibility of misclassified points and of poison, and what it finds."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from sklearn.metrics import precision_recall_curve, roc_curve

from layeraudit.figures import (
    CLEAN,
    MISCLASSIFIED,
    MISCLASSIFIED_CLEAN,
    OTHER,
    POISON,
    REFERENCE,
    count,
    seed_error_bars,
)
from layeraudit.report.experiment_2_1 import (
    EVALUATED,
    THRESHOLDS,
    score_labels,
    select_suspects,
)
from layeraudit.report.groups import select_groups

READINGS = {
    "held_out": "Held-out images, and the poison points",
    "training": "All training rows, the poison points among them",
}

GROUPS = {
    "rest": ("clean, classified right", CLEAN),
    "misclassified_clean": ("clean, misclassified", MISCLASSIFIED_CLEAN),
    "poison": ("poison", POISON),
}
"""Name in the tables: label and colour."""

SCORES: dict[str, tuple[str, str, Any]] = {
    "credibility": ("low credibility of the DkNN label, whatever the given one", OTHER, "-"),
    "label_disagreement": ("share of neighbours given another label than the point", REFERENCE, "--"),
}

QUARTILES = np.array([0.25, 0.5, 0.75])


def plot_credibility(points: pd.DataFrame) -> Figure:
    """Plot the distribution of credibility in three groups of points, in both readings.

    Parameters
    ----------
    points : as `layeraudit.report.experiment_2_1.gather_points` returns them
    """
    figure, panels = plt.subplots(1, 2, figsize=(10.5, 4.9), sharey=True, layout="constrained")
    for axes, evaluated in zip(panels, EVALUATED, strict=True):
        of_reading = points[points["evaluated"] == evaluated]
        groups = select_groups(of_reading)
        for group, (label, colour) in GROUPS.items():
            members = of_reading[groups[group]]
            for _, of_seed in members.groupby("seed"):
                _draw_shares(axes, of_seed["credibility"], color=colour, linewidth=0.7, alpha=0.45)
            if len(members):
                _draw_shares(
                    axes, members["credibility"], color=colour, label=f"{label}: n = {len(members):,}"
                )
                quartiles = np.quantile(members["credibility"], QUARTILES, method="inverted_cdf")
                axes.plot(quartiles, QUARTILES, "o", color=colour, markersize=5, markeredgecolor="white")
        axes.set_title(READINGS[evaluated])
        axes.set_xlabel("credibility of the DkNN label")
        axes.set_xlim(-0.01, 1.01)
        axes.set_ylim(0, 1.02)
        axes.legend(loc="lower right")
    panels[0].set_ylabel("share of points of at most that credibility")
    figure.suptitle(
        "Credibility of poison, and of clean points that the network misclassifies or not\n"
        f"bold: all seeds ({points['seed'].nunique()}) together, with dots at the quartiles; thin: each seed",
        x=0.01,
        ha="left",
        fontsize="medium",
    )
    return figure


def _draw_shares(axes: Axes, values: pd.Series, **options: Any) -> None:
    """Draw the share of values at or below each."""
    # Lines, not axes.ecdf: of 180,000 points only the distinct values, at most one a calibration point, show.
    distinct, counts = np.unique(values, return_counts=True)
    shares = np.cumsum(counts) / counts.sum()
    axes.step([0, *distinct, 1], [0, *shares, 1], where="post", **options)


def plot_accuracy(table: pd.DataFrame, of_groups: pd.DataFrame) -> Figure:
    """Plot how often DkNN gives misclassified points their true digit, by credibility.

    Parameters
    ----------
    table : of what `layeraudit.report.experiment_2_1.measure_accuracy` measures
    of_groups : of what `measure_groups` measures, with the report's share where it compares
    """
    groups = {
        "misclassified": ("with the poison", MISCLASSIFIED, "s", -0.012),
        "misclassified_clean": ("clean only", MISCLASSIFIED_CLEAN, "o", 0.012),
    }
    reported = of_groups.loc[of_groups["quantity"] == "recovered_share", "reported"].dropna().unique()
    figure, panels = plt.subplots(1, 2, figsize=(10.5, 5), sharey=True, layout="constrained")
    for axes, evaluated in zip(panels, EVALUATED, strict=True):
        for share in reported:
            label = f"the report, clean only, all credibilities: {100 * share:.1f} %"
            axes.axhline(share, color=REFERENCE, linewidth=1, linestyle=":", label=label)
        for line, (group, (label, colour, marker, shift)) in enumerate(groups.items()):
            rows = table[(table["evaluated"] == evaluated) & (table["group"] == group)]
            middles = (rows["credibility_low"] + rows["credibility_high"]) / 2
            seeds = count(rows["n_seeds"].max(), "seed")
            for middle, n in zip(middles, rows["n_points"], strict=True):
                axes.text(middle, 1.1 - 0.05 * line, f"{n:,}", color=colour, ha="center", fontsize="x-small")
            axes.errorbar(
                middles + shift,
                rows["value"],
                yerr=seed_error_bars(rows),
                color=colour,
                marker=marker,
                linestyle="",
                capsize=3,
                label=f"{label}: n = {rows['n_points'].sum():,}, at most {seeds} a bin",
            )
        axes.text(-0.01, 1.15, "points in the bin:", fontsize="x-small", color=REFERENCE)
        axes.set_title(READINGS[evaluated])
        axes.set_xlabel("credibility of the DkNN label, in bins of 0.1")
        axes.set_xlim(-0.02, 1.02)
        axes.set_xticks(np.arange(11) / 10)
        axes.set_ylim(-0.02, 1.2)
        axes.set_yticks(np.arange(6) / 5)
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13))
    panels[0].set_ylabel("share that DkNN gives the true digit")
    figure.suptitle(
        "Points that the network misclassifies: how often DkNN is right, by its credibility\n"
        "mean over the seeds that have points in the bin, with its 95 % interval (Student's t; of one seed "
        "there is none)",
        x=0.01,
        ha="left",
        fontsize="medium",
    )
    return figure


def plot_detectors(points: pd.DataFrame, layers: Sequence[str], k: int) -> Figure:
    """Plot how well two scores tell poison from the clean training rows: ROC, and precision and recall.

    Parameters
    ----------
    points : as `layeraudit.report.experiment_2_1.gather_points` returns them
    layers, k : see `layeraudit.report.experiment_2_1.score_labels`
    """
    training = points[points["evaluated"] == "training"]
    titles = {"all": "Among all training rows", "misclassified": "Among the misclassified training rows"}
    figure, panels = plt.subplots(2, 2, figsize=(10, 9), layout="constrained")
    for (roc, precision_recall), (among, title) in zip(panels, titles.items(), strict=True):
        base_rates, numbers = [], []
        for _, of_seed in training.groupby("seed", sort=False):
            suspects = of_seed[select_suspects(of_seed)[among]]
            poison = suspects["is_poison"].to_numpy()
            if poison.all() or not poison.any():
                continue
            base_rates.append(poison.mean())
            numbers.append(len(poison))
            for score, suspicion in score_labels(suspects, layers, k).items():
                _, colour, style = SCORES[score]
                options = {"color": colour, "linestyle": style, "linewidth": 1}
                roc.plot(*roc_curve(poison, suspicion)[:2], **options)
                precision, recall, _ = precision_recall_curve(poison, suspicion)
                # Without recall precision is 0, which a log axis has not, or 1 by convention.
                precision_recall.plot(recall[recall > 0], precision[recall > 0], **options)
                if score == "credibility":
                    _mark_thresholds(roc, precision_recall, suspects["credibility"].to_numpy(), poison)
        _dress(roc, precision_recall, base_rates, numbers, title)
    handles = [
        Line2D([], [], color=colour, linestyle=style, label=label) for label, colour, style in SCORES.values()
    ] + [
        Line2D([], [], color=REFERENCE, linestyle=":", label="a random score (base rate)"),
        Line2D(
            [],
            [],
            color=OTHER,
            marker="o",
            markersize=4,
            linestyle="",
            label=f"credibility at most {', '.join(map(str, THRESHOLDS['credibility']))}, from left to right",
        ),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    figure.suptitle(
        "A threshold as a detector of poison among the training rows\n"
        f"a line for each seed ({training['seed'].nunique()})",
        x=0.01,
        ha="left",
        fontsize="medium",
    )
    return figure


def _mark_thresholds(roc: Axes, precision_recall: Axes, credibility: np.ndarray, poison: np.ndarray) -> None:
    """Mark where the thresholds on credibility lie."""
    for threshold in THRESHOLDS["credibility"]:
        flagged = credibility <= threshold
        options: dict[str, Any] = {"color": OTHER, "marker": "o", "markersize": 4}
        roc.plot(flagged[~poison].mean(), flagged[poison].mean(), **options)
        if (flagged & poison).any():
            precision_recall.plot(flagged[poison].mean(), poison[flagged].mean(), **options)


def _dress(
    roc: Axes, precision_recall: Axes, base_rates: Sequence[float], numbers: Sequence[int], title: str
) -> None:
    """Set on both panels their axes, title, n and what a random score has."""
    n = f"n = {min(numbers):,} to {max(numbers):,} rows a seed" if numbers else "no seed has both kinds"
    if len(set(numbers)) == 1:
        n = f"n = {numbers[0]:,} rows a seed"
    # The one clean row is the least share that there is; where thousands are, the left end is what matters.
    few = max(numbers, default=1) < 2000
    chance = np.linspace(0, 1, 200) if few else np.geomspace(1 / max(numbers), 1, 200)
    roc.plot(chance, chance, color=REFERENCE, linewidth=1, linestyle=":")
    if not few:
        roc.set_xscale("log")
        roc.set_xlim(1 / max(numbers), 1.05)
    roc.set_title(f"{title}: ROC\n{n}")
    roc.set_xlabel("share of clean rows flagged" + ("" if few else " (log axis)"))
    roc.set_ylabel("share of poison flagged")
    if base_rates:
        base_rate = float(np.mean(base_rates))
        precision_recall.axhline(base_rate, color=REFERENCE, linewidth=1, linestyle=":")
        precision_recall.set_title(f"{title}: precision and recall\nbase rate {100 * base_rate:.2g} % poison")
        if not few:
            precision_recall.set_yscale("log")
            precision_recall.set_ylim(base_rate / 2, 1.1)
    precision_recall.set_xlabel("share of poison flagged (recall)")
    precision_recall.set_ylabel("share of poison among flagged rows" + ("" if few else " (log axis)"))
    precision_recall.set_xlim(-0.02, 1.02)
    for axes in (roc, precision_recall) if few else ():
        axes.set_ylim(-0.02, 1.02)
