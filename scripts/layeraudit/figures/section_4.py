"""The figure of section 4: credibility of poison, poison among the neighbours of poison, and its removal."""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from layeraudit.experiments import PERFECT, RANDOM, UNFILTERED
from layeraudit.figures import (
    CLEAN,
    MISCLASSIFIED,
    MISCLASSIFIED_CLEAN,
    OTHER,
    POISON,
    REFERENCE,
    error_bars,
)
from layeraudit.tables.experiment_2_1 import LOW_CREDIBILITY
from layeraudit.tables.section_4 import BY_CREDIBILITY, BY_LABELS

CREDIBILITIES: dict[str, tuple[str, dict[str, Any]]] = {
    "mean": ("mean", {"color": POISON, "marker": "o"}),
    "maximum": ("maximum", {"color": POISON, "marker": ">", "markerfacecolor": "white"}),
    "variance": ("variance", {"color": OTHER, "marker": "s"}),
    "variance_of_misclassified_clean": (
        "variance, misclassified clean rows",
        {"color": MISCLASSIFIED_CLEAN, "marker": "D", "markerfacecolor": "white"},
    ),
}
"""Quantity in the table: label and style."""

GROUPS: dict[str, tuple[str, str, Any]] = {
    "memorised": ("memorised", POISON, "-"),
    "not_memorised": ("not memorised", MISCLASSIFIED, "--"),
}
"""Poison points in the table: label, colour and style."""

MARKERS = "osD^vP"

FILTERS = {
    UNFILTERED: "nothing",
    RANDOM: "random\nrows",
    BY_CREDIBILITY: "of low\ncredibility",
    BY_LABELS: "of alien\nlabels",
    PERFECT: "the poison\nalone",
}
"""Detector in the table: what is removed."""

FIGURES = {"accuracy": ("accuracy, clean images", CLEAN), "attack_success": ("success of the attack", POISON)}

FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "secml": ("secml's poison", {"linestyle": "", "marker": "o"}),
    "other": ("the other poisons", {"linestyle": "", "marker": "s", "markerfacecolor": "white"}),
}


def plot_section_4(
    credibility: pd.DataFrame,
    depth: pd.DataFrame,
    removal: pd.DataFrame,
    *,
    secml: Collection[str],
    layers: Sequence[str],
    k: int,
) -> Figure:
    """Plot what poison's credibility is, how depth draws poison together, and what removing suspects does.

    Parameters
    ----------
    credibility, depth, removal : as `layeraudit.tables.section_4` tabulates them
    secml : the poisons that secml makes, which the second panel is of
    layers : from input to output
    k : neighbours of a point in a layer
    """
    measured = credibility[credibility["quantity"].isin(CREDIBILITIES)]
    n_experiments = measured.groupby(["setting", "poison"]).ngroups
    figure, panels = plt.subplots(
        1,
        3,
        figsize=(16, max(5.2, 2.6 + 0.26 * n_experiments)),
        width_ratios=[1.25, 1, 1.1],
        layout="constrained",
    )
    _draw_credibility(panels[0], measured)
    _draw_depth(panels[1], depth[depth["poison"].isin(list(secml))], layers, k)
    _draw_removal(panels[2], removal)
    seeds = sorted({int(n) for n in measured["n_seeds"] if n})
    n_seeds = f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}" if seeds else "no"
    figure.suptitle(
        "Larger sets of poison: is poison of low credibility, does depth gather it, and does removing the "
        f"suspects help?\nmeans over {n_seeds} seeds, with 95 % intervals (Student's t; of one seed there is "
        "none)",
        x=0.01,
        ha="left",
        fontsize="medium",
    )
    return figure


def _reach(rows: pd.DataFrame) -> Any:
    """Give the lengths of the bars; a figure of one seed has none."""
    lengths = error_bars(rows)
    lengths[:, rows["n_seeds"] < 2] = np.nan
    return lengths


