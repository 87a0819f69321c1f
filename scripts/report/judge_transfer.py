"""Ask every network what it takes attacked images for, as they are and with every pixel made 0 or 1.

Writes `names` of the networks, as they are given, and int64 [networks, n], `labels` and `binarised`.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from layeraudit.errors import end_in_a_sentence
from layeraudit.files import read_split, write_arrays
from layeraudit.networks import NETWORKS, predict, read_network
from layeraudit.transfer import binarise


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--split", type=Path, required=True)
    parser.add_argument("--names", nargs="+", required=True, help="of the networks, for the tables")
    parser.add_argument("--architectures", nargs="+", choices=NETWORKS, required=True, help="likewise")
    parser.add_argument("--weights", type=Path, nargs="+", required=True, help="likewise")
    parser.add_argument("--batch-size", type=int, required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()

    x = torch.from_numpy(read_split(arguments.split).x)
    labels, binarised = [], []
    for architecture, path in zip(arguments.architectures, arguments.weights, strict=True):
        network = read_network(architecture, path)
        for found, images in ((labels, x), (binarised, binarise(x))):
            found.append(predict(network, images, batch_size=arguments.batch_size).numpy())
        print(path, flush=True)
    answers = {"labels": np.stack(labels), "binarised": np.stack(binarised)}
    write_arrays(arguments.output, names=np.array(arguments.names), **answers)


if __name__ == "__main__":
    end_in_a_sentence(main)
