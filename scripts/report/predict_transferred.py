"""Predict the label of attacked images by every network, as they are and with every pixel made 0 or 1.

Writes `names` of the networks, and int64 [networks, n], `labels` and `binarised`.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from layeraudit.cli import Input, Output, run
from layeraudit.files import read_split, write_arrays
from layeraudit.networks import predict, read_network
from layeraudit.report.crafting import binarise


def predict_transferred(
    *, split: Input, weights: list[Input], output: Output, networks: dict[str, Any], batch_size: int
) -> None:
    """Write the predictions.

    weights : of each network
    networks : by their names, in the same order
    """
    attacked = read_split(split)
    x = torch.from_numpy(attacked.x)
    labels: list[NDArray[np.int64]] = []
    binarised: list[NDArray[np.int64]] = []
    for settings, path in zip(networks.values(), weights, strict=True):
        network = read_network(settings, path, attacked)
        for found, images in ((labels, x), (binarised, binarise(x))):
            found.append(predict(network, images, batch_size=batch_size).numpy())
        print(path, flush=True)
    write_arrays(
        output, names=np.array(list(networks)), labels=np.stack(labels), binarised=np.stack(binarised)
    )


if __name__ == "__main__":
    run(predict_transferred)
