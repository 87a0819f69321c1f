"""The figure of section 4: credibility of poison, poison among the neighbours of poison, and its removal."""

from collections.abc import Collection, Mapping, Sequence
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
    POISON,
    REFERENCE,
    count,
    seed_error_bars,
)
from layeraudit.report.groups import LOW_CREDIBILITY
from layeraudit.report.section_4 import BY_CREDIBILITY, BY_LABELS
from layeraudit.titles import POISON as POISON_KIND
from layeraudit.titles import POISON_SETTING, find_titles

CREDIBILITIES = {
    "poison": ("poison", POISON),
    "misclassified_clean": ("clean, misclassified", MISCLASSIFIED_CLEAN),
}
"""Group in the table: label and colour."""

GROUPS: dict[str, tuple[str, str, Any]] = {
    "memorised": ("memorised", POISON, "-"),
    "not_memorised": ("not memorised", MISCLASSIFIED, "--"),
}
"""Poison points in the table: label, colour and style."""

MARKERS = "osD^vP"

FILTERS = {
    UNFILTERED: "nothing",
    RANDOM: "random\nrows",
    BY_CREDIBILITY: "low cred-\nibility",
    BY_LABELS: "label dis-\nagreement",
    PERFECT: "poison\nalone",
}
"""Detector in the table: what is removed."""

FIGURES = {"accuracy": ("accuracy", CLEAN), "attack_success": ("success of the attack", POISON)}

FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "secml": ("secml's poison", {"linestyle": "", "marker": "o"}),
    "other": ("other poisons", {"linestyle": "", "marker": "s", "markerfacecolor": "white"}),
}

Titles = Mapping[str, Mapping[str, str]]
"""Of each `setting` and `poison` by its id."""


def plot_section_4(
    table: pd.DataFrame,
    removal: pd.DataFrame,
    names: pd.DataFrame,
    *,
    secml: Collection[str],
    layers: Sequence[str],
    k: int,
) -> Figure:
    """Plot what poison's credibility is, how depth draws poison together, and what removing suspects does.

    Parameters
    ----------
    table, removal : means of what `layeraudit.report.section_4` measures
    names : as `layeraudit.titles.list_names` makes it
    secml : the poisons that secml makes, which the second panel is of
    layers : from input to output
    k : neighbours of a point in a layer
    """
    table = table.fillna({"layer": ""})
    n_experiments = table.groupby(["setting", "poison"]).ngroups
    height = 1.1 + 0.36 * n_experiments
    figure = plt.figure(figsize=(9, height + 5), layout="constrained")
    (upper,), (lower,) = figure.subfigures(2, height_ratios=[height, 4.5], squeeze=False)
    titles = {
        column: find_titles(names, kind, list(dict.fromkeys(table[column])))
        for column, kind in (("setting", POISON_SETTING), ("poison", POISON_KIND))
    }
    _draw_credibility(upper.subplots(), table[table["layer"] == ""], titles)
    left, right = lower.subplots(1, 2)
    _draw_depth(left, table[table["poison"].isin(list(secml))], titles, layers, k)
    _draw_removal(right, removal)
    seeds = sorted({int(n) for n in table["n_seeds"] if n})
    n_seeds = f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}" if seeds else "no"
    figure.suptitle(
        "Larger sets of poison: is their credibility low, does depth gather them, does removal help?\n"
        f"means over {n_seeds} seeds, with 95 % intervals (Student's t; of one seed there is none)",
        x=0.01,
        ha="left",
        fontsize="medium",
    )
    return figure


def _draw_credibility(axes: Axes, table: pd.DataFrame, titles: Titles) -> None:
    """Draw the credibility of poison and of misclassified clean rows, experiment by experiment."""
    experiments = table.drop_duplicates(["setting", "poison"])
    place = pd.Series(range(len(experiments)), pd.MultiIndex.from_frame(experiments[["setting", "poison"]]))
    by_experiment = table.set_index(["setting", "poison"])
    axes.axvline(LOW_CREDIBILITY, color=REFERENCE, linewidth=1, linestyle=":")
    axes.text(LOW_CREDIBILITY, -0.65, f" low: below {LOW_CREDIBILITY}", color=REFERENCE, fontsize="small")
    for shift, (group, (label, colour)) in zip((-0.17, 0.17), CREDIBILITIES.items(), strict=True):
        of_group = by_experiment[by_experiment["group"] == group]
        mean, first, ninth = (
            of_group[of_group["quantity"] == quantity].loc[place.index]
            for quantity in ("mean_credibility", "decile_1", "decile_9")
        )
        heights = place + shift
        axes.hlines(heights, first["value"], ninth["value"], color=colour, linewidth=7, alpha=0.3)
        axes.errorbar(
            mean["value"],
            heights,
            xerr=seed_error_bars(mean),
            linestyle="",
            linewidth=1,
            marker="o",
            markersize=4.5,
            capsize=2,
            color=colour,
        )
        end = ninth["value"].fillna(0).iloc[0]
        axes.text(end + 0.015, heights.iloc[0], label, color=colour, va="center", fontsize="small")
    described = table[table["quantity"].isin(["n_labels", "percent_base_rate"])]
    labels = [
        f"{titles['setting'][str(setting)]}: {titles['poison'][str(poison)]} "
        f"({rows['n_labels']['n_points'] / rows['n_labels']['n_seeds']:.0f} points, "
        f"{rows['percent_base_rate']['value']:.2g} %, {count(round(rows['n_labels']['value']), 'label')})"
        for (setting, poison), of_experiment in described.groupby(["setting", "poison"], sort=False)
        for rows in [of_experiment.set_index("quantity").to_dict("index")]
    ]
    axes.set_yticks(range(len(labels)), labels, fontsize="small")
    axes.set_ylim(len(labels) - 0.4, -1)
    axes.set_xlim(-0.02, 1.02)
    axes.set_xlabel("credibility; dot: mean; pale bar: the middle 80 % of the points", fontsize="small")
    axes.set_title("Is poison always of low credibility, that varies little?")


def _draw_depth(axes: Axes, depth: pd.DataFrame, titles: Titles, layers: Sequence[str], k: int) -> None:
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
                yerr=seed_error_bars(rows) / base_rate,
                color=colour,
                linestyle=line,
                marker=MARKERS[number % len(MARKERS)],
                markersize=4.5,
                linewidth=1.2,
                capsize=2,
            )
            counts.append(f"{int(rows['n_points'].max()):,}")
        title = f"{titles['poison'][poison]} ({titles['setting'][setting]})"
        label = f"{title}: {counts[0]} memorised, {counts[1]} not"
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
    axes.set_ylabel(f"poison among the {k} nearest\ntraining rows, over its share of all")
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
                yerr=seed_error_bars(rows),
                color=colour,
                linewidth=1.2,
                markersize=5,
                capsize=3,
                **style,
            )
            n_points = f"{rows['n_points'].max():,} poison points"
            label = f"{label}, {name} ({n_points}, {count(rows['n_seeds'].max(), 'seed')})"
            handles.append(Line2D([], [], color=colour, label=label, **style))
    axes.set_xticks(range(len(FILTERS)), list(FILTERS.values()), fontsize="small")
    axes.set_xlim(-0.4, len(FILTERS) - 0.6)
    axes.set_ylim(-0.02, 1.03)
    axes.set_xlabel("removed before training again")
    axes.grid(axis="y", color="0.9", linewidth=0.6)
    axes.set_ylabel("share of held-out images")
    axes.set_title("Does removing the suspects help?")
    if handles:
        axes.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.24))
