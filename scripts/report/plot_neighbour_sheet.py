"""Plot inputs of a network beside their nearest training images in every layer.

The inputs are chosen by the rules of `layeraudit.report.figures.images.choose_inputs`.
"""

from typing import Any

import numpy as np

from layeraudit.cli import Input, Output, run
from layeraudit.errors import InputError
from layeraudit.figures import save
from layeraudit.files import open_layers, read_split
from layeraudit.provenance import describe_result
from layeraudit.report.figures.images import Shown, choose_inputs, plot_neighbours
from layeraudit.tables import read_scores, read_table


def plot_neighbour_sheet(
    *,
    train: Input,
    test: Input,
    test_scores: Input,
    test_neighbours: Input,
    poison: Input,
    poison_scores: Input,
    poison_neighbours: Input,
    record: Input,
    svg: Output,
    png: Output,
    run: str,
) -> None:
    """Write the figure of inputs and their neighbours.

    train : the split that the neighbours are rows of
    poison : a split with poison points in it
    record : of the poison points, in their order
    """
    splits = {"test": read_split(test), "poison": read_split(poison)}
    scores: dict[str, Any] = {"test": read_scores([test_scores]), "poison": read_scores([poison_scores])}
    neighbours = {
        name: open_layers(folder, np.int64, rows=len(splits[name]))
        for name, folder in (("test", test_neighbours), ("poison", poison_neighbours))
    }
    points = scores["poison"][scores["poison"]["is_poison"]]
    distance = read_table(record)["distance"].to_numpy()
    if len(distance) != len(points):
        raise InputError(
            f"{record} holds {len(distance)} points, allowed are those of {poison_scores}, {len(points)}"
        )
    predicted = ["y", "y_true", "dnn_label", "dknn_label", "credibility"]
    last = list(neighbours["test"])[-1]
    shown = [
        Shown(
            title=title,
            image=splits[name].x[row, 0],
            neighbours={layer: rows[row] for layer, rows in neighbours[name].items()},
            **{column: scores[name].at[row, column] for column in predicted},
        )
        for title, (name, row) in choose_inputs(scores["test"], points, distance, layer=last).items()
    ]
    save(plot_neighbours(shown, read_split(train)), [describe_result(run)], [svg, png])


if __name__ == "__main__":
    run(plot_neighbour_sheet)
