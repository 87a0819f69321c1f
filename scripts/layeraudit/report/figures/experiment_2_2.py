"""Figures of experiment 2.2: poison among the neighbours, layer by layer, and why it is so."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from layeraudit.figures import (
    CLEAN,
    MISCLASSIFIED,
    MISCLASSIFIED_CLEAN,
    POISON,
    REFERENCE,
    seed_error_bars,
)

GROUPS = {
    "poisoned": ("poison points", POISON, "D"),
    "misclassified": ("misclassified (poison included)", MISCLASSIFIED, "s"),
    "misclassified_clean": ("misclassified, clean only", MISCLASSIFIED_CLEAN, "^"),
    "non_poisoned": ("clean held-out images", CLEAN, "o"),
}
"""Name in the table: label, colour and marker."""

OFFSETS = [-0.21, -0.07, 0.07, 0.21]
"""Shifts of the lines of a panel beside each other, in layers, so that no interval hides another."""


def _list(values: Iterable[int]) -> str:
    """Write the number of each panel, or of all panels where it is the same."""
    numbers = [f"{value:,}" for value in values]
    return numbers[0] if len(set(numbers)) == 1 else " / ".join(numbers)


def _draw(axes: Axes, rows: pd.DataFrame, offset: float, **style: Any) -> None:
    """Draw values over the layers, with the intervals of those that rest on two seeds or more."""
    value = rows["value"].to_numpy()
    x, bars = np.arange(len(rows)) + offset, seed_error_bars(rows)
    axes.errorbar(x, value, yerr=bars, linewidth=1.2, capsize=3, **style)


def _name_layers(axes: Axes, layers: Sequence[str]) -> None:
    axes.set_xticks(range(len(layers)), layers)
    axes.set_xlim(-0.4, len(layers) - 0.6)
    axes.set_xlabel("layer, from input to output")


def _head(figure: Figure, text: str) -> None:
    explained = "mean over seeds, with its 95 % interval (Student's t; of one seed there is none)"
    figure.suptitle(f"{text}\n{explained}", fontsize="medium", x=0.01, ha="left")


def plot_poisoned_neighbours(
    tables: Sequence[pd.DataFrame], *, titles: Sequence[str], k: int, base_rates: Sequence[float]
) -> Figure:
    """Plot the share of poison among the neighbours by layer and group, the report's figures beside ours.

    Parameters
    ----------
    tables : of each training, as `layeraudit.report.experiment_2_2.tabulate_table1` makes it
    titles : of their panels
    k : neighbours of a point in a layer
    base_rates : share of poison in each training set, percent
    """
    n_rows = 1 if len(tables) < 3 else 2
    figure, panels = plt.subplots(
        nrows=n_rows,
        ncols=-(-len(tables) // n_rows),
        sharey=True,
        squeeze=False,
        figsize=(10.5, 1.6 + 4 * n_rows),
        layout="constrained",
    )
    layers = list(dict.fromkeys(tables[0]["layer"]))
    for axes, table, title, base_rate in zip(panels.flat, tables, titles, base_rates, strict=False):
        line = axes.axhline(base_rate, color=REFERENCE, linewidth=1, linestyle=":")
        for offset, (group, (_, colour, marker)) in zip(OFFSETS, GROUPS.items(), strict=True):
            rows = table[table["group"] == group].set_index("layer").loc[layers]
            rows = rows.rename(columns={"percent_poisoned_neighbours": "value"})
            _draw(axes, rows, offset, color=colour, marker=marker)
            style = {"color": colour, "marker": marker, "markerfacecolor": "white", "linestyle": "--"}
            axes.plot(np.arange(len(layers)) + offset, rows["reported"], linewidth=1, **style)
        _name_layers(axes, layers)
        axes.set_title(f"{title}: {base_rate:.1f} % poison", fontsize="small")
    of_two_seeds = pd.concat([table[table["n_seeds"] > 1] for table in tables])
    highest = max(of_two_seeds["ci95_high"].max(), *(table["reported"].max() for table in tables))
    panels[0][0].set_ylim(0, min(100, 1.05 * highest) if np.isfinite(highest) else None)
    for axes in panels[:, 0]:
        axes.set_ylabel(f"poison among the {k} nearest training rows (%)")
    _head(figure, "Poison among the nearest neighbours of an image, layer by layer, by training")
    handles, labels = [], []
    for group, (label, colour, marker) in GROUPS.items():
        first = [table[table["group"] == group].iloc[0] for table in tables]
        n_points, n_seeds = ([int(row[name]) for row in first] for name in ("n_points", "n_seeds"))
        handles.append(Line2D([], [], color=colour, marker=marker, linewidth=1.2))
        labels.append(f"{label}: n = {_list(n_points)} points, {_list(n_seeds)} seeds")
    handles.append(Line2D([], [], color=REFERENCE, marker="o", markerfacecolor="white", linestyle="--"))
    labels.append("open markers: the report's Table 1, one run")
    handles.append(line)
    labels.append("base rate: poison among the training rows")
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    return figure


DEPTH_PANELS = {
    "Does the layer tell the classes apart?": (
        "neighbours with an image's label (%)",
        "percent_same_label",
        {"non_poisoned": ("clean held-out images", CLEAN)},
    ),
    "With which class does it put a poison point?": (
        "clean neighbours with its false label (%)",
        "percent_same_label_of_clean_neighbours",
        {"poisoned": ("poison points", POISON)},
    ),
    "Whose neighbours are poison?": (
        "poison among the neighbours (%)",
        "percent_poison",
        {
            "memorised": ("poison, memorised", POISON),
            "not_memorised": ("poison, not memorised", MISCLASSIFIED),
            "misclassified_clean": ("misclassified, clean", MISCLASSIFIED_CLEAN),
        },
    ),
    "Is poison a hub of clean images?": (
        "occurrence of a poison row,\nrelative to a clean row",
        "occurrence_poison_to_clean",
        {"": ("training rows, as neighbours of clean held-out images", POISON)},
    ),
}
"""Title: label of the axis, the quantity, and for each group of the table its label and colour."""

TRAINING_STYLES: list[dict[str, Any]] = [
    {"linestyle": "--", "marker": "^"},
    {"linestyle": "-", "marker": "o"},
]
"""How the lines of the first and of the second training are drawn."""


def plot_depth(table: pd.DataFrame, *, titles: dict[str, str], layers: Sequence[str], k: int) -> Figure:
    """Plot what each layer makes of clean images and of poison, in two trainings.

    Parameters
    ----------
    table : means of what `layeraudit.report.experiment_2_2.measure_depth` measures, by training
    titles : a label for each training
    layers : from input to output
    k : neighbours of a point in a layer
    """
    figure, panels = plt.subplots(2, 2, figsize=(10.5, 8), layout="constrained")
    table = table.fillna({"group": "", "layer": ""})
    for axes, (title, (label, quantity, groups)) in zip(panels.flat, DEPTH_PANELS.items(), strict=True):
        handles, labels = [], []
        for place, (group, (name, colour)) in enumerate(groups.items()):
            n_points, n_seeds = [], []
            of_group = table[(table["quantity"] == quantity) & (table["group"] == group)]
            for training, style in zip(titles, TRAINING_STYLES, strict=True):
                rows = of_group[of_group["training"] == training].set_index("layer").loc[list(layers)]
                shift = place - (len(groups) - 1) / 2 + (0.25 if style["linestyle"] == "-" else -0.25)
                _draw(axes, rows, 0.16 * shift, color=colour, **style)
                n_points.append(int(rows["n_points"].max()))
                n_seeds.append(int(rows["n_seeds"].max()))
            handles.append(Line2D([], [], color=colour, linewidth=3))
            labels.append(f"{name}: n = {_list(n_points)}, {_list(n_seeds)} seeds")
        _name_layers(axes, layers)
        if "%" in label and len(groups) == 1:
            axes.set_ylim(0, 105)
        else:
            axes.set_ylim(bottom=0)
        axes.set_title(title)
        axes.set_ylabel(label)
        axes.legend(handles, labels, loc="upper center", bbox_to_anchor=(0.5, -0.16))
    memorised = table[table["quantity"] == "percent_memorised"].set_index("training")["value"]
    figure.legend(
        handles=[Line2D([], [], color=REFERENCE, **style) for style in TRAINING_STYLES],
        labels=[
            f"{title}: {memorised[training]:.0f} % of the poison memorised"
            for training, title in titles.items()
        ],
        loc="outside lower center",
        ncols=2,
    )
    _head(figure, f"What each layer makes of clean images and of poison, by the {k} nearest training rows")
    return figure
