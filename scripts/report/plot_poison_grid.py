"""Plot poison points beside their source images, with what a network of clean images says of them.

Writes the figure twice, as .svg and as .png. See `layeraudit.report.figures.images`.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from layeraudit.errors import end_in_a_sentence
from layeraudit.figures import save
from layeraudit.report.figures.images import plot_poison_grid
from layeraudit.files import read_arrays, read_split
from layeraudit.provenance import describe_result
from layeraudit.tables import read_scores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", type=Path, required=True, help="that the points were made of (.npz)")
    parser.add_argument("--poison", type=Path, required=True, help="the points (.npz)")
    parser.add_argument("--scores", type=Path, required=True, help="of the points (.parquet)")
    parser.add_argument("--record", type=Path, required=True, help="of the points (.csv)")
    parser.add_argument("--output", type=Path, nargs="+", required=True)
    parser.add_argument("--run", required=True, help="settings of the run, which the result names")
    arguments = parser.parse_args()

    points = read_split(arguments.poison)
    (x,) = read_arrays(arguments.dataset, "x")
    sources = (x[points.source, 0] / np.float32(255)).astype(np.float32)
    figure = plot_poison_grid(points, sources, read_scores([arguments.scores]), pd.read_csv(arguments.record))
    save(figure, [describe_result(arguments.run)], arguments.output)


if __name__ == "__main__":
    end_in_a_sentence(main)
