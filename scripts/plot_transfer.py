"""Plot who is fooled by attacks on another network, a figure a data set, and who notices.

Each figure is written to each file named for it, whose suffix says the form: svg or png.
"""

import argparse
from pathlib import Path

from layeraudit.errors import end_in_a_sentence
from layeraudit.figures import save
from layeraudit.figures.transfer import plot_detection, plot_success
from layeraudit.tables import read_records


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--transfer", type=Path, required=True)
    parser.add_argument("--detection", type=Path, required=True)
    parser.add_argument("--mnist-figure", type=Path, nargs="+", required=True)
    parser.add_argument("--fashion-mnist-figure", type=Path, nargs="+", required=True)
    parser.add_argument("--detection-figure", type=Path, nargs="+", required=True)
    arguments = parser.parse_args()

    text = {"guide": "", "layer": "", "detector": "", "against": ""}
    transfer, detection = (
        table.fillna({name: empty for name, empty in text.items() if name in table})
        for table in read_records([arguments.transfer, arguments.detection])
    )
    for figure, paths in [
        (plot_success(transfer, "mnist"), arguments.mnist_figure),
        (plot_success(transfer, "fashion_mnist"), arguments.fashion_mnist_figure),
        (plot_detection(detection), arguments.detection_figure),
    ]:
        for path in paths:
            save(figure, path)


if __name__ == "__main__":
    end_in_a_sentence(main)
