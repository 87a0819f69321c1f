"""Ask every network what it takes attacked images for, as they are and with every pixel made 0 or 1.

Writes int64 [n] for each network, `label_{name}` and `binarised_{name}`; the audited network's name is
`audited`, another's that of its architecture.
"""

import argparse
from pathlib import Path

import torch

from layeraudit.errors import end_in_a_sentence
from layeraudit.files import read_split, write_arrays
from layeraudit.networks import NETWORKS, predict, read_weights
from layeraudit.transfer import binarise


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--split", type=Path, required=True)
    parser.add_argument("--network", choices=NETWORKS, required=True, help="the audited one")
    parser.add_argument("--others", nargs="+", choices=NETWORKS, required=True)
    parser.add_argument("--weights", type=Path, nargs="+", required=True, help="of all, in their order")
    parser.add_argument("--batch-size", type=int, required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()

    x = torch.from_numpy(read_split(arguments.split).x)
    names = ["audited", *arguments.others]
    architectures = [arguments.network, *arguments.others]
    labels = {}
    for name, architecture, path in zip(names, architectures, arguments.weights, strict=True):
        network = NETWORKS[architecture]()
        read_weights(network, path)
        for column, images in ((f"label_{name}", x), (f"binarised_{name}", binarise(x))):
            labels[column] = predict(network, images, batch_size=arguments.batch_size)
        print(name, flush=True)
    write_arrays(arguments.output, **{name: label.numpy() for name, label in labels.items()})


if __name__ == "__main__":
    end_in_a_sentence(main)
