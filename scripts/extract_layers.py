"""Extract the activations of a split in the named layers.

Writes a `{layer}.npy` for each layer: float32 [n, d], flattened, raw; row i is row i of the split.
The rows pass through the network in batches, and of the activations no more than a batch is in memory.
"""

import argparse
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch

from layeraudit.activations import capture
from layeraudit.errors import end_in_a_sentence
from layeraudit.files import read_split, written_whole
from layeraudit.networks import NETWORKS, read_weights


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--split", type=Path, required=True)
    parser.add_argument("--network", choices=NETWORKS, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--batch-size", type=int, required=True)
    parser.add_argument("--output", type=Path, nargs="+", required=True, help="{layer}.npy for each layer")
    arguments = parser.parse_args()

    x = read_split(arguments.split).x
    network = NETWORKS[arguments.network]()
    read_weights(network, arguments.weights)
    outputs = {path.stem: path for path in arguments.output}
    with ExitStack() as files:
        matrices: dict[str, BinaryIO] = {}
        for batch in capture(network, torch.from_numpy(x), list(outputs), batch_size=arguments.batch_size):
            for layer, values in batch.items():
                if layer not in matrices:
                    temporary = files.enter_context(written_whole(outputs[layer]))
                    matrices[layer] = files.enter_context(temporary.open("wb"))
                    shape = (len(x), values.shape[1])
                    header = {"descr": "<f4", "fortran_order": False, "shape": shape}
                    np.lib.format.write_array_header_2_0(matrices[layer], header)
                    print(f"{layer}: {list(shape)}")
                matrices[layer].write(values.numpy().astype("<f4").tobytes())


if __name__ == "__main__":
    end_in_a_sentence(main)
