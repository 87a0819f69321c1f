"""Select the attack set: the first images of a split that every network classifies correctly.

An image that a network misclassifies anyhow would count as an attack's success.
"""

from typing import Any

import torch

from layeraudit.cli import Input, Output, run
from layeraudit.errors import InputError
from layeraudit.files import read_split, write_split
from layeraudit.networks import predict, read_network
from layeraudit.splits import take


def select_attack_set(
    *,
    split: Input,
    weights: list[Input],
    output: Output,
    networks: dict[str, Any],
    images: int,
    batch_size: int,
) -> None:
    """Write the attack set.

    weights : of each network
    networks : by their names, in the same order
    images : how many
    """
    candidates = read_split(split)
    x, y = torch.from_numpy(candidates.x), torch.from_numpy(candidates.y_true)
    correct = torch.ones(len(candidates), dtype=torch.bool)
    for network, path in zip(networks.values(), weights, strict=True):
        of_network = predict(read_network(network, path, candidates), x, batch_size=batch_size) == y
        correct &= of_network
        print(f"{path}: correct on {int(of_network.sum())} of {len(candidates)} images")
    rows = correct.nonzero().squeeze(1)
    if len(rows) < images:
        raise InputError(
            f"{images} images are asked for, allowed are 1 to {len(rows)}, "
            f"those of {split} that every network classifies correctly"
        )
    write_split(output, take(candidates, rows[:images].numpy()))
    print(f"every network is correct on {len(rows)} of {len(candidates)} images")


if __name__ == "__main__":
    run(select_attack_set)
