"""Figures of attacks that are made on one network and shown to others, and to deep k-nearest neighbours."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from layeraudit.errors import InputError
from layeraudit.figures import (
    CLEAN,
    MISCLASSIFIED,
    OTHER,
    POISON,
    REFERENCE,
    count,
    seed_error_bars,
)
from layeraudit.report.radii import middle_radius
from layeraudit.report.transfer import BASELINE, CHOSEN, ORACLE, OTHERS
from layeraudit.titles import name_in_words

FINE_TUNED = {
    "i_fgsm": ("I-FGSM + ILA", POISON, "o"),
    "fgsm": ("FGSM + ILA", MISCLASSIFIED, "s"),
}
"""The attack that ILA starts from: label, colour and marker."""

BASELINES: dict[str, tuple[str, str, Any]] = {
    BASELINE: ("I-FGSM", CLEAN, "-"),
    "fgsm": ("FGSM", REFERENCE, "--"),
    "noise": ("noise", REFERENCE, ":"),
}
"""Attack without a layer: label, colour and style."""

DETECTORS = {"credibility": "credibility\n(all layers)", "softmax": "softmax"}


def plot_success(table: pd.DataFrame, dataset: str) -> Figure:
    """Plot whether ILA makes an attack transfer better than I-FGSM does, a panel a source.

    Success is the mean over the networks that the attack never touched, at the middle radius.

    Parameters
    ----------
    table : the means of what `layeraudit.report.transfer.measure_transfer` measures
    dataset : whose rows are shown

    Raises
    ------
    InputError
        Where the table has no rows of the data set.
    """
    table = table.fillna({"target": "", "guide": "", "layer": ""})
    of_dataset = table[table["dataset"] == dataset]
    rows = of_dataset[of_dataset["target"] == OTHERS]
    if rows.empty:
        raise InputError(
            f"the table has no rows of {dataset}, allowed are {', '.join(table['dataset'].unique())}"
        )
    epsilon = middle_radius(rows.loc[rows["epsilon"] > 0, "epsilon"])
    n_networks = rows[rows["quantity"] == "n_networks"].set_index("source")["value"]
    rows = rows[rows["epsilon"] == epsilon]
    sources = list(dict.fromkeys(rows["source"]))
    lines = -(-len(sources) // 2)
    figure, grid = plt.subplots(
        lines, min(len(sources), 2), figsize=(9, 1.2 + 3.4 * lines), squeeze=False, layout="constrained"
    )
    for axes, source in zip(grid.flat, sources, strict=False):
        _plot_source(axes, rows[rows["source"] == source], source, int(n_networks[source]))
    for axes in grid.flat[len(sources) :]:
        axes.set_axis_off()
    success = rows[(rows["attack"] == BASELINE) & (rows["quantity"] == "success")].iloc[0]
    passes = of_dataset.loc[
        (of_dataset["attack"] == BASELINE) & (of_dataset["quantity"] == "backward_passes"), "value"
    ].iloc[0]
    figure.suptitle(
        "Does ILA make an attack fool other networks more often than I-FGSM does?\n"
        f"{name_in_words(dataset)}, L-infinity {epsilon:g}: {success['n_points']:,} images that every "
        f"network gets right, {count(success['n_seeds'], 'seed')}",
        fontsize="medium",
        x=0.01,
        ha="left",
    )
    figure.supxlabel(
        f"{passes:g} backward passes for each attack (FGSM 1, noise none). Bars and brackets: "
        "95 % intervals (Student's t over seeds; of one seed there is none).\n"
        "Chosen: the layer that an attacker takes, by the rule of ILA's paper, who has the source alone.",
        fontsize="small",
        x=0.01,
        ha="left",
    )
    return figure


def _plot_source(axes: Axes, rows: pd.DataFrame, source: str, n_networks: int) -> None:
    """Draw the success of attacks made on a source, by the layer in which ILA works."""
    success = rows[rows["quantity"] == "success"]
    layers = [layer for layer in dict.fromkeys(success["layer"]) if layer not in ("", CHOSEN, ORACLE)]
    place = {layer: float(number) for number, layer in enumerate(layers)} | {CHOSEN: len(layers) + 0.4}
    labels = []
    for shift, (guide, (label, colour, marker)) in zip((-0.1, 0.1), FINE_TUNED.items(), strict=True):
        own = success[(success["attack"] == "ilap") & (success["guide"] == guide)].set_index("layer")
        own = own.reindex([layer for layer in place if layer in own.index])
        x = np.array([place[layer] for layer in own.index]) + shift
        axes.errorbar(
            x, own["value"], yerr=seed_error_bars(own), color=colour, marker=marker, linestyle="", capsize=2
        )
        inner = own.index != CHOSEN
        axes.plot(x[inner], own["value"][inner], color=colour, linewidth=1)
        if CHOSEN in own.index:
            labels.append((x[-1] + 0.1, own["value"].iloc[-1], label, colour))
    right = len(layers) + 0.9
    for attack, (label, colour, line) in BASELINES.items():
        for value in success.loc[success["attack"] == attack, "value"]:
            axes.axhline(value, color=colour, linestyle=line, linewidth=1.4)
            labels.append((right, value, label, colour))
    axes.axvspan(len(layers) - 0.1, right, color="0.94", zorder=0)
    axes.set_xlim(-0.5, right)
    axes.set_xticks(list(place.values()), list(place), fontsize="small")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("layer of the source in which ILA works")
    axes.set_ylabel(f"share of images misclassified,\nmean of {count(n_networks, 'other network')}")
    gain = rows[(rows["quantity"] == f"gain_over_{BASELINE}") & (rows["layer"] == CHOSEN)]
    gain = gain[gain["guide"] == BASELINE]
    axes.set_title(f"Made on {name_in_words(source)}\n{_describe_gain(gain)}", fontsize="small")
    _label_at_the_right(axes, labels)


def _describe_gain(gain: pd.DataFrame) -> str:
    """Return what ILA gains in the chosen layer in words, where it is known."""
    if gain["value"].isna().all():
        return ""
    value, low, high, n_seeds = gain[["value", "ci95_low", "ci95_high", "n_seeds"]].iloc[0]
    interval = f" [{low:.3f}, {high:.3f}]" if n_seeds > 1 else ""
    figures = f"{value:+.3f}{interval}".replace("-", "\N{MINUS SIGN}")
    return f"ILA less I-FGSM, chosen layer: {figures}"


def _label_at_the_right(axes: Axes, labels: Sequence[tuple[float, float, str, str]]) -> None:
    """Name points and lines beside the panel, apart from one another: x, y, text and colour of each."""
    labels = sorted(labels, key=lambda label: label[1])
    top = axes.get_ylim()[1]
    heights = spread([y for _, y, _, _ in labels], apart=0.07 * top, top=top)
    for (x, y, text, colour), height in zip(labels, heights, strict=True):
        axes.annotate(
            text,
            (x, y),
            (1.08, height),
            textcoords=axes.get_yaxis_transform(),
            color=colour,
            va="center",
            fontsize="small",
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.6},
        )


def spread(heights: Sequence[float], *, apart: float, top: float) -> NDArray[np.float64]:
    """Move ascending heights so that each is `apart` from the next, and all are from 0 to `top`."""
    steps = apart * np.arange(len(heights))
    above = np.asarray(heights) - steps
    up = np.maximum.accumulate(above) + steps
    down = np.minimum.accumulate(above[::-1])[::-1] + steps
    placed: NDArray[np.float64] = np.clip((up + down) / 2, steps, steps + top - steps[-1])
    return placed


COMPARED = {
    ("fgsm", "", ""): ("FGSM", REFERENCE, "D"),
    ("i_fgsm", "", ""): ("I-FGSM", CLEAN, "v"),
    ("mi_fgsm", "", ""): ("MI-FGSM", OTHER, "P"),
    ("ilap", "fgsm", CHOSEN): ("ILAP after FGSM, chosen layer", POISON, "o"),
    ("ilap", "i_fgsm", CHOSEN): ("ILAP after I-FGSM, chosen layer", MISCLASSIFIED, "s"),
}


def plot_detection(table: pd.DataFrame) -> Figure:
    """Plot what DkNN flags of the attacks that succeed, what passes it, and which layer gives them away.

    Parameters
    ----------
    table : the means of what `layeraudit.report.dknn_against_transfer.measure_detection` measures
    """
    table = table.fillna({"guide": "", "layer": "", "detector": "", "against": ""})
    sources = list(dict.fromkeys(table["source"]))
    figure, grid = plt.subplots(
        len(sources), 3, figsize=(12, 1.6 + 3.2 * len(sources)), squeeze=False, layout="constrained"
    )
    attacked = table[table["epsilon"] > 0]
    epsilon = middle_radius(attacked["epsilon"])
    detectors = list(dict.fromkeys(attacked.loc[attacked["detector"] != "", "detector"]))
    for (left, middle, right), source in zip(grid, sources, strict=True):
        of_source = attacked[attacked["source"] == source]
        for number, (recipe, (label, colour, marker)) in enumerate(COMPARED.items()):
            own = of_source[(of_source[["attack", "guide", "layer"]] == list(recipe)).all(axis=1)]
            style: dict[str, Any] = {"color": colour, "marker": marker, "markersize": 5, "linewidth": 1}
            style |= {"label": label, "capsize": 2}
            of_dknn = own[own["detector"].isin(["", "credibility"]) & (own["against"] == "")]
            for axes, across, up in [
                (left, "success", "flagged_of_successes"),
                (middle, "l2", "evasive_success"),
            ]:
                x, y = (of_dknn[of_dknn["quantity"] == name].set_index("epsilon") for name in (across, up))
                axes.errorbar(x["value"], y["value"], yerr=seed_error_bars(y), **style)
            rated = own[(own["quantity"] == "auroc_of_successes") & (own["epsilon"] == epsilon)]
            rated = rated.set_index("detector").reindex(detectors)
            positions = [at + 0.13 * (number - 2) for at in range(len(detectors))]
            bars = seed_error_bars(rated)
            right.errorbar(positions, rated["value"], yerr=bars, **style | {"linestyle": "none"})
        right.axhline(0.5, color="0.7", linestyle=":")
        left.set_ylabel(f"made on {name_in_words(source)}\nshare of the successes that is flagged")
        middle.set_ylabel("share that fools the network and passes")
        right.set_ylabel(f"AUROC, successes at {epsilon:g} against clean")
        right.set_xticks(
            range(len(detectors)), [DETECTORS.get(name, name) for name in detectors], fontsize="small"
        )
        right.set_ylim(-0.03, 1.03)
        left.set_ylim(-0.03, 1.03)
        left.set_xlim(-0.03, 1.03)
    grid[-1, 0].set_xlabel("rate of success on the network, a marker a radius")
    grid[-1, 1].set_xlabel("mean L2 of the attack, a marker a radius")
    grid[-1, 2].set_xlabel("neighbours in which layer, or softmax")
    n, seeds = table["n_points"].max(), table["n_seeds"].max()
    radii = ", ".join(f"{radius:g}" for radius in sorted(set(attacked["epsilon"])))
    explained = "its 95 % interval (Student's t; of one seed there is none)"
    figure.suptitle(
        "Who notices: DkNN of a CNN that no attack has seen, flagging 5 % of clean images; "
        f"L-infinity {radii};\nmean over {count(seeds, 'seed')} with {explained}, {n:,} images an attack",
        fontsize="medium",
        x=0.01,
        ha="left",
    )
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5)
    return figure
