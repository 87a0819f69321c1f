"""Figures of attacks that are made on one network and shown to others, and to deep k-nearest neighbours."""

from typing import Any

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from layeraudit.errors import InputError
from layeraudit.figures import (
    CLEAN,
    MISCLASSIFIED,
    MISCLASSIFIED_CLEAN,
    OTHER,
    POISON,
    REFERENCE,
    error_bars,
)
from layeraudit.radii import middle_radius
from layeraudit.tables.transfer import CHOSEN, OTHERS, STEADY, TWIN

DATASETS = {"mnist": "MNIST", "fashion_mnist": "Fashion-MNIST", "cifar10": "CIFAR-10"}

NETWORKS = {
    OTHERS: "mean of all others",
    STEADY: "steady in noise",
    TWIN: "twin of the source",
    "audited": "the audited CNN",
    "report_cnn": "the report's CNN",
    "tramer_a": "A of Tramèr",
    "tramer_b": "B of Tramèr",
    "tramer_c": "C of Tramèr",
    "tramer_d": "D of Tramèr",
    "lenet": "LeNet",
    "small_resnet": "small ResNet",
    "all_convolutional": "All-CNN",
    "resnet20": "ResNet-20",
    "vgg11": "VGG-11",
}

PUSHED = {
    ("ilap", "fgsm"): ("ILAP after FGSM", POISON, "o"),
    ("ilap", "i_fgsm"): ("ILAP after I-FGSM", MISCLASSIFIED, "s"),
    ("ilap", "mi_fgsm"): ("ILAP after MI-FGSM", OTHER, "D"),
    ("ilaf", "i_fgsm"): ("ILAF after I-FGSM", MISCLASSIFIED_CLEAN, "^"),
}

LINES: dict[str, tuple[str, str, Any]] = {
    "i_fgsm": ("I-FGSM of the same passes", CLEAN, "-"),
    "i_fgsm_ila_step": ("the same, ILA's step", CLEAN, ":"),
    "mi_fgsm": ("MI-FGSM of the same passes", OTHER, "--"),
    "fgsm": ("FGSM, one pass", REFERENCE, "-."),
    "noise": ("noise", REFERENCE, ":"),
}

DETECTORS = {"credibility": "credibility\n(all layers)", "softmax": "softmax"}


def plot_success(table: pd.DataFrame, dataset: str) -> Figure:
    """Plot the rate of success by the layer that ILA pushes in, a panel a target, a row a source.

    Parameters
    ----------
    table : as `layeraudit.tables.transfer.tabulate_success` makes it
    dataset : whose rows are shown, at the middle radius
    """
    rows = table[(table["dataset"] == dataset) & (table["quantity"] == "success")]
    if rows.empty:
        raise InputError(
            f"the table has no rows of {dataset}, allowed are {', '.join(table['dataset'].unique())}"
        )
    epsilon = middle_radius(rows.loc[rows["epsilon"] > 0, "epsilon"])
    rows = rows[rows["epsilon"] == epsilon]
    sources = list(dict.fromkeys(rows["source"]))
    targets = [name for name in NETWORKS if name in set(rows["target"])]
    figure, grid = plt.subplots(
        len(sources),
        len(targets),
        figsize=(max(8, 1.1 + 1.6 * len(targets)), 1.6 + 2.4 * len(sources)),
        sharex="row",
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for panels, source in zip(grid, sources, strict=True):
        of_source = rows[rows["source"] == source]
        for axes, target in zip(panels, targets, strict=True):
            own = of_source[of_source["target"] == target]
            _plot_layers(axes, own)
            note = " (white box)" if target == source else ""
            if target == STEADY:
                note = f" ({len(own['networks'].iloc[0].split())})" if len(own) else ": none"
            axes.set_title(NETWORKS[target] + note, fontsize="small")
        panels[0].set_ylabel(f"made on {NETWORKS[source]}\nrate of success")
    grid[-1, len(targets) // 2].set_xlabel(
        "layer in which ILA pushes; the last is the one chosen on the source"
    )
    n, seeds = rows["n_points"].max(), rows["n_seeds"].max()
    figure.suptitle(
        f"Who is fooled by an attack on another network, L-infinity {epsilon:g}: mean over {seeds} seeds "
        f"with its 95 % interval (Student's t),\n{n:,} images of {DATASETS[dataset]} that every network gets "
        "right, as many backward passes for each attack but FGSM and noise",
        fontsize="medium",
        x=0.01,
        ha="left",
    )
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    return figure


def _plot_layers(axes: Axes, rows: pd.DataFrame) -> None:
    layers = list(dict.fromkeys(rows.loc[rows["layer"] != "", "layer"]))
    layers = [layer for layer in layers if layer not in (CHOSEN, "oracle")] + [CHOSEN]
    for number, ((attack, guide), (label, colour, marker)) in enumerate(PUSHED.items()):
        of_attack = rows[(rows["attack"] == attack) & (rows["guide"] == guide)].set_index("layer")
        of_layers = of_attack.reindex([layer for layer in layers if layer in of_attack.index])
        positions = [layers.index(layer) + 0.12 * (number - 1.5) for layer in of_layers.index]
        style: dict[str, Any] = {"color": colour, "marker": marker, "markersize": 4, "linestyle": "none"}
        bars = error_bars(of_layers)
        axes.errorbar(positions, of_layers["value"], yerr=bars, capsize=2, label=label, **style)
        inner = [at for at, layer in enumerate(of_layers.index) if layer != CHOSEN]
        axes.plot([positions[at] for at in inner], of_layers["value"].iloc[inner], color=colour, linewidth=1)
    for attack, (label, colour, line) in LINES.items():
        value = rows.loc[rows["attack"] == attack, "value"]
        if len(value):
            axes.axhline(value.iloc[0], color=colour, linestyle=line, linewidth=1.2, label=label)
    axes.set_xticks(range(len(layers)), layers, rotation=60, fontsize="small")
    axes.set_ylim(-0.03, 1.03)
    axes.grid(axis="y", color="0.92")


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
    table : as `layeraudit.tables.dknn_against_transfer.tabulate_detection` makes it
    """
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
            style: dict[str, Any] = {
                "color": colour,
                "marker": marker,
                "markersize": 5,
                "linewidth": 1,
                "label": label,
            }
            alone = own[(own["detector"] == "") & (own["against"] == "")]
            for axes, across, up in [
                (left, "success", "flagged_of_successes"),
                (middle, "l2", "evasive_success"),
            ]:
                x, y = (alone[alone["quantity"] == name].set_index("epsilon") for name in (across, up))
                axes.errorbar(x["value"], y["value"], yerr=error_bars(y), capsize=2, **style)
            rated = own[(own["quantity"] == "auroc_of_successes") & (own["epsilon"] == epsilon)]
            rated = rated.set_index("detector").reindex(detectors)
            positions = [at + 0.13 * (number - 2) for at in range(len(detectors))]
            right.errorbar(
                positions, rated["value"], yerr=error_bars(rated), capsize=2, **style | {"linestyle": "none"}
            )
        right.axhline(0.5, color="0.7", linestyle=":")
        left.set_ylabel(f"made on {NETWORKS[source]}\nshare of the successes that is flagged")
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
    figure.suptitle(
        "Who notices: DkNN of a CNN that no attack has seen, flagging 5 % of clean images; "
        f"L-infinity {radii};\n"
        f"mean over {seeds} seeds with its 95 % interval (Student's t), {n:,} images an attack",
        fontsize="medium",
        x=0.01,
        ha="left",
    )
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5)
    return figure
