"""Figures of the benches: which detector finds what, and what training without its suspects does."""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from layeraudit.experiments import CONTROLS, UNFILTERED
from layeraudit.figures import CLEAN, POISON, REFERENCE, count, seed_error_bars
from layeraudit.leaderboard.benches import KIND, Bench
from layeraudit.leaderboard.benches import POISON as POISON_BENCH
from layeraudit.titles import DETECTOR, find_titles

TITLES = {
    "poison": "How well detectors find the poison in a training set",
    "evasion": "How well detectors tell attacked and strange inputs from clean ones",
}

QUANTITIES = {
    "success": ("success of the attack", POISON),
    "accuracy": ("accuracy, clean images", CLEAN),
}
"""What is shown of a network that was trained again: label and colour."""

EXPERIMENTS_A_LINE = 4

GAP = 0.3
"""Width of the gap beside the mean, in columns."""

DARK = 0.32
"""So far from 0.5 a colour is too dark for black figures."""


def plot_auroc(table: pd.DataFrame, ranks: pd.DataFrame, names: pd.DataFrame, bench: Bench) -> Figure:
    """Draw the AUROC of every detector in every experiment as a map, best mean rank first, controls last.

    Parameters
    ----------
    table : as `layeraudit.leaderboard.benches` makes it of the bench
    ranks : as `layeraudit.leaderboard.detector_ranks.rank_detectors` makes it
    names : as `layeraudit.titles.list_names` makes it
    """
    rows = table[table["quantity"] == "auroc"]
    ranks = ranks[ranks["bench"] == bench].set_index("detector")
    if rows.empty or ranks.empty:
        return _draw_text(f"{TITLES[bench]}: no experiment")
    keys = ["setting", KIND[bench]]
    experiments = rows.drop_duplicates(keys)
    columns = [tuple(pair) for pair in experiments[keys].to_numpy()]
    values = rows.pivot(index="detector", columns=keys, values="value").loc[ranks.index, columns].to_numpy()
    values = np.column_stack([ranks["auroc"], np.full(len(ranks), np.nan), values])
    height, width = values.shape
    # The mean stands apart, beside a narrow column of nothing.
    edges = np.cumsum([0, 1, GAP, *[1] * (width - 2)])
    centres = (edges[:-1] + edges[1:]) / 2
    figure, axes = plt.subplots(
        figsize=(max(8, 4.1 + 0.52 * width), 3.3 + 0.27 * height), layout="constrained"
    )
    picture = axes.pcolormesh(
        edges, np.arange(height + 1), values, cmap="RdBu", vmin=0, vmax=1, edgecolors="white", linewidth=0.6
    )
    for (line, column), value in np.ndenumerate(values):
        if not np.isnan(value):
            colour = "white" if abs(value - 0.5) > DARK else "black"
            at = centres[column], line + 0.5
            name = f"cell_{line}_{column}"  # by which a page keeps it dark on its light cell
            axes.text(*at, f"{value:.2f}", ha="center", va="center", color=colour, fontsize=7.5, gid=name)
    n_controls = int(ranks["mean_rank"].isna().sum())
    axes.axhline(height - n_controls, color="white", linewidth=5)
    axes.set_yticks(np.arange(height) + 0.5, _label_detectors(ranks, names))
    titles = find_titles(names, KIND[bench], experiments[KIND[bench]])
    counts = [
        f"{titles[kind]}\n{positives:,} of {points:,}; {count(seeds, 'seed')}"
        for kind, positives, points, seeds in experiments[
            [KIND[bench], "n_positives", "n_points", "n_seeds"]
        ].itertuples(index=False)
    ]
    shown = np.delete(centres, 1)
    axes.set_xticks(shown, ["mean of all", *counts], rotation=90, fontsize="small")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    settings = experiments["setting"].to_numpy()
    titles = find_titles(names, f"{bench}_setting", settings)
    for setting in dict.fromkeys(settings):
        places = shown[1:][settings == setting]
        left, right = places[0] - 0.5, places[-1] + 0.5
        axes.plot([left + 0.06, right - 0.06], [-0.15, -0.15], color=REFERENCE)
        name = titles[setting]
        # A name longer than its columns breaks rather than run into the next.
        text = name if len(name) < 7 * len(places) else name.replace(" ", "\n").replace("-", "-\n")
        axes.text((left + right) / 2, -0.3, text, ha="center", va="bottom", fontsize="small")
        axes.axvline(left, color="white", linewidth=5)
    axes.set_ylim(height, -1.4)
    figure.colorbar(picture, label="AUROC; 0.5 is a random score", shrink=0.6, pad=0.01)
    counted = "poison of all training rows" if bench == POISON_BENCH else "to be found of all images"
    figure.suptitle(
        f"{TITLES[bench]}: AUROC, mean over seeds\n"
        f"in brackets the mean rank in {count(ranks['n_blocks'].max(), 'experiment')}; "
        f"below, how many are {counted}, seeds together",
        x=0.01,
        ha="left",
        fontsize="medium",
    )
    return figure


def _label_detectors(ranks: pd.DataFrame, names: pd.DataFrame) -> list[str]:
    titles = title_detectors(names, ranks.index)
    return [
        title if np.isnan(rank) else f"{title} ({rank:.1f})"
        for title, rank in zip(titles.values(), ranks["mean_rank"], strict=True)
    ]


