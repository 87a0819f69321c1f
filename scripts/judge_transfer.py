"""Ask every network what it takes attacked images for, as they are and with every pixel made 0 or 1.

Writes a row an image: `row`, and for each network `label_{name}` and `binarised_{name}`.
"""

import argparse
import csv
from pathlib import Path

import torch

from layeraudit.errors import end_in_a_sentence
from layeraudit.files import read_split, written_whole
from layeraudit.networks import NETWORKS, predict, read_weights
from layeraudit.transfer import binarise


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--split", type=Path, required=True)
    parser.add_argument("--names", nargs="+", required=True, help="of the columns")
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, required=True)
    parser.add_argument(
        "--weights", type=Path, nargs="+", required=True, help="of the networks, in their order"
    )
    parser.add_argument("--batch-size", type=int, required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()

    x = torch.from_numpy(read_split(arguments.split).x)
    columns = {"row": torch.arange(len(x))}
    for name, kind, path in zip(arguments.names, arguments.networks, arguments.weights, strict=True):
        network = NETWORKS[kind]()
        read_weights(network, path)
        for column, images in ((f"label_{name}", x), (f"binarised_{name}", binarise(x))):
            columns[column] = predict(network, images, batch_size=arguments.batch_size)
    with written_whole(arguments.output) as temporary, temporary.open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(columns)
        table.writerows(zip(*(column.tolist() for column in columns.values()), strict=True))


if __name__ == "__main__":
    end_in_a_sentence(main)
