"""Plot inputs of a network beside their nearest training images in every layer.

The inputs are chosen by the rules of `layeraudit.report.figures.images.choose_inputs`. Writes the figure twice, as
.svg and as .png.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from layeraudit.errors import InputError, end_in_a_sentence
from layeraudit.figures import save
from layeraudit.report.figures.images import Shown, choose_inputs, plot_neighbours
from layeraudit.files import open_matrix, read_split
from layeraudit.provenance import describe_result
from layeraudit.tables import read_scores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", type=Path, required=True, help="what the neighbours are rows of (.npz)")
    for name, content in {"test": "held-out images", "poison": "a split that holds poison points"}.items():
        parser.add_argument(f"--{name}", type=Path, required=True, help=f"{content} (.npz)")
        parser.add_argument(f"--{name}-scores", type=Path, required=True, help="of the same (.parquet)")
        parser.add_argument(
            f"--{name}-neighbours", type=Path, nargs="+", required=True, help="{layer}.npy for each layer"
        )
    parser.add_argument("--record", type=Path, required=True, help="of the poison points, in order (.csv)")
    parser.add_argument("--output", type=Path, nargs="+", required=True)
    parser.add_argument("--run", required=True, help="settings of the run, which the result names")
    arguments = parser.parse_args()

    splits = {"test": read_split(arguments.test), "poison": read_split(arguments.poison)}
    scores = {
        "test": read_scores([arguments.test_scores]),
        "poison": read_scores([arguments.poison_scores]),
    }
    neighbours = {
        name: {path.stem: open_matrix(path, np.int64, rows=len(splits[name])) for path in paths}
        for name, paths in {
            "test": arguments.test_neighbours,
            "poison": arguments.poison_neighbours,
        }.items()
    }
    points = scores["poison"][scores["poison"]["is_poison"]]
    distance = pd.read_csv(arguments.record)["distance"].to_numpy()
    if len(distance) != len(points):
        raise InputError(
            f"{arguments.record} holds {len(distance)} points, allowed are those of "
            f"{arguments.poison_scores}, {len(points)}"
        )
    chosen = choose_inputs(scores["test"], points, distance, layer=arguments.test_neighbours[-1].stem)
    judged = ["y", "y_true", "dnn_label", "dknn_label", "credibility"]
    figure = plot_neighbours(
        [
            Shown(
                title=title,
                image=splits[name].x[row, 0],
                neighbours={layer: rows[row] for layer, rows in neighbours[name].items()},
                **scores[name].loc[[row], judged].to_dict("records")[0],
            )
            for title, (name, row) in chosen.items()
        ],
        read_split(arguments.train),
    )
    save(figure, [describe_result(arguments.run)], arguments.output)


if __name__ == "__main__":
    end_in_a_sentence(main)