def title_detectors(names: pd.DataFrame, detectors: Collection[str]) -> dict[str, str]:
    """Return the title of each detector; controls are marked."""
    titles = find_titles(names, DETECTOR, detectors)
    return {name: f"{title} (control)" if name in CONTROLS else title for name, title in titles.items()}


def _draw_text(text: str) -> Figure:
    """Draw a figure of one sentence, where there is nothing to plot."""
    figure, axes = plt.subplots(figsize=(8, 1), layout="constrained")
    axes.set_axis_off()
    axes.text(0, 0.5, text, va="center")
    return figure


def plot_filters(table: pd.DataFrame, names: pd.DataFrame) -> Figure:
    """Plot the networks that were trained without the suspects of each detector.

    Parameters
    ----------
    table : as `layeraudit.leaderboard.benches.tabulate_poison` makes it
    names : as `layeraudit.titles.list_names` makes it
    """
    shown = [f"{name}_{time}" for name in QUANTITIES for time in ("before", "after")]
    rows = table[table["quantity"].isin(shown)]
    if rows.empty:
        return _draw_text("Trained again without the suspects: no network was")
    experiments = list(dict.fromkeys(rows[["setting", "poison"]].itertuples(index=False, name=None)))
    settings = find_titles(names, "poison_setting", rows["setting"])
    poisons = find_titles(names, "poison", rows["poison"])
    detectors = _order_filters(rows)
    lines = -(-len(experiments) // EXPERIMENTS_A_LINE)
    across = min(len(experiments), EXPERIMENTS_A_LINE)
    figure, grid = plt.subplots(
        lines,
        2 * across,
        figsize=(max(9.5, 2.2 + 3.9 * across), 1.5 + lines * (0.95 + 0.2 * len(detectors))),
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    pairs = grid.reshape(-1, 2)
    for pair, (setting, poison) in zip(pairs, experiments, strict=False):
        own = rows[(rows["setting"] == setting) & (rows["poison"] == poison)]
        seeds = own["n_seeds"].max()
        title = f"{settings[setting]}: {poisons[poison]}, {count(seeds, 'seed')}"
        pair[0].set_title(title, fontsize="small", fontweight="bold")
        for axes, (quantity, (label, colour)) in zip(pair, QUANTITIES.items(), strict=True):
            _plot_filters_of(axes, own, quantity, detectors, colour)
            n = own.loc[own["quantity"] == f"{quantity}_after", "n_points"].max()
            axes.set_xlabel(label if np.isnan(n) else f"{label}, n = {n:,.0f}", fontsize="small")
            axes.tick_params(labelsize="small")
    for axes in pairs[len(experiments) :].ravel():
        axes.set_axis_off()
    titles = title_detectors(names, detectors[1:])
    grid[0, 0].set_yticks(range(len(detectors)), ["No filter", *titles.values()])
    grid[0, 0].invert_yaxis()
    figure.suptitle(
        "Networks trained again without what each detector suspects most, and with all (no filter, the "
        "dashed line)\nmean over seeds with its 95 % interval (Student's t); n is the images of all seeds;\n"
        "each filter removes as many rows at most, the perfect one all the poison and nothing else",
        x=0.01,
        ha="left",
        fontsize="medium",
    )
    return figure


def _order_filters(rows: pd.DataFrame) -> list[str]:
    """Put the filter that leaves least success to attacks first, the controls last."""
    after = rows[rows["quantity"] == "success_after"].groupby("detector")["value"].mean()
    names = sorted(set(rows["detector"]) - set(CONTROLS), key=lambda name: (after.get(name, 0.0), name))
    return [UNFILTERED, *names, *(name for name in CONTROLS if name in set(rows["detector"]))]


def _plot_filters_of(
    axes: Axes, rows: pd.DataFrame, quantity: str, detectors: Sequence[str], colour: str
) -> None:
    after = rows[rows["quantity"] == f"{quantity}_after"].set_index("detector")
    before = rows[rows["quantity"] == f"{quantity}_before"].head(1)
    if after.empty:
        axes.text(0.5, 0.5, "no attack", transform=axes.transAxes, ha="center", color=REFERENCE)
        axes.set_xticks([])
        return
    axes.axvline(before["value"].iloc[0], color="0.6", linestyle="--", linewidth=1)
    style: dict[str, Any] = {"linestyle": "none", "markersize": 4, "capsize": 2, "elinewidth": 1}
    axes.errorbar(before["value"], [0], xerr=seed_error_bars(before), color=REFERENCE, marker="D", **style)
    for controls, marker in [(False, "o"), (True, "s")]:
        members = after[after.index.isin(CONTROLS) == controls]
        axes.errorbar(
            members["value"],
            [detectors.index(name) for name in members.index],
            xerr=seed_error_bars(members),
            color=REFERENCE if controls else colour,
            marker=marker,
            **style,
        )
    if quantity == "success":
        axes.set_xlim(-0.05, 1.05)
    else:
        # Accuracy moves little: the points decide what is shown, not intervals of few seeds.
        values = [*after["value"], *before["value"]]
        room = max(0.02, np.ptp(values))
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.set_xlim(min(values) - room, min(max(values) + room, 1.005))
    axes.grid(axis="x", color="0.92")
