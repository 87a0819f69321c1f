"""Pictures: poison points beside their source images, and inputs beside their nearest training images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from layeraudit.figures import CLEAN, MISCLASSIFIED, POISON
from layeraudit.splits import Split

N_POISON = 12
"""Poison points in a grid."""

POISON_COLUMNS = 3
"""Poison points in a line of the grid."""

COLOURED_PIXELS = 0.99
"""Share of pixels whose change the colours of the grid tell apart; larger changes have the last colour."""

N_NEIGHBOURS = 8
"""Neighbours shown in a layer, in two lines, of the k that were found."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """An input of a network, and its nearest training images.

    Attributes
    ----------
    title : why it is shown
    image : float32 [h, w] in [0, 1]
    y, y_true, dnn_label, dknn_label, credibility : as in the scores
    neighbours : for each layer int64 [k], rows of the training split, nearest first
    """

    title: str
    image: NDArray[np.float32]
    y: int
    y_true: int
    dnn_label: int
    dknn_label: int
    credibility: float
    neighbours: Mapping[str, NDArray[np.int64]]


def _draw_image(axes: Axes, image: NDArray[np.float32]) -> None:
    # Without interpolation a pixel stays a pixel, in the SVG too.
    axes.imshow(image, cmap="gray_r", vmin=0, vmax=1, interpolation="none")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set(visible=True, color="0.85", linewidth=0.5)


def choose_evenly(distance: NDArray[np.float64], n: int) -> NDArray[np.int64]:
    """Choose n points, or all where there are fewer, at even steps of rank by distance, from least to most.

    Parameters
    ----------
    distance : float64 [n_points]

    Returns
    -------
    int64 [min(n, n_points)], rows in ascending order of distance, of equals the lower row first
    """
    order = np.argsort(distance, kind="stable")
    ranks = np.linspace(0, len(order) - 1, min(n, len(order))).round().astype(np.int64)
    return np.asarray(order[ranks], dtype=np.int64)


def plot_poison_grid(
    points: Split, sources: NDArray[np.float32], scores: pd.DataFrame, record: pd.DataFrame
) -> Figure:
    """Show poison points beside their source images, and what was changed.

    The points are at even steps of rank by the distance that they were moved, from the least to the most.

    Parameters
    ----------
    points : images of one channel
    sources : float32 [n, h, w] in [0, 1], the image that each point was made of
    scores : of the points, a row each in their order, with `dnn_label` and `credibility`
    record : of the points, a row each in their order, with `distance` and `moved`
    """
    rows = choose_evenly(record["distance"].to_numpy(), N_POISON)
    images = points.x[:, 0]
    change = images - sources
    # One point that was moved much farther than the others would leave no colour to these.
    limit = float(np.quantile(np.abs(change[rows]), COLOURED_PIXELS)) or 1.0

    beyond = float((np.abs(change[rows]) > limit).mean())

    n_lines = -(-len(rows) // POISON_COLUMNS)
    height = 1.9 * n_lines + 1.6
    figure = plt.figure(figsize=(11.5, height))
    grid = figure.add_gridspec(
        n_lines,
        4 * POISON_COLUMNS,
        width_ratios=[1, 1, 1, 0.25] * POISON_COLUMNS,  # the fourth keeps points apart
        left=0.02,
        right=1.01,
        bottom=1.25 / height,
        top=1 - 0.85 / height,
        wspace=0.06,
        hspace=0.5,
    )
    for place, row in enumerate(rows):
        line, column = divmod(place, POISON_COLUMNS)
        panels = [figure.add_subplot(grid[line, 4 * column + part]) for part in range(3)]
        for axes, name, image in zip(
            panels, ["source", "poison", "difference"], [sources[row], images[row], change[row]], strict=True
        ):
            _draw_image(axes, image)
            axes.set_title(name, fontsize="x-small", loc="center", pad=2)
        panels[2].images[0].set(cmap="RdBu_r", clim=(-limit, limit))
        score, made = scores.iloc[row], record.iloc[row]
        panels[1].set_xlabel(
            f"true {points.y_true[row]}, label given {points.y[row]}, network says {score['dnn_label']}\n"
            f"moved by {made['distance']:.2f}{'' if made['moved'] else ' (noise only)'}, "
            f"credibility {score['credibility']:.2f}",
            fontsize="small",
            color=MISCLASSIFIED if score["dnn_label"] != points.y_true[row] else "black",
        )
    figure.colorbar(
        panels[2].images[0],
        cax=figure.add_axes((0.3, 0.6 / height, 0.4, 0.12 / height)),
        orientation="horizontal",
        ticks=[-limit, 0, limit],
        format="%.2g",
        extend="both",
        label=f"difference: poison less source (0 is paper, 1 is ink); {beyond:.1%} of pixels beyond",
    )
    figure.suptitle(
        f"{len(rows)} of {len(points)} poison points, at even steps of rank by the distance moved (L2 from "
        "the source image)\nlabel and credibility are those of a network of clean images; "
        "orange: the network does not give the true digit",
        x=0.02,
        horizontalalignment="left",
        fontsize="medium",
    )
    return figure


def choose_inputs(
    test: pd.DataFrame, poison: pd.DataFrame, distance: NDArray[np.float64], *, layer: str
) -> dict[str, tuple[str, int]]:
    """Choose inputs that are worth a look, by rules that their titles state; of equals the first row.

    Parameters
    ----------
    test, poison : scores of the held-out images, and of the poison points alone
    distance : float64 [n_poison], of each poison point from its source image
    layer : in which poison neighbours are counted

    Returns
    -------
    By title, `test` or `poison` and the input's `row` there. Where there is none that a rule allows, its
    title is absent.
    """
    wrong = test["dnn_label"] != test["y_true"]
    right = test[~wrong].sort_values("credibility", kind="stable")
    misclassified = test[wrong].sort_values(
        [f"poison_neighbours_{layer}", "credibility"], ascending=[False, True], kind="stable"
    )
    farthest = poison.assign(distance=distance).sort_values("distance", ascending=False, kind="stable")
    wrong_poison = farthest[farthest["dnn_label"] != farthest["y_true"]]
    candidates = {
        "Held-out image of the highest credibility": (
            "test",
            test.sort_values("credibility", ascending=False, kind="stable"),
        ),
        "Held-out image of median credibility among those that the network gets right": (
            "test",
            right.iloc[(len(right) - 1) // 2 :],
        ),
        f"Misclassified held-out image with the most poison among its {layer} neighbours, "
        "and of such the lowest credibility"
        if (misclassified[f"poison_neighbours_{layer}"] > 0).any()
        else "Misclassified held-out image of the lowest credibility": ("test", misclassified),
        "Poison point moved farthest, of those whose true digit the network does not give"
        if len(wrong_poison)
        else "Poison point moved farthest (the network gives all of them their true digit)": (
            "poison",
            wrong_poison if len(wrong_poison) else farthest,
        ),
    }
    return {
        title: (split, int(allowed["row"].iloc[0]))
        for title, (split, allowed) in candidates.items()
        if len(allowed)
    }


def plot_neighbours(inputs: Sequence[Shown], train: Split) -> Figure:
    """Show inputs, a block each, and their nearest training images in every layer.

    The colour of a neighbour's frame says whether it is poison, and a dashed one that the label it was given
    is not the network's label of the input. Clean neighbours of that label have no frame.

    Parameters
    ----------
    inputs : with the same layers each
    train : what the neighbours are rows of; images of one channel
    """
    layers = list(inputs[0].neighbours)
    wide = N_NEIGHBOURS // 2
    # A column for each image, and a narrow one before each layer; the input takes two of them.
    columns = [1.0, 1.0] + ([0.35] + [1.0] * wide) * len(layers)
    lines = [0.5, 1.0, 1.0] * len(inputs)  # the first for the words over a block
    height = 0.62 * 1.28 * sum(lines) + 1.4
    figure = plt.figure(figsize=(0.65 * sum(columns), height))
    grid = figure.add_gridspec(
        len(lines),
        len(columns),
        width_ratios=columns,
        height_ratios=lines,
        left=0.01,
        right=0.99,
        bottom=0.6 / height,
        top=1 - 0.75 / height,
        wspace=0.08,
        hspace=0.28,
    )
    for block, shown in enumerate(inputs):
        words = figure.add_subplot(grid[3 * block, :])
        words.axis("off")
        given = f"label given {shown.y}, " if shown.y != shown.y_true else ""
        words.text(
            0,
            0.5,
            f"{shown.title}: true {shown.y_true}, {given}DNN {shown.dnn_label}, DkNN {shown.dknn_label}, "
            f"credibility {shown.credibility:.2f}",
            verticalalignment="center",
        )
        _draw_image(figure.add_subplot(grid[3 * block + 1 : 3 * block + 3, :2]), shown.image)
        for number, layer in enumerate(layers):
            rows = shown.neighbours[layer]
            is_poison, is_other = train.is_poison[rows], train.y[rows] != shown.dnn_label
            for rank, row in enumerate(rows[:N_NEIGHBOURS]):
                line, column = divmod(rank, wide)
                axes = figure.add_subplot(grid[3 * block + 1 + line, 2 + number * (wide + 1) + 1 + column])
                _draw_image(axes, train.x[row, 0])
                axes.set_xlabel(str(train.y[row]), fontsize="x-small", labelpad=1)
                if is_poison[rank] or is_other[rank]:
                    axes.spines[:].set(
                        color=POISON if is_poison[rank] else CLEAN,
                        linestyle="--" if is_other[rank] else "-",
                        linewidth=1.8,
                    )
                if rank == 0:
                    axes.set_title(
                        f"{layer} (of {len(rows)}: {is_poison.sum()} poison, {is_other.sum()} other label)",
                        fontsize="small",
                        pad=3,
                    )
    n_poison = int(train.is_poison.sum())
    figure.suptitle(
        f"Inputs of a network that was trained on {len(train) - n_poison:,} clean images and {n_poison} "
        f"poison points, and their {N_NEIGHBOURS} nearest training images in each layer\n"
        "nearest first, row by row; under each neighbour the label that it was given",
        x=0.01,
        horizontalalignment="left",
        fontsize="large",
    )
    kinds = {
        "poison, given the network's label": (POISON, False),
        "poison, given another label": (POISON, True),
        "clean, of another label than the network's": (CLEAN, True),
    }
    figure.legend(
        handles=[
            Patch(
                facecolor="none",
                edgecolor=colour,
                linestyle="--" if is_other_label else "-",
                linewidth=1.8,
                label=label,
            )
            for label, (colour, is_other_label) in kinds.items()
        ],
        loc="lower left",
        ncols=len(kinds),
    )
    return figure
