"""Import the weights of a network that is given: its file's or folder's, or those that its factory returns.

Writes them as those that we train are written: a plain `state_dict`, loadable with `weights_only=True`.
"""

from pathlib import Path
from typing import Any

import torch

from layeraudit.audit.weights import check_weights, load_weights
from layeraudit.cli import Input, Output, run
from layeraudit.files import read_split
from layeraudit.networks import build_network, write_weights
from layeraudit.plugins import name_files

SEED = 0
"""Draws the weights of a factory that leaves them to chance."""


def import_weights(*, split: Input, output: Output, network: dict[str, Any]) -> None:
    """Write the weights of a network.

    split : images that the network takes
    """
    torch.manual_seed(SEED)
    built = build_network(network, read_split(split))
    if network.get("weights"):
        load_weights(built, Path(network["weights"]))
    else:
        check_weights(built, network.get("factory") or next(iter(name_files("networks", network).values())))
    write_weights(built, output)
    print(f"{sum(tensor.numel() for tensor in built.state_dict().values()):,} numbers")


if __name__ == "__main__":
    run(import_weights)
