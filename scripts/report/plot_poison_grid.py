"""Plot poison points beside their source images, with what a network of clean images predicts for them.

See `layeraudit.report.figures.images`.
"""

import numpy as np

from layeraudit.cli import Input, Output, run
from layeraudit.figures import save
from layeraudit.files import read_arrays, read_split
from layeraudit.provenance import describe_result
from layeraudit.report.figures.images import plot_poison_grid as plot
from layeraudit.tables import read_scores, read_table


def plot_poison_grid(
    *, dataset: Input, poison: Input, scores: Input, record: Input, svg: Output, png: Output, run: str
) -> None:
    """Write the figure of poison points.

    dataset : the images that the points were made of
    """
    points = read_split(poison)
    (x,) = read_arrays(dataset, "x")
    sources = (x[points.source, 0] / np.float32(255)).astype(np.float32)
    figure = plot(points, sources, read_scores([scores]), read_table(record))
    save(figure, [describe_result(run)], [svg, png])


if __name__ == "__main__":
    run(plot_poison_grid)