def _draw_credibility(axes: Axes, table: pd.DataFrame) -> None:
    """Draw a row for each experiment, the first on top."""
    names = table[["setting", "poison", "points", "labels"]].drop_duplicates(["setting", "poison"])
    place = {key: number for number, key in enumerate(zip(names["setting"], names["poison"], strict=True))}
    axes.axvline(LOW_CREDIBILITY, color=REFERENCE, linewidth=1, linestyle=":")
    for number, (quantity, (label, style)) in enumerate(CREDIBILITIES.items()):
        rows = table[table["quantity"] == quantity]
        heights = [place[key] for key in zip(rows["setting"], rows["poison"], strict=True)]
        axes.errorbar(
            rows["value"],
            np.array(heights) + 0.16 * (number - 1.5),
            xerr=_reach(rows),
            linestyle="",
            linewidth=1,
            markersize=4.5,
            capsize=2,
            label=label,
            **style,
        )
    labels = [
        f"{row['setting']}, {row['poison']}: {row['points']:.0f} points, "
        f"{row['labels']:.0f} {'label' if row['labels'] == 1 else 'labels'}"
        for row in names.to_dict("records")
    ]
    axes.set_yticks(range(len(labels)), labels, fontsize="small")
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.set_xlim(-0.02, 1.04)
    axes.set_xlabel(f"credibility of the poison points (dotted: {LOW_CREDIBILITY})")
    axes.set_title("Is it low, and does it vary little?")
    axes.grid(axis="y", color="0.9", linewidth=0.6)
    axes.legend(loc="upper center", bbox_to_anchor=(0.4, -0.17), ncols=2)


def _draw_depth(axes: Axes, depth: pd.DataFrame, layers: Sequence[str], k: int) -> None:
    """Draw poison among the neighbours of poison by layer, over its share of the training rows."""
    experiments = list(dict.fromkeys(zip(depth["setting"], depth["poison"], strict=True)))
    handles = [Line2D([], [], color=REFERENCE, linestyle=":", label="as by chance")]
    axes.axhline(1, color=REFERENCE, linewidth=1, linestyle=":")
    width = 0.6 / max(1, 2 * len(experiments))
    for number, (setting, poison) in enumerate(experiments):
        own = depth[(depth["setting"] == setting) & (depth["poison"] == poison)]
        base_rate = own.loc[own["quantity"] == "percent_base_rate", "value"].iloc[0]
        counts = []
        for shift, (group, (_, colour, line)) in enumerate(GROUPS.items()):
            rows = own[(own["group"] == group) & (own["quantity"] == "percent_poison")]
            rows = rows.set_index("layer").loc[list(layers)]
            axes.errorbar(
                np.arange(len(layers)) + width * (2 * number + shift - len(experiments) + 0.5),
                rows["value"] / base_rate,
                yerr=_reach(rows) / base_rate,
                color=colour,
                linestyle=line,
                marker=MARKERS[number % len(MARKERS)],
                markersize=4.5,
                linewidth=1.2,
                capsize=2,
            )
            counts.append(f"{int(rows['n_points'].max()):,}")
        label = f"{setting}, {poison}: {counts[0]} memorised, {counts[1]} not"
        marker = MARKERS[number % len(MARKERS)]
        handles.append(Line2D([], [], color=REFERENCE, linestyle="", marker=marker, label=label))
    handles += [
        Line2D([], [], color=colour, linestyle=line, label=f"poison points, {name}")
        for name, colour, line in GROUPS.values()
    ]
    axes.set_xticks(range(len(layers)), layers)
    axes.set_xlim(-0.5, len(layers) - 0.5)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("layer, from input to output")
    axes.set_ylabel(f"poison among the {k} nearest training rows,\nover its share of all")
    axes.set_title("Does depth gather secml's poison?")
    axes.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.17))


def _draw_removal(axes: Axes, removal: pd.DataFrame) -> None:
    """Draw what the networks do, by what was removed from their training rows."""
    place = {detector: number for number, detector in enumerate(FILTERS)}
    handles = []
    for family, (name, style) in FAMILIES.items():
        for quantity, (label, colour) in FIGURES.items():
            rows = removal[(removal["family"] == family) & (removal["quantity"] == quantity)]
            rows = rows[rows["value"].notna()].sort_values("detector", key=lambda column: column.map(place))
            if rows.empty:
                continue
            axes.errorbar(
                rows["detector"].map(place) + (0.1 if family == "other" else -0.1),
                rows["value"],
                yerr=_reach(rows),
                color=colour,
                linewidth=1.2,
                markersize=5,
                capsize=3,
                **style,
            )
            n_experiments = rows["n_experiments"].max()
            experiments = "1 experiment" if n_experiments == 1 else f"{n_experiments} experiments"
            label = f"{label}: {name}, {experiments}, seeds: {rows['n_seeds'].max()}"
            handles.append(Line2D([], [], color=colour, label=label, **style))
    axes.set_xticks(range(len(FILTERS)), list(FILTERS.values()), fontsize="small")
    axes.set_xlim(-0.4, len(FILTERS) - 0.6)
    axes.set_ylim(-0.02, 1.03)
    axes.set_xlabel("removed from the training rows before training again")
    axes.grid(axis="y", color="0.9", linewidth=0.6)
    axes.set_ylabel("share of held-out images")
    axes.set_title("Does removing the suspects help?")
    if handles:
        axes.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.24))
