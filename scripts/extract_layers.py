"""Extract the activations of a split in the named layers, and its logits.

Writes a folder with a `{layer}.npy` for each layer: float32 [n, d], flattened or pooled; row i is row i of
the split. Logits are float32 [n, classes]. The rows pass through the network in batches; of the
activations no more than a batch is in memory, and a batch has fewer rows where images are large.
"""

import csv
from contextlib import ExitStack
from typing import Any

import numpy as np
import torch

from layeraudit.activations import Pooling, capture
from layeraudit.cli import Input, Output, run
from layeraudit.files import MatrixWriter, atomic_write, atomic_write_layers, read_split
from layeraudit.networks import OUTPUT, read_network

NUMBERS_AT_ONCE = 2**21
"""Of the images in a batch: what layers make of large ones takes gigabytes."""


def extract_layers(
    *,
    split: Input,
    weights: Input,
    table: Input | None = None,
    layers: Output,
    logits: Output,
    network: dict[str, Any],
    names: list[str],
    pooling: Pooling,
    batch_size: int,
) -> None:
    """Write the activations of each layer, and the logits.

    table : of an audit's layers, of which the chosen are taken, in place of `names`
    names : the layers, from input to output
    pooling : what is kept of them
    """
    if table:
        with table.open(newline="") as file:
            names = [row["layer"] for row in csv.DictReader(file) if row["chosen"] == "True"]
    images = read_split(split)
    model = read_network(network, weights, images, channels_last=False)
    batch_size = min(batch_size, max(1, NUMBERS_AT_ONCE // max(1, images.x[0].size)))
    with ExitStack() as files:
        folder = files.enter_context(atomic_write_layers(layers, names))
        paths = {name: folder / f"{name}.npy" for name in names}
        paths[OUTPUT] = files.enter_context(atomic_write(logits))
        matrices = {
            name: files.enter_context(MatrixWriter(path, np.float32, rows=len(images)))
            for name, path in paths.items()
        }
        for batch in capture(
            model, torch.from_numpy(images.x), list(paths), pooling=pooling, batch_size=batch_size
        ):
            for name, values in batch.items():
                matrices[name].append(values.numpy())
        for name, matrix in matrices.items():
            print(f"{name or 'logits'}: {list(matrix.shape or [])}")


if __name__ == "__main__":
    run(extract_layers)
